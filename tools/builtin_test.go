package tools

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

func TestCurrentTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 00:00 UTC in here
		r := NewRegistry()
		must(t, AddBuiltins(r))
		berlin, err := time.LoadLocation("Europe/Berlin")
		must(t, err)
		for _, tc := range []struct {
			zone            *time.Location
			arguments, want string
		}{
			{nil, ``, `{"date":"2000-01-01","time":"00:00","time_zone":"UTC","utc_offset":"+00:00","weekday":"Saturday"}`},
			{berlin, ``, `{"date":"2000-01-01","time":"01:00","time_zone":"Europe/Berlin","utc_offset":"+01:00","weekday":"Saturday"}`},
			{berlin, `{"time_zone":"America/New_York"}`, `{"date":"1999-12-31","time":"19:00","time_zone":"America/New_York","utc_offset":"-05:00","weekday":"Friday"}`},
			{berlin, `{"time_zone":"Mars/Base"}`, `{"error":"there is no time zone \"Mars/Base\"; write one such as Europe/Berlin"}`},
			{berlin, `{"time_zone":"Local"}`, `{"error":"there is no time zone \"Local\"; write one such as Europe/Berlin"}`},
		} {
			o := r.Run(t.Context(), Invocation{Name: "current_time", Arguments: tc.arguments, Call: &Call{TimeZone: tc.zone}})
			if o.Output != tc.want {
				t.Errorf("%v %s: %s", tc.zone, tc.arguments, o.Output)
			}
		}
	})
}

func TestNotesAndKeys(t *testing.T) {
	for _, tc := range []struct {
		name, arguments string
		status          Status
		effect          Effect
		reason, target  string
		pressed         string
	}{
		{"leave_note", `{"text":"Call back on Monday.","tag":"callback"}`, StatusOK, Note, "Call back on Monday.", "callback", ""},
		{"leave_note", `{"text":"x"}`, StatusOK, Note, "x", "", ""},
		{"leave_note", `{"text":""}`, StatusInvalid, NoEffect, "", "", ""},
		{"leave_note", `{"text":"x","tag":"two words"}`, StatusInvalid, NoEffect, "", "", ""},
		{"escalate", `{"reason":"A threat."}`, StatusOK, Escalate, "A threat.", "", ""},
		{"escalate", `{}`, StatusInvalid, NoEffect, "", "", ""},
		{"send_digits", `{"digits":"12#*A"}`, StatusOK, NoEffect, "", "", "12#*A"},
		{"send_digits", `{"digits":"12w"}`, StatusInvalid, NoEffect, "", "", ""},
		{"send_digits", `{"digits":""}`, StatusInvalid, NoEffect, "", "", ""},
		{"collect_digits", `{"min":9,"max":3}`, StatusToolError, NoEffect, "", "", ""},
		{"collect_digits", `{"max":1}`, StatusOK, NoEffect, "", "", ""},
	} {
		r, line := NewRegistry(), &cutter{}
		must(t, AddBuiltins(r))
		o := r.Run(t.Context(), Invocation{Name: tc.name, Arguments: tc.arguments, Call: &Call{Control: line}})
		if o.Status != tc.status || o.Effect != tc.effect || o.Reason != tc.reason || o.Target != tc.target || line.pressed != tc.pressed {
			t.Errorf("%s %s: %+v, pressed %q", tc.name, tc.arguments, o, line.pressed)
		}
	}
}

func TestBuiltinsAreWhatTheyAreSaidToBe(t *testing.T) {
	r := NewRegistry()
	must(t, AddBuiltins(r))
	if !slices.Equal(r.Names(), Builtins()) {
		t.Errorf("added %q, named %q", r.Names(), Builtins())
	}
}
