package tools

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType     = reflect.TypeFor[json.Unmarshaler]()
)

// inferParameters makes the schema of a struct or map. The library infers it; what is done here is to refuse, first, the
// types for which its schema and encoding/json disagree, then to add the tags and to drop the null that it allows for
// pointers and lists: a model that is offered null sends it.
func inferParameters(t reflect.Type) (*parameters, error) {
	if err := checkType(t); err != nil {
		return nil, err
	}
	if isText(t) {
		return nil, fmt.Errorf("arguments of type %s would be text: use a struct, one field for each argument", t)
	}
	texts := map[reflect.Type]*jsonschema.Schema{timeType: {Type: "string", Format: "date-time"}}
	eachText(t, func(t reflect.Type) {
		if t != timeType {
			texts[t] = &jsonschema.Schema{Type: "string"}
		}
	})
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: texts})
	if err != nil {
		return nil, fmt.Errorf("infer the schema of %s: %w", t, err)
	}
	if err := refine(t, s); err != nil {
		return nil, err
	}
	return newParameters(s)
}

// field is one argument: a field that encoding/json fills.
type field struct {
	reflect.StructField
	name     string // in JSON
	optional bool
}

// fieldsOf lists the arguments of a struct in order, promoted ones included.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for _, f := range reflect.VisibleFields(t) {
		_, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		options := strings.Split(rest, ",")
		optional := slices.Contains(options, "omitempty") || slices.Contains(options, "omitzero")
		list = append(list, field{f, jsonName(f), optional || f.Type.Kind() == reflect.Pointer})
	}
	return list
}

// jsonName is what encoding/json calls a field.
func jsonName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return f.Name
}

// isText says whether a value of t is written as a JSON string that the type reads by itself.
func isText(t reflect.Type) bool {
	return t == timeType || !reflect.PointerTo(t).Implements(jsonType) && reflect.PointerTo(t).Implements(textType)
}

// eachText calls fn for every text type in t, which checkType has found free of cycles.
func eachText(t reflect.Type, fn func(reflect.Type)) {
	if t.Kind() != reflect.Pointer && isText(t) {
		fn(t)
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		eachText(t.Elem(), fn)
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			eachText(f.Type, fn)
		}
	}
}

// refine drops null and adds what the tags say.
func refine(t reflect.Type, s *jsonschema.Schema) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if i := slices.Index(s.Types, "null"); i >= 0 && len(s.Types) == 2 {
		s.Type, s.Types = s.Types[1-i], nil
	}
	switch {
	case isText(t):
		return nil
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return refine(t.Elem(), s.Items)
	case t.Kind() == reflect.Map:
		return refine(t.Elem(), s.AdditionalProperties)
	case t.Kind() == reflect.Struct:
		return refineFields(t, s)
	}
	return nil
}

func refineFields(t reflect.Type, s *jsonschema.Schema) error {
	s.Required = nil
	var errs []error
	for _, f := range fieldsOf(t) {
		p := s.Properties[f.name]
		err := refine(f.Type, p)
		if err == nil {
			err = applyTags(f.Tag, p)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("field %s.%s: %w", t, f.Name, err))
		}
		if !f.optional {
			s.Required = append(s.Required, f.name)
		}
	}
	return errors.Join(errs...)
}
