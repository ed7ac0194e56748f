package agent

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

var errReset = errors.New("connection reset")

// busy is a refusal that another attempt may find gone.
var busy = &realtime.DialError{Status: 503}

func TestR01ALostSessionIsRebuiltAndGoesOn(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(answer("r1", "a1", "How can I help?", 500)...)
		s.wait(time.Second)
		s.server(turn("u1")...)
		s.server(transcript("u1", "Where is my order?"))
		s.sent("create")
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 1000), words("r2", "a2", "It is on its way and"))
		s.wait(200 * time.Millisecond)
		old := s.model
		old.lost <- errReset
		s.wait(10 * time.Millisecond)
		if s.model == old || len(s.end) != 0 {
			t.Fatal("the connection was not replaced")
		}
		log := s.model.log()
		if len(log) != 2 || log[1] != "create" {
			t.Fatalf("the new session got %q, want what was said and a response.create", log)
		}
		for _, want := range []string{"system: ", "You: How can I help?\nCaller: Where is my order?\nYou: It is on its way and"} {
			if !strings.Contains(log[0], want) {
				t.Errorf("the new session was told %q, want %q in it", log[0], want)
			}
		}
		s.server(created("r3"), item("r3", "a3"), soundOf("r3", "a3", 200), done("r3", "completed", message("a3")))
		s.wait(2 * time.Second)
		want := slices.Concat(pattern(500 * 8)[:0], s.line.player.wire[:500*8], pattern(1000*8), pattern(200*8))
		if !bytes.Equal(s.line.player.wire, want) {
			t.Error("the caller did not hear all that came, in order")
		}
	})
	if s.figures.Reconnects != 1 || s.counts.of(Reconnected) != 1 {
		t.Errorf("%d reconnects counted, want one", s.figures.Reconnects)
	}
	if text := s.journal.text(); !strings.Contains(text, "session system | lost\n") || !strings.Contains(text, "session system | reconnected\n") {
		t.Errorf("the transcript does not tell of the reconnect:\n%s", text)
	}
}

func TestR01AWordThatFellIntoTheGapIsHeardByTheNewSession(t *testing.T) {
	play(t, stageOptions{dial: func(n int) error {
		if n == 1 || n == 2 {
			return busy
		}
		return nil
	}}, func(s *stage) {
		s.line.speak(bytes.Repeat([]byte{0x11}, 8*1000))
		s.model.lost <- errReset
		s.wait(10 * time.Millisecond)
		s.line.speak(bytes.Repeat([]byte{0x22}, 8*200))
		s.wait(800 * time.Millisecond)
		if len(s.wants) != 4 {
			t.Fatalf("%d dials, want the first, two that failed and one that worked", len(s.wants))
		}
		s.line.speak(bytes.Repeat([]byte{0x33}, 160))
		got := s.model.audio
		if !bytes.HasSuffix(got, append(bytes.Repeat([]byte{0x22}, 8*200), bytes.Repeat([]byte{0x33}, 160)...)) {
			t.Errorf("the new session heard %d bytes without the word in the gap", len(got))
		}
		if len(got) < 8*400 || len(got) > 8*1500 {
			t.Errorf("%d ms were sent again, want about the gap and the pre-roll", len(got)/8)
		}
	})
}

func TestR01TheClipIsHeardWhenItTakesLong(t *testing.T) {
	clip := NewClip(slices.Repeat([]int16{4000, -4000}, 8000))
	s := play(t, stageOptions{profile: Profile{Renewal: Renewal{Clip: clip}}, dial: func(n int) error {
		if n > 0 {
			return busy
		}
		return nil
	}}, func(s *stage) {
		s.model.lost <- errReset
		s.wait(1400 * time.Millisecond)
		if len(s.line.player.wire) != 0 {
			t.Error("the clip came early")
		}
		s.wait(2200 * time.Millisecond)
		if !bytes.Equal(s.line.player.wire, clip.in(transcode.PCMU)) {
			t.Errorf("the caller heard %d bytes, want the clip once", len(s.line.player.wire))
		}
		s.wait(15 * time.Second)
		s.ended = <-s.end
	})
	if s.ended.By != BySystem || s.ended.Cause != "model connection lost" {
		t.Errorf("ended by %s because %s", s.ended.By, s.ended.Cause)
	}
	if n := len(s.wants); n < 6 || n > 14 {
		t.Errorf("%d attempts in 15 s: want a back-off of up to 2 s", n-1)
	}
}

func TestR05AFatalErrorIsNotDialledAgain(t *testing.T) {
	fatal := []error{
		&realtime.CloseError{Code: 4000, Verdict: realtime.VerdictFatal},
		&realtime.CloseError{Code: 1008, Verdict: realtime.VerdictFatal},
	}
	for _, err := range fatal {
		s := play(t, stageOptions{}, func(s *stage) {
			s.model.lost <- err
			s.wait(time.Second)
			s.ended = <-s.end
		})
		if len(s.wants) != 1 || s.ended.By != BySystem {
			t.Errorf("after %v: %d dials, ended by %s", err, len(s.wants), s.ended.By)
		}
	}
	for _, code := range []string{"insufficient_quota", "invalid_api_key", "account_deactivated", "billing_hard_limit_reached", "model_not_found"} {
		s := play(t, stageOptions{}, func(s *stage) {
			s.server(&realtime.ErrorEvent{Error: realtime.Error{Type: "invalid_request_error", Code: code}})
			s.ended = <-s.end
		})
		if len(s.wants) != 1 || s.ended.Cause != "model: "+code {
			t.Errorf("after %s: %d dials, ended because %s", code, len(s.wants), s.ended.Cause)
		}
	}
}

func TestR03ExpiredSessionIsReplaced(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(&realtime.ErrorEvent{Error: realtime.Error{Type: "invalid_request_error", Code: "session_expired"}})
		s.model.lost <- &realtime.CloseError{Code: 1001, Verdict: realtime.VerdictRetry}
		s.wait(time.Second)
		if len(s.wants) != 2 || len(s.end) != 0 {
			t.Errorf("%d dials, want the session replaced", len(s.wants))
		}
	})
}

func TestR03RotationAtATurnEdgeBeforeTheSessionExpires(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing, life: 10 * time.Minute}, func(s *stage) {
		s.server(answer("r1", "a1", "Hello.", 500)...)
		s.wait(9*time.Minute - time.Second)
		if len(s.wants) != 1 {
			t.Fatal("rotated too early")
		}
		old := s.model
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(5 * time.Second)
		if len(s.models) != 2 {
			t.Fatal("the next session is not warmed while the caller speaks")
		}
		warm := s.model
		s.model = old
		s.line.speak(pattern(160))
		s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"}, transcript("u1", "Help"))
		s.sent("create")
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 2000), words("r2", "a2", "Of course."),
			&realtime.AudioDone{Loc: realtime.Loc{ResponseID: "r2", ItemID: "a2"}}, done("r2", "completed", message("a2")))
		s.wait(time.Second)
		if got := warm.log(); len(got) != 0 {
			t.Fatalf("took over in the middle of an answer: %q", got)
		}
		s.wait(1200 * time.Millisecond)
		if got := warm.log(); len(got) != 1 || !strings.Contains(got[0], "You: Hello.\nCaller: Help\nYou: Of course.") {
			t.Errorf("the next session was told %q", got)
		}
		s.model = warm
		s.line.speak(bytes.Repeat([]byte{0x44}, 160))
		if !bytes.HasSuffix(warm.audio, bytes.Repeat([]byte{0x44}, 160)) {
			t.Error("the caller's audio does not reach the next session")
		}
		if want := s.line.player.wire[500*8:]; !bytes.Equal(want, pattern(2000*8)) {
			t.Error("the answer around the rotation was not heard whole")
		}
	})
	if s.figures.Rotations != 1 || s.figures.Reconnects != 0 {
		t.Errorf("%d rotations, %d reconnects, want one and none", s.figures.Rotations, s.figures.Reconnects)
	}
}

func TestR03RotationHappensEvenInAMonologue(t *testing.T) {
	s := play(t, stageOptions{life: 10 * time.Minute}, func(s *stage) {
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(9*time.Minute + 50*time.Second)
		if len(s.wants) < 2 {
			t.Fatal("no second session")
		}
	})
	if s.figures.Rotations != 1 {
		t.Errorf("%d rotations, want one before the session's end", s.figures.Rotations)
	}
}

func TestR03WordsThatComeOverTheOldSessionAreKept(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		old := s.model
		s.model.lost <- errReset
		s.wait(time.Millisecond)
		s.model = old
	})
	if got := s.journal.text(); !strings.Contains(got, "turn caller | transcript missing") {
		t.Errorf("transcript:\n%s", got)
	}
	p := transcribing
	p.Renewal.Age = time.Minute
	s = play(t, stageOptions{profile: p}, func(s *stage) {
		s.wait(59 * time.Second)
		s.server(turn("u1")...)
		s.server(answer("r1", "a1", "Yes.", 100)...)
		old := s.model
		s.wait(1500 * time.Millisecond)
		if len(s.models) != 2 {
			t.Fatal("not rotated at its age")
		}
		s.model = old
		s.server(transcript("u1", "late but here"))
	})
	if got := s.journal.text(); !strings.Contains(got, "turn caller | late but here") {
		t.Errorf("the words that came over the old session are lost:\n%s", got)
	}
}

func TestP34OutputOfACallFromALostSessionFollowsItsCall(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran)}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "call:with.odd/characters", "booking", `{"order":"1"}`))...)
		s.model.lost <- errReset
		s.wait(500 * time.Millisecond)
		if log := s.model.log(); len(log) != 1 || !strings.Contains(log[0], "booking; its result is not there yet") {
			t.Errorf("the new session was told %q", log)
		}
		s.wait(time.Second)
		id := realtime.ShortID("call_", "call:with.odd/characters")
		s.sent("call "+id+" booking", "output "+id+` {"result":"late 1"}`, "create")
	})
	if ran.Load() != 1 {
		t.Errorf("the tool ran %d times, want once", ran.Load())
	}
}

func TestP34OutputThatComesWithoutAnySessionIsTold(t *testing.T) {
	var ran atomic.Int32
	play(t, stageOptions{tools: toolbox(t, &ran), dial: func(n int) error {
		if n > 0 && n < 6 {
			return busy
		}
		return nil
	}}, func(s *stage) {
		s.server(callTools("r1", "completed", functionCall("f1", "c1", "booking", `{"order":"1"}`))...)
		s.model.lost <- errReset
		s.wait(8 * time.Second)
		log := s.model.log()
		if len(log) != 2 || !strings.Contains(log[0], `booking returned {"result":"late 1"}`) || log[1] != "create" {
			t.Errorf("the new session got %q, want the result in what it is told and a response.create", log)
		}
	})
}

func TestP35OwnIDsAreAcceptedByServers(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.conv.Tell("a note", "", true)
		s.wait(time.Second)
		s.model.mu.Lock()
		defer s.model.mu.Unlock()
		if id := s.model.sent[0].(*realtime.ItemCreate).Item.ID; !realtime.ValidID(id) {
			t.Errorf("item id %q", id)
		}
	})
}

func TestCallEndsWhileDialling(t *testing.T) {
	s := play(t, stageOptions{dial: func(n int) error {
		if n > 0 {
			return busy
		}
		return nil
	}}, func(s *stage) {
		s.model.lost <- errReset
		s.wait(100 * time.Millisecond)
	})
	if s.ended.By != ByCaller {
		t.Errorf("ended by %s, want the caller", s.ended.By)
	}
}

func TestR02TheCallerIsAskedForWordsThatWereLost(t *testing.T) {
	play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(answer("r1", "a1", "How can I help?", 100)...)
		s.wait(time.Second)
		s.server(turn("u1")...)
		s.sent("create")
		s.model.lost <- errReset
		s.wait(10 * time.Millisecond)
		if log := s.model.log(); len(log) != 2 || !strings.Contains(log[0], "Ask them to say it again") || log[1] != "create" {
			t.Errorf("the new session got %q", log)
		}
	})
}

func TestR02WordsThatComeLateAreToldToTheNextSession(t *testing.T) {
	p := transcribing
	p.Renewal = Renewal{Age: time.Minute, Lead: time.Second}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		s.wait(60 * time.Second)
		s.server(turn("u1")...)
		s.server(answer("r1", "a1", "Yes.", 100)...)
		old := s.models[0]
		s.wait(1100 * time.Millisecond) // it cannot wait for the words any longer
		s.model.log()
		s.model = old
		s.server(transcript("u1", "my name is Ann"))
		s.model = s.models[1]
		s.sent("system: (Shortly before, the caller had said: my name is Ann)")
	})
	if s.figures.Rotations != 1 {
		t.Errorf("%d rotations", s.figures.Rotations)
	}
}
