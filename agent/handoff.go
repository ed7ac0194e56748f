package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
)

// handover is a hand-off under way: the output of the tool that asked for it is held back until the other profile has
// taken over, or the model would go on under the old instructions.
//
//	same service, same voice:  session.update ──► session.updated ──► output ──► response
//	else:                      new session, told what was said ─────► call, output ──► response
type handover struct {
	run   *running
	desk  *Desk
	event string    // of the session.update; "": a new session is dialled
	by    time.Time // or it has failed
}

// handOffWithin bounds a hand-off: the caller waits for it.
const handOffWithin = 8 * time.Second

// handOff begins what a tool asked for. It reports whether it did; if not, the tool's outcome says why.
func (c *Conversation) handOff(r *running, now time.Time) bool {
	desk, err := c.colleague(r.outcome.Target, now)
	if err != nil {
		refuseHandOff(r, err.Error())
		return false
	}
	h := &handover{run: r, desk: desk, by: now.Add(handOffWithin)}
	c.handover = h
	if !c.sameSession(desk) {
		if !c.renewal.dialling { // else its outcome is not what is wanted, and the dial follows
			c.dial(desk)
		}
		return true
	}
	definitions, err := desk.definitions()
	if err != nil {
		c.handover = nil
		refuseHandOff(r, "the other agent is not ready")
		c.log.Error("hand-off failed", "err", err)
		return false
	}
	p := &desk.Profile
	want := p.session(c.setup.Law, definitions, p.Instructions)
	want.Voice = realtime.Opt[string]{} // refused once it was heard
	h.event = c.responses.eventID("handoff-")
	c.send(&realtime.SessionUpdate{EventID: h.event, Session: want})
	return true
}

// colleague finds whom a tool names.
func (c *Conversation) colleague(name string, now time.Time) (*Desk, error) {
	if c.handover != nil {
		return nil, errors.New("another hand-off is under way")
	}
	if c.setup.Colleague != nil {
		if desk, ok := c.setup.Colleague(name); ok {
			desk.Profile = desk.Profile.filled(&c.setup.Info, now)
			return &desk, nil
		}
	}
	return nil, fmt.Errorf("there is no agent named %q", name)
}

// sameSession reports whether the running session can become another profile's. A voice cannot change in one.
func (c *Conversation) sameSession(desk *Desk) bool {
	return c.link != nil && desk.Service == c.desk.Service &&
		(desk.Profile.Voice == "" || desk.Profile.Voice == c.link.desk.Profile.Voice)
}

// handOffStep ends a hand-off that takes too long, and dials when an older dial was in the way.
func (c *Conversation) handOffStep(now time.Time) {
	h := c.handover
	switch {
	case h == nil:
	case !now.Before(h.by):
		c.notHandedOver("the other agent did not answer in time", now)
	case h.event == "" && c.link != nil && !c.renewal.dialling:
		c.dial(h.desk)
	}
}

// wanted is whose session a new connection is for.
func (c *Conversation) wanted() *Desk {
	if c.handover != nil {
		return c.handover.desk
	}
	return c.desk
}

// handedOver lets the other profile take over, on its own new link l if it has one.
func (c *Conversation) handedOver(l *link, now time.Time) {
	h := c.handover
	c.handover = nil
	if l != nil {
		if c.link != nil {
			c.leave(now)
		}
		c.desk = h.desk
		c.adopt(l, HandedOff, now)
	} else {
		c.desk = h.desk
		c.happened(HandedOff)
	}
	c.serve()
	c.scribe.add(store.Entry{Kind: store.KindHandOff, Role: store.RoleSystem, Text: h.desk.Profile.Name}, now)
	c.post(h.run, now)
}

// notHandedOver tells the model that it has to go on itself.
func (c *Conversation) notHandedOver(why string, now time.Time) {
	h := c.handover
	c.handover = nil
	refuseHandOff(h.run, why)
	c.post(h.run, now)
}

// refuseHandOff makes the outcome of the tool that of a failure.
func refuseHandOff(r *running, why string) {
	r.outcome.Effect, r.outcome.Status = tools.NoEffect, tools.StatusToolError
	text, _ := json.Marshal(map[string]string{"error": why}) // strings always encode
	r.outcome.Output = string(text)
}
