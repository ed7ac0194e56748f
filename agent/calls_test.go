package agent

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

type lookup struct {
	Order string `json:"order"`
}

// toolbox has the tools of these tests. slow waits for its context or a second; ran counts what was started.
func toolbox(t *testing.T, ran *atomic.Int32) *tools.Registry {
	t.Helper()
	r := tools.NewRegistry()
	fast := func(_ context.Context, _ *tools.Call, in lookup) (string, error) {
		ran.Add(1)
		return "shipped " + in.Order, nil
	}
	slow := func(ctx context.Context, _ *tools.Call, in lookup) (string, error) {
		ran.Add(1)
		select {
		case <-time.After(time.Second):
			return "late " + in.Order, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	boom := func(context.Context, *tools.Call, struct{}) (string, error) { panic("secret") }
	if err := errors.Join(tools.Add(r, "order_status", "", fast), tools.Add(r, "slow", "", slow),
		tools.Add(r, "booking", "", slow, tools.OnInterrupt(tools.Finish)),
		tools.Add(r, "boom", "", boom), tools.AddBuiltins(r)); err != nil {
		t.Fatal(err)
	}
	return r
}

func callTools(resp, status string, calls ...realtime.Item) []realtime.ServerEvent {
	evs := []realtime.ServerEvent{created(resp)}
	for _, c := range calls {
		evs = append(evs, &realtime.OutputItemAdded{ResponseID: resp, Item: c}, &realtime.OutputItemDone{ResponseID: resp, Item: c})
	}
	return append(evs, done(resp, status, calls...))
}

func outputTaken(callID string) realtime.ServerEvent {
	return &realtime.ItemAdded{Item: realtime.Item{Type: realtime.ItemFunctionCallOutput, CallID: callID}}
}

func TestToolRunsAndTheModelGoesOn(t *testing.T) {
	var ran atomic.Int32
	s := play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "order_status", `{"order":"4271"}`))...)
		s.sent(`output c1 {"result":"shipped 4271"}`, "create")
	})
	want := "tool_call agent | order_status\ntool_result system | order_status | ok\n"
	if got := s.journal.text(); got != want {
		t.Errorf("transcript\n%swant\n%s", got, want)
	}
}

func TestP29SeveralCallsOneResponse(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "order_status", `{"order":"1"}`),
			functionCall("f2", "c2", "slow", `{"order":"2"}`), functionCall("f3", "c3", "order_status", `{"order":"3"}`))...)
		s.wait(500 * time.Millisecond)
		if got := s.model.log(); len(got) != 2 || got[0] == "create" || got[1] == "create" {
			t.Errorf("with one call still running the client sent %q, want two outputs", got)
		}
		s.wait(time.Second)
		s.sent(`output c2 {"result":"late 2"}`, "create")
		s.wait(time.Second)
		s.sent()
	})
}

func TestP30CallsOfUnfinishedResponsesNeverRun(t *testing.T) {
	for _, status := range []string{"cancelled", "incomplete", "failed"} {
		var ran atomic.Int32
		play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
			s.server(callTools("r1", status, functionCall("f1", "c1", "order_status", `{"order":"4271"}`))...)
			s.sent("delete f1")
		})
		if ran.Load() != 0 {
			t.Errorf("a call of a response that ended %s was run", status)
		}
	}
}

func TestP30HalfArgumentsOfACompletedResponse(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		half := functionCall("f1", "c1", "order_status", `{"ord`)
		half.Status = "incomplete"
		s.server(callTools("r1", "completed", half)...)
		s.sent("delete f1")
	})
	if ran.Load() != 0 {
		t.Error("a call with half its arguments was run")
	}
}

func TestP31OneOutputWhateverHappens(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "nonsense", `{}`),
			functionCall("f2", "c2", "order_status", `{"ord`), functionCall("f3", "c3", "boom", ``))...)
		s.wait(time.Second)
		got := s.model.log()
		if len(got) != 4 || got[3] != "create" {
			t.Errorf("client sent %q, want three outputs and one response.create", got)
		}
	})
	if ran.Load() != 0 {
		t.Error("a tool ran with broken arguments")
	}
}

func TestSameCallTwiceRunsOnce(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		call := functionCall("f1", "c1", "order_status", `{"order":"1"}`)
		s.server(callTools("r1", "completed", call)...)
		s.sent(`output c1 {"result":"shipped 1"}`, "create")
		s.server(callTools("r2", "completed", call)...)
		s.sent()
	})
	if ran.Load() != 1 {
		t.Errorf("ran %d times, want once", ran.Load())
	}
}

func TestInterruptionCancelsLookUpsOnly(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "slow", `{"order":"1"}`),
			functionCall("f2", "c2", "booking", `{"order":"2"}`))...)
		s.server(&realtime.SpeechStarted{})
		s.wait(200 * time.Millisecond)
		s.sent(`output c1 {"error":"stopped before it gave an answer; do not assume it happened"}`)
		s.wait(time.Second)
		s.sent(`output c2 {"result":"late 2"}`) // and no response.create: the caller has the floor
	})
}

func TestP15TheServersOwnAnswerHasSeenTheOutput(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{profile: serverAnswers, tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(1100 * time.Millisecond)
		s.sent(`output c1 {"result":"late 1"}`)
		s.server(outputTaken("c1"), &realtime.SpeechStopped{ItemID: "u1"}, created("r2"), done("r2", "completed"))
		s.wait(time.Second)
		s.sent()
	})
}

func TestP15AnAnswerThatMissedTheOutputIsFollowedByAnother(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{profile: serverAnswers, tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, &realtime.SpeechStopped{ItemID: "u1"}, created("r2"))
		s.wait(1100 * time.Millisecond)
		s.sent(`output c1 {"result":"late 1"}`)
		s.server(outputTaken("c1"), done("r2", "completed"))
		s.sent("create")
	})
}

func TestP14TheWishSurvivesARefusal(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{profile: serverAnswers, tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "order_status", `{"order":"1"}`))...)
		s.sent(`output c1 {"result":"shipped 1"}`, "create")
		// The server began an answer of its own before it took the output.
		s.server(created("r2"), &realtime.ErrorEvent{Error: realtime.Error{Code: "conversation_already_has_active_response"}},
			outputTaken("c1"), done("r2", "completed"))
		s.sent("create")
	})
}

func TestP22FailedResponseIsRepeatedThenGivenUp(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), done("r1", "failed"))
		s.wait(firstBackoff)
		s.sent("create")
		s.server(created("r2"), done("r2", "failed"))
		s.wait(2 * firstBackoff)
		s.sent("create")
		s.server(created("r3"), done("r3", "failed"))
		s.wait(time.Minute)
		s.sent()
	})
	if end := s.ended; end.By != BySystem {
		t.Errorf("ended by %s after three failures, want the system", end.By)
	}
}

func TestP16NoAnswerAtAll(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Greeting: "Hello"}}, func(s *stage) {
		s.wait(createdWithin + firstBackoff)
		s.sent("create", "create")
		s.wait(time.Minute)
	})
	if end := s.ended; end.By != BySystem {
		t.Errorf("ended by %s, want the system", end.By)
	}
}

func TestP20CancelledIsNotRepeated(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), done("r1", "cancelled"))
		s.wait(time.Minute)
		s.sent()
	})
}

func TestP11HangUpAfterTheLastWord(t *testing.T) {
	var ran atomic.Int32
	s := play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		call := functionCall("f1", "c1", "hang_up", `{"reason":"done"}`)
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 2000), words("r1", "a1", "Goodbye."),
			&realtime.OutputItemDone{ResponseID: "r1", Item: call}, done("r1", "completed", message("a1"), call))
		s.wait(1900 * time.Millisecond)
		if len(s.end) != 0 {
			t.Error("hung up in the middle of the last word")
		}
		s.wait(200 * time.Millisecond)
		if len(s.end) != 1 {
			t.Error("did not hang up after the last word")
		}
	})
	if end := s.ended; end.By != ByAgent {
		t.Errorf("ended by %s, want the agent", end.By)
	}
	if len(s.line.player.wire) != 16000 {
		t.Errorf("%d bytes of the goodbye were heard, want 16000", len(s.line.player.wire))
	}
}

func TestToolsOfAnEndedCallAreCancelled(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
	}) // Finish joins the tool; the bubble would report it otherwise
	if ran.Load() != 1 {
		t.Errorf("ran %d, want 1", ran.Load())
	}
}

func TestHangUpWaitsForWhatRunsBesideIt(t *testing.T) {
	var ran atomic.Int32
	s := play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`), functionCall("f2", "c2", "hang_up", `{}`))...)
		s.wait(500 * time.Millisecond)
		if len(s.end) != 0 {
			t.Error("hung up while a tool was at work")
		}
		s.wait(time.Second)
		s.sent(`output c2 {"result":"the call ends after your last words"}`, `output c1 {"result":"late 1"}`)
		s.ended = <-s.end
	})
	if s.ended.By != ByAgent {
		t.Errorf("ended by %s", s.ended.By)
	}
}

// The caller is left to somebody else when the last word was heard, and the model is not asked to say anything more.
func TestPutThroughAfterTheLastWord(t *testing.T) {
	r := tools.NewRegistry()
	if err := tools.AddTransfer(r, tools.Destination{Name: "sales", To: "+4930", Attended: true}); err != nil {
		t.Fatal(err)
	}
	var asked tools.Consultation
	s := play(t, stageOptions{tools: r}, func(s *stage) {
		s.line.consult = func(ctx context.Context, q tools.Consultation) error {
			asked = q
			select {
			case <-time.After(20 * time.Second): // it rings, and they are told
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "transfer", `{"to":"sales","summary":"Ada, an order"}`))...)
		s.wait(time.Second)
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, &realtime.SpeechStopped{ItemID: "u1"}) // cancels nothing
		s.wait(18 * time.Second)
		if len(s.end) != 0 {
			t.Error("the agent left before they answered")
		}
		s.server(created("r2"), item("r2", "a2"), audio("r2", "a2", 2000), words("r2", "a2", "One moment."), done("r2", "completed", message("a2")))
		s.model.log()
		s.wait(1900 * time.Millisecond)
		if len(s.end) != 0 {
			t.Error("the agent left in the middle of a word")
		}
		s.wait(time.Second)
		s.sent(`output c1 {"result":"they talk to each other now"}`)
		if len(s.end) != 1 {
			t.Error("the agent did not leave")
		}
	})
	if want := (End{By: ByAgent, Cause: "put through to sales"}); s.ended != want || asked.Summary != "Ada, an order" || s.counts.of(PutThrough) != 1 {
		t.Errorf("ended %+v, asked %+v, counted %v", s.ended, asked, s.counts.happened)
	}
	if text := s.journal.text(); !strings.Contains(text, "transfer system | sales | connected") {
		t.Errorf("transcript:\n%s", text)
	}
}

// The end of an interrupted response may be told twice. The calls were taken away the first time and are not run the second.
func TestAResponseEndsOnce(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		call := functionCall("f1", "c1", "order_status", `{"order":"4271"}`)
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 2000), &realtime.OutputItemDone{ResponseID: "r1", Item: call})
		s.wait(100 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.model.log()
		s.server(done("r1", "completed", message("a1"), call), done("r1", "completed", message("a1"), call))
		s.wait(time.Second)
		s.sent("delete f1")
	})
	if n := ran.Load(); n != 0 {
		t.Errorf("the tool ran %d times", n)
	}
}
