package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The checks below read one member each. They complain about a member that is
// missing, of another type, or outside its range, and then return the zero
// value; `if o.has(name)` makes a member optional.

// only complains about the first member that is not among names.
func (o *object) only(names ...string) {
	for _, n := range o.names {
		if !contains(names, n) {
			o.complain(codeUnknownParameter, o.at(n), "Unknown parameter: '%s'.", o.at(n))
			return
		}
	}
}

func (o *object) has(name string) bool { _, ok := o.values[name]; return ok }

// null reports that the member is there and null.
func (o *object) null(name string) bool { v, ok := o.values[name]; return ok && v == nil }

// given reports that the member is there and not null.
func (o *object) given(name string) bool { return o.values[name] != nil }

func (o *object) member(name string) any {
	v, ok := o.values[name]
	if !ok {
		o.complain(codeMissing, o.at(name), "Missing required parameter: '%s'.", o.at(name))
	}
	return v
}

func (o *object) wrongType(name, want string) {
	o.complain(codeInvalidType, o.at(name), "Invalid type for '%s': expected %s, but got %s instead.",
		o.at(name), want, kindOf(o.values[name]))
}

func (o *object) text(name string) string {
	s, ok := o.member(name).(string)
	if !ok {
		o.wrongType(name, "a string")
	}
	return s
}

// textUpTo is text of at least one and at most limit characters.
func (o *object) textUpTo(name string, limit int) string {
	s := o.text(name)
	if n := utf8.RuneCountInString(s); o.err == nil && (n < 1 || n > limit) {
		o.complain(codeInvalidValue, o.at(name), "Invalid '%s': expected a string with 1 to %d characters, but got %d.",
			o.at(name), limit, n)
	}
	return s
}

// id is an identifier that the real service accepts: up to 32 letters, digits,
// underscores and hyphens.
func (o *object) id(name string) string {
	s := o.textUpTo(name, 32)
	if i := strings.IndexFunc(s, notInID); o.err == nil && i >= 0 {
		o.complain(codeInvalidValue, o.at(name),
			"Invalid '%s': only letters, numbers, underscores and dashes are allowed.", o.at(name))
	}
	return s
}

func notInID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

func (o *object) boolean(name string) bool {
	b, ok := o.member(name).(bool)
	if !ok {
		o.wrongType(name, "a boolean")
	}
	return b
}

func (o *object) integer(name string, low, high int) int {
	n, isNumber := o.member(name).(json.Number)
	v, err := strconv.Atoi(n.String())
	switch {
	case !isNumber:
		o.wrongType(name, "an integer")
	case err != nil:
		o.complain(codeInvalidType, o.at(name), "Invalid type for '%s': expected an integer, but got a decimal number instead.", o.at(name))
	case v < low || v > high:
		o.complain(codeInvalidValue, o.at(name), "Invalid '%s': expected a value from %d to %d, but got %d instead.", o.at(name), low, high, v)
	}
	return v
}

func (o *object) number(name string, low, high float64) float64 {
	n, isNumber := o.member(name).(json.Number)
	v, err := n.Float64()
	switch {
	case !isNumber:
		o.wrongType(name, "a decimal")
	case err != nil || v < low || v > high:
		o.complain(codeInvalidValue, o.at(name), "Invalid '%s': expected a value from %v to %v, but got %s instead.", o.at(name), low, high, n)
	}
	return v
}

func (o *object) oneOf(name string, values ...string) string {
	s := o.text(name)
	if o.err == nil && !contains(values, s) {
		o.complain(codeInvalidValue, o.at(name), "Invalid value: '%s'. Supported values are: %s.", s, quoted(values))
	}
	return s
}

// child returns an object member with its path set. It is never nil: after a
// complaint it is empty.
func (o *object) child(name string) *object {
	c, ok := o.member(name).(*object)
	if !ok {
		o.wrongType(name, "an object")
		c = &object{complaint: o.complaint}
	}
	c.path = o.at(name)
	return c
}

func (o *object) list(name string) []any {
	l, ok := o.member(name).([]any)
	if !ok {
		o.wrongType(name, "an array")
	}
	return l
}

// objects returns an array of objects with their paths set.
func (o *object) objects(name string) []*object {
	var out []*object
	for i, v := range o.list(name) {
		c, ok := v.(*object)
		if !ok {
			o.complain(codeInvalidType, index(o.at(name), i), "Invalid type for '%s': expected an object, but got %s instead.",
				index(o.at(name), i), kindOf(v))
			return nil
		}
		c.path = index(o.at(name), i)
		out = append(out, c)
	}
	return out
}

// texts returns an array of strings.
func (o *object) texts(name string) []string {
	var out []string
	for i, v := range o.list(name) {
		s, ok := v.(string)
		if !ok {
			o.complain(codeInvalidType, index(o.at(name), i), "Invalid type for '%s': expected a string, but got %s instead.",
				index(o.at(name), i), kindOf(v))
			return nil
		}
		out = append(out, s)
	}
	return out
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "a decimal number"
		}
		return "an integer"
	}
	return "an object"
}

// quoted lists values as the service does: 'a', 'b', and 'c'.
func quoted(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = "'" + v + "'"
	}
	if n := len(q) - 1; n > 0 {
		q[n] = "and " + q[n]
	}
	return strings.Join(q, ", ")
}
