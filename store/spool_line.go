package store

import (
	"bytes"
	"encoding/json"
	"maps"
)

// op is what a record does.
type op string

const (
	opBegin  op = "begin"
	opEntry  op = "entry"
	opFinish op = "finish"
)

// record is one write on its way to the backend.
type record struct {
	op     op
	callID string
	entry  Entry // opEntry
	call   *Call // opBegin, opFinish; not changed once it is in a record
}

// spoolLine is a record as a line of the spool. It can be read, and repaired, with common tools:
//
//	{"op":"entry","call":"c7","id":"1732521600123-0","f":{"k":"turn","r":"caller","t":"Hello?"}}
type spoolLine struct {
	Op     op                `json:"op"`
	Call   string            `json:"call"`
	ID     string            `json:"id,omitempty"`
	Fields map[string]string `json:"f"`
}

// encodeLine writes the record and a newline.
func encodeLine(b *bytes.Buffer, r *record) error {
	l := spoolLine{Op: r.op, Call: r.callID}
	if r.op == opEntry {
		l.ID, l.Fields = r.entry.ID, maps.Collect(r.entry.Fields())
	} else {
		l.Fields = maps.Collect(r.call.Fields())
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return enc.Encode(&l)
}

// decodeLine reads a line and refuses, with [ErrInvalid], what no backend would take.
func decodeLine(b []byte) (record, error) {
	var l spoolLine
	if err := json.Unmarshal(b, &l); err != nil {
		return record{}, invalid("spool line: %v", err)
	}
	if err := ValidateCallID(l.Call); err != nil {
		return record{}, err
	}
	r := record{op: l.Op, callID: l.Call}
	switch l.Op {
	case opEntry:
		r.entry = DecodeEntry(l.ID, maps.All(l.Fields))
		return r, r.entry.Validate()
	case opBegin, opFinish:
		c := DecodeCall(maps.All(l.Fields))
		r.call = &c
		if c.ID != l.Call {
			return record{}, invalid("spool line of call %q has the record of another", l.Call)
		}
		if l.Op == opBegin {
			return r, c.Validate()
		}
		return r, nil // an end may know nothing but the call's id
	}
	return record{}, invalid("spool line does %q", clip(string(l.Op)))
}
