package main

import (
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/examples/internal/stage"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/telephony/phone"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// A caller gets an agent whose model asks the tool, and reads what it says, a refusal included.
func TestCall(t *testing.T) {
	registry, err := newRegistry()
	stage.Must(t, err)
	ask := func(day string) simulator.Action {
		return simulator.Action{Call: "opening_hours", Arguments: map[string]string{"day": day}}
	}
	lines := stage.Hold(t, stage.Play{
		Config: stage.Load(t, nil, registry.Names()...), Tools: registry,
		Script: stage.Asks(ask("weekday"), ask("sunday")), Caller: []phone.Step{phone.WaitBye{}},
	})
	results := stage.Results(lines, "opening_hours")
	if len(results) != 2 {
		t.Fatalf("%d results, want 2: %+v", len(results), lines)
	}
	for i, want := range []string{`{"result":"nine to six"}`, `{"error":"closed on sundays"}`} {
		if results[i].Result != want {
			t.Errorf("result %d: %s, want %s", i, results[i].Result, want)
		}
	}
}

// The program itself starts with the file beside it, and ends when it is asked to.
func TestProgram(t *testing.T) { stage.Serves(t) }
