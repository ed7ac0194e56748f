package trunkline

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
)

const card = "my card is four one one one, one one one one, one one one one, one one one one"

// What an agent's rules take out is neither kept nor shown to whoever watches; another agent may keep it.
func TestJournalRedacts(t *testing.T) {
	cfg, a := embedded(t)
	cfg.Agents = []configs.Agent{{Name: "careful", Redact: []string{"cards"}}, {Name: "careless"}}
	var mu sync.Mutex
	seen := map[string]string{}
	j := newJournal(a.writer, cfg, func(id string, entries []store.Entry) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range entries {
			seen[id] += e.Text + "\n"
		}
	})
	for id, agent := range map[string]string{"1": "careful", "2": "careless", "3": "unknown"} {
		j.Begin(store.Call{ID: id, Agent: agent, Started: time.Now()})
		j.Append(id, store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: card}, store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "Thanks."})
		j.Finish(store.Call{ID: id, Cause: "hang_up: paid with 4111 1111 1111 1111"})
	}
	j.Append("3", store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: card}) // late, and still not kept
	until(t, "all is written", func() bool { return a.writer.Stats().Backlog == 0 })
	for id, whole := range map[string]bool{"1": false, "2": true, "3": false} {
		lines, err := a.store.Entries(t.Context(), id, "", 0)
		must(t, err)
		kept := ""
		for _, e := range lines {
			kept += e.Text
		}
		c, err := a.store.Call(t.Context(), id)
		must(t, err)
		for what, text := range map[string]string{"lines": kept, "tap": seen[id]} {
			if strings.Contains(text, "one one one") != whole || strings.Contains(text, "[card]") == whole || !strings.Contains(text, "Thanks.") {
				t.Errorf("call %s, %s: %q", id, what, text)
			}
		}
		if strings.Contains(c.Cause, "4111") != whole {
			t.Errorf("call %s: cause %q", id, c.Cause)
		}
	}
	if len(j.calls) != 0 {
		t.Errorf("%d calls are remembered", len(j.calls))
	}
	must(t, a.close(context.Background()))
}

// After a hand-off to an agent that takes more out, that is taken out too; handed to one that takes out less, it still is.
func TestHandOffRedactsWhatEitherDoes(t *testing.T) {
	cfg, a := embedded(t)
	defer func() { must(t, a.close(context.Background())) }()
	cfg.Agents = []configs.Agent{{Name: "careful", Redact: []string{"cards"}}, {Name: "careless"}}
	seen := map[string]string{}
	j := newJournal(a.writer, cfg, func(id string, entries []store.Entry) { seen[id] += entries[len(entries)-1].Text })
	for id, agents := range map[string][2]string{"1": {"careless", "careful"}, "2": {"careful", "careless"}} {
		j.Begin(store.Call{ID: id, Agent: agents[0], Started: time.Now()})
		j.Append(id, store.Entry{Kind: store.KindHandOff, Text: agents[1]})
		j.Append(id, store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: card})
		if !strings.Contains(seen[id], "[card]") {
			t.Errorf("from %s to %s: %q", agents[0], agents[1], seen[id])
		}
	}
}

// Tools write beside the conversation: no line is lost, and the race detector is content.
func TestJournalAtOnce(t *testing.T) {
	cfg, a := embedded(t)
	defer func() { must(t, a.close(context.Background())) }()
	j := newJournal(a.writer, cfg, nil)
	j.Begin(store.Call{ID: "a", Started: time.Now()})
	var crew sync.WaitGroup
	for range 8 {
		crew.Go(func() {
			for range 50 {
				j.Append("a", store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: "4111 1111"})
			}
		})
	}
	crew.Wait()
	until(t, "all is written", func() bool { return a.writer.Stats().Backlog == 0 })
	lines, err := a.store.Entries(t.Context(), "a", "", 0)
	must(t, err)
	if len(lines) < 400 {
		t.Errorf("%d lines", len(lines))
	}
}
