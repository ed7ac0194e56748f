package trunkline

import (
	"context"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

// The agent's own tags, and that it wanted a person, are tags of the call and find it.
func TestTagsOfTheAgent(t *testing.T) {
	g := simulator.Answer{Do: []simulator.Action{{Call: "leave_note", Arguments: map[string]string{"text": "angry", "tag": "complaint"}}},
		Results: []simulator.Result{{Answer: simulator.Answer{Do: []simulator.Action{{Call: "escalate", Arguments: map[string]string{"reason": "angry"}}},
			Results: []simulator.Result{{Answer: simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}}}}}}}
	st := stage(t, setup{script: &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &g}}},
		yaml:   "agents: [ { name: frontdesk, realtime: main, greeting: \"Hello!\", tools: [leave_note, escalate, hang_up] } ]\n",
		lookup: func(context.Context, *tools.Call) (string, error) { return "", nil }})
	_, err := st.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	c, _ := st.record(t, 0)
	if c.Tags != "complaint escalated" {
		t.Errorf("tags %q", c.Tags)
	}
	page, err := st.Store().List(t.Context(), store.Query{Tag: store.TagEscalated})
	must(t, err)
	if len(page.Calls) != 1 {
		t.Error("the tag does not find the call")
	}
}
