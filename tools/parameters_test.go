package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// ran says whether the handler of a refused call ran: it must not.
func addMove(t testing.TB, r *Registry, ran *bool) {
	t.Helper()
	must(t, Add(r, "move_booking", "Moves a booking.", func(_ context.Context, _ *Call, in move) (move, error) {
		*ran = true
		return in, nil
	}))
}

func TestArgumentFaults(t *testing.T) {
	const ok = `"booking":"ABC123","day":"2026-12-01"`
	for _, tc := range []struct {
		arguments string
		want      string // after "…nothing was done: "
	}{
		{``, `booking is missing, it must be a string; day is missing, it must be a string`},
		{`  `, `booking is missing, it must be a string; day is missing, it must be a string`},
		{`{}`, `booking is missing, it must be a string; day is missing, it must be a string`},
		{`{`, `they are not valid JSON, at byte 1`},
		{`{` + ok + `} x`, `they are not valid JSON, at byte 41`},
		{`{'booking':1}`, `they are not valid JSON, at byte 2`},
		{`null`, `they must be a JSON object, not null`},
		{`[1]`, `they must be a JSON object, not a list`},
		{`"ABC123"`, `they must be a JSON object, not a string`},
		{`{` + ok + `,"guests":1e999}`, `a number in them is out of range`},
		{`{` + ok + `,"guests":"2"}`, `guests must be a whole number, not a string`},
		{`{` + ok + `,"guests":2.5}`, `guests must be a whole number, not a number`},
		{`{` + ok + `,"guests":0}`, `guests must be at least 1`},
		{`{` + ok + `,"guests":40}`, `guests must be at most 12`},
		{`{` + ok + `,"part":"noon"}`, `part must be one of "morning", "afternoon", "evening"`},
		{`{` + ok + `,"part":null}`, `part must be a string, not null; leave it out if there is none`},
		{`{` + ok + `,"Part":"morning"}`, `"Part" is not known, allowed are: booking, day, part, guests`},
		{`{` + ok + `,"4111111111111111":true}`, `a strange name is not known, allowed are: booking, day, part, guests`},
		{`{"booking":"abc","day":"2026-12-01"}`, `booking must match the pattern ^[A-Z0-9]{6}$`},
		{`{"booking":"ABC123","day":"2026-12-1"}`, `day must have at least 10 characters, it has 9`},
		{`{"booking":"ABC123","day":"2026-12-011"}`, `day must have at most 10 characters, it has 11`},
		{`{"booking":true,"part":5,"guests":13,"x":1}`, `day is missing, it must be a string; booking must be a string, not true or false; guests must be at most 12; part must be a string, not a number; "x" is not known, allowed are: booking, day, part, guests`},
		{strings.Repeat(" ", 65<<10), `they are 66560 bytes long, at most 65536 are allowed`},
	} {
		r, ran := NewRegistry(), false
		addMove(t, r, &ran)
		o := r.Run(t.Context(), Invocation{Name: "move_booking", Arguments: tc.arguments})
		want := "the arguments of move_booking were refused and nothing was done: " + tc.want
		if got := fault(t, o); got != want || o.Status != StatusInvalid || ran || o.Attempts != 0 || o.Ref != "" {
			t.Errorf("%.60s\n got %s (%s, ran %v, attempts %d)\nwant %s", tc.arguments, got, o.Status, ran, o.Attempts, want)
		}
		var fault *ArgumentError
		if !errors.As(o.Err, &fault) {
			t.Errorf("%.60s: error %v", tc.arguments, o.Err)
		}
	}
}

func TestArgumentsReachTheHandler(t *testing.T) {
	for _, tc := range []struct{ arguments, want string }{
		{`{"booking":"ABC123","day":"2026-12-01","part":"evening","guests":2}`, `{"booking":"ABC123","day":"2026-12-01","part":"evening","guests":2}`},
		{` {"booking":"ABC123","day":"äöü2026-12"} `, `{"booking":"ABC123","day":"äöü2026-12"}`},
		// A whole number for JSON Schema, not for encoding/json; models write it.
		{`{"booking":"ABC123","day":"2026-12-01","guests":2.0}`, `{"booking":"ABC123","day":"2026-12-01","guests":2}`},
		{`{"booking":"ABC123","day":"2026-12-01","guests":1e1}`, `{"booking":"ABC123","day":"2026-12-01","guests":10}`},
	} {
		r, ran := NewRegistry(), false
		addMove(t, r, &ran)
		o := r.Run(t.Context(), Invocation{Name: "move_booking", Arguments: tc.arguments})
		if o.Output != tc.want || !ran {
			t.Errorf("%s: %s %v", tc.arguments, o.Output, o.Err)
		}
	}
}

func TestEmptyArguments(t *testing.T) {
	r := NewRegistry()
	must(t, Add(r, "now", "", func(context.Context, *Call, struct{}) (string, error) { return "noon", nil }))
	for _, arguments := range []string{"", " \n", "{}"} {
		if o := r.Run(t.Context(), Invocation{Name: "now", Arguments: arguments}); o.Output != `{"result":"noon"}` || o.Arguments != "{}" {
			t.Errorf("%q: %+v", arguments, o)
		}
	}
	wantContains(t, fault(t, r.Run(t.Context(), Invocation{Name: "now", Arguments: `{"x":1}`})), "allowed are: none")
}

// What fits the schema but not the Go type is a fault of the arguments too, and must not show the value.
func TestDecodeFaults(t *testing.T) {
	type in struct {
		When  time.Time `json:"when,omitempty"`
		Count int64     `json:"count,omitempty"`
		Small *int8     `json:"small,omitempty"`
		List  []int64   `json:"list,omitempty"`
	}
	r, ran := NewRegistry(), false
	must(t, Add(r, "t", "", func(context.Context, *Call, in) (string, error) {
		ran = true
		return "", nil
	}))
	for _, tc := range []struct{ arguments, want string }{
		{`{"when":"soon4111"}`, "when must be a date and time such as 2026-12-01T15:04:05Z"},
		{`{"count":4111111111111111e9}`, "count is out of range"},
		{`{"list":[1,4111e40]}`, "list has a form that cannot be read"},
		{`{"small":4111}`, "small must be at most 127"},
	} {
		o := r.Run(t.Context(), Invocation{Name: "t", Arguments: tc.arguments})
		wantContains(t, fault(t, o), tc.want)
		wantNot(t, o.Output+o.Err.Error(), "4111")
		if o.Status != StatusInvalid || ran || o.Attempts != 0 {
			t.Errorf("%s: %+v", tc.arguments, o)
		}
	}
}

// Every keyword that a hand-written schema may use is explained, or at least refused with a text.
func TestExplainKeywords(t *testing.T) {
	for _, tc := range []struct{ member, value, want string }{
		{`{"const":5}`, `6`, `m must be 5`},
		{`{"enum":[1,"a",null]}`, `2`, `m must be one of 1, "a", null`},
		{`{"type":["string","integer"]}`, `true`, `m must be a string or a whole number, not true or false`},
		{`{"exclusiveMinimum":1}`, `1`, `m must be more than 1`},
		{`{"exclusiveMaximum":1.5}`, `1.5`, `m must be less than 1.5`},
		{`{"multipleOf":0.5}`, `0.7`, `m must be a multiple of 0.5`},
		{`{"type":"array","minItems":1}`, `[]`, `m must have at least 1 item, it has 0`},
		{`{"type":"array","maxItems":1}`, `[1,2]`, `m must have at most 1 item, it has 2`},
		{`{"type":"array","uniqueItems":true}`, `[1,{"a":[1]},{"a":[1]}]`, `m must not have two equal items`},
		{`{"type":"array","items":{"type":"string"}}`, `["a",1]`, `m[1] must be a string, not a number`},
		{`{"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"null"}}`, `["a",1]`, `m[1] must be null, not a number`},
		{`{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"boolean"}}}}}`, `{"a":{"b":1,"c":1}}`,
			`m.a.b must be true or false, not a number; m.a."c" is not known, allowed are: b`},
		{`{"type":"object","additionalProperties":{"type":"string"}}`, `{"k":1}`, `m."k" must be a string, not a number`},
		{`{"type":"object","patternProperties":{"^x_":{}},"additionalProperties":false}`, `{"x_a":1,"y":1}`, `m."y" is not known, allowed are: none`},
		{`{"allOf":[{"type":"string"},{"minLength":3}]}`, `"ab"`, `m must have at least 3 characters, it has 2`},
		{`{"anyOf":[{"type":"string"},{"type":"null"}]}`, `1`, `m does not have any of the allowed forms`},
		{`{"oneOf":[{"type":"string"},{"type":"null"}]}`, `1`, `m does not have one of the allowed forms`},
		{`{"oneOf":[{"type":"number"},{"minimum":1}]}`, `1`, `they do not fit the schema of the tool`},
		{`{"not":{"type":"string"}}`, `"a"`, `they do not fit the schema of the tool`},
		{`{"if":{"type":"string"},"then":{"minLength":2}}`, `"a"`, `they do not fit the schema of the tool`},
		{`false`, `1`, `they do not fit the schema of the tool`},
	} {
		p, err := parseParameters(json.RawMessage(`{"properties":{"m":` + tc.member + `}}`))
		must(t, err)
		_, err = p.check(`{"m":` + tc.value + `}`)
		var fault *ArgumentError
		if !errors.As(err, &fault) || strings.Join(fault.Faults, "; ") != tc.want {
			t.Errorf("%s with %s:\n got %v\nwant %s", tc.member, tc.value, err, tc.want)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	members := make([]string, 1000)
	for i := range members {
		members[i] = fmt.Sprintf(`"member%d":1`, i)
	}
	r, ran := NewRegistry(), false
	addMove(t, r, &ran)
	o := r.Run(t.Context(), Invocation{Name: "move_booking", Arguments: "{" + strings.Join(members, ",") + "}"})
	if text := fault(t, o); strings.Count(text, ";") != maxFaults-1 {
		t.Error(text)
	}
}

func TestParseParameters(t *testing.T) {
	for _, tc := range []struct{ schema, want string }{
		{``, `{"type":"object","properties":{},"additionalProperties":false}`},
		{`null`, `{"type":"object","properties":{},"additionalProperties":false}`},
		{`{}`, `{"type":"object","properties":{},"additionalProperties":false}`},
		{`{"type":"object","required":["order"],"properties":{"order":{"type":"string"}}}`,
			`{"type":"object","properties":{"order":{"type":"string"}},"required":["order"],"additionalProperties":false}`},
		{`{"properties":{"a":{"type":"array","items":{"properties":{"b":{}}}}}}`,
			`{"type":"object","properties":{"a":{"type":"array","items":{"properties":{"b":true},"additionalProperties":false}}},"additionalProperties":false}`},
		{`{"additionalProperties":true}`, `{"type":"object","properties":{},"additionalProperties":true}`},
		{`{"properties":{"a":{}},"anyOf":[{"required":["a"]}]}`, `{"type":"object","properties":{"a":true},"anyOf":[{"required":["a"]}]}`},
		{`{"x-note":1}`, `{"type":"object","properties":{},"additionalProperties":false,"x-note":1}`},
	} {
		p, err := parseParameters(json.RawMessage(tc.schema))
		if err != nil || string(p.text) != tc.want {
			t.Errorf("%s:\n got %s %v\nwant %s", tc.schema, text(p), err, tc.want)
		}
	}
}

func text(p *parameters) string {
	if p == nil {
		return "nothing"
	}
	return string(p.text)
}

func TestParseParametersRefuses(t *testing.T) {
	for _, tc := range []struct{ schema, want string }{
		{`[]`, "must be a JSON Schema object"},
		{`true`, "must be a JSON Schema object"},
		{`{`, "read parameters"},
		{`{"type":"string"}`, "of type object"},
		{`{"type":["object","null"]}`, "of type object"},
		{`{"requird":["a"]}`, `unknown keyword "requird"`},
		{`{"properties":{"a":{"typ":"string"}}}`, `parameters.properties.a: unknown keyword "typ"`},
		{`{"properties":{"a":{"type":"text"}}}`, `unknown type "text"`},
		{`{"properties":{"a":null}}`, `parameters.properties.a is null`},
		{`{"properties":{"a":{"anyOf":[null]}}}`, `parameters.properties.a.anyOf[0] is null`},
		{`{"$defs":{"a":{"$ref":"#/$defs/a"}},"properties":{"a":{"$ref":"#/$defs/a"}}}`, "references are not supported"},
		{`{"properties":{"a":{"$ref":"http://elsewhere/x"}}}`, "references are not supported"},
		{`{"properties":{"a":{"$dynamicRef":"#x"}}}`, "references are not supported"},
		{`{"properties":{"a":{"items":[{}]}}}`, "old draft"},
		{`{"$schema":"http://json-schema.org/draft-04/schema#"}`, "not JSON Schema 2020-12"},
		{`{"$id":"x"}`, "$id"},
		{`{"properties":{"a":{"multipleOf":0}}}`, "multipleOf"},
		{`{"properties":{"a":{"pattern":"(?=x)"}}}`, "parameters.properties.a: pattern"},
		{`{"properties":{"a":{}},"required":["b"]}`, `parameters: "b" is required but not listed`},
		{`{"properties":{"a":{"items":{"properties":{},"required":["b"]}}}}`, `parameters.properties.a.items: "b" is required but not listed`},
	} {
		if p, err := parseParameters(json.RawMessage(tc.schema)); err == nil {
			t.Errorf("%s accepted as %s", tc.schema, p.text)
		} else {
			wantContains(t, err.Error(), tc.want)
		}
	}
}
