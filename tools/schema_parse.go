package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// parseParameters reads a JSON Schema that somebody wrote by hand. It is read strictly, since a misspelt keyword would
// simply not be enforced, and written out again by our own encoder: servers refuse a session for a bad definition.
//
// An object that lists its properties and does not say otherwise allows no others. $ref is refused: models read schemas
// better without, and cycles cannot arise.
func parseParameters(raw json.RawMessage) (*parameters, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage(`{"type":"object"}`)
	}
	if raw[0] != '{' {
		return nil, errors.New("parameters must be a JSON Schema object")
	}
	s := &jsonschema.Schema{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	if s.Type == "" && s.Types == nil {
		s.Type = "object"
	}
	if s.Type != "object" {
		return nil, errors.New("parameters must be of type object: the arguments of a function are named")
	}
	if err := eachSchema("parameters", s, checkSchema); err != nil {
		return nil, err
	}
	if s.Properties == nil {
		s.Properties = map[string]*jsonschema.Schema{}
	}
	closeObjects(s)
	if err := eachSchema("parameters", s, checkRequired); err != nil {
		return nil, err
	}
	return newParameters(s)
}

// eachSchema calls fn for s and every schema inside it, with a path for messages.
func eachSchema(path string, s *jsonschema.Schema, fn func(path string, s *jsonschema.Schema) error) error {
	if s == nil {
		return fmt.Errorf("%s is null, not a schema", path)
	}
	if err := fn(path, s); err != nil {
		return err
	}
	for _, sub := range subschemas(s) {
		if err := eachSchema(path+"."+sub.name, sub.schema, fn); err != nil {
			return err
		}
	}
	return nil
}

type subschema struct {
	name   string
	schema *jsonschema.Schema
}

// subschemas lists the schemas directly inside s. Keywords that checkSchema refuses are not followed.
func subschemas(s *jsonschema.Schema) []subschema {
	var list []subschema
	one := func(name string, sub *jsonschema.Schema) {
		if sub != nil {
			list = append(list, subschema{name, sub})
		}
	}
	many := func(name string, subs []*jsonschema.Schema) {
		for i, sub := range subs {
			list = append(list, subschema{fmt.Sprintf("%s[%d]", name, i), sub})
		}
	}
	named := func(name string, subs map[string]*jsonschema.Schema) {
		for _, key := range slices.Sorted(maps.Keys(subs)) {
			list = append(list, subschema{name + "." + key, subs[key]})
		}
	}
	named("properties", s.Properties)
	named("patternProperties", s.PatternProperties)
	named("dependentSchemas", s.DependentSchemas)
	one("additionalProperties", s.AdditionalProperties)
	one("propertyNames", s.PropertyNames)
	one("unevaluatedProperties", s.UnevaluatedProperties)
	one("items", s.Items)
	many("prefixItems", s.PrefixItems)
	one("contains", s.Contains)
	one("unevaluatedItems", s.UnevaluatedItems)
	many("allOf", s.AllOf)
	many("anyOf", s.AnyOf)
	many("oneOf", s.OneOf)
	one("not", s.Not)
	one("if", s.If)
	one("then", s.Then)
	one("else", s.Else)
	return list
}

// checkSchema refuses what is misspelt, cannot be checked, or could never be fulfilled.
func checkSchema(path string, s *jsonschema.Schema) error {
	for key := range s.Extra {
		if !strings.HasPrefix(key, "x-") {
			return fmt.Errorf("%s: unknown keyword %q", path, key)
		}
	}
	for _, t := range typesOf(s) {
		if typeName[t] == "" {
			return fmt.Errorf("%s: unknown type %q", path, t)
		}
	}
	switch {
	case s.Ref != "" || s.DynamicRef != "" || s.Defs != nil || s.Definitions != nil:
		return fmt.Errorf("%s: references are not supported, write the schema out", path)
	case s.ItemsArray != nil || s.AdditionalItems != nil || s.DependencySchemas != nil || s.DependencyStrings != nil:
		return fmt.Errorf("%s: keyword of an old draft, use those of JSON Schema 2020-12", path)
	case s.Schema != "" && s.Schema != "https://json-schema.org/draft/2020-12/schema":
		return fmt.Errorf("%s: $schema %q is not JSON Schema 2020-12", path, s.Schema)
	case s.ID != "" || s.Anchor != "" || s.DynamicAnchor != "":
		return fmt.Errorf("%s: $id and $anchor are of no use without references, leave them out", path)
	case s.MultipleOf != nil && *s.MultipleOf <= 0:
		return fmt.Errorf("%s: multipleOf must be above 0", path)
	}
	return checkPattern(path, s)
}

func checkPattern(path string, s *jsonschema.Schema) error {
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return fmt.Errorf("%s: pattern: %w", path, err)
	}
	return nil
}

// checkRequired finds members that must be there and may not.
func checkRequired(path string, s *jsonschema.Schema) error {
	for _, name := range s.Required {
		if s.Properties[name] == nil && s.PatternProperties == nil && isFalse(s.AdditionalProperties) {
			return fmt.Errorf("%s: %q is required but not listed in properties", path, name)
		}
	}
	return nil
}

// closeObjects sets additionalProperties to false where nothing is said about further members. It does not look into
// allOf, anyOf and the like, nor at objects that have them: there a member may be listed in another branch.
func closeObjects(s *jsonschema.Schema) {
	if s.Properties != nil && !isOpen(s) {
		s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}} // how the library writes false
	}
	for _, p := range s.Properties {
		closeObjects(p)
	}
	for _, p := range slices.Concat(s.PrefixItems, []*jsonschema.Schema{s.Items}) {
		if p != nil {
			closeObjects(p)
		}
	}
}

func isOpen(s *jsonschema.Schema) bool {
	return s.AdditionalProperties != nil || s.PatternProperties != nil || s.UnevaluatedProperties != nil ||
		s.AllOf != nil || s.AnyOf != nil || s.OneOf != nil || s.If != nil || s.DependentSchemas != nil
}

// isObject says whether s speaks of the members of an object.
func isObject(s *jsonschema.Schema) bool {
	return s.Properties != nil || slices.Contains(typesOf(s), "object")
}

// isFalse says whether s refuses everything: how the library reads and writes false.
func isFalse(s *jsonschema.Schema) bool {
	if s == nil || s.Not == nil {
		return false
	}
	b, err := json.Marshal(s)
	return err == nil && string(b) == "false"
}
