package configs

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// slot is one setting: a place in a Config that a text can be put into. Slots exist for blocks that are absent too, so
// that a variable of the environment can bring store.redis into being.
type slot struct {
	key   string // realtime[0].api_key
	env   string // TRUNKLINE_REALTIME_MAIN_API_KEY; "" for what has no variable
	field field
	typ   reflect.Type
	at    access
}

// access reaches a value inside of a Config. When a block on the way is absent it is made if make is set, else the
// value is missing.
type access func(make bool) (v reflect.Value, ok bool)

// slots lists the settings of c, in the order of the structs.
func (c *Config) slots() []slot {
	var all []slot
	root := reflect.ValueOf(c).Elem()
	walk(root.Type(), "", "TRUNKLINE", func(bool) (reflect.Value, bool) { return root, true }, func(s slot) { all = append(all, s) })
	return all
}

// walk visits the settings below the struct type t, which is found at at.
func walk(t reflect.Type, key, env string, at access, visit func(slot)) {
	for _, f := range fieldsOf(t) {
		s := slot{join(key, f.name), env + "_" + strings.ToUpper(f.name), f, t.FieldByIndex(f.index).Type, member(at, f.index)}
		switch {
		case s.typ == jsonType:
			s.env = ""
			visit(s)
		case isScalar(s.typ) || isScalarList(s.typ):
			visit(s)
		case s.typ.Kind() == reflect.Pointer:
			walk(s.typ.Elem(), s.key, s.env, block(s.at), visit)
		case s.typ.Kind() == reflect.Struct:
			walk(s.typ, s.key, s.env, s.at, visit)
		case s.typ.Kind() == reflect.Slice:
			walkList(s, visit)
		}
	}
}

func walkList(s slot, visit func(slot)) {
	list, ok := s.at(false)
	if !ok {
		return
	}
	for i := range list.Len() {
		item := list.Index(i)
		name := strconv.Itoa(i)
		if n := item.FieldByName("Name"); n.IsValid() && n.String() != "" {
			name = envName(n.String())
		}
		walk(item.Type(), element(s.key, i), s.env+"_"+name, func(bool) (reflect.Value, bool) { return item, true }, visit)
	}
}

// member reaches a field of the struct at at.
func member(at access, index []int) access {
	return func(make bool) (reflect.Value, bool) {
		v, ok := at(make)
		if !ok {
			return v, false
		}
		return v.FieldByIndex(index), true
	}
}

// block reaches what the pointer at at points to.
func block(at access) access {
	return func(make bool) (reflect.Value, bool) {
		v, ok := at(make)
		if !ok || v.IsNil() && !make {
			return reflect.Value{}, false
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			setDefaults(v.Elem())
		}
		return v.Elem(), true
	}
}

// envName is text as a part of a variable's name: capitals, digits and _.
func envName(text string) string {
	return strings.Map(func(r rune) rune {
		if isAlnum(r) {
			return r
		}
		return '_'
	}, strings.ToUpper(text))
}

// Setting is one setting as it is in force.
type Setting struct {
	Path   string // agents[frontdesk].turn_detection.threshold
	Value  string // as it would be written in the file; secrets are ***, "" is not set
	Source Where  // who set it
	Env    string // the variable that overrides it; "" when there is none
}

// Settings lists every setting in force, in the order of the reference file, with its source. Blocks that are absent,
// and so switched off, are left out. No value holds a secret.
func (c *Config) Settings() []Setting {
	marks := newMarks("")
	if c.meta != nil {
		marks = c.meta.marks
	}
	var all []Setting
	for _, s := range c.slots() {
		if v, ok := s.at(false); ok {
			all = append(all, Setting{marks.pretty(s.key), textOf(v), marks.source(s.key), s.env})
		}
	}
	return all
}

// Explain writes Settings as a table of three columns: path, value and source. Long values are cut.
func (c *Config) Explain(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range c.Settings() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Path, tableCell(s.Value), s.Source) // Flush reports the error
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return nil
}

func tableCell(value string) string {
	const longest = 60
	switch r := []rune(value); {
	case value == "":
		return "-"
	case strings.ContainsFunc(value, unicode.IsControl):
		return quote(value)
	case len(r) > longest:
		return string(r[:longest]) + "…"
	}
	return value
}

// textOf is a value as it would be written in the file.
func textOf(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if raw, ok := v.Interface().(json.RawMessage); ok {
		return string(raw)
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return hidden // of our own types none fails
		}
		return string(text)
	}
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = textOf(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v.Interface())
}
