package agent

import "time"

// A farewell is an end that was the agent's own idea: the model hangs up, or a silent caller was told goodbye. A caller who
// speaks or presses a key before it was heard out wants to go on, and so the call does. Any other end is final: a
// supervisor's, that of a caller who is put through, and that of a call whose time is up.

// stays is what the model and the record are told when a farewell is taken back.
const stays = "The caller spoke or pressed a key before the call ended; the call goes on."

// part ends the conversation as soon as what was begun is said, unless the caller acts before.
func (c *Conversation) part(end End, now time.Time) {
	if c.end != nil {
		return
	}
	c.finishWith(end, now)
	c.farewell = true
	if c.responses.callerSpeaks && c.barge.state == bargeNone { // over what nothing interrupts
		c.stay(now)
	}
}

// hangUp does what the model asked for by a tool, unless the caller has acted since: it could not know of that.
func (c *Conversation) hangUp(r *running, now time.Time) {
	switch {
	case !r.past:
		c.part(End{By: ByAgent, Cause: cause(r.outcome.Reason)}, now)
	case c.end == nil:
		c.take(stays, "", false, now)
	}
}

// stay is for the caller who acts: it takes a farewell back, also one that is about to be said or asked for.
func (c *Conversation) stay(now time.Time) {
	c.tools.overtake()
	if c.withdraw() {
		c.take(stays, "", false, now)
	}
}

// withdraw keeps the call going after what is being said. It reports whether it was about to end.
func (c *Conversation) withdraw() bool {
	c.responses.noEnd()
	if !c.farewell {
		return false
	}
	c.end, c.farewell = nil, false
	return true
}
