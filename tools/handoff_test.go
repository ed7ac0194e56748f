package tools

import (
	"strings"
	"testing"
)

func TestHandOff(t *testing.T) {
	r := NewRegistry()
	must(t, AddHandOff(r, "billing", "sales-2"))
	for _, tc := range []struct {
		arguments      string
		status         Status
		effect         Effect
		target, reason string
	}{
		{`{"agent":"billing"}`, StatusOK, HandOff, "billing", ""},
		{`{"agent":"sales-2","reason":"wants to buy"}`, StatusOK, HandOff, "sales-2", "wants to buy"},
		{`{}`, StatusInvalid, NoEffect, "", ""},
		{``, StatusInvalid, NoEffect, "", ""},
		{`{"agent":"nobody"}`, StatusInvalid, NoEffect, "", ""},
		{`{"agent":"billing","to":"x"}`, StatusInvalid, NoEffect, "", ""},
		{`{"agent":"billing","reason":"` + strings.Repeat("x", 201) + `"}`, StatusInvalid, NoEffect, "", ""},
	} {
		o := r.Run(t.Context(), Invocation{Name: "hand_off", Arguments: tc.arguments})
		if o.Status != tc.status || o.Effect != tc.effect || o.Target != tc.target || o.Reason != tc.reason {
			t.Errorf("%.40s: %+v", tc.arguments, o)
		}
	}
}

func TestHandOffDefinition(t *testing.T) {
	r := NewRegistry()
	must(t, AddHandOff(r, "billing", "sales"))
	defs, err := r.Describe([]string{"hand_off"})
	must(t, err)
	want := `{"type":"object","properties":{"agent":{"type":"string","description":"who takes the call over","enum":["billing","sales"]},` +
		`"reason":{"type":"string","description":"why, and what the other agent should do, in a few words","maxLength":200}},` +
		`"required":["agent"],"additionalProperties":false}`
	if string(defs[0].Parameters) != want || defs[0].Description == "" {
		t.Errorf("got %s", defs[0].Parameters)
	}
}

// TestHandOffBelongsToOneAgent: the registry that the others share does not get it.
func TestHandOffBelongsToOneAgent(t *testing.T) {
	shared := NewRegistry()
	must(t, AddBuiltins(shared))
	own, err := shared.Subset("hang_up")
	must(t, err)
	must(t, AddHandOff(own, "billing"))
	if _, ok := shared.Info("hand_off"); ok {
		t.Error("the shared registry has it")
	}
	if _, ok := own.Info("hand_off"); !ok {
		t.Error("the agent's own has not")
	}
}

func TestHandOffIsRefused(t *testing.T) {
	r := NewRegistry()
	if err := AddHandOff(r); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("without targets: %v", err)
	}
	must(t, AddHandOff(r, "a"))
	if err := AddHandOff(r, "a"); err == nil || !strings.Contains(err.Error(), `"hand_off"`) {
		t.Errorf("added twice: %v", err)
	}
}
