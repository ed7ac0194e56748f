package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

// stopsItself is a profile whose answers are stopped by us alone, which takes a response.cancel.
var stopsItself = Profile{TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", InterruptResponse: realtime.Some(false)})}

// A response whose end the server does not tell in time is over all the same, everywhere, and what still comes of it is late.

func charging(t *testing.T, ran *int) *tools.Registry {
	r := tools.NewRegistry()
	err := tools.Add(r, "charge", "", func(context.Context, *tools.Call, struct{}) (string, error) { *ran++; return "ok", nil })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatComesOfAGivenUpResponseIsDropped(t *testing.T) {
	ran := 0
	call := functionCall("f1", "c1", "charge", "{}")
	later := functionCall("f2", "c2", "charge", "{}")
	s := play(t, stageOptions{tools: charging(t, &ran), profile: stopsItself}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 1000))
		s.wait(300 * time.Millisecond)
		s.server(turn("u1")...)
		s.wait(doneWithin + time.Second)
		s.sent("cancel r1", "truncate a1 300", "create")
		s.server(audio("r1", "a1", 2000), &realtime.OutputItemDone{ResponseID: "r1", Item: call})
		if n := s.line.player.Queued(); n != 0 {
			t.Errorf("%d bytes of an interrupted answer will be heard", n)
		}
		s.server(done("r1", "completed", message("a1"), call, later)) // and this is not the end of the answer that is asked for
		s.sent("delete f1", "delete f2")
		s.wait(createdWithin)
		s.sent("create") // again: what was asked for is still to come
		s.server(answer("r2", "a2", "Yes?", 200)...)
		s.wait(time.Second)
		s.sent()
		if ran != 0 {
			t.Error("a call of an interrupted answer ran")
		}
	})
	if s.figures.LateAudioBytes != 16000 {
		t.Errorf("counted %d late bytes, want 16000", s.figures.LateAudioBytes)
	}
}

func TestAGivenUpResponseLeavesTheCallAtRest(t *testing.T) {
	ran := 0
	play(t, stageOptions{tools: charging(t, &ran), profile: Profile{Idle: Idle{After: 5 * time.Second, Prompts: 1}, Silence: Silence{After: silentFor}}}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 100),
			&realtime.OutputItemDone{ResponseID: "r1", Item: functionCall("f1", "c1", "charge", "{}")})
		s.wait(silentFor + doneWithin + time.Second)
		s.sent("cancel r1", "delete f1", "create")
		s.server(answer("r2", "a2", "Hello.", 200)...)
		s.wait(6 * time.Second)
		if got := s.told(); len(got) != 1 {
			t.Errorf("a silent caller was asked %d times, want once: the call is not at rest", len(got))
		}
		s.server(&realtime.OutputItemDone{ResponseID: "r1", Item: functionCall("f2", "c2", "charge", "{}")})
		s.sent("delete f2")
		s.server(answer("r3", "a3", "Are you still there?", 200)...)
		s.wait(6 * time.Second)
		if got := s.told(); len(got) != 1 {
			t.Errorf("said goodbye %d times, want once: the call is not at rest", len(got))
		}
	})
	if ran != 0 {
		t.Error("a call of a response that was given up ran")
	}
}

// A line that is kept for an answer must not keep the lines behind it when the answer will not be heard.
func TestAnAnswerThatNeverSpeaksHoldsNoLinesBack(t *testing.T) {
	said := "turn agent | It has been shipped.\n"
	text := &realtime.TranscriptDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Delta: "It has"}
	lost := "session system | lost\nsession system | reconnected\n"
	for name, c := range map[string]struct {
		how  func(s *stage)
		want string
	}{
		"cancelled by the server": {func(s *stage) {
			s.server(created("r1"), item("r1", "a1"), done("r1", "cancelled"))
		}, said},
		"cancelled with words": {func(s *stage) {
			s.server(created("r1"), item("r1", "a1"), text, done("r1", "cancelled"))
		}, "turn agent | It has | interrupted\n" + said},
		"listed, and empty": {func(s *stage) {
			s.server(created("r1"), item("", "a1"), done("r1", "cancelled", message("a1")))
		}, said},
		"never over": {func(s *stage) {
			s.server(created("r1"), item("r1", "a1"), text)
			s.wait(100 * time.Millisecond)
			s.server(turn("u1")...)
			s.wait(doneWithin + time.Second)
		}, "turn agent | It has | interrupted\nturn caller | no transcription\n" + said},
		"lost with its connection": {func(s *stage) {
			s.server(created("r1"), item("r1", "a1"))
			s.model.lost <- errors.New("gone")
			s.wait(2 * time.Second)
		}, lost + said},
		"nobody tells": {func(s *stage) {
			s.server(created("r1"), item("of another", "a1"), done("r1", "cancelled"))
			s.wait(lateSound)
		}, said},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, stageOptions{profile: stopsItself}, func(s *stage) {
				c.how(s)
				s.server(answer("r2", "a2", "It has been shipped.", 500)...)
				s.wait(time.Second)
				if got := s.journal.text(); got != c.want {
					t.Errorf("transcript in the middle of the call:\n%swant:\n%s", got, c.want)
				}
			})
		})
	}
}

func TestALongAnswerIsNotClosedByTime(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(answer("r1", "a1", "A long story.", int(2*lateSound/time.Millisecond))...)
		s.wait(lateSound + time.Second)
		s.conv.Tell("The customer is waiting.", "", false)
		s.wait(time.Second)
		if got := s.journal.text(); got != "" {
			t.Errorf("written before it was heard: %q", got)
		}
		s.wait(lateSound)
	})
	if got := s.journal.text(); got != "turn agent | A long story.\nnote system | The customer is waiting. | told\n" {
		t.Errorf("transcript %q", got)
	}
}

// keeper keeps a value for the call and says later whether it is there.
func keeper(t *testing.T) Toolbox {
	r := tools.NewRegistry()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(tools.Add(r, "keep", "", func(_ context.Context, c *tools.Call, _ struct{}) (string, error) {
		c.Set("customer", "4711")
		return "kept", nil
	}))
	must(tools.Add(r, "known", "", func(_ context.Context, c *tools.Call, _ struct{}) (string, error) {
		customer, _ := c.Get("customer")
		return c.Agent + " knows " + customer.(string) + " in " + c.TimeZone.String(), nil
	}))
	must(tools.AddHandOff(r, "billing"))
	return r
}

func TestWhatToolsKeepSurvivesAHandOff(t *testing.T) {
	names := []string{"keep", "known", "hand_off"}
	billing := Desk{Profile: Profile{Name: "billing", Instructions: "b", Tools: names, TimeZone: time.FixedZone("Sydney", 36000)}}
	o := stageOptions{profile: Profile{Name: "front", Tools: names}, other: map[string]Desk{"billing": billing}, box: keeper(t)}
	play(t, o, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "keep", "{}"))...)
		s.server(outputTaken("c1"))
		s.server(callTools("r2", "completed", functionCall("f2", "c2", "hand_off", `{"agent":"billing"}`))...)
		s.server(&realtime.SessionUpdated{}, outputTaken("c2"))
		s.server(callTools("r3", "completed", functionCall("f3", "c3", "known", "{}"))...)
		if got, want := s.model.log(), `output c3 {"result":"billing knows 4711 in Sydney"}`; !slices.Contains(got, want) {
			t.Errorf("the next agent's tool said %q, want %q among it", got, want)
		}
	})
}

func TestTheSoundOfAGivenUpResponseEnds(t *testing.T) {
	play(t, stageOptions{profile: Profile{Silence: Silence{After: silentFor}}}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 100)) // and more is never said to come
		s.wait(silentFor + doneWithin + time.Millisecond)
		s.conv.Dismiss("ada")
		s.wait(time.Second)
		s.ends(true, "nothing is being said")
	})
}
