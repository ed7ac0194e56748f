package agent

import (
	"context"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// loop is the conversation: it owns all its state, takes one event at a time and brings every part up to date after each.
func (c *Conversation) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		c.step(now)
		if c.over(now) {
			return
		}
		timer.Reset(c.sleep(now))
		select {
		case <-ctx.Done():
			c.lineEnded(context.Cause(ctx))
		case m := <-c.inbox:
			c.receive(m, time.Now())
			m.link.handled <- struct{}{}
		case <-c.playback.player.Changed():
		case d := <-c.line.Digits():
			c.press(d, time.Now())
		case on := <-c.line.Held():
			c.hold(on, time.Now())
		case r := <-c.tools.results:
			c.toolDone(r, time.Now())
		case d := <-c.renewal.results:
			c.dialled(d, time.Now())
		case do := <-c.orders:
			do(time.Now())
		case t := <-c.takers:
			c.takeKeys(t)
		case err := <-c.moved:
			c.hasMoved(err, time.Now())
		case reason := <-c.hangups:
			c.end, c.endBy = &End{By: ByAgent, Cause: reason}, time.Now()
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// step brings every part up to date; it is cheap and runs after each event. What may lead to a response comes before the
// scheduler.
func (c *Conversation) step(now time.Time) {
	c.measure()
	c.heard(c.playback.progress(), false)
	c.settle(now)
	c.handOffStep(now)
	c.renew(now)
	c.limit(now)
	c.ponder(now)
	c.tell(now)
	c.settleTools(now)
	c.schedulerStep(now)
	c.fill(now)
	c.fall(now)
	c.record(now)
	c.scribe.write(now)
}

func (c *Conversation) schedulerStep(now time.Time) {
	r := c.responses
	r.paused = c.link == nil || c.held || r.off || c.handover != nil || c.keys.typing() || c.falling != ""
	if c.end == nil {
		if id := r.overdue(now); id != "" {
			c.endless(id, now)
		}
		r.pump(now)
	}
	if r.givenUp != "" {
		c.giveUp(r.givenUp, now)
	}
}

// atRest reports that nothing is being said, done or waited for on either side.
func (c *Conversation) atRest() bool {
	return c.responses.atRest() && !c.playback.playing() && len(c.tools.open) == 0 && c.barge.state == bargeNone &&
		c.handover == nil && !c.keys.typing() && len(c.unfinished) == 0
}

// over reports that Run may return: the phone is gone, or the last word was played and none is being spoken, also by a
// caller who may prevent the end.
func (c *Conversation) over(now time.Time) bool {
	if c.end == nil {
		return false
	}
	finishing := c.end.By == ByAgent && len(c.tools.open)+len(c.tools.background) > 0 // what the agent began before it hung up
	doubtful := c.farewell && c.barge.state != bargeNone
	return !now.Before(c.endBy) || !c.playback.playing() && c.responses.active == "" && !finishing && !doubtful
}

// sleep is how long the loop may wait for events.
func (c *Conversation) sleep(now time.Time) time.Duration {
	d := deadline{now.Add(time.Hour)}
	for _, at := range [...]time.Time{c.scribe.deadline(), c.barge.deadline(), c.idleDeadline(),
		c.limitDeadline(), c.fillDeadline(), c.keys.deadline(c), c.renewDeadline(), c.sayLineDeadline(), c.recording.deadline(now)} {
		d.at(at)
	}
	if c.end != nil {
		d.at(c.endBy)
	} else {
		d.at(c.responses.deadline())
	}
	if c.handover != nil {
		d.at(c.handover.by)
	}
	return max(d.earliest.Sub(now), 0)
}

// FinalPatience is how long Finish should wait by default: transcriptions come within two or three seconds.
const FinalPatience = 3 * time.Second

// Finish waits at most patience for the words of the caller's last turns, closes the connections and returns the
// figures. It must be called once after Run, or instead of it.
func (c *Conversation) Finish(patience time.Duration) Figures {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	c.endTasks()
	for c.ran && c.link != nil && c.scribe.waiting() && c.listen(deadline.C) {
		c.scribe.write(time.Now())
	}
	c.hangUpModel()
	c.tools.wait()
	c.scribe.close(time.Now())
	c.figures.Turns = c.scribe.turns
	c.figures.OverflowBytes = c.playback.overflow
	return c.figures
}

// hangUpModel closes all connections, before it stops the readers: that would cut a connection in the middle of its close.
func (c *Conversation) hangUpModel() {
	open := c.renewal.old
	for _, l := range []*link{c.link, c.renewal.warm} {
		if l != nil {
			open = append(open, retired{link: l})
		}
	}
	for _, o := range open {
		c.close(o.link, "call ended")
	}
	c.crew.Wait()
	c.stop()
	select {
	case d := <-c.renewal.results: // it came when nobody needed it any more
		if d.link != nil {
			c.close(d.link, "call ended")
			c.crew.Wait()
		}
	default:
	}
	c.readers.Wait()
}

// listen takes one more event after the call, for the transcript only.
func (c *Conversation) listen(deadline <-chan time.Time) bool {
	select {
	case m := <-c.inbox:
		if m.err == nil {
			c.lateWords(m.ev, time.Now())
		}
		m.link.handled <- struct{}{}
		return m.err == nil || m.link != c.link
	case <-deadline:
		return false
	}
}

// lateWords takes what still matters of a connection that does not count any more.
func (c *Conversation) lateWords(ev realtime.ServerEvent, now time.Time) {
	switch ev := ev.(type) {
	case *realtime.TranscriptionCompleted:
		c.scribe.userWords(ev.ItemID, ev.Transcript, "", now)
	case *realtime.TranscriptionFailed:
		c.scribe.userWords(ev.ItemID, "", "transcription failed", now)
	case *realtime.AudioCommitted:
		c.scribe.user(ev.ItemID, ev.PreviousItemID, now)
	}
}

// retell gives the words that came over a replaced connection to the one that counts, which was not told of them. Nobody
// has answered those that might have been a noise.
func (c *Conversation) retell(ev realtime.ServerEvent) {
	words, ok := ev.(*realtime.TranscriptionCompleted)
	if !ok || strings.TrimSpace(words.Transcript) == "" {
		return
	}
	c.send(&realtime.ItemCreate{EventID: c.responses.eventID("late-"),
		Item: c.ownItem("late", "system", "(Shortly before, the caller had said: "+words.Transcript+")")})
	for _, s := range c.barge.past {
		if s.itemID == words.ItemID && !s.echo {
			c.responses.want(wish{kind: wishReply})
		}
	}
}
