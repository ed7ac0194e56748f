package tools

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

const (
	maxFaults  = 5  // more would not be read
	maxChoices = 30 // of an enum or a list of members
)

// The schema library judges; it reports the first fault only, in its own terms, and quotes values. explain looks again at
// arguments that were refused and says everything that is wrong in words a model can act on.
type explainer struct{ faults []string }

// explain lists what is wrong with v, a value that s refuses; at least one fault, at most maxFaults.
func explain(s *jsonschema.Schema, v any) []string {
	e := &explainer{}
	e.value("", s, v)
	if len(e.faults) == 0 {
		// A keyword that is not explained, such as if/then: the model has the schema.
		return []string{"they do not fit the schema of the tool"}
	}
	return e.faults[:min(len(e.faults), maxFaults)]
}

// argumentText is the whole message for the model.
func argumentText(name string, e *ArgumentError) string {
	return fmt.Sprintf("the arguments of %s were refused and nothing was done: %s", name, strings.Join(e.Faults, "; "))
}

func (e *explainer) add(path, format string, args ...any) {
	if path == "" {
		path = "the object"
	}
	e.faults = append(e.faults, path+" "+fmt.Sprintf(format, args...))
}

func (e *explainer) value(path string, s *jsonschema.Schema, v any) {
	if !hasType(s, v) {
		hint := ""
		if v == nil {
			hint = "; leave it out if there is none"
		}
		e.add(path, "must be %s, not %s%s", typeWords(s), kindOf(v), hint)
		return
	}
	if s.Enum != nil && !slices.ContainsFunc(s.Enum, func(c any) bool { return jsonschema.Equal(c, v) }) {
		e.add(path, "must be one of %s", choices(s.Enum))
	}
	if s.Const != nil && !jsonschema.Equal(*s.Const, v) {
		e.add(path, "must be %s", choices([]any{*s.Const}))
	}
	switch v := v.(type) {
	case string:
		e.text(path, s, v)
	case float64:
		e.number(path, s, v)
	case []any:
		e.list(path, s, v)
	case map[string]any:
		e.object(path, s, v)
	}
	e.logic(path, s, v)
}

func (e *explainer) text(path string, s *jsonschema.Schema, v string) {
	n := utf8.RuneCountInString(v)
	if s.MinLength != nil && n < *s.MinLength {
		e.add(path, "must have at least %s, it has %d", count(*s.MinLength, "character"), n)
	}
	if s.MaxLength != nil && n > *s.MaxLength {
		e.add(path, "must have at most %s, it has %d", count(*s.MaxLength, "character"), n)
	}
	if s.Pattern == "" {
		return
	}
	if re, err := regexp.Compile(s.Pattern); err == nil && !re.MatchString(v) {
		e.add(path, "must match the pattern %s", s.Pattern)
	}
}

func (e *explainer) number(path string, s *jsonschema.Schema, v float64) {
	bound := func(limit *float64, bad func(limit float64) bool, words string) {
		if limit != nil && bad(*limit) {
			e.add(path, "must be %s %s", words, strconv.FormatFloat(*limit, 'f', -1, 64))
		}
	}
	bound(s.Minimum, func(l float64) bool { return v < l }, "at least")
	bound(s.Maximum, func(l float64) bool { return v > l }, "at most")
	bound(s.ExclusiveMinimum, func(l float64) bool { return v <= l }, "more than")
	bound(s.ExclusiveMaximum, func(l float64) bool { return v >= l }, "less than")
	bound(s.MultipleOf, func(l float64) bool { return v/l != math.Trunc(v/l) }, "a multiple of")
}

func (e *explainer) list(path string, s *jsonschema.Schema, v []any) {
	if s.MinItems != nil && len(v) < *s.MinItems {
		e.add(path, "must have at least %s, it has %d", count(*s.MinItems, "item"), len(v))
	}
	if s.MaxItems != nil && len(v) > *s.MaxItems {
		e.add(path, "must have at most %s, it has %d", count(*s.MaxItems, "item"), len(v))
	}
	if s.UniqueItems && hasTwins(v) {
		e.add(path, "must not have two equal items")
	}
	if s.Items == nil {
		return
	}
	for i, item := range v {
		if i >= len(s.PrefixItems) && len(e.faults) < maxFaults {
			e.value(fmt.Sprintf("%s[%d]", path, i), s.Items, item)
		}
	}
}

// hasTwins compares the items' JSON, where equal values have equal texts: the list is the model's, and comparing each item
// with each would take minutes for a long one.
func hasTwins(v []any) bool {
	seen := make(map[string]bool, len(v))
	for _, item := range v {
		b, err := json.Marshal(item)
		if err == nil && seen[string(b)] {
			return true
		}
		seen[string(b)] = true
	}
	return false
}

func (e *explainer) object(path string, s *jsonschema.Schema, v map[string]any) {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			e.add(join(path, name), "is missing, it must be %s", typeWords(s.Properties[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch p := s.Properties[name]; {
		case len(e.faults) >= maxFaults:
			return
		case p != nil:
			e.value(join(path, name), p, v[name])
		case matchesPattern(s, name):
		case isFalse(s.AdditionalProperties):
			e.add(join(path, madeUp(name)), "is not known, allowed are: %s", members(s))
		case s.AdditionalProperties != nil:
			e.value(join(path, madeUp(name)), s.AdditionalProperties, v[name])
		}
	}
}

// logic explains the parts of a schema that combine others. Which of several forms the model meant cannot be known.
func (e *explainer) logic(path string, s *jsonschema.Schema, v any) {
	for _, sub := range s.AllOf {
		e.value(path, sub, v)
	}
	fits := func(sub *jsonschema.Schema) bool {
		probe := &explainer{}
		probe.value("", sub, v)
		return len(probe.faults) == 0
	}
	if s.AnyOf != nil && !slices.ContainsFunc(s.AnyOf, fits) {
		e.add(path, "does not have any of the allowed forms")
	}
	if s.OneOf != nil && !slices.ContainsFunc(s.OneOf, fits) {
		e.add(path, "does not have one of the allowed forms")
	}
}

// hasType says whether v has a type that s allows.
func hasType(s *jsonschema.Schema, v any) bool {
	types := typesOf(s)
	if len(types) == 0 {
		return true
	}
	return slices.ContainsFunc(types, func(name string) bool { return isType(name, v) })
}

func isType(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	}
	return name == "object"
}

func typesOf(s *jsonschema.Schema) []string {
	switch {
	case s == nil:
		return nil
	case s.Type != "":
		return []string{s.Type}
	}
	return s.Types
}

// typeName words the types of JSON Schema.
var typeName = map[string]string{
	"string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
	"array": "a list", "object": "an object", "null": "null",
}

func typeWords(s *jsonschema.Schema) string {
	var words []string
	for _, t := range typesOf(s) {
		words = append(words, typeName[t])
	}
	if len(words) == 0 {
		return "a value"
	}
	return strings.Join(words, " or ")
}

// kindOf words what a value is.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a string"
	case float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// choices lists values of the schema, never of the model.
func choices(values []any) string {
	var list []string
	for _, v := range values {
		b, err := json.Marshal(v)
		if err == nil {
			list = append(list, string(b))
		}
	}
	return shortList(list)
}

// members lists what an object may hold, in the order of the schema.
func members(s *jsonschema.Schema) string {
	if s.PropertyOrder != nil {
		return shortList(s.PropertyOrder)
	}
	return shortList(slices.Sorted(maps.Keys(s.Properties)))
}

func shortList(list []string) string {
	if len(list) > maxChoices {
		list = append(slices.Clone(list[:maxChoices]), "…")
	}
	return orNone(list)
}

func matchesPattern(s *jsonschema.Schema, name string) bool {
	for pattern := range s.PatternProperties {
		if ok, err := regexp.MatchString(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// oddName stands for a name that is not repeated.
const oddName = "a strange name"

// madeUp quotes a name that the model made up, if it looks like a name: a model that puts a card number in the place of a
// name must not bring it into a log.
func madeUp(name string) string {
	if name == "" || len(name) > maxName || '0' <= name[0] && name[0] <= '9' {
		return oddName
	}
	for _, c := range []byte(name) {
		if !isWordByte(c) && c != '-' && c != '.' {
			return oddName
		}
	}
	return strconv.Quote(name)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
