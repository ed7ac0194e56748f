package tools

import (
	"strings"
	"testing"
)

func TestHangUp(t *testing.T) {
	r, line := NewRegistry(), &cutter{}
	must(t, AddBuiltins(r))
	for _, tc := range []struct {
		arguments string
		status    Status
		effect    Effect
		reason    string
	}{
		{``, StatusOK, HangUp, ""},
		{`{}`, StatusOK, HangUp, ""},
		{`{"reason":"caller said goodbye"}`, StatusOK, HangUp, "caller said goodbye"},
		{`{"reason":5}`, StatusInvalid, NoEffect, ""},
		{`{"why":"x"}`, StatusInvalid, NoEffect, ""},
		{`{"reason":"` + strings.Repeat("x", 201) + `"}`, StatusInvalid, NoEffect, ""},
	} {
		o := r.Run(t.Context(), Invocation{Name: "hang_up", Arguments: tc.arguments, Call: &Call{Control: line}})
		if o.Status != tc.status || o.Effect != tc.effect || o.Reason != tc.reason {
			t.Errorf("%.40s: %+v", tc.arguments, o)
		}
	}
	if line.reason != "" {
		t.Error("hang_up cut the call itself")
	}
	if err := AddBuiltins(r); err == nil || !strings.Contains(err.Error(), `"hang_up"`) {
		t.Errorf("added twice: %v", err)
	}
}

func TestHangUpDefinition(t *testing.T) {
	r := NewRegistry()
	must(t, AddBuiltins(r))
	defs, err := r.Describe([]string{"hang_up"})
	must(t, err)
	want := `{"type":"object","properties":{"reason":{"type":"string","description":"why the call ends, in a few words, for the record","maxLength":200}},"additionalProperties":false}`
	if string(defs[0].Parameters) != want || defs[0].Description == "" {
		t.Errorf("got %s", defs[0].Parameters)
	}
}
