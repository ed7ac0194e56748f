package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a client event. Tool schemas are the deepest
// thing a client sends; real ones stay under ten levels.
const maxDepth = 64

// object is a JSON object as the client wrote it: members in their order, so
// that the first wrong one is named, and the path that leads here. All objects
// of one event share one complaint: the first thing found wrong.
type object struct {
	*complaint
	path   string
	names  []string
	values map[string]any // nil, bool, json.Number, string, []any or *object
}

// complaint holds the first refusal of an event. Later ones are ignored, so
// that checks can be written one below the other without a branch for each.
type complaint struct{ err *refusal }

func (c *complaint) complain(code, param, format string, args ...any) {
	if c.err == nil {
		c.err = refuse(code, param, format, args...)
	}
}

// parseObject reads exactly one JSON object. Anything else (other values, text
// behind the object, duplicate members, broken UTF-8) is an error.
func parseObject(data []byte) (*object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("invalid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, &complaint{}, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*object)
	if !ok {
		return nil, errors.New("not an object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text behind the object")
	}
	return o, nil
}

func parseValue(d *json.Decoder, c *complaint, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth >= maxDepth {
		return nil, fmt.Errorf("more than %d levels deep", maxDepth)
	}
	if delim == '[' {
		return parseList(d, c, depth)
	}
	return parseMembers(d, c, depth)
}

func parseList(d *json.Decoder, c *complaint, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d, c, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func parseMembers(d *json.Decoder, c *complaint, depth int) (any, error) {
	o := &object{complaint: c, values: map[string]any{}}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		name := t.(string) // the decoder lets nothing else stand here
		if _, twice := o.values[name]; twice {
			return nil, fmt.Errorf("member %q twice", name)
		}
		if o.values[name], err = parseValue(d, c, depth+1); err != nil {
			return nil, err
		}
		o.names = append(o.names, name)
	}
	_, err := d.Token()
	return o, err
}

// MarshalJSON gives the object back, for members that the session echoes.
func (o *object) MarshalJSON() ([]byte, error) {
	f := make(fields, 0, 2*len(o.names))
	for _, n := range o.names {
		f = append(f, n, o.values[n])
	}
	return appendObject(f)
}

// appendObject is fields.append for names that came from outside and may need
// escaping.
func appendObject(f fields) ([]byte, error) {
	b := []byte{'{'}
	for i := 0; i < len(f); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(f[i])
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f[i+1])
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
