package store

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// A record travels as flat string fields with short names, in a Redis hash or stream entry, in the embedded file and in
// the spool alike. Zero values are left out. A reader ignores names it does not know and numbers it cannot read, so that
// an older program can read what a newer one wrote.

// field ties a name to one member of T.
type field[T any] struct {
	name string
	get  func(*T) string // "" is not written
	set  func(*T, string)
}

func text[T any, S ~string](name string, at func(*T) *S) field[T] {
	return field[T]{name,
		func(r *T) string { return mended(string(*at(r))) },
		func(r *T, v string) { *at(r) = S(mended(v)) }}
}

// mended is text as it is stored and as it leaves the store, whoever wrote it: valid UTF-8, fit for JSON and pages.
func mended(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func number[T any, N ~int | ~int64](name string, at func(*T) *N) field[T] {
	return field[T]{name,
		func(r *T) string {
			if n := *at(r); n != 0 {
				return strconv.FormatInt(int64(n), 10)
			}
			return ""
		},
		func(r *T, v string) {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && int64(N(n)) == n {
				*at(r) = N(n)
			}
		}}
}

func moment[T any](name string, at func(*T) *time.Time) field[T] {
	return field[T]{name,
		func(r *T) string {
			if t := *at(r); !t.IsZero() {
				return strconv.FormatInt(t.UnixMilli(), 10)
			}
			return ""
		},
		func(r *T, v string) {
			if ms, err := strconv.ParseInt(v, 10, 64); err == nil {
				*at(r) = time.UnixMilli(ms).UTC()
			}
		}}
}

// schema is the fields of T in the order they are written.
type schema[T any] struct {
	fields []field[T]
	byName map[string]*field[T]
}

func newSchema[T any](fields ...field[T]) *schema[T] {
	s := &schema[T]{fields, make(map[string]*field[T], len(fields))}
	for i := range fields {
		s.byName[fields[i].name] = &fields[i]
	}
	return s
}

func (s *schema[T]) encode(r *T) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range s.fields {
			f := &s.fields[i]
			if v := f.get(r); v != "" && !yield(f.name, v) {
				return
			}
		}
	}
}

func (s *schema[T]) decode(r *T, fields iter.Seq2[string, string]) {
	for name, value := range fields {
		if f := s.byName[name]; f != nil {
			f.set(r, value)
		}
	}
}

var callSchema = newSchema(
	text("id", func(c *Call) *string { return &c.ID }),
	text("sip", func(c *Call) *string { return &c.SIPCallID }),
	text("trunk", func(c *Call) *string { return &c.Trunk }),
	text("agent", func(c *Call) *string { return &c.Agent }),
	text("caller", func(c *Call) *string { return &c.Caller }),
	text("dialled", func(c *Call) *string { return &c.Dialled }),
	text("dir", func(c *Call) *string { return &c.Direction }),
	text("fwd", func(c *Call) *string { return &c.Forwarded }),
	text("verif", func(c *Call) *string { return &c.Verification }),
	text("srtp", func(c *Call) *string { return &c.SRTP }),
	text("node", func(c *Call) *string { return &c.Node }),
	text("rec", func(c *Call) *string { return &c.Recording }),
	text("codec", func(c *Call) *string { return &c.Codec }),
	text("model", func(c *Call) *string { return &c.Model }),
	moment("start", func(c *Call) *time.Time { return &c.Started }),
	moment("answer", func(c *Call) *time.Time { return &c.Answered }),
	moment("end", func(c *Call) *time.Time { return &c.Ended }),
	moment("expire", func(c *Call) *time.Time { return &c.Expires }),
	text("cause", func(c *Call) *string { return &c.Cause }),
	number("code", func(c *Call) *int { return &c.Code }),
	text("by", func(c *Call) *string { return &c.EndedBy }),
	number("turns", func(c *Call) *int { return &c.Turns }),
	number("barge", func(c *Call) *int { return &c.Interruptions }),
	number("setup", func(c *Call) *int { return &c.SetupMS }),
	number("lat50", func(c *Call) *int { return &c.LatencyP50MS }),
	number("lat95", func(c *Call) *int { return &c.LatencyP95MS }),
	number("in", func(c *Call) *int64 { return &c.FramesIn }),
	number("out", func(c *Call) *int64 { return &c.FramesOut }),
	number("lost", func(c *Call) *int64 { return &c.FramesLost }),
	number("mos", func(c *Call) *int { return &c.MOSCaller }),
	number("mos_agent", func(c *Call) *int { return &c.MOSAgent }),
	number("jitter", func(c *Call) *int { return &c.JitterMS }),
	number("rtt", func(c *Call) *int { return &c.RTTMS }),
	number("tok_in", func(c *Call) *int64 { return &c.TokensIn }),
	number("tok_out", func(c *Call) *int64 { return &c.TokensOut }),
	number("tok_cached", func(c *Call) *int64 { return &c.TokensCached }),
	number("cost", func(c *Call) *int64 { return &c.CostMicros }),
	number("reconn", func(c *Call) *int { return &c.Reconnects }),
	number("rotate", func(c *Call) *int { return &c.Rotations }),
	number("tools", func(c *Call) *int { return &c.ToolCalls }),
	number("tools_bad", func(c *Call) *int { return &c.ToolFailures }),
)

// EndFields are the names of the fields that the end of a call adds and that a call revived after Sweep loses.
var EndFields = []string{"end", "expire", "cause", "code", "by"}

// Fields are the fields of the call that are set, id first.
// Each tag is a field of its own, so that whoever adds one takes none away.
func (c *Call) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for name, value := range callSchema.encode(c) {
			if !yield(name, value) {
				return
			}
		}
		for tag := range c.Tags.All() {
			if !yield(TagField(tag), "1") {
				return
			}
		}
	}
}

// DecodeCall reads a call from its fields. Unknown names and unreadable numbers are passed over.
func DecodeCall(fields iter.Seq2[string, string]) Call {
	var c Call
	c.decode(fields)
	return c
}

// Merge sets the fields of c that from sets, adds its tags, and keeps the others.
func (c *Call) Merge(from *Call) { c.decode(from.Fields()) }

func (c *Call) decode(fields iter.Seq2[string, string]) {
	var tags []string
	callSchema.decode(c, func(yield func(string, string) bool) {
		for name, value := range fields {
			if tag, ok := strings.CutPrefix(name, tagPrefix); ok && ValidTag(tag) {
				tags = append(tags, tag)
				continue
			}
			if !yield(name, value) {
				return
			}
		}
	})
	c.Tags = c.Tags.With(tags...)
}

var entrySchema = newSchema(
	text("k", func(e *Entry) *string { return &e.Kind }),
	text("r", func(e *Entry) *Role { return &e.Role }),
	field[Entry]{"at", writtenAt, moment("", func(e *Entry) *time.Time { return &e.At }).set},
	text("au", func(e *Entry) *string { return &e.Author }),
	text("i", func(e *Entry) *string { return &e.ItemID }),
	text("t", func(e *Entry) *string { return &e.Text }),
	field[Entry]{"h", writtenHeard, func(e *Entry, v string) { e.Heard = mended(v) }},
	field[Entry]{"ha", writtenHeardAll, func(*Entry, string) {}},
	number("cut", func(e *Entry) *int { return &e.CutMS }),
	text("tool", func(e *Entry) *string { return &e.Tool }),
	text("cid", func(e *Entry) *string { return &e.CallID }),
	text("args", func(e *Entry) *string { return &e.Arguments }),
	text("res", func(e *Entry) *string { return &e.Result }),
	text("st", func(e *Entry) *string { return &e.Status }),
	number("dur", func(e *Entry) *int { return &e.DurationMS }),
	number("att", func(e *Entry) *int { return &e.Attempts }),
	number("size", func(e *Entry) *int { return &e.ResultBytes }),
	number("lat", func(e *Entry) *int { return &e.LatencyMS }),
	number("det", func(e *Entry) *int { return &e.DetectMS }),
	number("thk", func(e *Entry) *int { return &e.ThinkMS }),
	number("ply", func(e *Entry) *int { return &e.PlayMS }),
	number("tin", func(e *Entry) *int { return &e.TokensIn }),
	number("tout", func(e *Entry) *int { return &e.TokensOut }),
	number("tcch", func(e *Entry) *int { return &e.TokensCached }),
	number("cost", func(e *Entry) *int64 { return &e.CostMicros }),
)

// Fields are the fields of the entry that are set, without its id, which is the key it is stored under.
func (e *Entry) Fields() iter.Seq2[string, string] { return entrySchema.encode(e) }

// DecodeEntry reads an entry from its id and fields. Unknown names and unreadable numbers are passed over.
func DecodeEntry(id string, fields iter.Seq2[string, string]) Entry {
	e := Entry{ID: id}
	heardAll := false
	entrySchema.decode(&e, func(yield func(string, string) bool) {
		for name, value := range fields {
			heardAll = heardAll || name == "ha"
			if !yield(name, value) {
				return
			}
		}
	})
	if heardAll {
		e.Heard = e.Text
	}
	if at, err := ParseID(id); err == nil && e.At.IsZero() {
		e.At = at.Time()
	}
	return e
}

// writtenAt leaves the time out when the id says the same, which it does for most lines.
func writtenAt(e *Entry) string {
	if id, err := ParseID(e.ID); e.At.IsZero() || err == nil && int64(id.MS) == e.At.UnixMilli() {
		return ""
	}
	return strconv.FormatInt(e.At.UnixMilli(), 10)
}

// An agent's line is mostly heard to the end: then a mark stands for the text, which saves a quarter of a transcript.

func writtenHeard(e *Entry) string {
	if e.Heard == e.Text {
		return ""
	}
	return mended(e.Heard)
}

func writtenHeardAll(e *Entry) string {
	if e.Heard == "" || e.Heard != e.Text {
		return ""
	}
	return "1"
}

// Same reports whether two entries are one, as far as a store keeps them.
func (e *Entry) Same(other *Entry) bool {
	return e.ID == other.ID && DecodeEntry(e.ID, e.Fields()) == DecodeEntry(other.ID, other.Fields())
}
