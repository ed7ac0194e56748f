package agent

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/tools"
)

// armed is a trap whose agent has the tools of toolbox, and whose model calls some of them at once.
func armed(t *testing.T, ran *atomic.Int32, first simulator.Answer) trap {
	p := withManners(func(p *Profile) { p.Tools = []string{"order_status", "slow", "booking", "boom", "hang_up"} })
	return trap{profile: p, box: toolbox(t, ran), answers: []simulator.Answer{first}}
}

// oneTool is a trap with one tool, which is called at once.
func oneTool(t *testing.T, run func(context.Context) (string, error), opts ...tools.Option) trap {
	box := tools.NewRegistry()
	handler := func(ctx context.Context, _ *tools.Call, _ struct{}) (string, error) { return run(ctx) }
	if err := tools.Add(box, "work", "", handler, opts...); err != nil {
		t.Fatal(err)
	}
	p := withManners(func(p *Profile) { p.Tools = []string{"work"} })
	return trap{profile: p, box: box, answers: []simulator.Answer{does(call("work", "{}"))}}
}

// lasting is a tool that takes its time.
func lasting(d time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		select {
		case <-time.After(d):
			return "done", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// outputs are the tools' outputs as they were sent, by call_id.
func (s *scene) outputs() map[string]string {
	outputs := map[string]string{}
	for _, text := range s.sent("conversation.item.create") {
		var e struct {
			Item struct {
				Type   string `json:"type"`
				CallID string `json:"call_id"`
				Output string `json:"output"` // of another type, it does not decode
			} `json:"item"`
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			s.t.Errorf("%v: %s", err, text)
		}
		if e.Item.Type == "function_call_output" {
			outputs[e.Item.CallID] = e.Item.Output
		}
	}
	return outputs
}

func TestP29ThreeCallsAndOneAnswer(t *testing.T) {
	var ran atomic.Int32
	order := `{"order":"1"}`
	three := does(call("order_status", order), call("booking", order), call("order_status", order))
	provoke(t, armed(t, &ran, three), func(s *scene) {
		s.say("hello")
		s.wait(500 * time.Millisecond)
		s.wantSent("response.create", 1) // the second call still runs
		s.wait(5 * time.Second)
		s.wantSent("response.create", 2)
		for _, c := range s.record().Calls {
			if !c.Answered {
				s.t.Errorf("%+v has no output", c)
			}
		}
		if n := len(s.outputs()); n != 3 || len(s.prompts) != 2 || len(s.prompts[1].Outputs) != 3 {
			s.t.Errorf("%d outputs were sent, and the model answered %+v", n, s.prompts)
		}
	})
}

func TestP30ACallOfAnInterruptedResponseIsNotRun(t *testing.T) {
	var ran atomic.Int32
	tr := armed(t, &ran, does(call("booking", `{"order":"1"}`), say("a02")))
	tr.service = slow
	provoke(t, tr, func(s *scene) {
		before := ran.Load()
		s.say("hello")
		s.wait(time.Second)
		if len(s.messages(false, "response.function_call_arguments.done")) != 1 {
			s.t.Fatal("the arguments are not complete")
		}
		s.start()
		s.wait(time.Second)
		s.stop("no, wait")
		s.wait(3 * time.Second)
		if c := s.record().Calls[0]; ran.Load() != before || !c.Deleted || c.Answered {
			s.t.Errorf("the tool ran %d times: %+v", ran.Load()-before, c)
		}
	})
}

func TestP31EveryCallHasOneOutput(t *testing.T) {
	var ran atomic.Int32
	calls := does(call("boom", "{}"), call("nobody", "{}"), call("slow", `{"order":"1"}`), call("order_status", `{"wrong":1}`))
	provoke(t, armed(t, &ran, calls), func(s *scene) {
		s.say("hello")
		s.wait(300 * time.Millisecond)
		s.say("never mind") // slow is cancelled
		s.wait(5 * time.Second)
		for _, c := range s.record().Calls {
			if !c.Answered || !strings.HasPrefix(c.Output, `{"error":`) {
				s.t.Errorf("%s(%s) has the output %q", c.Name, c.Arguments, c.Output)
			}
		}
	})
}

func TestP31AToolThatTakesTooLongHasAnOutput(t *testing.T) {
	stuck := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	provoke(t, oneTool(t, stuck, tools.Timeout(2*time.Second)), func(s *scene) {
		s.say("hello")
		s.wait(8 * time.Second)
		if c := s.record().Calls[0]; !c.Answered || !strings.HasPrefix(c.Output, `{"error":`) {
			s.t.Errorf("%+v", c)
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP32TheModelIsToldOfNamesAndArgumentsThatAreWrong(t *testing.T) {
	for _, args := range []string{`{"order":`, `[]`, `{"order":7}`, `{"order":"1","more":true}`} {
		var ran atomic.Int32
		provoke(t, armed(t, &ran, does(call("nobody", `{}`), call("order_status", args))), func(s *scene) {
			s.say("hello")
			s.wait(6 * time.Second)
			for _, c := range s.record().Calls {
				if !c.Answered || !strings.HasPrefix(c.Output, `{"error":`) {
					s.t.Errorf("%s(%s) has the output %q, want an error", c.Name, args, c.Output)
				}
			}
			s.wantHeard(s.spoken(0))
		})
	}
}

func TestP32NoArgumentsAreAnEmptyObject(t *testing.T) {
	tr := oneTool(t, lasting(0))
	tr.down = withoutArguments
	provoke(t, tr, func(s *scene) {
		s.say("hello")
		s.wait(6 * time.Second)
		if got := s.record().Calls[0].Output; got != `{"result":"done"}` {
			s.t.Errorf("the tool's output is %q", got)
		}
		s.wantHeard(s.spoken(0))
	})
}

// withoutArguments is what servers send for a call without arguments.
func withoutArguments(ev realtime.ServerEvent) []realtime.ServerEvent {
	alterCalls(ev, func(item *realtime.Item) { item.Arguments = "" })
	return []realtime.ServerEvent{ev}
}

// alterCalls changes the function calls in an event of the server.
func alterCalls(ev realtime.ServerEvent, change func(*realtime.Item)) {
	switch ev := ev.(type) {
	case *realtime.OutputItemAdded:
		change(&ev.Item)
	case *realtime.OutputItemDone:
		change(&ev.Item)
	case *realtime.ItemAdded:
		change(&ev.Item)
	case *realtime.ResponseDone:
		for i := range ev.Response.Output {
			change(&ev.Response.Output[i])
		}
	}
}

func TestP33OutputsAreTextAndBounded(t *testing.T) {
	huge := func(context.Context) (string, error) { return strings.Repeat("ä\"\x01", 50_000), nil }
	provoke(t, oneTool(t, huge), func(s *scene) {
		s.say("hello")
		s.wait(5 * time.Second)
		outputs := slices.Collect(maps.Values(s.outputs()))
		if len(outputs) != 1 || len(outputs[0]) > 16<<10 || !json.Valid([]byte(outputs[0])) || !s.record().Calls[0].Answered {
			s.t.Errorf("%d outputs, want one of at most 16 KiB that is JSON", len(outputs))
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP34TheOutputOfAnEarlierSessionFollowsItsCall(t *testing.T) {
	provoke(t, oneTool(t, lasting(3*time.Second), tools.OnInterrupt(tools.Finish)), func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.session().Drop()
		s.wait(6 * time.Second)
		if len(s.dials) != 2 {
			s.t.Fatalf("%d connections, want a second one", len(s.dials))
		}
		if c := s.record().Calls; len(c) != 1 || !c[0].Replayed || !c[0].Answered || c[0].Name != "work" {
			s.t.Errorf("the second session has the calls %+v", c)
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP35IDsThatServersRefuseAreNotSentBack(t *testing.T) {
	const odd = "call:of.a-server/that-does-not-keep-its-own-rules"
	tr := oneTool(t, lasting(3*time.Second), tools.OnInterrupt(tools.Finish))
	tr.down = func(ev realtime.ServerEvent) []realtime.ServerEvent {
		alterCalls(ev, func(item *realtime.Item) {
			if item.Type == realtime.ItemFunctionCall {
				item.CallID = odd
			}
		})
		return []realtime.ServerEvent{ev}
	}
	provoke(t, tr, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.session().Drop()
		s.wait(6 * time.Second)
		s.line.digits <- '#' // an item with an id of our own
		s.wait(time.Second)
		if c := s.record().Calls; len(c) != 1 || !c[0].Answered || !realtime.ValidID(c[0].CallID) || c[0].CallID == odd {
			s.t.Errorf("the second session has the calls %+v", c)
		}
	})
}

func TestP36TheNameOfACallComesWithItsItem(t *testing.T) {
	var ran atomic.Int32
	tr := armed(t, &ran, does(call("order_status", `{"order":"4271"}`)))
	tr.dialect = simulator.DialectPreview
	provoke(t, tr, func(s *scene) {
		s.say("where is my order")
		s.wait(time.Second)
		if done := s.messages(false, "response.function_call_arguments.done"); len(done) != 1 || strings.Contains(done[0].text, `"name"`) {
			s.t.Fatalf("%+v has the name in it", done)
		}
		if c := s.record().Calls[0]; c.Output != `{"result":"shipped 4271"}` {
			s.t.Errorf("%+v", c)
		}
	})
}

func TestP37ToolsHaveFourMembersOnTheWire(t *testing.T) {
	var ran atomic.Int32
	provoke(t, armed(t, &ran, says("a08")), func(s *scene) {
		var u struct {
			Session struct {
				Tools []map[string]any `json:"tools"`
			} `json:"session"`
		}
		if err := json.Unmarshal([]byte(s.sent("session.update")[0]), &u); err != nil || len(u.Session.Tools) != 5 {
			s.t.Fatalf("%v, %d tools, want 5", err, len(u.Session.Tools))
		}
		for _, tool := range u.Session.Tools {
			for member := range tool {
				if !slices.Contains([]string{"type", "name", "description", "parameters"}, member) {
					s.t.Errorf("tool %v has the member %q", tool["name"], member)
				}
			}
		}
	})
}

// handOffTrap hands the call to billing at once; billing has another voice if there is one.
func handOffTrap(t *testing.T, voice string) trap {
	box := tools.NewRegistry()
	if err := errors.Join(tools.AddHandOff(box, "billing"), tools.AddBuiltins(box)); err != nil {
		t.Fatal(err)
	}
	p := withManners(func(p *Profile) { p.Tools, p.Voice = []string{"hand_off"}, "alloy" })
	billing := Desk{Profile: Profile{Name: "billing", Instructions: "You are Ben of billing.", Voice: voice, Tools: []string{"hang_up"}}}
	return trap{profile: p, box: box, other: map[string]Desk{"billing": billing},
		answers: []simulator.Answer{does(say("a04"), call("hand_off", `{"agent":"billing"}`))}}
}

func TestP38TheOutputWaitsForTheNewSession(t *testing.T) {
	provoke(t, handOffTrap(t, ""), func(s *scene) {
		s.upDelay.Store(int64(200 * time.Millisecond))
		s.say("I have a question about my bill")
		s.wait(8 * time.Second)
		updates, confirmed := s.messages(true, "session.update"), s.messages(false, "session.updated")
		outputs, asked := s.messages(true, "conversation.item.create"), s.messages(true, "response.create")
		if len(updates) != 2 || len(confirmed) != 2 || len(outputs) != 1 || len(asked) != 2 {
			s.t.Fatalf("%d updates, %d confirmed, %d outputs, %d answers", len(updates), len(confirmed), len(outputs), len(asked))
		}
		if outputs[0].sent.Before(confirmed[1].arrives) || asked[1].sent.Before(outputs[0].sent) || len(s.dials) != 1 {
			s.t.Error("the model goes on before it has become the other agent")
		}
		if got := s.instructions(1); !strings.Contains(got, "Ben of billing") {
			s.t.Errorf("the answer was made with %q", got)
		}
		s.goesOn()
	})
}

func TestP39AToolThatBlocksHoldsNothingUp(t *testing.T) {
	var ended atomic.Int32
	stuck := func(ctx context.Context) (string, error) { <-ctx.Done(); ended.Add(1); return "", ctx.Err() }
	provoke(t, oneTool(t, stuck, tools.OnInterrupt(tools.Finish), tools.Timeout(time.Minute)), func(s *scene) {
		before := ended.Load()
		s.say("hello")
		s.wait(time.Second)
		s.goesOn()
		if ended.Load() != before {
			s.t.Error("the tool is not running any more")
		}
		s.over()
		if ended.Load() != before+1 {
			s.t.Error("the tool goes on when the call is over")
		}
	})
}

func TestP40SomethingIsHeardWhileAToolRuns(t *testing.T) {
	tr := oneTool(t, lasting(4*time.Second))
	tr.profile.Filler.After = 1500 * time.Millisecond
	provoke(t, tr, func(s *scene) {
		s.say("hello")
		s.wait(1400 * time.Millisecond)
		s.wantHeard()
		s.wait(1600 * time.Millisecond)
		if n := len(s.heard()); n < 8000 || lastSound(s.trap.law, s.heard()) < 0 {
			s.t.Errorf("%d bytes of filler were heard", n)
		}
		s.wait(6 * time.Second)
		filler := s.heard()[:len(s.heard())-len(s.spoken(0))]
		s.wantHeard(filler, s.spoken(0))
		if ms := len(filler) / 8; ms > 2700 || s.counts.of(Filled) != 1 {
			s.t.Errorf("%d ms of filler, counted %d times", ms, s.counts.of(Filled))
		}
	})
}
