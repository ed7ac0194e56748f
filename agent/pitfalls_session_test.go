package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
)

func TestP60ASessionThatIsRefusedIsNoCall(t *testing.T) {
	bad := map[string]struct {
		dialect, param string
		change         func(*Profile)
	}{
		"temperature":     {simulator.DialectPreview, "temperature", func(p *Profile) { p.Temperature = realtime.Some(0.5) }},
		"voice":           {simulator.DialectPreview, "voice", func(p *Profile) { p.Voice = "nobody" }},
		"noise reduction": {simulator.DialectGA, "noise_reduction", func(p *Profile) { p.NoiseReduction = "all" }},
		"speed":           {simulator.DialectGA, "speed", func(p *Profile) { p.Speed = realtime.Some(9.0) }},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			stageEach(t, trap{dialect: c.dialect, profile: withManners(c.change)}, func(s *scene) {
				s.trap.refusals = []string{""} // whatever the server says
				err := s.open(context.Background())
				refused, ok := errors.AsType[*realtime.RefusedError](err)
				if !ok || !strings.Contains(refused.Err.Param, c.param) || !realtime.IsFatal(err) {
					s.t.Errorf("open: %v, want a refusal that names %s", err, c.param)
				}
				if r := s.srv.Sessions()[0].Record(); r.Appends != 0 || r.Ended.IsZero() {
					s.t.Errorf("%d messages of audio were sent, session ended at %v", r.Appends, r.Ended)
				}
			})
		})
	}
}

func TestP61TheVoiceIsNamedInTheFirstUpdateOnly(t *testing.T) {
	for voice, sessions := range map[string]int{"": 1, "alloy": 1, "echo": 2} {
		t.Run("to "+voice, func(t *testing.T) {
			provoke(t, handOffTrap(t, voice), func(s *scene) {
				s.say("I have a question about my bill")
				s.wait(10 * time.Second)
				updates := s.messages(true, "session.update")
				if len(updates) != 2 || len(s.dials) != sessions || s.counts.of(HandedOff) != 1 {
					s.t.Fatalf("%d updates of %d sessions, want two of %d", len(updates), len(s.dials), sessions)
				}
				if named := strings.Contains(updates[1].text, `"voice":`); named != (sessions == 2) {
					s.t.Errorf("the second update: %s", updates[1].text)
				}
				s.goesOn()
			})
		})
	}
}

func TestP64TheWrongDialectIsNotDialledAgain(t *testing.T) {
	for name, told := range map[string]bool{"error and close": true, "close alone": false} {
		t.Run(name, func(t *testing.T) {
			provoke(t, trap{}, func(s *scene) {
				s.goesOn()
				if told {
					s.session().SendError("beta_api_shape_disabled", "The beta shape is disabled.")
				}
				s.session().CloseWith(4000, "invalid_request_error.beta_api_shape_disabled")
				s.wait(time.Minute)
				if s.end == nil || s.end.By != BySystem || len(s.dials) != 1 {
					s.t.Errorf("end %+v after %d connections, want the end and no second connection", s.end, len(s.dials))
				}
			})
		})
	}
}

func TestP65AServerThatAnswersAlthoughItWasToldNotTo(t *testing.T) {
	own := func(s *realtime.Session) { s.TurnDetection = selfAnswering.TurnDetection }
	provoke(t, trap{really: own, refusals: []string{"conversation_already_has_active_response"}}, func(s *scene) {
		for range 3 {
			s.goesOn()
		}
		s.wantSent("response.create", 1) // once we met its answer; then it is known to answer by itself
		if n := len(s.messages(false, "response.done")); n != 3 || s.end != nil {
			s.t.Errorf("%d answers to three turns, the call ended with %+v", n, s.end)
		}
	})
}

func TestP65AServerThatConfirmsEverythingAndDoesNothing(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{SilentResponses: 100}}, func(s *scene) {
		s.say("hello")
		s.wait(30 * time.Second)
		if s.end == nil || s.end.By != BySystem || s.end.Cause != "model gives no answer" {
			s.t.Errorf("after half a minute of silence the call has ended with %+v", s.end)
		}
	})
}

func TestP65AServerThatSpeaksOnlySilence(t *testing.T) {
	quiet := simulator.Clip{Name: "quiet", Text: "silence", Samples: make([]int16, 80_000)}
	service := simulator.Options{AgentClips: []simulator.Clip{quiet}, Speed: 1}
	provoke(t, trap{service: service, answers: []simulator.Answer{says("quiet")}}, func(s *scene) {
		s.say("hello")
		s.wait(20 * time.Second)
		s.wantSent("response.create", 2)
		if s.counts.of(Muted) != 1 || !strings.HasSuffix(string(s.heard()), string(s.spoken(1))) {
			s.t.Errorf("muted %d times, %d ms were heard", s.counts.of(Muted), len(s.heard())/8)
		}
	})
}
