package trunkline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/tools"
)

// A toolbox knows of every kind where it is from, tools in Go among them, and which server is away.
func TestToolboxKnowsWhereToolsAreFrom(t *testing.T) {
	r := tools.NewRegistry()
	must(t, tools.Add(r, "own", "A tool in Go.", func(context.Context, *tools.Call, struct{}) (string, error) { return "", nil }))
	b, err := OpenTools(everyKindConfig(t), WithTools(r))
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	list, err := b.List("")
	must(t, err)
	want := map[string]string{"own": "code", "order_status": "webhook", "card": "collect", "crm_find": "mcp crm",
		"stock_item": "openapi stock", "hang_up": "built in"}
	for _, e := range list {
		if from, listed := want[e.Name]; listed && e.From != from {
			t.Errorf("%s is from %q, want %q", e.Name, e.From, from)
		}
		delete(want, e.Name)
		if has := slices.Equal(e.Agents, []string{"desk"}); has != slices.Contains([]string{"order_status", "card", "crm_find", "stock_item", "book"}, e.Name) {
			t.Errorf("%s is of %q", e.Name, e.Agents)
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	away := b.Away()
	if len(away) != 1 || !strings.HasPrefix(away[0].Error(), "mcp[gone] is away") {
		t.Errorf("away: %v", away)
	}
}

// The tools of an agent are in the order of its session.
func TestToolboxOffersWhatTheProfileDoes(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.MCP = cfg.MCP[:1]
	b, err := OpenTools(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	defs, err := b.Definitions("desk")
	must(t, err)
	var names []string
	for _, d := range defs {
		names = append(names, d.Name)
	}
	a := cfg.Agent("desk")
	if want := profile(a, cfg.Service(a.Realtime), 0).Tools; !slices.Equal(names, want) {
		t.Errorf("%q, the session has %q", names, want)
	}
	if _, err := b.Definitions("nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v for an agent that is not", err)
	}
}

func TestTrialWithoutALine(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.MCP = cfg.MCP[:1]
	b, err := OpenTools(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	o, wantsLine, err := b.Run(t.Context(), Trial{Tool: "send_digits", Arguments: `{"digits":"1"}`, Agent: ""})
	if err != nil || !wantsLine || !errors.Is(o.Err, tools.ErrNoLine) {
		t.Errorf("%+v, line %v, %v", o, wantsLine, err)
	}
	o, wantsLine, err = b.Run(t.Context(), Trial{Tool: "order_status", Agent: "desk"})
	if err != nil || wantsLine || o.Output != `{"result":"sent"}` {
		t.Errorf("%+v, line %v, %v", o, wantsLine, err)
	}
}
