package agent

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

// goodbye has a silent caller told goodbye, which takes 4 s to say.
func (s *stage) goodbye() {
	s.t.Helper()
	s.wait(5 * time.Second)
	s.server(answer("r1", "a1", "Are you there?", 200)...)
	s.wait(6 * time.Second)
	if got := s.told(); len(got) != 2 || !strings.Contains(got[1], "goodbye") {
		s.t.Fatalf("asked for %q, want a question and a goodbye", got)
	}
	s.server(answer("r2", "a2", "I hang up now, goodbye.", 4000)...)
	s.wait(2 * time.Second)
}

// hangsUp has the model say goodbye, which takes 4 s, and hang up.
func (s *stage) hangsUp() {
	call := functionCall("f1", "c1", "hang_up", `{"reason":"done"}`)
	s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 4000), words("r1", "a1", "Goodbye."),
		&realtime.OutputItemDone{ResponseID: "r1", Item: call}, done("r1", "completed", message("a1"), call), outputTaken("c1"))
	s.wait(2 * time.Second)
}

func (s *stage) ends(want bool, when string) {
	s.t.Helper()
	if got := len(s.end) == 1; got != want {
		s.t.Errorf("%s: ended %v, want %v", when, got, want)
	}
}

var silentProfile = Profile{Idle: Idle{After: 5 * time.Second, Prompts: 1}}

// The caller who was thought to be silent is asked anew, and told goodbye again only after that.
func TestACallerWhoSpeaksDuringTheGoodbyeIsNotHungUpOn(t *testing.T) {
	for name, act := range map[string]func(s *stage){
		"speech": func(s *stage) { s.server(turn("u1")...) },
		"key":    func(s *stage) { s.line.digits <- '1'; s.wait(3 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s := play(t, stageOptions{profile: silentProfile}, func(s *stage) {
				s.goodbye()
				act(s)
				s.ends(false, "the caller has acted")
				log := s.model.log()
				if at := slices.Index(log, "system: "+stays); at < 0 || slices.Index(log, "create") < at {
					t.Errorf("client sent %q, want the model told and asked for an answer then", log)
				}
				s.server(answer("r3", "a3", "There you are.", 200)...)
				s.wait(5500 * time.Millisecond)
				s.ends(false, "a while later")
				if got := s.told(); len(got) != 1 || !strings.Contains(got[0], "still there") {
					t.Errorf("asked for %q, want the question whether the caller is still there", got)
				}
			})
			if s.ended.By != ByCaller {
				t.Errorf("ended %+v", s.ended)
			}
			if n := strings.Count(s.journal.text(), "note system | "+stays+" | told\n"); n != 1 {
				t.Errorf("noted %d times:\n%s", n, s.journal.text())
			}
		})
	}
}

// A key that stops nothing still shows that there is a caller, also before the goodbye is complete.
func TestAnIgnoredKeyTakesTheGoodbyeBack(t *testing.T) {
	p := silentProfile
	p.Keys.Ignore = true
	play(t, stageOptions{profile: p}, func(s *stage) {
		s.wait(5 * time.Second)
		s.server(answer("r1", "a1", "Are you there?", 200)...)
		s.wait(6 * time.Second)
		s.told()
		whole := answer("r2", "a2", "I hang up now, goodbye.", 1000)
		s.server(whole[:3]...)
		s.line.digits <- '1'
		s.wait(10 * time.Millisecond)
		s.server(whole[3:]...)
		s.wait(2 * time.Second)
		s.ends(false, "the goodbye was said")
		s.wait(5 * time.Second)
		if got := s.told(); len(got) != 1 || !strings.Contains(got[0], "still there") {
			t.Errorf("asked for %q, want the question whether the caller is still there", got)
		}
	})
}

// What may be a noise decides nothing until it is known: the end comes after it was none.
func TestANoiseDuringTheGoodbyeChangesNothing(t *testing.T) {
	p := patient(Interruption{Confirm: 300 * time.Millisecond})
	p.Idle = silentProfile.Idle
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		s.goodbye()
		s.sound("u1", 100*time.Millisecond)
		s.server(transcript("u1", ""))
		s.wait(time.Second)
		s.ends(false, "the goodbye is being said")
		s.wait(2 * time.Second)
		s.ends(true, "the goodbye was said")
	})
	if want := (End{BySystem, "caller silent"}); s.ended != want {
		t.Errorf("ended %+v", s.ended)
	}
}

func TestACallerWhoSpeaksOverTheFarewellStays(t *testing.T) {
	var ran atomic.Int32
	s := play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.hangsUp()
		s.model.log()
		s.server(turn("u1")...)
		s.ends(false, "the caller has spoken")
		s.sent("truncate a1 2000", "system: "+stays, "create")
		s.server(answer("r2", "a2", "Yes?", 200)...)
		s.wait(time.Minute)
		s.ends(false, "a minute later")
		s.server(callTools("r4", "completed", functionCall("f4", "c4", "hang_up", `{"reason":"done"}`))...)
		s.wait(5 * time.Second)
		s.ends(true, "hung up for the second time")
	})
	if want := (End{ByAgent, "hang_up: done"}); s.ended != want {
		t.Errorf("ended %+v, want %+v", s.ended, want)
	}
}

// The model asked to hang up, the caller spoke, and only then the tool came to it.
func TestAHangUpThatTheCallerHasOvertakenIsNone(t *testing.T) {
	r := tools.NewRegistry()
	if err := tools.AddBuiltins(r); err != nil {
		t.Fatal(err)
	}
	play(t, stageOptions{box: slowHangUp{r}}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "hang_up", `{}`))...)
		s.server(turn("u1")...)
		s.wait(time.Second)
		s.ends(false, "the tool is done")
		if log := s.model.log(); !slices.Contains(log, "system: "+stays) {
			t.Errorf("client sent %q, want the model told", log)
		}
	})
}

// slowHangUp takes a moment for everything.
type slowHangUp struct{ *tools.Registry }

func (b slowHangUp) Run(_ context.Context, inv tools.Invocation) tools.Outcome {
	time.Sleep(500 * time.Millisecond) // of the bubble's time
	return b.Registry.Run(context.Background(), inv)
}

// What others have decided stays decided, whatever the caller says.
func TestAnEndThatIsNoFarewellIsFinal(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(c *Conversation)
		want End
	}{
		"dismissed":   {func(c *Conversation) { c.Dismiss("ada") }, End{BySupervisor, "ended by a supervisor"}},
		"put through": {func(c *Conversation) { c.PutThrough("sales", "ada") }, End{BySupervisor, "put through to sales"}},
	} {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Int32
			s := play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
				s.hangsUp()
				c.end(s.conv)
				s.wait(100 * time.Millisecond)
				s.ends(false, "the farewell is being said")
				s.server(&realtime.SpeechStarted{ItemID: "u1"})
				s.wait(100 * time.Millisecond)
				s.ends(true, "the caller speaks")
			})
			if s.ended != c.want {
				t.Errorf("ended %+v, want %+v", s.ended, c.want)
			}
		})
	}
	t.Run("limit", func(t *testing.T) {
		s := play(t, stageOptions{profile: Profile{Limit: Limit{Duration: 10 * time.Second}}}, func(s *stage) {
			s.wait(8 * time.Second)
			s.server(answer("r1", "a1", "A long story.", 4000)...)
			s.wait(2100 * time.Millisecond)
			s.ends(false, "the time is up and the agent speaks")
			s.server(&realtime.SpeechStarted{ItemID: "u1"})
			s.wait(100 * time.Millisecond)
			s.ends(true, "the caller speaks")
		})
		if s.ended.Cause != "maximum call duration reached" {
			t.Errorf("ended %+v", s.ended)
		}
	})
}

func TestASilencedModelDoesNotHangUp(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.hangsUp()
		s.conv.Silence(true, "ada")
		s.wait(time.Minute)
		s.ends(false, "a supervisor has taken the model off")
	})
}

// A caller who speaks over words that nothing interrupts hears them to their end, and is not hung up on then.
func TestAProtectedFarewellIsHeardAndTakenBack(t *testing.T) {
	p := Profile{Greeting: "We are closed.", Interruption: Interruption{ProtectGreeting: true}}
	call := functionCall("f1", "c1", "hang_up", `{}`)
	for name, early := range map[string]bool{"before its response is done": true, "after it": false} {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Int32
			s := play(t, stageOptions{profile: p, tools: toolbox(t, &ran)}, func(s *stage) {
				s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000))
				if early {
					s.server(&realtime.SpeechStarted{ItemID: "u1"})
				}
				s.server(done("r1", "completed", message("a1"), call), outputTaken("c1"))
				if !early {
					s.server(&realtime.SpeechStarted{ItemID: "u1"})
				}
				s.wait(3 * time.Second)
				s.ends(false, "all was heard, and the caller speaks")
			})
			if n := len(s.line.player.wire); n != 16000 {
				t.Errorf("%d bytes of the farewell were heard, want all 16000", n)
			}
		})
	}
}

// The caller begins to speak so soon that it may be an echo, and the farewell is over before anybody can tell.
func TestAShortFarewellWaitsForTheVerdict(t *testing.T) {
	p := Profile{Interruption: Interruption{EchoGuard: 400 * time.Millisecond}}
	call := functionCall("f1", "c1", "hang_up", `{}`)
	var ran atomic.Int32
	play(t, stageOptions{profile: p, tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 200), done("r1", "completed", message("a1"), call), outputTaken("c1"))
		s.wait(100 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(time.Second)
		s.ends(false, "the caller speaks on")
	})
}
