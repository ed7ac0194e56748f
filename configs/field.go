package configs

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// field is a member of a configuration struct, as its tags describe it:
//
//	yaml:"name"        the key; ",inline" takes in the members of an embedded struct; "-" hides the field
//	default:"5s"       what it is when nobody sets it; lists with commas
//	enum:"a|b"         the only values allowed
//	min:"1" max:"9"    bounds, both included
//	required:"what"    may not be left out; the tag says what is missing
//
// Static.
type field struct {
	name     string
	index    []int
	def      string
	enum     []string
	min, max string
	required string
}

var fieldCache sync.Map // reflect.Type → []field

// fieldsOf lists the members of the struct type t in the order they are declared.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]field)
	}
	var all []field
	for i := range t.NumField() {
		all = append(all, membersOf(t.Field(i))...)
	}
	fieldCache.Store(t, all)
	return all
}

// membersOf is sf as a field, the fields of an inlined struct, or nothing.
func membersOf(sf reflect.StructField) []field {
	name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
	if !sf.IsExported() || name == "-" {
		return nil
	}
	if options == "inline" {
		inner := fieldsOf(sf.Type)
		all := make([]field, len(inner))
		for i, f := range inner {
			all[i] = f
			all[i].index = append([]int{sf.Index[0]}, f.index...)
		}
		return all
	}
	if name == "" {
		name = strings.ToLower(sf.Name)
	}
	f := field{name: name, index: sf.Index, def: sf.Tag.Get("default"), min: sf.Tag.Get("min"), max: sf.Tag.Get("max"),
		required: sf.Tag.Get("required")}
	if enum := sf.Tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, "|")
	}
	return []field{f}
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// setDefaults fills the struct v, whose members are zero, with its defaults. Blocks behind pointers stay absent.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		member := v.FieldByIndex(f.index)
		switch {
		case f.def != "":
			if err := setText(member, &f, f.def); err != nil {
				panic(fmt.Sprintf("configs: default of %s in %s: %v", f.name, v.Type(), err)) // a test sets every default
			}
		case member.Kind() == reflect.Struct && !isScalar(member.Type()):
			setDefaults(member)
		}
	}
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
	jsonType     = reflect.TypeFor[json.RawMessage]()
	secretTypes  = map[reflect.Type]bool{reflect.TypeFor[Secret](): true, reflect.TypeFor[URL](): true}
)

// isScalar reports whether values of t are written as one text. A pointer to such a type is one that may be unset.
func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(textType) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	}
	return false
}

// isScalarList reports whether t is a list of scalars.
func isScalarList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t != jsonType && isScalar(t.Elem())
}

// setText sets v from the text of a file, of an environment variable or of a flag. Lists take commas. An error is of
// type wrong unless it comes from another package's UnmarshalText.
func setText(v reflect.Value, f *field, text string) error {
	if isScalarList(v.Type()) {
		return setList(v, f, text)
	}
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		if err := setText(fresh.Elem(), f, text); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	}
	fresh := reflect.New(v.Type()).Elem()
	if err := setPlain(fresh, text); err != nil {
		return err
	}
	if err := f.allows(fresh, text); err != nil {
		return err
	}
	v.Set(fresh)
	return nil
}

func setList(v reflect.Value, f *field, text string) error {
	parts := strings.Split(text, ",")
	fresh := reflect.MakeSlice(v.Type(), len(parts), len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		err := setText(fresh.Index(i), f, part)
		var w wrong
		if errors.As(err, &w) {
			w.part = part
			return w
		}
		if err != nil {
			return err
		}
	}
	v.Set(fresh)
	return nil
}

func setPlain(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		var d Duration
		err := d.UnmarshalText([]byte(text))
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return wrong{want: "must be true or false"}
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil || strconv.FormatInt(n, 10) != text {
			return wrong{want: "must be a whole number"}
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n-n != 0 { // the difference is NaN for infinities and NaN
			return wrong{want: "must be a number"}
		}
		v.SetFloat(n)
	}
	return nil
}

// allows checks v, just set from text, against the enumeration and the bounds.
func (f *field) allows(v reflect.Value, text string) error {
	if len(f.enum) > 0 {
		for _, e := range f.enum {
			if text == e {
				return nil
			}
		}
		return wrong{want: "must be " + list(f.enum, "or"), hint: didYouMean(text, f.enum)}
	}
	if f.min != "" && compare(v, f.min) < 0 || f.max != "" && compare(v, f.max) > 0 {
		return wrong{want: "must be " + f.bounds()}
	}
	return nil
}

func (f *field) bounds() string {
	switch {
	case f.max == "":
		return f.min + " or more"
	case f.min == "":
		return f.max + " or less"
	}
	return "between " + f.min + " and " + f.max
}

// compare is the sign of v minus bound, which is written like a value of v's type.
func compare(v reflect.Value, bound string) int {
	limit := reflect.New(v.Type()).Elem()
	if err := setPlain(limit, bound); err != nil {
		panic(fmt.Sprintf("configs: bound %q of type %s: %v", bound, v.Type(), err))
	}
	a, b := number(v), number(limit)
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func number(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}
