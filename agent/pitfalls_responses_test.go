package agent

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
)

// selfAnswering is a profile whose server answers the caller by itself.
var selfAnswering = withManners(func(p *Profile) {
	p.TurnDetection = realtime.Some(realtime.TurnDetection{Type: "server_vad", CreateResponse: realtime.Some(true)})
})

func TestP14TheServersAnswerMeetsOurs(t *testing.T) {
	for name, faults := range map[string]simulator.Faults{"named": {}, "unnamed": {NoErrorEventID: true}} {
		t.Run(name, func(t *testing.T) {
			tr := trap{profile: selfAnswering, service: slow, faults: faults, refusals: []string{"conversation_already_has_active_response"}}
			provoke(t, tr, func(s *scene) {
				s.downDelay.Store(int64(300 * time.Millisecond)) // the call learns of the turn when it has asked for another answer
				s.start()
				s.stop("hello")
				s.conv.Tell("The customer is waiting.", "", true)
				s.wait(8 * time.Second)
				s.wantSent("response.create", 2) // refused, and again
				s.wantHeard(s.spoken(0), s.spoken(1))
			})
		})
	}
}

func TestP15ASecondAnswerIsNotAskedFor(t *testing.T) {
	var ran atomic.Int32
	profile := selfAnswering
	profile.Tools = []string{"booking"}
	tr := trap{profile: profile, box: toolbox(t, &ran), answers: []simulator.Answer{does(call("booking", `{"order":"1"}`))}}
	provoke(t, tr, func(s *scene) {
		s.say("book it")
		s.wait(300 * time.Millisecond)
		s.say("and where is my order") // the result comes while the caller speaks
		s.wait(5 * time.Second)
		if r := s.record(); !r.Calls[0].Answered || len(r.Responses) != 2 {
			s.t.Errorf("calls %+v, responses %+v", r.Calls, r.Responses)
		}
		s.wantSent("response.create", 0)
		s.wantHeard(s.spoken(0))
	})
}

func TestP16ARequestThatIsLostIsRepeated(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{SilentResponses: 1}}, func(s *scene) {
		s.say("hello")
		s.wait(10 * time.Second)
		asked := s.messages(true, "response.create")
		if len(asked) != 2 || asked[1].sent.Sub(asked[0].sent) < 5*time.Second || asked[1].sent.Sub(asked[0].sent) > 7*time.Second {
			s.t.Fatalf("asked %d times, want a second time after 5 s", len(asked))
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP16AResponseThatNeverEndsDoesNotHoldTheNextForEver(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{{Status: "endless", Do: says("a09").Do}}}, func(s *scene) {
		s.say("hello")
		s.wait(5 * time.Second)
		s.conv.Tell("The order has been found.", "", true)
		s.wait(25 * time.Second)
		s.wantSent("response.cancel", 1)
		s.wantHeard(s.spoken(0), s.spoken(1))
	})
}

func TestP16AResponseWithoutAnythingIsRepeated(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{{Status: "endless"}}}, func(s *scene) {
		s.say("hello")
		s.wait(15 * time.Second)
		s.wantSent("response.cancel", 1)
		s.wantSent("response.create", 2)
		s.wantHeard(s.spoken(0))
	})
}

// withoutCreated loses every response.created.
func withoutCreated(ev realtime.ServerEvent) []realtime.ServerEvent {
	if _, ok := ev.(*realtime.ResponseCreated); ok {
		return nil
	}
	return []realtime.ServerEvent{ev}
}

func TestP17AResponseWhoseBeginningWasMissed(t *testing.T) {
	for name, service := range map[string]simulator.Options{"quick": {}, "slow": slow} {
		t.Run(name, func(t *testing.T) {
			provoke(t, trap{service: service, down: withoutCreated, answers: []simulator.Answer{says("a02", "a05")}}, func(s *scene) {
				s.say("hello")
				s.wait(20 * time.Second)
				s.wantSent("response.create", 1)
				s.wantHeard(s.spoken(0))
				s.goesOn()
			})
		})
	}
}

func TestP17DoneOfAResponseThatNobodyKnows(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("hello")
		s.session().SendText(`{"type":"response.done","response":{"id":"resp_nobody","status":"completed","output":[]}}`)
		s.wait(6 * time.Second)
		s.wantHeard(s.spoken(0))
		s.goesOn()
	})
}

func TestP18AnAnswerThatWasGivenUpIsNotHeardAsWell(t *testing.T) {
	late := simulator.Answer{Delay: 8 * time.Second, Do: says("a09").Do}
	provoke(t, trap{answers: []simulator.Answer{late}, refusals: []string{"conversation_already_has_active_response"}}, func(s *scene) {
		s.upDelay.Store(int64(100 * time.Millisecond))
		s.say("hello")
		s.downDelay.Store(int64(6 * time.Second)) // response.created comes when the request has been given up
		s.wait(time.Second)
		s.downDelay.Store(int64(5 * time.Millisecond))
		s.wait(40 * time.Second)
		if n := len(s.said()); n != 1 {
			s.t.Errorf("%d answers came to one question", n)
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP19TheGreetingKeepsTheCharacter(t *testing.T) {
	p := withManners(func(p *Profile) { p.Greeting, p.Idle.After = "Hello from Northwind.", 5*time.Second })
	provoke(t, trap{profile: p}, func(s *scene) {
		s.wait(20 * time.Second)
		for i, want := range []string{"Hello from Northwind.", defaultAsk} {
			if got := s.instructions(i); !strings.Contains(got, trapped.Instructions) || !strings.Contains(got, want) {
				s.t.Errorf("response %d was made with %q, want the character and %q", i, got, want)
			}
		}
	})
}

func TestP20WhatTheServerCancelledIsNotSaidAgain(t *testing.T) {
	provoke(t, trap{service: slow, answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.session().Cancel() // it heard speech where there was none
		s.wait(10 * time.Second)
		s.wantSent("response.create", 1)
		s.say("hello?")
		s.wait(time.Second)
		s.start() // and here there was some
		s.stop("where is my order")
		s.wait(10 * time.Second)
		s.wantSent("response.create", 3) // one for each turn
		if len(s.counts.faults) > 0 {
			s.t.Errorf("it was taken for a fault: %q", s.counts.faults)
		}
	})
}

func TestP21AnAnswerThatRanOutOfTokensIsTriedAgain(t *testing.T) {
	half := call("booking", `{"order":"12`)
	for name, do := range map[string][]simulator.Action{"alone": {half}, "after words": {say("a04"), half}} {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Int32
			tr := armed(t, &ran, simulator.Answer{Status: "incomplete", Do: do})
			provoke(t, tr, func(s *scene) {
				s.say("book order twelve")
				s.wait(8 * time.Second)
				if c := s.record().Calls[0]; ran.Load() != 0 || !c.Deleted || c.Answered {
					s.t.Errorf("half a call was run %d times: %+v", ran.Load(), c)
				}
				s.wantSent("response.create", 2) // or the caller waits for nothing
				s.over()
				if !s.counts.fault("incomplete") || !strings.Contains(s.journal.text(), "max_output_tokens") {
					s.t.Errorf("counted %q, transcript:\n%s", s.counts.faults, s.journal.text())
				}
			})
		})
	}
}

func TestP21ASentenceThatWasCutIsNotRepeated(t *testing.T) {
	cut := simulator.Answer{Status: "incomplete", Do: []simulator.Action{{Say: []string{"a02"}, Cut: time.Second}}}
	provoke(t, trap{answers: []simulator.Answer{cut}}, func(s *scene) {
		s.say("hello")
		s.wait(5 * time.Second)
		s.wantSent("response.create", 1)
		s.wantHeard(s.spoken(0))
	})
}

func TestP21AFilteredAnswerIsReplacedByASentence(t *testing.T) {
	filtered := simulator.Answer{Status: "incomplete", Reason: "content_filter"}
	provoke(t, trap{answers: []simulator.Answer{filtered}}, func(s *scene) {
		s.say("hello")
		s.wait(5 * time.Second)
		s.wantSent("response.create", 2)
		if got := s.instructions(1); !strings.Contains(got, "You cannot answer") || !strings.Contains(got, trapped.Instructions) {
			s.t.Errorf("the second answer was made with %q", got)
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP22FailuresAreRepeatedWithAPause(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{FailResponses: 2, FailCode: "inference_rate_limit_exceeded"}}, func(s *scene) {
		s.say("hello")
		s.wait(8 * time.Second)
		asked := s.messages(true, "response.create")
		if len(asked) != 3 {
			s.t.Fatalf("asked %d times, want 3", len(asked))
		}
		for i := range 2 {
			if pause := asked[i+1].sent.Sub(asked[i].sent); pause < 500*time.Millisecond || pause > 2*time.Second {
				s.t.Errorf("pause of %v", pause)
			}
		}
		s.wantHeard(s.spoken(0))
		s.goesOn()
	})
}

func TestP22AModelThatOnlyFailsIsGivenUp(t *testing.T) {
	p := withManners(func(p *Profile) { p.Fallback.Clip = NewClip(make([]int16, 8000)) })
	provoke(t, trap{profile: p, faults: simulator.Faults{FailResponses: 100}}, func(s *scene) {
		s.say("hello")
		s.wait(10 * time.Second)
		if s.end == nil || s.end.By != BySystem || s.counts.of(FellBack) != 1 {
			s.t.Errorf("end %+v, happened %v", s.end, s.counts.happened)
		}
		s.wantSent("response.create", 3)
		s.wantHeard(s.conv.desk.Profile.Fallback.Clip.in(s.trap.law))
	})
}

func TestP23StatusDetailsOfAnyKindAgainstTheSimulator(t *testing.T) {
	odd := []string{`null`, `"rate limited"`, `7`, `[]`, `{}`, `{"type":"failed","error":"busy"}`, `{"error":{"code":7}}`, `{"reason":null}`}
	for _, details := range odd {
		provoke(t, trap{answers: []simulator.Answer{{Status: "endless"}}}, func(s *scene) {
			s.say("hello")
			s.wait(100 * time.Millisecond)
			done := `{"type":"response.done","response":{"id":"` + s.record().Responses[0].ID + `","status":"failed","output":[],"status_details":` + details + `}}`
			s.session().SendText(done)
			s.session().Cancel() // the server is free for the next attempt
			s.wait(5 * time.Second)
			s.wantSent("response.create", 2)
			s.wantHeard(s.spoken(0))
		})
	}
}

func TestP24ACancelThatComesTooLateIsHarmless(t *testing.T) {
	tr := trap{answers: []simulator.Answer{says("a09")}, refusals: []string{"response_cancel_not_active"}}
	provoke(t, tr, func(s *scene) {
		s.downDelay.Store(int64(400 * time.Millisecond))
		s.say("hello")
		s.wait(450 * time.Millisecond) // response.created is there, response.done is on its way
		s.line.digits <- '5'
		s.wait(time.Second)
		s.wantSent("response.cancel", 1)
		s.downDelay.Store(int64(5 * time.Millisecond))
		s.wait(10 * time.Second)
		s.goesOn()
		if len(s.counts.faults) > 0 || strings.Contains(s.journal.text(), "error") {
			s.t.Errorf("it was taken for a fault: %q\n%s", s.counts.faults, s.journal.text())
		}
	})
}

func TestP25NobodyWaitsForResponseCancelled(t *testing.T) {
	provoke(t, trap{service: slow, answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.line.digits <- '#' // a cancel of the client's own
		s.wait(time.Second)
		s.wantSent("response.cancel", 1)
		if done, asked := s.messages(false, "response.done"), s.messages(true, "response.create"); len(asked) != 2 || asked[1].sent.Before(done[0].arrives) ||
			asked[1].sent.Sub(done[0].arrives) > 100*time.Millisecond {
			s.t.Errorf("asked %d times, want again at the first response.done", len(asked))
		}
		s.session().SendText(`{"type":"response.cancelled","response_id":"` + s.record().Responses[1].ID + `"}`)
		s.wait(6 * time.Second)
		s.wantHeard(s.heard()[:len(s.heard())-len(s.spoken(1))], s.spoken(1))
	})
}

func TestP26LatencyOnlyOfAnswersThatAreHeard(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{does()}, service: simulator.Options{Latency: 300 * time.Millisecond}}, func(s *scene) {
		s.say("hello")
		s.wait(3 * time.Second)
		if len(s.counts.timings) != 0 {
			s.t.Errorf("an answer without a sound took %v", s.counts.timings)
		}
		s.say("hello?")
		s.wait(6 * time.Second)
		if len(s.counts.timings) != 1 {
			s.t.Fatalf("timings %v, want one", s.counts.timings)
		}
		took := s.counts.timings[0]
		if took.Think < 300*time.Millisecond || took.Total > time.Second || took.Play < 0 || took.Detect < 0 || took.Total != took.Detect+took.Think+took.Play {
			s.t.Errorf("%+v", took)
		}
	})
}

func TestP27NothingIsAskedForWhileTheCallerSpeaks(t *testing.T) {
	var ran atomic.Int32
	p := withManners(func(p *Profile) { p.Tools = []string{"booking"} })
	tr := trap{profile: p, box: toolbox(t, &ran), answers: []simulator.Answer{does(call("booking", `{"order":"1"}`))}}
	provoke(t, tr, func(s *scene) {
		s.say("book it")
		s.wait(500 * time.Millisecond)
		s.start()
		began := time.Now()
		s.conv.Tell("The customer is waiting.", "", true)
		s.wait(3 * time.Second) // the tool is done meanwhile
		s.stop("and hurry up")
		s.wait(5 * time.Second)
		asked := s.messages(true, "response.create")
		if len(asked) != 2 || asked[1].sent.Sub(began) < 3*time.Second || !s.record().Calls[0].Answered {
			s.t.Errorf("asked %d times, want one answer to the turn, and one to all the rest when the caller has finished", len(asked))
		}
	})
}

func TestP28BothSwitchesAreAlwaysToldToTheServer(t *testing.T) {
	type vad = realtime.TurnDetection
	for name, c := range map[string]struct {
		change            func(*Profile)
		create, interrupt bool
	}{
		"nothing said": {func(*Profile) {}, false, true},
		"server_vad":   {func(p *Profile) { p.TurnDetection = realtime.Some(vad{Type: "server_vad"}) }, false, true},
		"create only": {func(p *Profile) {
			p.TurnDetection = realtime.Some(vad{Type: "server_vad", CreateResponse: realtime.Some(true)})
		}, true, true},
		"confirmed": {func(p *Profile) { p.Interruption.Confirm = time.Second }, false, false},
		"protected": {func(p *Profile) { p.Interruption.ProtectGreeting = true }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			provoke(t, trap{profile: withManners(c.change)}, func(s *scene) {
				want := []bool{c.create, c.interrupt}
				if got := switches(s.t, s.sent("session.update")[0]); !slices.Equal(got, want) {
					s.t.Errorf("the server was told %v, want %v", got, want)
				}
			})
		})
	}
}

// switches are create_response and interrupt_response of a session.update; nothing of what is left out.
func switches(t *testing.T, update string) (told []bool) {
	type detection struct {
		Create    *bool `json:"create_response"`
		Interrupt *bool `json:"interrupt_response"`
	}
	var u struct {
		Session struct {
			Detection *detection `json:"turn_detection"`
			Audio     struct {
				Input struct {
					Detection *detection `json:"turn_detection"`
				} `json:"input"`
			} `json:"audio"`
		} `json:"session"`
	}
	if err := json.Unmarshal([]byte(update), &u); err != nil {
		t.Fatal(err)
	}
	d := u.Session.Detection
	if d == nil {
		d = u.Session.Audio.Input.Detection
	}
	for _, b := range []*bool{d.Create, d.Interrupt} {
		if b != nil {
			told = append(told, *b)
		}
	}
	return told
}
