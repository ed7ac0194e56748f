package agent

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// told returns the instructions of the response.create events since the last look.
func (s *stage) told() (instructions []string) {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	for _, ev := range s.model.sent {
		if c, ok := ev.(*realtime.ResponseCreate); ok {
			instructions = append(instructions, c.Response.Instructions)
		}
	}
	s.model.sent = nil
	return instructions
}

func TestSilentCallerIsAskedAndThenTheCallEnds(t *testing.T) {
	p := Profile{Instructions: "Be kind.", Idle: Idle{After: 8 * time.Second, Prompts: 2}}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		for n := range 2 {
			s.wait(7 * time.Second)
			if got := s.told(); len(got) != 0 {
				t.Fatalf("asked after 7 s: %q", got)
			}
			s.wait(time.Second)
			if got := s.told(); len(got) != 1 || !strings.HasPrefix(got[0], "Be kind.") || !strings.Contains(got[0], "still there") {
				t.Fatalf("prompt %d: %q", n, got)
			}
			s.server(answer("r", "a", "Are you still there?", 1000)...)
			s.wait(time.Second)
		}
		s.wait(8 * time.Second)
		if got := s.told(); len(got) != 1 || !strings.Contains(got[0], "goodbye") {
			t.Fatalf("goodbye: %q", got)
		}
		s.server(answer("r3", "a3", "Goodbye.", 1000)...)
		s.wait(500 * time.Millisecond)
		if len(s.end) != 0 {
			t.Error("hung up in the middle of the goodbye")
		}
		s.wait(time.Second)
		s.ended = <-s.end
	})
	if s.ended.By != BySystem || s.ended.Cause != "caller silent" {
		t.Errorf("ended by %s because %s", s.ended.By, s.ended.Cause)
	}
}

func TestCallerWhoSpeaksIsNotAsked(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Idle: Idle{After: 8 * time.Second, Prompts: 1}}}, func(s *stage) {
		for range 5 { // a word every 6 s
			s.wait(6 * time.Second)
			s.server(turn("u")...)
			s.server(answer("r", "a", "Yes.", 100)...)
		}
		s.wait(9 * time.Second) // one prompt
		s.server(&realtime.SpeechStarted{ItemID: "u2"}, &realtime.SpeechStopped{ItemID: "u2"}, &realtime.AudioCommitted{ItemID: "u2"})
		s.server(answer("r2", "a2", "Fine.", 100)...)
		s.wait(5 * time.Second)
		s.line.held <- true
		s.wait(time.Hour) // nobody is asked while the call is on hold
		s.line.held <- false
		s.wait(7 * time.Second)
	})
	if n := s.counts.of(Prompted); n != 1 || s.ended.By != ByCaller {
		t.Errorf("prompted %d times and ended by %s, want once and the caller", n, s.ended.By)
	}
}

func TestGoodbyeIsTakenBackWhenTheCallerSpeaks(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Idle: Idle{After: 5 * time.Second, Prompts: 1}}}, func(s *stage) {
		s.wait(5 * time.Second)
		s.server(answer("r1", "a1", "Are you there?", 100)...)
		s.wait(5200 * time.Millisecond)
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 3000))
		s.wait(200 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, done("r2", "cancelled"))
		s.wait(time.Minute)
		if len(s.end) != 0 {
			t.Error("hung up on a caller who spoke")
		}
	})
	_ = s
}

func TestDurationIsAnnouncedAndKept(t *testing.T) {
	p := Profile{Limit: Limit{Duration: 5 * time.Minute, Warning: 30 * time.Second, Notice: "Say that half a minute is left."}}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		s.wait(4*time.Minute + 29*time.Second)
		s.sent()
		s.wait(time.Second)
		if got := s.told(); len(got) != 1 || !strings.Contains(got[0], "half a minute") {
			t.Fatalf("notice %q", got)
		}
		s.server(created("r1"), item("r1", "a1"))
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, done("r1", "cancelled"), &realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"})
		if got := s.told(); len(got) != 1 {
			t.Fatalf("after the interruption: %q", got)
		}
		s.server(answer("r2", "a2", "Well,", 100)...)
		if got := s.told(); len(got) != 1 { // of the answer and the notice, both come
			t.Fatalf("the notice that nobody heard is not repeated: %q", got)
		}
		s.server(answer("r3", "a3", "half a minute", 100)...)
		s.wait(30 * time.Second)
		s.ended = <-s.end
	})
	if s.ended.By != BySystem || s.ended.Cause != "maximum call duration reached" {
		t.Errorf("ended by %s because %s", s.ended.By, s.ended.Cause)
	}
}

func TestP40FillerUntilTheAnswer(t *testing.T) {
	var ran atomic.Int32
	clip := NewClip([]int16{1000, 2000, 3000, 4000, 5000})
	s := play(t, stageOptions{tools: toolbox(t, &ran), profile: Profile{Filler: Filler{After: 300 * time.Millisecond, Clip: clip}}}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
		s.wait(290 * time.Millisecond)
		if len(s.line.player.wire) != 0 {
			t.Fatal("filler came early")
		}
		s.wait(time.Second) // the tool is done after 1 s, the answer is not there yet
		filler := bytes.Clone(s.line.player.wire)
		if n := len(filler); n < 8*900 {
			t.Fatalf("%d ms of filler, want it to go on until the answer", n/8)
		}
		if want := bytes.Repeat(clip.in(transcode.PCMU), 8000); !bytes.Equal(filler, want[:len(filler)]) {
			t.Error("the filler is not the clip over and over")
		}
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 400))
		s.wait(time.Second)
		if got := s.line.player.wire[len(filler):]; !bytes.HasSuffix(got, pattern(400*8)) || len(got) > 400*8+transcode.FrameBytes {
			t.Errorf("%d bytes after the answer came, want the answer at once", len(got))
		}
		s.server(done("r2", "completed", message("a2")))
		s.wait(2 * time.Second)
		if !bytes.HasSuffix(s.line.player.wire, pattern(400*8)) {
			t.Error("the filler goes on after the answer")
		}
	})
	if s.counts.of(Filled) != 1 || s.figures.Interruptions != 0 {
		t.Errorf("filled %d times, %d interruptions", s.counts.of(Filled), s.figures.Interruptions)
	}
}

func TestP40FillerGivesWayToTheCaller(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran), profile: Profile{Filler: Filler{After: 200 * time.Millisecond}}}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
		s.wait(500 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		before := len(s.line.player.wire)
		s.wait(time.Second)
		if got := len(s.line.player.wire) - before; got > transcode.FrameBytes || before == 0 {
			t.Errorf("%d bytes of filler under the caller's voice, %d before", got, before)
		}
		s.sent(`output c1 {"result":"late 1"}`) // nothing of it is known to the server
	})
}

func TestKeysReachTheModelAsText(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		for _, key := range "42" {
			s.line.digits <- key
			s.wait(time.Second)
		}
		s.sent()
		s.wait(time.Second)
		s.sent("user: (The caller pressed these telephone keys: 4 2)", "create")
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000))
		s.wait(510 * time.Millisecond)
		s.line.digits <- '7'
		s.wait(time.Millisecond)
		s.sent("cancel r1", "truncate a1 500") // a key stops the agent as a word does
		s.server(done("r1", "cancelled"))
		s.line.digits <- '#'
		s.wait(time.Millisecond)
		s.sent("user: (The caller pressed these telephone keys: 7 #)", "create")
	})
	if s.figures.KeysLost != 0 {
		t.Errorf("%d keys lost", s.figures.KeysLost)
	}
}

func TestKeysGoToTheToolThatAsks(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		ctx, stop := context.WithCancel(s.t.Context())
		mine := s.conv.Digits(ctx, false)
		theirs := s.conv.Digits(s.t.Context(), false)
		for _, key := range "12" {
			s.line.digits <- key
		}
		synctest.Wait()
		if a, b := <-mine, <-mine; a != '1' || b != '2' {
			t.Errorf("the tool got %c and %c", a, b)
		}
		stop()
		synctest.Wait()
		if _, open := <-mine; open {
			t.Error("the channel of a tool that is done stays open")
		}
		s.line.digits <- '3'
		if got := <-theirs; got != '3' {
			t.Errorf("the next tool got %c", got)
		}
		s.wait(10 * time.Second)
		s.sent() // the model is not told
	})
}

func TestTooManyKeysAreCounted(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		for range mostKeys + 5 {
			s.line.digits <- '1'
		}
		s.wait(5 * time.Second)
	})
	if s.figures.KeysLost != 5 {
		t.Errorf("%d keys lost, want 5", s.figures.KeysLost)
	}
}

func TestSilenceGuardRetriesOnceThenFallsBack(t *testing.T) {
	clip := NewClip([]int16{7000, -7000})
	var target string
	for name, brings := range map[string]func(s *stage, n string){
		"nothing":         func(*stage, string) {},
		"digital silence": func(s *stage, n string) { s.server(item("r"+n, "a"+n), silence("r"+n, "a"+n, 3000)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := Profile{Greeting: "Hello", Silence: Silence{After: 4 * time.Second}, Fallback: Fallback{Clip: clip, Transfer: "+15551230000"}}
			s := play(t, stageOptions{profile: p}, func(s *stage) {
				s.line.transfer = func(_ context.Context, to string) error { target = to; return nil }
				s.sent("create")
				s.server(created("r1"))
				brings(s, "1")
				s.wait(4 * time.Second)
				s.sent("cancel r1")
				s.server(done("r1", "cancelled"))
				s.wait(firstBackoff)
				s.sent("create")
				s.server(created("r2"))
				brings(s, "2")
				s.wait(4 * time.Second)
				s.sent("cancel r2")
				s.server(done("r2", "cancelled"))
				s.wait(4 * time.Second)
				s.ended = <-s.end
			})
			if target != "+15551230000" || !bytes.HasSuffix(s.line.player.wire, clip.in(transcode.PCMU)) {
				t.Errorf("transferred to %q after %d bytes of clip", target, len(s.line.player.wire))
			}
			if s.ended.By != BySystem || s.ended.Cause != "model answers with silence, caller transferred" {
				t.Errorf("ended by %s because %s", s.ended.By, s.ended.Cause)
			}
			text := s.journal.text()
			for _, want := range []string{"error system | model answers with silence", "note system | the fallback clip is played"} {
				if !strings.Contains(text, want) {
					t.Errorf("transcript lacks %q:\n%s", want, text)
				}
			}
			if s.counts.of(FellBack) != 1 || s.counts.of(Muted) != 2 {
				t.Errorf("fell back %d times, muted %d times", s.counts.of(FellBack), s.counts.of(Muted))
			}
		})
	}
}

func silence(resp, id string, ms int) realtime.ServerEvent {
	return &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: resp, ItemID: id}, Audio: bytes.Repeat([]byte{0xFF}, ms*8)}
}

func TestFallbackWithoutTransferEndsTheCall(t *testing.T) {
	for _, transfer := range []string{"", "+15551230000"} {
		s := play(t, stageOptions{profile: Profile{Fallback: Fallback{Transfer: transfer}}}, func(s *stage) {
			s.line.transfer = func(context.Context, string) error { return errors.New("busy") }
			s.server(&realtime.ErrorEvent{Error: realtime.Error{Type: "invalid_request_error", Code: "insufficient_quota"}})
			s.wait(time.Second)
			s.ended = <-s.end
		})
		if s.ended.Cause != "model: insufficient_quota" {
			t.Errorf("ended because %s", s.ended.Cause)
		}
	}
}

func TestP21FilteredAnswerIsApologisedFor(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Instructions: "Be kind."}}, func(s *stage) {
		s.server(created("r1"), &realtime.ResponseDone{Response: realtime.Response{ID: "r1", Status: "incomplete", Reason: "content_filter"}})
		s.wait(firstBackoff)
		if got := s.told(); len(got) != 1 || !strings.HasPrefix(got[0], "Be kind.") || !strings.Contains(got[0], "cannot answer") {
			t.Errorf("told %q", got)
		}
		s.server(answer("r2", "a2", "I cannot help with that.", 100)...)
		s.wait(time.Second)
	})
	if text := s.journal.text(); !strings.Contains(text, "content_filter | incomplete") {
		t.Errorf("transcript:\n%s", text)
	}
}

func TestHoldSendsNothingAndSaysNothing(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.line.speak(bytes.Repeat([]byte{0x11}, 160))
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.line.held <- true
		synctest.Wait()
		s.line.speak(bytes.Repeat([]byte{0x22}, 1600))
		if bytes.Contains(s.model.audio, []byte{0x22}) {
			t.Error("music on hold reaches the model")
		}
		if n := bytes.Count(s.model.audio, []byte{0xFF}); n != 8000 {
			t.Errorf("%d bytes of silence end the speech that the hold cut off, want 8000", n)
		}
		s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"})
		s.wait(time.Minute)
		s.sent() // nobody would hear the answer
		s.line.held <- false
		synctest.Wait()
		s.sent("create")
		s.line.speak(bytes.Repeat([]byte{0x33}, 160))
		if !bytes.HasSuffix(s.model.audio, bytes.Repeat([]byte{0x33}, 160)) {
			t.Error("the caller is not heard after the hold")
		}
	})
	if text := s.journal.text(); !strings.Contains(text, "hold caller | on\n") || !strings.Contains(text, "hold caller | off\n") {
		t.Errorf("transcript:\n%s", text)
	}
}

func TestNotesAreToldAndSpokenAbout(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 200))
		s.conv.Tell("The customer is a VIP.", "", false)
		s.conv.Tell("The order was found.", "", true)
		synctest.Wait()
		s.sent("system: The customer is a VIP.", "system: The order was found.")
		s.server(done("r1", "completed", message("a1")))
		s.sent("create")
	})
	if text := s.journal.text(); !strings.Contains(text, "note system | The customer is a VIP. | told") {
		t.Errorf("transcript:\n%s", text)
	}
}

func TestP18AnswerThatWasGivenUpIsNotPlayed(t *testing.T) {
	play(t, stageOptions{profile: Profile{Greeting: "Hello"}}, func(s *stage) {
		mark := s.model.sent[0].(*realtime.ResponseCreate).EventID
		s.model.log()
		s.wait(createdWithin + firstBackoff)
		s.sent("create") // the second try
		late := &realtime.ResponseCreated{Response: realtime.Response{ID: "r1", Metadata: map[string]string{metadataKey: mark}}}
		s.server(late, item("r1", "a1"), soundOf("r1", "a1", 500))
		s.sent("cancel r1")
		s.server(done("r1", "cancelled"))
		s.wait(time.Second)
		if n := len(s.line.player.wire); n != 0 {
			t.Errorf("%d bytes of the answer that was given up were heard", n)
		}
	})
}

// Keys that a tool asked for as secret are in the record as keys, and the model is never told which.
func TestSecretKeysAreNotWritten(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		ctx, cancel := context.WithCancel(s.t.Context())
		keys := s.conv.Digits(ctx, true)
		for _, key := range "8361" {
			s.line.digits <- key
			s.wait(100 * time.Millisecond)
			if got := <-keys; got != key {
				t.Errorf("the tool got %q, want %q", got, key)
			}
		}
		cancel()
		s.line.digits <- '7'
		s.wait(5 * time.Second)
		s.sent("user: (The caller pressed these telephone keys: 7)", "create")
	})
	text := s.journal.text()
	if strings.ContainsAny(text, "8361") || strings.Count(text, "secret") != 4 || !strings.Contains(text, "7") {
		t.Errorf("transcript:\n%s", text)
	}
}

func TestNotesOfTheAgentAreInTheRecord(t *testing.T) {
	r := tools.NewRegistry()
	if err := tools.AddBuiltins(r); err != nil {
		t.Fatal(err)
	}
	s := play(t, stageOptions{tools: r}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "leave_note", `{"text":"Call back on Monday.","tag":"callback"}`),
			functionCall("f2", "c2", "escalate", `{"reason":"A threat."}`), functionCall("f3", "c3", "send_digits", `{"digits":"1#"}`))...)
		s.wait(time.Second)
	})
	text := s.journal.text()
	for _, want := range []string{"note agent | Call back on Monday. | callback", "escalation agent | A threat."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the transcript:\n%s", want, text)
		}
	}
	if s.counts.of(Escalated) != 1 || s.line.pressed != "1#" {
		t.Errorf("counted %v, pressed %q", s.counts.happened, s.line.pressed)
	}
}
