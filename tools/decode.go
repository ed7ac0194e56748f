package tools

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// decode turns checked arguments into the handler's type. JSON that fits a schema may still not fit Go: 1e30 is an
// integer, and "soon" is a string but no time.
func decode[In any](args json.RawMessage) (In, error) {
	var in In
	if json.Unmarshal(args, &in) == nil {
		return in, nil
	}
	var again In
	whole, err := wholeNumbers(args)
	if err == nil && json.Unmarshal(whole, &again) == nil {
		return again, nil
	}
	var none In
	return none, blame(reflect.TypeFor[In](), args)
}

// wholeNumbers writes numbers such as 2.0 and 1e3 as integers: for JSON Schema they are, for encoding/json they are not,
// and models do write them.
func wholeNumbers(args json.RawMessage) (json.RawMessage, error) {
	v, err := decodeNumbers(args)
	if err != nil {
		return nil, err
	}
	return marshal(rewriteNumbers(v))
}

func rewriteNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return wholeNumber(v)
	case map[string]any:
		for k, e := range v {
			v[k] = rewriteNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = rewriteNumbers(e)
		}
	}
	return v
}

// wholeNumber rewrites n if it is an integer that a float64 holds exactly.
func wholeNumber(n json.Number) json.Number {
	if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return n
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return n
	}
	return json.Number(strconv.FormatInt(int64(f), 10))
}

// blame finds the member that does not fit its Go type. Errors of encoding/json quote values, so the words are ours.
func blame(t reflect.Type, args json.RawMessage) error {
	var members map[string]json.RawMessage
	if json.Unmarshal(args, &members) != nil || t.Kind() != reflect.Struct {
		return argumentFault("a value in them cannot be read")
	}
	types := map[string]reflect.Type{}
	for _, f := range fieldsOf(t) {
		types[f.name] = f.Type
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		ft := types[name]
		if ft != nil && json.Unmarshal(members[name], reflect.New(ft).Interface()) != nil {
			return argumentFault("%s %s", name, unfit(ft))
		}
	}
	return argumentFault("a value in them cannot be read")
}

// unfit says what a value that fits the schema but not the type must look like.
func unfit(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == timeType:
		return "must be a date and time such as 2026-12-01T15:04:05Z"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		return "is out of range"
	}
	return "has a form that cannot be read"
}
