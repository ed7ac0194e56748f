package agent

import (
	"strconv"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
)

// takeCalls returns the function calls of a response: those its response.done lists and those that only their own
// output_item.done told of.
func (c *Conversation) takeCalls(resp *realtime.Response) []realtime.Item {
	var calls []realtime.Item
	listed := map[string]bool{}
	add := func(item realtime.Item) {
		if item.Type == realtime.ItemFunctionCall && !listed[item.CallID] {
			listed[item.CallID] = true
			calls = append(calls, item)
		}
	}
	for _, item := range resp.Output {
		add(item)
	}
	kept := c.unfinished[:0]
	for _, u := range c.unfinished {
		if u.responseID == resp.ID {
			add(u.item)
		} else {
			kept = append(kept, u)
		}
	}
	c.unfinished = kept
	return calls
}

// unfinishedCall is a function call whose response is not done.
type unfinishedCall struct {
	responseID string
	item       realtime.Item
}

// startTools runs the whole calls of a completed response and removes the others.
func (c *Conversation) startTools(calls []realtime.Item, now time.Time) {
	whole := calls[:0:0]
	for _, item := range calls {
		if item.Status == "incomplete" {
			c.abandon([]realtime.Item{item})
			continue
		}
		whole = append(whole, item)
	}
	for _, r := range c.tools.start(whole) {
		c.figures.ToolCalls++
		c.scribe.add(store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, ItemID: r.item.ID, Tool: r.item.Name,
			CallID: r.item.CallID, Arguments: c.setup.Tools.Recorded(r.item.Name, r.item.Arguments)}, now)
	}
}

// toolDone posts the one output of a call. After the last output of its response the model is asked to go on, unless
// a tool wants the call to end.
func (c *Conversation) toolDone(r *running, now time.Time) {
	out := &r.outcome
	c.posted++
	c.responses.outputPosted()
	c.send(&realtime.ItemCreate{EventID: "out-" + strconv.Itoa(c.posted), Item: realtime.Item{
		Type: realtime.ItemFunctionCallOutput, CallID: r.item.CallID, Output: out.Output}})
	c.noteTool(r, now)
	if out.Effect == tools.HangUp {
		c.finishWith(End{By: ByAgent, Cause: cause(out.Reason)}, now)
	}
	if c.tools.finished(r) {
		c.responses.want(wish{kind: wishTools})
	}
}

// cause words the end of a call that the model asked for.
func cause(reason string) string {
	if reason == "" {
		return "hang_up"
	}
	return "hang_up: " + reason
}

func (c *Conversation) noteTool(r *running, now time.Time) {
	out := &r.outcome
	if out.Status != tools.StatusOK {
		c.figures.ToolFailures++
	}
	c.setup.Observer.Tool(r.item.Name, string(out.Status), out.Duration)
	c.scribe.add(store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, ItemID: r.item.ID, Tool: r.item.Name,
		CallID: r.item.CallID, Result: out.Output, Status: string(out.Status), DurationMS: int(out.Duration.Milliseconds())}, now)
}

// Finish waits at most patience for the words of the caller's last turns, closes the connection and returns the
// figures. It must be called once after Run, or instead of it.
func (c *Conversation) Finish(patience time.Duration) Figures {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for c.end != nil && c.scribe.waiting() && c.listen(deadline.C) {
		c.scribe.write(time.Now())
	}
	_ = c.model.Close("call ended") // before stop, which would cut the connection in the middle of its close
	c.stop()
	if c.end != nil {
		<-c.readGone
	}
	c.tools.wait()
	c.scribe.close(time.Now())
	c.figures.Turns = c.scribe.turns
	c.figures.OverflowBytes = c.playback.overflow
	return c.figures
}

// listen takes one more event after the call, for the transcript only.
func (c *Conversation) listen(deadline <-chan time.Time) bool {
	select {
	case m := <-c.inbox:
		switch ev := m.ev.(type) {
		case *realtime.TranscriptionCompleted:
			c.scribe.userWords(ev.ItemID, ev.Transcript, "", time.Now())
		case *realtime.TranscriptionFailed:
			c.scribe.userWords(ev.ItemID, "", "transcription failed", time.Now())
		case *realtime.AudioCommitted:
			c.scribe.user(ev.ItemID, ev.PreviousItemID, time.Now())
		}
		c.handled <- struct{}{}
		return m.err == nil
	case <-c.readGone:
		return false
	case <-deadline:
		return false
	}
}

// FinalPatience is how long Finish should wait by default: transcriptions come within two or three seconds.
const FinalPatience = 3 * time.Second

var _ tools.Control = (*Conversation)(nil)
