package agent

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

// switchboard has a hand_off tool that names whom its argument names.
type switchboard struct{}

func (*switchboard) Describe([]string) ([]tools.Definition, error) {
	return []tools.Definition{{Name: "hand_off"}}, nil
}
func (*switchboard) Info(string) (tools.Info, bool)      { return tools.Info{}, false }
func (*switchboard) Recorded(_, arguments string) string { return arguments }

func (*switchboard) Run(_ context.Context, inv tools.Invocation) tools.Outcome {
	return tools.Outcome{Output: `{"result":"` + inv.Call.Agent + ` hands off"}`, Status: tools.StatusOK, Effect: tools.HandOff, Target: inv.Arguments}
}

func handOffStage(other map[string]Desk, dial func(int) error) stageOptions {
	p := Profile{Name: "front", Instructions: "You are the front desk.", Voice: "marin", Tools: []string{"hand_off"}}
	return stageOptions{profile: p, other: other, box: &switchboard{}, dial: dial}
}

func TestP38HandOffChangesTheSessionBeforeTheOutput(t *testing.T) {
	billing := Desk{Profile: Profile{Name: "billing", Instructions: "You are billing for {{dialled}}.", Tools: []string{"hand_off"}}}
	s := play(t, handOffStage(map[string]Desk{"billing": billing}, nil), func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "hand_off", "billing"))...)
		s.sent("session You are billing for unknown.") // and no output yet: the front desk would answer it
		s.wait(time.Second)
		s.server(&realtime.SessionUpdated{})
		s.sent(`output c1 {"result":"front hands off"}`, "create")
		s.server(outputTaken("c1"))
		s.server(callTools("r2", "completed", functionCall("f2", "c2", "hand_off", "nobody"))...)
		s.sent(`output c2 {"error":"there is no agent named \"nobody\""}`, "create")
	})
	if len(s.wants) != 1 || s.counts.of(HandedOff) != 1 {
		t.Errorf("%d sessions, %d hand-offs, want one each", len(s.wants), s.counts.of(HandedOff))
	}
	if text := s.journal.text(); !strings.Contains(text, "hand_off system | billing\n") {
		t.Errorf("transcript:\n%s", text)
	}
}

func TestHandOffToAnotherVoiceTakesANewSession(t *testing.T) {
	sales := Desk{Profile: Profile{Name: "sales", Instructions: "You are sales.", Voice: "cedar"}}
	s := play(t, handOffStage(map[string]Desk{"sales": sales}, nil), func(s *stage) {
		s.server(answer("r0", "a0", "Front desk, hello.", 200)...)
		s.wait(time.Second)
		s.model.log()
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "hand_off", "sales"))...)
		s.wait(10 * time.Millisecond)
		if len(s.models) != 2 || s.wants[1].Voice.Or("") != "cedar" || s.wants[1].Instructions.Or("") != "You are sales." {
			t.Fatalf("%d sessions, the last with %+v", len(s.models), s.wants[len(s.wants)-1])
		}
		log := s.model.log()
		if len(log) != 4 || !strings.Contains(log[0], "You: Front desk, hello.") || log[1] != "call c1 hand_off" ||
			!strings.HasPrefix(log[2], "output c1") || log[3] != "create" {
			t.Errorf("the new session got %q, want what was said, the call, its output and a response.create", log)
		}
	})
	if s.counts.of(HandedOff) != 1 || s.figures.Reconnects+s.figures.Rotations != 0 {
		t.Errorf("counted %v", s.counts.happened)
	}
}

func TestHandOffThatFailsLeavesTheAgentThere(t *testing.T) {
	sales := Desk{Profile: Profile{Name: "sales", Voice: "cedar"}}
	s := play(t, handOffStage(map[string]Desk{"sales": sales, "billing": {Profile: Profile{Name: "billing"}}}, func(n int) error {
		if n > 0 {
			return busy
		}
		return nil
	}), func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "hand_off", "sales"))...)
		s.wait(10 * time.Millisecond)
		s.sent(`output c1 {"error":"the other agent cannot be reached"}`, "create")
		s.server(outputTaken("c1"))
		s.server(callTools("r2", "completed", functionCall("f2", "c2", "hand_off", "billing"))...)
		s.sent("session ")
		s.wait(handOffWithin)
		s.sent(`output c2 {"error":"the other agent did not answer in time"}`, "create")
		s.server(outputTaken("c2"))
		s.server(callTools("r3", "completed", functionCall("f3", "c3", "hand_off", "billing"))...)
		event := s.model.sent[0].(*realtime.SessionUpdate).EventID
		s.model.log()
		s.server(&realtime.ErrorEvent{Error: realtime.Error{Type: "invalid_request_error", Code: "invalid_value", EventID: event}})
		s.sent(`output c3 {"error":"the other agent cannot take over"}`, "create")
	})
	if s.counts.of(HandedOff) != 0 {
		t.Error("counted a hand-off that did not happen")
	}
}

func TestHandOffSurvivesTheLossOfTheConnection(t *testing.T) {
	billing := Desk{Profile: Profile{Name: "billing", Instructions: "You are billing."}}
	s := play(t, handOffStage(map[string]Desk{"billing": billing}, nil), func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "hand_off", "billing"))...)
		s.sent("session You are billing.")
		s.model.lost <- errReset
		s.wait(time.Second)
		if s.wants[len(s.wants)-1].Instructions.Or("") != "You are billing." {
			t.Fatal("the new session is not the other agent's")
		}
		log := s.model.log()
		if n := len(log); n != 4 || log[1] != "call c1 hand_off" || log[3] != "create" {
			t.Errorf("the new session got %q", log)
		}
	})
	if s.counts.of(HandedOff) != 1 {
		t.Errorf("counted %v", s.counts.happened)
	}
}
