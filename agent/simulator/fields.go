package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// fields is a JSON object that keeps the order of its members: names and
// values in turn. Real servers write `type` first, so does the simulator.
type fields []any

// MarshalJSON implements json.Marshaler.
func (f fields) MarshalJSON() ([]byte, error) { return f.append(make([]byte, 0, 256)) }

func (f fields) append(b []byte) ([]byte, error) {
	b = append(b, '{')
	for i := 0; i+1 < len(f); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f[i].(string)...)
		b = append(b, `":`...)
		var err error
		if b, err = appendValue(b, f[i+1]); err != nil {
			return nil, fmt.Errorf("encode %s: %w", f[i], err)
		}
	}
	return append(b, '}'), nil
}

// sound is audio on its way to the wire, where it is base64.
type sound []byte

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case fields:
		return v.append(b)
	case sound:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v)
		return append(b, '"'), nil
	case nil:
		return append(b, "null"...), nil
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// without returns a copy of f that lacks the named members.
func (f fields) without(names ...string) fields {
	out := make(fields, 0, len(f))
	for i := 0; i+1 < len(f); i += 2 {
		if !contains(names, f[i].(string)) {
			out = append(out, f[i], f[i+1])
		}
	}
	return out
}

// typeLast moves the first member behind all others: order means nothing in
// JSON, and a client that scans for `type` at the front should be found out.
func (f fields) typeLast() fields {
	if len(f) < 4 {
		return f
	}
	return append(append(fields{}, f[2:]...), f[0], f[1])
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
