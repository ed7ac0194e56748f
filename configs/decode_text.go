package configs

import (
	"bytes"
	"encoding/json"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// scalarText is a scalar of the file after ${} was expanded. tag is the YAML type: !!str, !!int and so on.
type scalarText struct {
	value    string
	tag      string
	expanded bool // it may hold what only the environment knows
}

// text expands the scalar n. The tag of a plain scalar is that of the expanded text, so that ${CALLS} can be a number.
func (d *decoder) text(n *yaml.Node, key string) (scalarText, bool) {
	s := scalarText{value: n.Value, tag: n.ShortTag()}
	switch s.tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge":
	default:
		d.fault(key, "has a YAML tag (!) that is not read; remove it")
		return s, false
	}
	if d.env == nil {
		return s, true
	}
	value, err := expand(n.Value, func(name string) (string, bool) {
		d.used[name] = true
		return d.env(name)
	})
	if err != nil {
		d.fault(key, "%v", err)
		return s, false
	}
	if value != n.Value {
		s.value, s.expanded = value, true
		if plainStyle(n) {
			s.tag = (&yaml.Node{Kind: yaml.ScalarNode, Value: value}).ShortTag()
		}
	}
	return s, true
}

func plainStyle(n *yaml.Node) bool {
	const quotes = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	return n.Style&quotes == 0
}

// wantOf says what a value of the scalar type t must be.
func wantOf(t reflect.Type) string {
	switch {
	case isText(t):
		return "must be text"
	case base(t).Kind() == reflect.Bool:
		return "must be true or false"
	case base(t).Kind() == reflect.Float64:
		return "must be a number"
	}
	return "must be a whole number"
}

// fits reports whether the scalar has the YAML type that t needs. Text takes anything that is written: +15551230001 is
// a number to YAML and a telephone number to us. What was expanded is judged by its text alone, because inside { } it
// has to be quoted.
func (s scalarText) fits(t reflect.Type) bool {
	switch {
	case isText(t) || s.expanded:
		return true
	case base(t).Kind() == reflect.Bool:
		return s.tag == "!!bool"
	case base(t).Kind() == reflect.Float64:
		return s.tag == "!!float" || s.tag == "!!int"
	}
	return s.tag == "!!int"
}

func base(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func isText(t reflect.Type) bool {
	t = base(t)
	return t.Kind() == reflect.String || t == durationType || reflect.PointerTo(t).Implements(textType)
}

// inQuotes is the hint to remove quotes, when they are what makes a number or truth a text.
func inQuotes(n *yaml.Node) string {
	if plainStyle(n) {
		return ""
	}
	return "; remove the quotes"
}

// kindOf says in words what a node is, without its contents.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a block of keys"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// json appends n to out as JSON, keys in their order and with their case.
func (d *decoder) json(out []byte, n *yaml.Node, key string) ([]byte, bool) {
	n, ok := d.enter(n, key)
	defer d.leave()
	if !ok {
		return out, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.jsonObject(out, n, key)
	case yaml.SequenceNode:
		return d.jsonArray(out, n, key)
	}
	s, ok := d.text(n, key)
	if !ok {
		return out, false
	}
	v, ok := jsonValue(s)
	if !ok {
		d.fault(key, "is a number that JSON does not have")
		return out, false
	}
	return append(out, marshal(v)...), true
}

func (d *decoder) jsonObject(out []byte, n *yaml.Node, key string) ([]byte, bool) {
	before := len(d.faults)
	out = append(out, '{')
	d.pairs(n, key, func(k, value *yaml.Node, member string) {
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		out = append(append(out, marshal(k.Value)...), ':')
		d.marks.put(member, k.Line, k.Column)
		out, _ = d.json(out, value, member)
	})
	return append(out, '}'), len(d.faults) == before && d.budget >= 0
}

func (d *decoder) jsonArray(out []byte, n *yaml.Node, key string) ([]byte, bool) {
	out = append(out, '[')
	ok := true
	for i, item := range n.Content {
		if i > 0 {
			out = append(out, ',')
		}
		at := element(key, i)
		d.marks.put(at, item.Line, item.Column)
		var fine bool
		out, fine = d.json(out, item, at)
		ok = ok && fine
	}
	return append(out, ']'), ok
}

// jsonValue is a scalar as a value of JSON; false for numbers such as .inf.
func jsonValue(s scalarText) (any, bool) {
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: s.tag, Value: s.value}
	switch s.tag {
	case "!!null":
		return nil, true
	case "!!bool", "!!int", "!!float":
		var v any
		if err := node.Decode(&v); err != nil {
			return s.value, true
		}
		f, isFloat := v.(float64)
		return v, !isFloat || f-f == 0
	}
	return s.value, true
}

// marshal writes a scalar, without the escapes that are for HTML.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("configs: " + err.Error()) // scalars of YAML always have a form in JSON
	}
	return bytes.TrimSpace(b.Bytes())
}
