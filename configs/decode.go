package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of one decode. Aliases can make a small file stand for a very large one, or for one without end.
const (
	maxNodes = 200_000
	maxDepth = 64
)

// decoder reads nodes into Go values and reports what does not fit. Owned by one Parse.
type decoder struct {
	*report
	env    lookup          // nil: ${} is left alone
	used   map[string]bool // variables that ${} asked for
	budget int             // nodes still allowed
	depth  int             // how deep the node being read is
}

// Strict decodes one YAML document into the struct that into points to, with the rules of the configuration itself:
// unknown keys, keys given twice and wrong types are all reported, as [Faults] with the lines of name. ${} is not
// expanded. It is here so that other files of ours, such as the simulator's scripts, are read the same way.
func Strict(name string, data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decode %s: want a pointer to a struct, not %T", name, into)
	}
	r := newReport(name)
	if root, ok := readNode(data, r); ok {
		d := &decoder{report: r, budget: maxNodes}
		d.value(root, v.Elem(), &field{}, "")
	}
	return r.err()
}

// value decodes n into v. f is the member of a struct that v is, or belongs to.
func (d *decoder) value(n *yaml.Node, v reflect.Value, f *field, key string) {
	d.marks.put(key, n.Line, n.Column)
	n, ok := d.enter(n, key)
	defer d.leave()
	if !ok {
		return
	}
	t := v.Type()
	switch {
	case t == jsonType || t.Kind() == reflect.Interface:
		d.free(n, v, key)
	case isScalar(t):
		d.scalar(n, v, f, key)
	case t.Kind() == reflect.Pointer:
		if !isNull(n) {
			d.block(n, v, f, key)
		}
	case t.Kind() == reflect.Struct:
		d.mapping(n, v, key)
	case t.Kind() == reflect.Slice:
		d.sequence(n, v, f, key)
	case t.Kind() == reflect.Map:
		d.table(n, v, f, key)
	default:
		d.fault(key, "cannot be read into a value of type %s", t)
	}
}

// enter counts the node and steps through an alias. Each enter is followed by a leave.
func (d *decoder) enter(n *yaml.Node, key string) (*yaml.Node, bool) {
	d.depth++
	if d.budget >= 0 {
		d.budget--
	}
	if d.depth > maxDepth && d.budget >= 0 {
		d.giveUp(key, "is nested too deeply")
	}
	if d.budget == -1 {
		d.giveUp(key, "holds too much once its aliases (*) are followed")
	}
	if d.budget < 0 {
		return nil, false
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias // an alias never refers to an alias
	}
	return n, true
}

func (d *decoder) leave() { d.depth-- }

// giveUp reports a file that is not read any further, and so not checked as a whole either.
func (d *decoder) giveUp(key, problem string) {
	d.fault(key, "%s", problem)
	d.faulty[""] = true
	d.budget = math.MinInt
}

// block decodes an optional block, which exists because it is written.
func (d *decoder) block(n *yaml.Node, v reflect.Value, f *field, key string) {
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
		if v.Elem().Kind() == reflect.Struct {
			setDefaults(v.Elem())
		}
	}
	d.value(n, v.Elem(), f, key)
}

// mapping decodes into a struct.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string) {
	fields := fieldsOf(v.Type())
	if isNull(n) {
		return // a block whose lines are all commented out
	}
	if n.Kind != yaml.MappingNode {
		d.fault(key, "must hold the keys %s, not %s", list(namesOf(fields), "and"), kindOf(n))
		return
	}
	d.pairs(n, key, func(k, value *yaml.Node, member string) {
		for i := range fields {
			if fields[i].name == k.Value {
				d.value(value, v.FieldByIndex(fields[i].index), &fields[i], member)
				return
			}
		}
		d.unknown(k, v.Type(), key)
	})
}

// pairs visits the members of a mapping, without those that come twice.
func (d *decoder) pairs(n *yaml.Node, key string, visit func(k, value *yaml.Node, member string)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		at := Where{File: d.marks.file, Line: k.Line, Column: k.Column}
		switch {
		case k.Kind != yaml.ScalarNode:
			d.faultAt(at, key, "has a key that is %s; keys are plain text", kindOf(k))
		case k.ShortTag() == "!!merge":
			d.faultAt(at, key, "uses <<, which is not read; write the settings out")
		case first[k.Value] != 0:
			d.faultAt(at, join(key, label(k)), "is given twice, first at line %d; remove one", first[k.Value])
		default:
			first[k.Value] = k.Line
			visit(k, value, join(key, label(k)))
		}
	}
}

// label is a key as a part of a path.
func label(k *yaml.Node) string {
	if validName(k.Value) {
		return k.Value
	}
	return quote(k.Value)
}

// unknown explains a key that the struct type t does not have.
func (d *decoder) unknown(k *yaml.Node, t reflect.Type, key string) {
	fields := fieldsOf(t)
	hint := didYouMean(k.Value, namesOf(fields))
	for _, f := range fields {
		if inner := t.FieldByIndex(f.index).Type; hint == "" && hasKey(inner, k.Value) {
			hint = fmt.Sprintf("; it belongs into %s", f.name)
		}
	}
	if hint == "" {
		hint = "; the keys here are " + list(namesOf(fields), "and")
	}
	at := Where{File: d.marks.file, Line: k.Line, Column: k.Column}
	d.faultAt(at, join(key, label(k)), "is not a key%s", hint)
}

// hasKey reports whether the block type t has the key name.
func hasKey(t reflect.Type, name string) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || isScalar(t) {
		return false
	}
	for _, f := range fieldsOf(t) {
		if f.name == name {
			return true
		}
	}
	return false
}

// sequence decodes into a slice.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value, f *field, key string) {
	if isNull(n) {
		v.SetZero() // a list whose lines are all commented out
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(key, "must be a list, [a, b] or lines that begin with -, not %s", kindOf(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := element(key, i)
		d.marks.name(at, nameOf(item))
		if list.Index(i).Kind() == reflect.Struct && !isScalar(list.Index(i).Type()) {
			setDefaults(list.Index(i))
		}
		d.value(item, list.Index(i), f, at)
	}
	v.Set(list)
}

// nameOf peeks at the name of a list element, for messages.
func nameOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "name" {
				return n.Content[i+1].Value
			}
		}
	}
	return ""
}

// table decodes into a map with string keys.
func (d *decoder) table(n *yaml.Node, v reflect.Value, f *field, key string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(key, "must hold keys with values, not %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, key, func(k, value *yaml.Node, member string) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(value, e, f, member)
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), e)
	})
}

// free decodes anything at all: into JSON with its keys as they are written, or into an empty interface.
func (d *decoder) free(n *yaml.Node, v reflect.Value, key string) {
	text, ok := d.json(nil, n, key)
	if !ok {
		return
	}
	if v.Type() == jsonType {
		v.SetBytes(text)
		return
	}
	if err := json.Unmarshal(text, v.Addr().Interface()); err != nil {
		d.fault(key, "cannot be read into a value of type %s", v.Type())
	}
}

// scalar decodes one text. What is empty only after ${} was expanded counts as not written.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, f *field, key string) {
	if n.Kind != yaml.ScalarNode {
		d.fault(key, "%s, not %s", wantOf(v.Type()), kindOf(n))
		return
	}
	s, ok := d.text(n, key)
	if !ok || s.expanded && s.value == "" && !strings.HasSuffix(key, "]") {
		return
	}
	if s.tag == "!!null" {
		d.fault(key, "has no value; give it one, or remove the line")
		return
	}
	if !s.fits(v.Type()) {
		d.fault(key, "%s, not %s%s", wantOf(v.Type()), quote(s.value), inQuotes(n))
		return
	}
	if err := setText(v, f, s.value); err != nil {
		d.fault(key, "%s", complain(err, v.Type(), s.value, s.expanded))
	}
}

// complain says what is wrong with a value, and shows it when it cannot be a secret.
func complain(err error, t reflect.Type, value string, private bool) string {
	var w wrong
	if !errors.As(err, &w) {
		return "cannot be read"
	}
	if private || secretTypes[t] || t.Kind() == reflect.Slice && secretTypes[t.Elem()] {
		return w.want
	}
	if w.part != "" {
		value = w.part
	}
	return w.want + ", not " + quote(value) + w.hint
}
