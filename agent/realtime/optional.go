package realtime

import (
	"encoding/json"
	"errors"
	"reflect"
)

// Opt is a member that a JSON object may leave out, hold as null, or hold with a value. The three mean different
// things in session.update: leave unchanged, switch off, set. The zero value is "left out".
type Opt[T any] struct {
	value T
	state optState
}

type optState uint8

const (
	optAbsent optState = iota
	optNull
	optValue
)

// Some holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{value: v, state: optValue} }

// Null is an explicit JSON null.
func Null[T any]() Opt[T] { return Opt[T]{state: optNull} }

// Get returns the value, and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.state == optValue }

// Or returns the value, or fallback when the member is left out or null.
func (o Opt[T]) Or(fallback T) T {
	if o.state == optValue {
		return o.value
	}
	return fallback
}

// IsZero reports that the member is left out; it makes `omitzero` work.
func (o Opt[T]) IsZero() bool { return o.state == optAbsent }

// IsNull reports an explicit null.
func (o Opt[T]) IsNull() bool { return o.state == optNull }

// MarshalJSON writes the value, or null.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.state != optValue {
		return []byte("null"), nil
	}
	return appendJSON(nil, o.value)
}

// UnmarshalJSON reads null as null and anything else as a value. A value of another type than T is as good as none, and of
// one with odd members the others are kept: one odd member must not cost the whole event.
func (o *Opt[T]) UnmarshalJSON(data []byte) error {
	*o = Opt[T]{}
	if string(data) == "null" {
		o.state = optNull
		return nil
	}
	var v T
	err := json.Unmarshal(data, &v)
	if err == nil || !reflect.ValueOf(&v).Elem().IsZero() {
		*o = Some(v)
	}
	return unlessMistyped(err)
}

// unlessMistyped forgives a JSON value of an unexpected type. encoding/json has read all the rest by then.
func unlessMistyped(err error) error {
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		return nil
	}
	return err
}

// mapOpt turns the value inside an Opt; left out and null stay what they are.
func mapOpt[T, U any](o Opt[T], f func(T) U) Opt[U] {
	switch o.state {
	case optNull:
		return Null[U]()
	case optValue:
		return Some(f(o.value))
	}
	return Opt[U]{}
}
