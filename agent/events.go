package agent

import (
	"strconv"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

// receive handles one event of the model, or the loss of it.
func (c *Conversation) receive(m received, now time.Time) {
	if m.err != nil {
		c.modelLost(m.err, now)
		return
	}
	switch ev := m.ev.(type) {
	case *realtime.AudioDelta:
		c.audioDelta(ev, now)
	case *realtime.AudioDone:
		c.playback.endPart(c.playback.find(ev.ItemID, ev.ContentIndex))
	case *realtime.SpeechStarted:
		c.scribe.spoke(ev.ItemID, now)
		c.speechStarted(now)
	case *realtime.SpeechStopped:
		c.speechStopped(ev, now)
	case *realtime.AudioCommitted:
		c.scribe.user(ev.ItemID, ev.PreviousItemID, now)
		c.responses.committed()
	case *realtime.ItemAdded:
		c.itemAdded(ev, now)
	case *realtime.TranscriptionCompleted:
		c.scribe.userWords(ev.ItemID, ev.Transcript, "", now)
	case *realtime.TranscriptionFailed:
		c.setup.Observer.RealtimeError("transcription")
		c.scribe.userWords(ev.ItemID, "", "transcription failed", now)
	case *realtime.ErrorEvent:
		c.errorEvent(&ev.Error, now)
	default:
		c.receiveResponse(m.ev, now)
	}
}

// receiveResponse handles the events of a response's life.
func (c *Conversation) receiveResponse(ev realtime.ServerEvent, now time.Time) {
	switch ev := ev.(type) {
	case *realtime.ResponseCreated:
		c.responses.created(&ev.Response, now)
	case *realtime.ResponseDone:
		c.responseDone(&ev.Response, now)
	case *realtime.OutputItemAdded:
		c.outputItem(ev.ResponseID, &ev.Item, now)
	case *realtime.OutputItemDone:
		c.responses.touch(ev.ResponseID, now)
		if ev.Item.Type == realtime.ItemFunctionCall {
			c.unfinished = append(c.unfinished, unfinishedCall{ev.ResponseID, ev.Item})
		}
	case *realtime.TranscriptDelta:
		c.said(ev.Loc, ev.Delta, false, now)
	case *realtime.TranscriptDone:
		c.said(ev.Loc, ev.Transcript, true, now)
	case *realtime.TextDelta:
		c.said(ev.Loc, ev.Delta, false, now)
	case *realtime.TextDone:
		c.said(ev.Loc, ev.Text, true, now)
	case *realtime.ArgumentsDelta:
		c.responses.touch(ev.ResponseID, now)
	}
}

// audioDelta plays a piece of answer, unless its response was interrupted or cancelled.
func (c *Conversation) audioDelta(d *realtime.AudioDelta, now time.Time) {
	c.responses.touch(d.ResponseID, now)
	if !c.responses.wanted(d.ResponseID) {
		c.figures.LateAudioBytes += len(d.Audio)
		return
	}
	part, began := c.playback.delta(d)
	if began {
		c.scribe.agent(d.ItemID, now).speaks = true
		c.turn.answer(part)
	}
}

// speechStarted is the caller's barge-in: the agent falls silent, and the server is told what was heard.
func (c *Conversation) speechStarted(now time.Time) {
	c.responses.speechStarted()
	c.turn.reset()
	finished, cut := c.playback.flush()
	c.heard(finished, false)
	if active := c.responses.discard(); active != "" && !c.setup.Profile.serverInterrupts() {
		c.responses.cancel()
	}
	if len(cut) > 0 {
		c.cut(cut, now)
	}
	c.tools.interrupted()
}

// cut tells the server how far each unfinished item was heard: the one being played is truncated, later ones that
// nobody heard are deleted.
func (c *Conversation) cut(parts []*spoken, now time.Time) {
	c.figures.Interruptions++
	c.setup.Observer.Interrupted(c.setup.Profile.Name)
	first := parts[0]
	c.heard(parts, true)
	c.scribe.add(store.Entry{Kind: store.KindInterrupt, Role: store.RoleCaller, ItemID: first.itemID, CutMS: first.heardMS()}, now)
	for _, p := range parts {
		switch {
		case p.heardMS() > 0:
			c.send(&realtime.ItemTruncate{EventID: "cut-" + strconv.FormatUint(p.id, 10), ItemID: p.itemID,
				ContentIndex: p.contentIndex, AudioEndMS: p.heardMS()})
		case p.received > 0:
			c.send(&realtime.ItemDelete{EventID: "del-" + strconv.FormatUint(p.id, 10), ItemID: p.itemID})
		}
	}
}

// heard closes the transcript lines of parts whose audio is over.
func (c *Conversation) heard(parts []*spoken, cut bool) {
	for _, p := range parts {
		c.scribe.heard(p, cut)
	}
}

func (c *Conversation) speechStopped(ev *realtime.SpeechStopped, now time.Time) {
	c.responses.speechStopped(now)
	silence := 500
	if td, ok := c.setup.Profile.TurnDetection.Get(); ok {
		silence = td.SilenceDurationMS.Or(silence)
	}
	// The server's clock counts the audio we appended; what was appended since is how long ago that was.
	lag := int(c.appended.Load()/8) - (ev.AudioEndMS - silence)
	c.turn.callerStopped(now.Add(-time.Duration(max(lag, 0)) * time.Millisecond))
}

func (c *Conversation) itemAdded(ev *realtime.ItemAdded, now time.Time) {
	switch {
	case ev.Item.Type == realtime.ItemFunctionCallOutput:
		c.responses.outputAcknowledged()
	case ev.Item.Type == realtime.ItemMessage && ev.Item.Role == "user":
		c.scribe.user(ev.Item.ID, ev.PreviousItemID, now)
	}
}

func (c *Conversation) outputItem(responseID string, item *realtime.Item, now time.Time) {
	c.responses.touch(responseID, now)
	if item.Type == realtime.ItemMessage && c.responses.wanted(responseID) {
		c.scribe.agent(item.ID, now)
	}
}

// said keeps the words of an answer. The whole text replaces the sum of its pieces.
func (c *Conversation) said(at realtime.Loc, text string, whole bool, now time.Time) {
	c.responses.touch(at.ResponseID, now)
	l := c.scribe.find(at.ItemID)
	if l == nil || l.whole || !c.responses.wanted(at.ResponseID) {
		return
	}
	if whole {
		l.entry.Text = text
	} else {
		l.entry.Text += text
	}
}

// responseDone is the only place where the outcome of a response is known: its audio is complete, its calls may run.
func (c *Conversation) responseDone(resp *realtime.Response, now time.Time) {
	wanted := c.responses.wanted(resp.ID)
	calls := c.takeCalls(resp)
	c.responses.done(resp, now)
	c.figures.usage(resp.Usage)
	c.playback.endResponse(resp.ID)
	for i := range resp.Output {
		c.closeSilent(&resp.Output[i])
	}
	switch {
	case resp.Status == "completed" && wanted:
		c.startTools(calls, now)
	default:
		c.abandon(calls)
	}
	c.noteOutcome(resp, now)
}

// closeSilent closes the line of a message without audio: there is nothing to wait for.
func (c *Conversation) closeSilent(item *realtime.Item) {
	if l := c.scribe.find(item.ID); l != nil && !l.speaks {
		l.whole = true
	}
}

// abandon removes function calls that must not run: their response was interrupted, cut off or failed, so the
// arguments may be half a wish. A call left without an output would lead later answers astray.
func (c *Conversation) abandon(calls []realtime.Item) {
	for _, call := range calls {
		c.send(&realtime.ItemDelete{EventID: "drop-" + call.ID, ItemID: call.ID})
	}
}

// noteOutcome writes down what went wrong with a response; cancelled is normal.
func (c *Conversation) noteOutcome(resp *realtime.Response, now time.Time) {
	if resp.Status != "failed" && resp.Status != "incomplete" {
		return
	}
	kind := resp.Reason
	if resp.Error != nil && resp.Error.Code != "" {
		kind = resp.Error.Code
	}
	c.setup.Observer.RealtimeError(resp.Status)
	c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Status: resp.Status, Text: kind}, now)
	c.log.Warn("response "+resp.Status, "reason", kind)
}

// errorEvent sorts an error of the server: most change nothing, some end the conversation.
func (c *Conversation) errorEvent(e *realtime.Error, now time.Time) {
	c.responses.refused(e, now)
	switch e.Class() {
	case realtime.Benign:
		c.log.Debug("server refused an event", "code", e.Code, "type", e.Type)
	case realtime.Fatal:
		c.setup.Observer.RealtimeError(e.Type)
		c.fail("model: "+e.Code, now)
	default:
		c.setup.Observer.RealtimeError(e.Type)
		c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Status: e.Type, Text: e.Code}, now)
		c.log.Warn("server reported an error", "code", e.Code, "type", e.Type, "param", e.Param)
	}
}

// modelLost ends the conversation, unless that is over and the loss is its consequence.
func (c *Conversation) modelLost(err error, now time.Time) {
	c.responses.active, c.responses.asked, c.responses.wishes = "", nil, nil
	c.playback.endParts()
	if c.end != nil {
		return
	}
	c.setup.Observer.RealtimeError("connection")
	c.log.Warn("model connection lost", "err", err)
	c.fail("model connection lost", now)
}

// fail ends the conversation for a fault of ours or the model's: what is queued is still said, nothing more.
func (c *Conversation) fail(cause string, now time.Time) {
	c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Text: cause}, now)
	c.finishWith(End{By: BySystem, Cause: cause}, now)
}
