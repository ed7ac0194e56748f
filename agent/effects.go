package agent

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
)

// ledger is what the tools of one call do in the world, by tool and arguments: the model may ask twice for one thing,
// because it was interrupted, or its connection was replaced, or it forgot.
//
//	call ──► same one running? ── reject: told so ── join: both get the one outcome
//	     ──► once, and done?   ── gets that outcome again
//	     ──► after the turn?   ── waits until the caller has heard what was said before, or cuts in: then it is not done
//	     ──► run, its intent written down before and its result behind
//
// Owned by the conversation loop.
type ledger map[string]*running

// effectKey is the same for the same call: arguments are compared as JSON, not as text.
func effectKey(name, arguments string) string {
	d := json.NewDecoder(bytes.NewReader([]byte(arguments)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return name + " " + arguments
	}
	text, err := json.Marshal(v) // members in order
	if err != nil {
		return name + " " + arguments
	}
	return name + " " + string(text)
}

// begin runs a call, or finds out why it must not be run, or not yet.
func (c *Conversation) begin(r *running, now time.Time) {
	info, _ := r.box.Info(r.item.Name)
	r.policy, r.acts, r.began = info.Effects, info.OnInterrupt == tools.Finish, now
	key := effectKey(r.item.Name, r.item.Arguments)
	if former := c.tools.ledger[key]; former != nil && c.repeats(r, former, now) {
		return
	}
	c.tools.ledger[key] = r
	if r.policy.AfterTurn && c.playback.playing() {
		c.tools.waiting = append(c.tools.waiting, r)
		return
	}
	c.run(r, now)
}

// repeats reports that a call is not run because of a former one that was the same.
func (c *Conversation) repeats(r, former *running, now time.Time) bool {
	switch {
	case !former.over && r.policy.Duplicate == tools.Reject:
		c.refuse(r, tools.StatusDuplicate, "this is being done already; wait for its result", now)
	case !former.over && r.policy.Duplicate == tools.Join:
		former.joined = append(former.joined, r)
	case former.over && r.policy.Once && former.outcome.Status == tools.StatusOK:
		c.copyOutcome(r, former, now)
	default:
		return false
	}
	return true
}

// copyOutcome gives a call the outcome of another that was the same. What the agent had to do because of it is done.
func (c *Conversation) copyOutcome(r, of *running, now time.Time) {
	r.outcome = of.outcome
	r.outcome.Effect, r.outcome.Duration, r.outcome.Attempts = tools.NoEffect, 0, 0
	c.toolDone(r, now)
}

// refuse ends a call that is not run.
func (c *Conversation) refuse(r *running, status tools.Status, why string, now time.Time) {
	text, _ := json.Marshal(map[string]string{"error": why}) // strings always encode
	r.outcome = tools.Outcome{Output: string(text), Status: status}
	c.toolDone(r, now)
}

// run starts a call. One in the background is answered at once.
func (c *Conversation) run(r *running, now time.Time) {
	r.began = now
	c.tools.run(r)
	if r.policy.Background {
		c.answerEarly(r, now)
	}
}

const laterOutput = `{"result":"this takes a while and goes on in the background; you will be told the result"}`

// answerEarly gives the model the output of a call whose result comes later.
func (c *Conversation) answerEarly(r *running, now time.Time) {
	c.tools.background[r] = true
	c.postOutput(r, laterOutput)
	if c.tools.finished(r) {
		c.responses.want(wish{kind: wishReply})
	}
}

// resultLater tells the model the result of a call in the background.
func (c *Conversation) resultLater(r *running, now time.Time) {
	delete(c.tools.background, r)
	text := "(The result of " + r.item.Name + ", which you called before with " + r.item.Arguments + ": " + r.outcome.Output + ")"
	c.noteTool(r, now)
	c.send(&realtime.ItemCreate{EventID: c.responses.eventID("later-"), Item: c.ownItem("later", "system", text)})
	c.responses.want(wish{kind: wishReply})
}

// settleTools starts what has waited for the caller to hear the agent out, and says what has to be said while tools run.
// The loop calls it after every event.
func (c *Conversation) settleTools(now time.Time) {
	if !c.playback.playing() {
		waiting := c.tools.waiting
		c.tools.waiting = nil
		for _, r := range waiting {
			c.run(r, now)
		}
	}
	for _, r := range c.tools.open {
		if l, at := r.nextLine(); !at.IsZero() && !now.Before(at) && c.quiet() {
			r.said++
			c.sayLine(l)
		}
		c.sayOwn(r)
	}
	for r := range c.tools.background {
		c.sayOwn(r)
	}
}

// unsaid drops the calls that waited for a turn which the caller did not hear to its end.
func (c *Conversation) unsaid(now time.Time) {
	waiting := c.tools.waiting
	c.tools.waiting = nil
	for _, r := range waiting {
		delete(c.tools.ledger, effectKey(r.item.Name, r.item.Arguments))
		c.refuse(r, tools.StatusCancelled, "nothing was done, because the caller spoke before you had finished; ask again what they want", now)
	}
}

// quiet reports that neither side speaks, or is about to.
func (c *Conversation) quiet() bool {
	r := c.responses
	return r.free() && len(r.wishes) == 0 && !r.callerSpeaks && !r.undecided && r.turnDue.IsZero() && !c.playback.playing() && !c.held && !r.off && c.end == nil
}

// entry is one line of the ledger in the record. It is written by the tool's own goroutine, so that it is there whatever
// becomes of the conversation: before the tool runs, and when it has.
func (r *running) entry(status string) store.Entry {
	e := store.Entry{Kind: store.KindEffect, At: time.Now(), Role: store.RoleSystem, Tool: r.item.Name, CallID: r.item.CallID,
		Arguments: r.box.Recorded(r.item.Name, r.item.Arguments), Status: status}
	if status != effectBegun {
		e.Arguments, e.Result, e.DurationMS = "", r.outcome.Output, int(r.outcome.Duration.Milliseconds())
	}
	return e
}

// effectBegun is the status of an intent; that of a result is the tool's.
const effectBegun = "begun"
