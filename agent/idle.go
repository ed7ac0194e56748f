package agent

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// idle asks a caller who says nothing whether there is still somebody, and ends the call if there is not: if nobody
// speaks before the goodbye was heard out.
//
// Owned by the conversation loop.
type idle struct {
	since time.Time // nobody has spoken since; zero: somebody does
	asked int
}

// callerActs begins anew: the caller spoke or pressed a key.
func (i *idle) callerActs() { *i = idle{} }

// ponder looks how long it has been quiet. The loop calls it after every event.
func (c *Conversation) ponder(now time.Time) {
	i, manners := &c.idle, &c.desk.Profile.Idle
	switch {
	case manners.After <= 0 || !c.atRest() || c.held || c.responses.off || c.end != nil || c.link == nil:
		i.since = time.Time{}
	case i.since.IsZero():
		i.since = now
	case now.Sub(i.since) >= manners.After:
		i.since = time.Time{}
		c.askCaller(now)
	}
}

func (c *Conversation) askCaller(now time.Time) {
	p := &c.desk.Profile
	if c.idle.asked < p.Idle.Prompts {
		c.idle.asked++
		c.happened(Prompted)
		c.responses.want(wish{kind: wishAsk, instructions: p.also(p.Idle.Ask)})
		return
	}
	c.responses.want(wish{kind: wishGoodbye, instructions: p.also(p.Idle.Goodbye), end: &End{BySystem, "caller silent"}})
}

func (c *Conversation) idleDeadline() time.Time {
	if c.idle.since.IsZero() {
		return time.Time{}
	}
	return c.idle.since.Add(c.desk.Profile.Idle.After)
}

// limits bounds the call.
//
// Owned by the conversation loop.
type limits struct {
	began  time.Time
	warned bool
}

// limitGrace is how long a sentence that is being said when the time is up may take.
const limitGrace = 10 * time.Second

// limit warns the caller, and ends the call when its time is up.
func (c *Conversation) limit(now time.Time) {
	l, manners := &c.limits, &c.desk.Profile.Limit
	age := now.Sub(l.began)
	switch {
	case manners.Duration <= 0 || c.end != nil:
	case age >= manners.Duration:
		c.end, c.endBy = &End{BySystem, "maximum call duration reached"}, now.Add(limitGrace)
	case manners.Warning > 0 && !l.warned && age >= manners.Duration-manners.Warning:
		l.warned = true
		c.responses.want(wish{kind: wishNotice, instructions: c.desk.Profile.also(manners.Notice)})
		c.scribe.add(store.Entry{Kind: store.KindNote, Role: store.RoleSystem, Text: "the caller is told that the call will end soon"}, now)
	}
}

func (c *Conversation) limitDeadline() time.Time {
	l, manners := &c.limits, &c.desk.Profile.Limit
	switch {
	case manners.Duration <= 0 || c.end != nil:
		return time.Time{}
	case manners.Warning > 0 && !l.warned:
		return l.began.Add(manners.Duration - manners.Warning)
	}
	return l.began.Add(manners.Duration)
}
