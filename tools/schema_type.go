package tools

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// checkType refuses types whose JSON a schema cannot tell, at registration and with the remedy. What would happen
// otherwise: a Duration of 5 becomes five nanoseconds, a RawMessage is offered to the model as a list of bytes.
func checkType(t reflect.Type) error {
	return typeChecker{}.check(t)
}

// typeChecker holds the types that are being looked at, to find cycles.
type typeChecker map[reflect.Type]bool

func (c typeChecker) check(t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		return c.check(t.Elem())
	}
	if c[t] {
		return fmt.Errorf("type %s contains itself: a schema must end, so write out the levels that are needed", t)
	}
	if err := checkNamed(t); err != nil || isText(t) {
		return err
	}
	c[t] = true
	defer delete(c, t)
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return c.checkList(t)
	case reflect.Map:
		return c.checkMap(t)
	case reflect.Struct:
		return c.checkStruct(t)
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("type %s cannot be described to a model: use a struct, string, bool, number, list or map", t)
	}
	return nil
}

// checkNamed refuses types that read JSON in a way of their own.
func checkNamed(t reflect.Type) error {
	switch {
	case t == durationType:
		return errors.New("time.Duration would be read as nanoseconds: use a number with the unit in its name, such as delay_seconds")
	case t.PkgPath() == "encoding/json" && t.Name() == "RawMessage":
		return errors.New("json.RawMessage has no schema: use a struct or map[string]any")
	case t == numberType:
		return errors.New("json.Number is described as text: use int64 or float64")
	case t == timeType:
		return nil
	case reflect.PointerTo(t).Implements(jsonType):
		return fmt.Errorf("type %s has its own UnmarshalJSON, so its schema is unknown: use plain types, or UnmarshalText for text", t)
	}
	return nil
}

func (c typeChecker) checkList(t reflect.Type) error {
	if t.Elem().Kind() == reflect.Uint8 {
		return fmt.Errorf("%s would be base64 text: use string", t)
	}
	return c.check(t.Elem())
}

// checkMap allows map[string]any, the one place where anything goes.
func (c typeChecker) checkMap(t reflect.Type) error {
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textType) {
		return fmt.Errorf("%s: the keys of a JSON object are strings, use map[string]%s", t, t.Elem())
	}
	if t.Elem().Kind() == reflect.Interface && t.Elem().NumMethod() == 0 {
		return nil
	}
	return c.check(t.Elem())
}

func (c typeChecker) checkStruct(t reflect.Type) error {
	if err := checkEmbedded(t); err != nil {
		return err
	}
	var errs []error
	seen := map[string]bool{}
	for _, f := range fieldsOf(t) {
		err := checkField(f)
		if err == nil && seen[f.name] {
			err = fmt.Errorf("there is another field with the JSON name %q", f.name)
		}
		if err == nil {
			err = c.check(f.Type)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("field %s.%s: %w", t, f.Name, err))
		}
		seen[f.name] = true
	}
	return errors.Join(errs...)
}

// checkEmbedded allows embedded structs, whose fields are promoted. The other forms mean one thing to encoding/json and
// another to the schema library.
func checkEmbedded(t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && (f.Type.Kind() != reflect.Struct || name != "") {
			return fmt.Errorf("field %s.%s: only structs without a pointer and without a json name can be embedded, give it a field name", t, f.Name)
		}
		if f.Anonymous {
			if err := checkPromoted(t, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPromoted refuses arguments of an embedded struct that Go hides behind another field, or behind the struct's own name:
// the schema has none of them, and encoding/json goes by other names and fills them. A field that takes the place of one
// with the same JSON name hides it from both.
func checkPromoted(t reflect.Type, embedded reflect.StructField) error {
	for _, f := range fieldsOf(embedded.Type) {
		seen, _ := t.FieldByName(f.Name)
		if slices.Equal(seen.Index, append(slices.Clone(embedded.Index), f.Index...)) || !seen.Anonymous && jsonName(seen) == f.name {
			continue
		}
		return fmt.Errorf("field %s.%s.%s: another field of this name hides it, and with it the argument %q: rename one",
			t, embedded.Name, f.Name, f.name)
	}
	return nil
}

var (
	memberPattern  = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	tagWordPattern = regexp.MustCompile(`^[^ \t\n]*=`)
)

func checkField(f field) error {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	about, hasAbout := f.Tag.Lookup("jsonschema")
	switch {
	case !memberPattern.MatchString(f.name):
		return fmt.Errorf("the JSON name %q has other characters than letters, digits, _ - . or is too long", f.name)
	case strings.Contains(","+options+",", ",string,"):
		return errors.New(`the json option "string" asks for numbers in quotes: leave it out`)
	case hasAbout && about == "":
		return errors.New("the jsonschema tag is empty: leave it out or describe the field")
	case tagWordPattern.MatchString(about):
		return fmt.Errorf("the jsonschema tag is the description alone, without a WORD= in front: enum, min, max and pattern have their own tags")
	}
	return nil
}
