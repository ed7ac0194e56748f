package agent

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/tools"
)

// ofLink are the messages of one connection, in the order in which they were sent.
func (s *scene) ofLink(n int) (list []wireText) {
	for _, m := range append(s.messages(true, ""), s.messages(false, "")...) {
		if m.link == n {
			list = append(list, m)
		}
	}
	return list
}

func TestR01AfterAReconnectTheSessionComesBeforeTheAudio(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("when are you open")
		s.wait(time.Second)
		s.session().Drop()
		s.speak("rms-c03", 3*time.Second)
		s.quiet(8 * time.Second)
		var order []string
		for _, m := range s.ofLink(1) {
			if m.up && (len(order) == 0 || order[len(order)-1] != m.name) {
				order = append(order, m.name)
			}
		}
		if got := strings.Join(order, " "); !strings.HasPrefix(got, "session.update conversation.item.create input_audio_buffer.append") {
			s.t.Errorf("the second connection began with %s", got)
		}
		if r := s.record(); r.EarlyAppends != 0 || len(r.Turns) != 1 || s.counts.of(Reconnected) != 1 {
			s.t.Errorf("%d messages of audio before the session, turns %+v, reconnected %d times", r.EarlyAppends, r.Turns, s.counts.of(Reconnected))
		}
		s.goesOn()
	})
}

func TestR02TheNextSessionIsToldInOneTextWhatWasHeard(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a09"), says("a02")}}, func(s *scene) {
		s.say("thank you")
		s.wait(4 * time.Second)
		s.say("when are you open")
		s.wait(time.Second)
		s.say("never mind") // most of the answer was not heard
		s.wait(300 * time.Millisecond)
		s.session().Drop()
		s.wait(8 * time.Second)
		items := s.sent("conversation.item.create")
		if len(items) != 1 || !strings.Contains(items[0], `"role":"system"`) || !strings.Contains(items[0], `"input_text"`) {
			s.t.Fatalf("the next session was told %q, want one text of the system", items)
		}
		for _, words := range []string{"thank you", goodbyeWords, "when are you open", "never mind"} {
			if !strings.Contains(items[0], words) {
				s.t.Errorf("%s misses %q", items[0], words)
			}
		}
		if strings.Contains(items[0], "in the evening") {
			s.t.Errorf("%s tells words that nobody heard", items[0])
		}
		modalities := map[string]string{simulator.DialectGA: `"output_modalities":["audio"]`, simulator.DialectPreview: `"modalities":["text","audio"]`}
		if update := s.sent("session.update")[1]; !strings.Contains(update, modalities[s.dialect]) {
			s.t.Errorf("%s does not ask for a voice", update)
		}
		s.goesOn()
	})
}

func TestR03SessionsThatExpireAreReplacedBefore(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{ExpireAfter: 20 * time.Second}}, func(s *scene) {
		for range 6 {
			s.goesOn()
			s.wait(2 * time.Second)
		}
		if n := s.counts.of(Rotated); n < 3 || s.counts.of(Reconnected) != 0 {
			s.t.Errorf("%d rotations, %d losses in a minute", n, s.counts.of(Reconnected))
		}
		for _, session := range s.srv.Sessions()[:3] {
			if r := session.Record(); r.Errors["session_expired"] > 0 {
				s.t.Errorf("session %s has expired", r.ID)
			}
		}
	})
}

func TestR03RotationTouchesNothingThatIsSaid(t *testing.T) {
	tr := trap{faults: simulator.Faults{ExpireAfter: 20 * time.Second}, answers: []simulator.Answer{says("a01", "a02", "a05")}}
	provoke(t, tr, func(s *scene) {
		s.wait(9 * time.Second)
		s.say("tell me everything") // the answer lasts until after the moment when the session is due
		s.wait(9 * time.Second)
		said := s.spoken(0)
		before := len(s.heard())
		s.wait(2 * time.Second)
		if n := len(s.heard()) - before; n != 16_000 || s.counts.of(Rotated) != 1 {
			s.t.Errorf("%d ms were heard in two seconds, %d rotations", n/8, s.counts.of(Rotated))
		}
		s.wait(5 * time.Second)
		s.wantHeard(said)
		s.goesOn()
	})
}

func TestR03AnEndThatWasNotAnnouncedIsSurvived(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.session().Expire() // session_expired and close 1001
		s.wait(8 * time.Second)
		if s.end != nil || s.counts.of(Reconnected) != 1 {
			s.t.Errorf("end %+v, reconnected %d times", s.end, s.counts.of(Reconnected))
		}
		s.goesOn()
	})
}

func TestR04ACleanCloseIsNoticed(t *testing.T) {
	ends := map[string]func(*simulator.Session){
		"1000":         func(s *simulator.Session) { s.CloseWith(1000, "bye") },
		"1001":         func(s *simulator.Session) { s.CloseWith(1001, "restart") },
		"broken":       (*simulator.Session).SendBrokenFrame,
		"cut":          (*simulator.Session).Drop,
		"not answered": (*simulator.Session).Freeze,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			provoke(t, trap{}, func(s *scene) {
				s.goesOn()
				end(s.session())
				s.wait(25 * time.Second)
				if s.counts.of(Reconnected) != 1 {
					s.t.Errorf("reconnected %d times", s.counts.of(Reconnected))
				}
				s.goesOn()
			})
			once := withManners(func(p *Profile) { p.Renewal.Within = -1 })
			provoke(t, trap{profile: once}, func(s *scene) {
				s.goesOn()
				end(s.session())
				s.wait(25 * time.Second)
				if s.end == nil || s.end.By != BySystem || s.end.Cause != "model connection lost" {
					s.t.Errorf("end %+v, want the end of the call", s.end)
				}
			})
		})
	}
}

func TestR05AnErrorIsNotTheEnd(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02", "a05")}}, func(s *scene) {
		s.say("hello")
		for _, code := range []string{"", "response_cancel_not_active", "item_delete_invalid_item_id", "input_audio_buffer_commit_empty",
			"rate_limit_exceeded", "server_error", "invalid_value", "unknown_parameter", "never_heard_of"} {
			s.session().SendError(code, "something is wrong")
			s.wait(50 * time.Millisecond)
		}
		s.wait(11 * time.Second)
		s.wantHeard(s.spoken(0))
		s.goesOn()
		if len(s.dials) != 1 {
			s.t.Errorf("%d connections", len(s.dials))
		}
	})
}

func TestR05AFatalErrorIsTheEndAndNotDialledAgain(t *testing.T) {
	for _, code := range []string{"insufficient_quota", "invalid_api_key", "account_deactivated", "billing_hard_limit_reached", "model_not_found"} {
		provoke(t, trap{}, func(s *scene) {
			s.session().SendError(code, "no")
			s.wait(time.Second)
			if s.end == nil || s.end.By != BySystem || !strings.Contains(s.end.Cause, code) || len(s.dials) != 1 {
				s.t.Errorf("%s: end %+v after %d connections", code, s.end, len(s.dials))
			}
		})
	}
}

func TestR08AHalfOpenLinkIsReplaced(t *testing.T) {
	p := withManners(func(p *Profile) { p.Renewal.Clip = NewClip(speechLike(1000, 8000)) })
	provoke(t, trap{profile: p}, func(s *scene) {
		s.goesOn()
		s.session().Freeze()
		s.speak("rms-c05", 3*time.Second) // nobody hears it
		s.quiet(20 * time.Second)
		if s.counts.of(Reconnected) != 1 {
			s.t.Errorf("reconnected %d times", s.counts.of(Reconnected))
		}
		s.goesOn()
	})
}

func TestR11BusyServersSayWhenToComeBack(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.goesOn()
		if err := s.srv.SetFaults(simulator.Faults{UpgradeStatus: 429, UpgradeCount: 2, RetryAfter: 3 * time.Second}); err != nil {
			s.t.Fatal(err)
		}
		s.session().Drop()
		s.wait(10 * time.Second)
		if len(s.dials) != 4 {
			s.t.Fatalf("%d attempts, want the first, two that were refused, and one that was not", len(s.dials)-1)
		}
		for i := range 2 {
			if pause := s.dials[i+2].Sub(s.dials[i+1]); pause < 3*time.Second || pause > 4*time.Second {
				s.t.Errorf("pause of %v, the server asked for 3 s", pause)
			}
		}
		s.goesOn()
	})
}

func TestR11ARefusalForGoodIsNotRepeated(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.goesOn()
		if err := s.srv.SetFaults(simulator.Faults{UpgradeStatus: 401}); err != nil {
			s.t.Fatal(err)
		}
		s.session().Drop()
		s.wait(30 * time.Second)
		if s.end == nil || s.end.By != BySystem || len(s.dials) != 2 {
			s.t.Errorf("end %+v after %d attempts", s.end, len(s.dials)-1)
		}
	})
}

func TestR13UnknownEventsAndOddMessagesArePassedOver(t *testing.T) {
	odd := simulator.Faults{MissingEventIDs: true, MissingStatus: true, TypeLast: true, DuplicateItems: true}
	provoke(t, trap{faults: odd, answers: []simulator.Answer{says("a02", "a05")}}, func(s *scene) {
		s.say("hello")
		for _, text := range []string{`{"type":"response.never_heard_of","value":1}`, `{"type":`, ``, `null`, `[]`, `{}`, `{"type":7}`,
			`{"type":"response.output_audio.delta","delta":"%%%"}`, `{"type":"response.audio.delta","delta":7}`, `{"type":"response.done"}`,
			`{"type":"response.created","response":null}`, `{"type":"conversation.item.added","item":"x"}`, `{"type":"error"}`} {
			s.session().SendText(text)
		}
		s.wait(12 * time.Second)
		s.wantHeard(s.spoken(0))
		s.goesOn()
		if len(s.dials) != 1 {
			s.t.Errorf("%d connections", len(s.dials))
		}
	})
}

func TestR14AWaitThatNoErrorNamesHasItsOwnEnd(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{SilentResponses: 1, NoErrorEventID: true}}, func(s *scene) {
		s.say("hello")
		s.session().SendError("", "your request could not be handled")
		s.wait(10 * time.Second)
		s.wantSent("response.create", 2)
		s.wantHeard(s.spoken(0))
	})
}

func TestR14AHandOffThatIsRefusedWithoutAName(t *testing.T) {
	tr := handOffTrap(t, "")
	tr.faults.NoErrorEventID, tr.refusals = true, []string{"noise_reduction"}
	billing := tr.other["billing"]
	billing.Profile.NoiseReduction = "all"
	tr.other["billing"] = billing
	provoke(t, tr, func(s *scene) {
		s.say("I have a question about my bill")
		s.wait(14 * time.Second)
		if c := s.record().Calls[0]; !c.Answered || !strings.Contains(c.Output, "error") || s.counts.of(HandedOff) != 0 {
			s.t.Errorf("%+v", c)
		}
		s.goesOn()
	})
}

func TestR15RateLimitsStopNobody(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.session().SendText(`{"type":"rate_limits.updated","rate_limits":[{"name":"requests","limit":1,"remaining":0,"reset_seconds":3600},` +
			`{"name":"daily_dreams","limit":"many","remaining":0,"reset_seconds":null},7,null]}`)
		s.wait(time.Second)
		s.say("hello")
		s.wait(100 * time.Millisecond)
		s.wantSent("response.create", 1)
		s.goesOn()
	})
}

func TestR16TheCallBeginsWhenTheSessionIsConfirmed(t *testing.T) {
	stageEach(t, trap{faults: simulator.Faults{UpgradeDelay: time.Second}}, func(s *scene) {
		began := time.Now()
		if err := s.open(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		if took := time.Since(began); took < time.Second || len(s.messages(false, "session.updated")) != 1 {
			s.t.Errorf("the phone was answered after %v with %d confirmed sessions", took, len(s.messages(false, "session.updated")))
		}
		s.conv.Finish(0)
	})
	stageEach(t, trap{faults: simulator.Faults{IgnoreUpdates: true}}, func(s *scene) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if err := s.open(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 4*time.Second {
			s.t.Errorf("open: %v after %v", err, time.Since(began))
		}
	})
}

func TestR17TheLogHoldsNothingThatWasSaid(t *testing.T) {
	tr := oneTool(t, func(context.Context) (string, error) { return "", tools.Tell("card 4111 is blocked") })
	tr.answers = []simulator.Answer{does(call("work", `{"card":"4111"}`)), {Status: "failed"}, {Status: "incomplete", Reason: "content_filter"}, says("a02")}
	tr.profile.Greeting = "Hello from Northwind."
	provoke(t, tr, func(s *scene) {
		s.wait(time.Second)
		s.say("my name is Ada Lovelace")
		s.line.digits <- '7'
		s.conv.Tell("The customer is Ada Lovelace.", "", true)
		s.session().SendError("server_error", "Ada Lovelace has no luck")
		s.wait(20 * time.Second)
		s.session().Drop()
		s.wait(5 * time.Second)
		s.over()
		text := s.log.String()
		if text == "" {
			s.t.Fatal("nothing was logged")
		}
		audio := base64.StdEncoding.EncodeToString(s.heard()[:300])
		for _, secret := range []string{"Lovelace", "4111", "Nora", "Northwind", "key=7", "help you", "Monday", audio} {
			if strings.Contains(text, secret) {
				s.t.Errorf("the log holds %q:\n%s", secret, text)
			}
		}
	})
}
