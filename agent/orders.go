package agent

import (
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

// mostOrders is how many orders may wait for the loop.
const mostOrders = 16

// order has the loop do something for somebody outside. It reports false when too many orders are waiting or the
// conversation is over.
func (c *Conversation) order(do func(now time.Time)) bool {
	if c.work.Err() != nil {
		return false
	}
	select {
	case c.orders <- do:
		return true
	default:
		return false
	}
}

// Tell gives the model a note, of the supervisor by ("": of the system), and has it spoken about at the next moment when
// nobody speaks if speak is set. It reports false when too many orders are waiting or the conversation is over.
func (c *Conversation) Tell(text, by string, speak bool) bool {
	return c.order(func(now time.Time) { c.take(text, by, speak, now) })
}

// noteTold marks the notes that the model knows of.
const noteTold = "told"

// take gives the model a note from outside. One that comes while there is no connection is part of what the next is told.
func (c *Conversation) take(text, by string, speak bool, now time.Time) {
	c.scribe.add(store.Entry{Kind: store.KindNote, Role: roleOf(by), Author: by, Text: text, Status: noteTold}, now)
	c.send(&realtime.ItemCreate{EventID: c.responses.eventID("note-"), Item: c.ownItem("note", "system", text)})
	if speak {
		c.responses.want(wish{kind: wishReply})
	}
}

func roleOf(author string) store.Role {
	if author == "" {
		return store.RoleSystem
	}
	return store.RoleSupervisor
}

// Dismiss ends the call for a supervisor once what is being said is said, whatever the caller says meanwhile. It reports
// false as Tell does.
func (c *Conversation) Dismiss(by string) bool {
	return c.order(func(now time.Time) { c.finishWith(End{By: BySupervisor, Cause: "ended by a supervisor"}, now) })
}

// PutThrough ends the agent's part for a supervisor: whom the caller wants is on the line. It reports false as Tell does.
func (c *Conversation) PutThrough(name, by string) bool {
	return c.order(func(now time.Time) { c.putThrough(name, End{By: BySupervisor}, by, now) })
}

// Silence takes the model off the call, in the middle of a word: it goes on to hear the caller and answers no more, until
// it is put back with off false. Then it answers what came meanwhile. It reports false as Tell does.
func (c *Conversation) Silence(off bool, by string) bool {
	return c.order(func(now time.Time) { c.silence(off, by, now) })
}

// Silenced reports whether the model is off the call. It may be called while Run runs.
func (c *Conversation) Silenced() bool { return c.offCall.Load() }

func (c *Conversation) silence(off bool, by string, now time.Time) {
	if off == c.responses.off {
		return
	}
	c.responses.off = off
	c.offCall.Store(off)
	c.idle.callerActs()
	e := store.Entry{Kind: store.KindSilence, Role: roleOf(by), Author: by, Status: "off"}
	if off {
		e.Status = "on"
		c.withdraw() // whoever takes the model off wants to talk to the caller
		c.breakOff(roleOf(by), now)
	}
	c.scribe.add(e, now)
}
