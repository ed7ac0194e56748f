package agent

import (
	"slices"
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

// called keeps a function call until its response is done. For one that was given up nobody waits.
func (c *Conversation) called(responseID string, item realtime.Item) {
	switch {
	case item.Type != realtime.ItemFunctionCall:
	case responseID != c.responses.active && !c.responses.wanted(responseID):
		c.abandon([]realtime.Item{item})
	default:
		c.unfinished = append(c.unfinished, unfinishedCall{responseID, item})
	}
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
	started := c.tools.start(whole, c.link)
	for _, r := range started {
		c.figures.ToolCalls++
		c.scribe.add(store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, ItemID: r.item.ID, Tool: r.item.Name,
			CallID: r.item.CallID, Arguments: c.tools.box.Recorded(r.item.Name, r.item.Arguments)}, now)
	}
	for _, r := range started {
		c.begin(r, now)
	}
}

// toolDone takes the outcome of a call. After the last output of its response the model is asked to go on.
func (c *Conversation) toolDone(r *running, now time.Time) {
	if r.cancel != nil {
		r.cancel()
	}
	r.over = true
	c.responses.drop(wishLine)
	out := &r.outcome
	for _, same := range r.joined {
		c.copyOutcome(same, r, now)
	}
	if c.tools.background[r] {
		c.resultLater(r, now)
	} else if out.Effect == tools.HandOff && c.handOff(r, now) {
		return // the output follows when the other profile has taken over
	} else {
		c.post(r, now)
	}
	switch out.Effect {
	case tools.HangUp:
		c.hangUp(r, now)
	case tools.Note:
		c.figures.Tags = c.figures.Tags.With(out.Target)
		c.scribe.add(store.Entry{Kind: store.KindNote, Role: store.RoleAgent, Text: out.Reason, Status: out.Target}, now)
	case tools.Escalate:
		c.happened(Escalated)
		c.figures.Tags = c.figures.Tags.With(store.TagEscalated)
		c.scribe.add(store.Entry{Kind: store.KindEscalation, Role: store.RoleAgent, Text: out.Reason}, now)
	case tools.PutThrough:
		c.putThrough(out.Target, End{By: ByAgent}, "", now)
	}
}

// putThrough ends the agent's part: whom the caller wants is on the line. The call itself goes on.
func (c *Conversation) putThrough(name string, end End, author string, now time.Time) {
	c.happened(PutThrough)
	c.scribe.add(store.Entry{Kind: store.KindTransfer, Role: roleOf(author), Author: author, Text: name, Status: "connected"}, now)
	end.Cause = "put through to " + name
	c.finishWith(end, now)
}

// post sends the one output of a call. A session that did not make the call is given the call first; without any session
// the output becomes part of what the next one is told.
func (c *Conversation) post(r *running, now time.Time) {
	c.postOutput(r, r.outcome.Output)
	c.noteTool(r, now)
	if c.tools.finished(r) {
		c.responses.want(c.replyTo(r))
	}
}

// replyTo is the wish for the answer to the results of a response. A tool that failed may have words for that.
func (c *Conversation) replyTo(r *running) wish {
	if failed := r.policy.Say.Failed.Text; failed != "" && r.outcome.Status != tools.StatusOK {
		return wish{kind: wishReply, instructions: c.desk.Profile.also("The tool " + r.item.Name +
			" has failed. Say exactly these words, and then go on: " + failed)}
	}
	return wish{kind: wishReply}
}

func (c *Conversation) postOutput(r *running, output string) {
	callID := r.item.CallID
	if c.link != nil && r.link != c.link {
		if !realtime.ValidID(callID) {
			callID = realtime.ShortID("call_", callID)
		}
		c.send(&realtime.ItemCreate{EventID: c.responses.eventID("call-"), Item: realtime.Item{Type: realtime.ItemFunctionCall,
			CallID: callID, Name: r.item.Name, Arguments: r.item.Arguments}})
	}
	if c.link != nil {
		c.responses.outputPosted()
		c.send(&realtime.ItemCreate{EventID: c.responses.eventID("out-"), Item: realtime.Item{
			Type: realtime.ItemFunctionCallOutput, CallID: callID, Output: output}})
	}
}

// pendingTools names the calls that have no output yet.
func (c *Conversation) pendingTools() (names []string) {
	for _, r := range c.tools.open {
		names = append(names, r.item.Name)
	}
	for r := range c.tools.background {
		names = append(names, r.item.Name)
	}
	slices.Sort(names)
	return names
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
	if out.Status != tools.StatusOK && out.Status != tools.StatusDuplicate {
		c.figures.ToolFailures++
	}
	c.setup.Observer.Tool(r.item.Name, string(out.Status), out.Duration)
	c.scribe.add(store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, ItemID: r.item.ID, Tool: r.item.Name,
		CallID: r.item.CallID, Result: out.Output, Status: string(out.Status), DurationMS: int(out.Duration.Milliseconds()),
		Attempts: out.Attempts, ResultBytes: out.ResultBytes}, now)
}
