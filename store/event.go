package store

import (
	"iter"
	"strconv"
	"time"
)

// How backends write events and audit entries: as flat fields, like calls and lines.

var eventSchema = newSchema(
	text("id", func(e *Event) *string { return &e.ID }),
	text("type", func(e *Event) *string { return &e.Type }),
	text("call", func(e *Event) *string { return &e.Call }),
	text("entry", func(e *Event) *string { return &e.Entry }),
	moment("at", func(e *Event) *time.Time { return &e.At }),
	number("tries", func(e *Event) *int { return &e.Attempts }),
	text("fault", func(e *Event) *string { return &e.Fault }),
)

// Fields are the fields of the event that are set.
func (e *Event) Fields() iter.Seq2[string, string] { return eventSchema.encode(e) }

// DecodeEvent reads an event from its fields. Unknown names and unreadable numbers are passed over.
func DecodeEvent(fields iter.Seq2[string, string]) Event {
	var e Event
	eventSchema.decode(&e, fields)
	return e
}

var auditSchema = newSchema(
	moment("at", func(a *Audit) *time.Time { return &a.At }),
	text("who", func(a *Audit) *string { return &a.Who }),
	text("from", func(a *Audit) *string { return &a.From }),
	text("do", func(a *Audit) *string { return &a.Action }),
	text("call", func(a *Audit) *string { return &a.Call }),
	text("agent", func(a *Audit) *string { return &a.Agent }),
	text("detail", func(a *Audit) *string { return &a.Detail }),
)

// Fields are the fields of the audit entry that are set, without its id, which is the key it is stored under.
func (a *Audit) Fields() iter.Seq2[string, string] { return auditSchema.encode(a) }

// DecodeAudit reads an audit entry from its id and fields.
func DecodeAudit(id string, fields iter.Seq2[string, string]) Audit {
	a := Audit{ID: id}
	auditSchema.decode(&a, fields)
	return a
}

// The ids of events follow from what they tell of, so that an event that is announced twice, because whoever announced
// it first may have failed halfway, is known for the same.

// StartedEvent is the event of a call that began.
func StartedEvent(c *Call, now time.Time) Event {
	return Event{ID: c.ID + "-started", Type: EventStarted, Call: c.ID, At: now}
}

// EndedEvent is the event of a call that is over. The end that Sweep wrote and one that replaces it are two.
func EndedEvent(c *Call, now time.Time) Event {
	id := c.ID + "-ended"
	if c.Cause == CauseLost {
		id = c.ID + "-lost-" + strconv.FormatInt(c.Ended.UnixMilli(), 10)
	}
	return Event{ID: id, Type: EventEnded, Call: c.ID, At: now}
}

// JustEnded reports whether a change of a record from old to c is the end of the call, or the real end in place of the
// one that Sweep wrote, and not a repetition.
func JustEnded(old, c *Call) bool {
	return !c.Live() && (old.Live() || old.Cause == CauseLost && c.Cause != CauseLost)
}

// fine are the states of a tool's result that are no failure: it went well, it was running already, or the caller cut in
// and it was not needed any more.
var fine = map[string]bool{"": true, "ok": true, "completed": true, "duplicate": true, "cancelled": true}

// Failed reports whether the status of a tool's result is a failure.
func Failed(status string) bool { return !fine[status] }

// EventOf is the event that a line of a call makes, if it makes one.
func EventOf(callID string, e *Entry) (Event, bool) {
	var what string
	switch {
	case e.Kind == KindEscalation:
		what = EventEscalated
	case e.Kind == KindToolResult && Failed(e.Status):
		what = EventToolFailed
	default:
		return Event{}, false
	}
	at := e.At
	if id, err := ParseID(e.ID); err == nil && at.IsZero() {
		at = id.Time()
	}
	return Event{ID: callID + "-" + e.ID, Type: what, Call: callID, Entry: e.ID, At: at}, true
}

// ValidateGroup refuses, with [ErrInvalid], names of groups and consumers that are no [ValidTag]: they stand in keys.
func ValidateGroup(names ...string) error {
	for _, name := range names {
		if !ValidTag(name) {
			return invalid("group or consumer %q: want 1 to %d of a to z, digits, _ and -", clip(name), MaxTagBytes)
		}
	}
	return nil
}

// Relabel is the tags of the call after [Labeller].Label, or [ErrInvalid].
func (c *Call) Relabel(add, remove []string) (Tags, error) {
	for _, tags := range [][]string{add, remove} {
		for _, tag := range tags {
			if !ValidTag(tag) {
				return "", invalid("tag %q: want 1 to %d of a to z, digits, _ and -", clip(tag), MaxTagBytes)
			}
		}
	}
	tags := c.Tags.Without(remove...).With(add...)
	n := 0
	for range tags.All() {
		n++
	}
	if n > MaxTags {
		return "", invalid("call %s would have %d tags, at most %d", c.ID, n, MaxTags)
	}
	return tags, nil
}
