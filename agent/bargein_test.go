package agent

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// patient waits for 200 ms of speech until it takes the caller for somebody who interrupts.
func patient(i Interruption) Profile {
	p := transcribing
	p.Interruption = i
	return p
}

// tone is audio that is all sound, no two bytes of a frame alike.
func soundOf(resp, id string, ms int) realtime.ServerEvent {
	return &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: resp, ItemID: id}, Audio: pattern(ms * transcode.BytesPerMS)}
}

// sound is the caller making a sound of the given length, as turn detection with its padding and silence reports it.
func (s *stage) sound(id string, length time.Duration) {
	ms := int(length.Milliseconds())
	s.server(&realtime.SpeechStarted{ItemID: id, AudioStartMS: 1000})
	s.wait(length + 500*time.Millisecond)
	s.server(&realtime.SpeechStopped{ItemID: id, AudioEndMS: 1000 + 300 + ms + 500}, &realtime.AudioCommitted{ItemID: id},
		&realtime.ItemAdded{Item: realtime.Item{ID: id, Type: realtime.ItemMessage, Role: "user"}})
}

func TestP13ANoiseLetsTheAgentGoOnWithTheNextSample(t *testing.T) {
	s := play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		if td, _ := s.wants[0].TurnDetection.Get(); td.InterruptResponse.Or(true) || td.CreateResponse.Or(true) {
			t.Error("the server was told that it may cancel or answer before the client has confirmed")
		}
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000))
		s.wait(500 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1", AudioStartMS: 1000})
		held := len(s.line.player.wire)
		s.wait(620 * time.Millisecond)
		s.server(&realtime.SpeechStopped{ItemID: "u1", AudioEndMS: 1000 + 300 + 120 + 500}, &realtime.AudioCommitted{ItemID: "u1"})
		s.wait(100 * time.Millisecond)
		if got := len(s.line.player.wire); got != held {
			t.Errorf("%d bytes left while the agent was held", got-held)
		}
		s.sent()
		s.server(transcript("u1", " "))
		s.sent("delete u1")
		s.server(done("r1", "completed", message("a1")))
		s.wait(3 * time.Second)
		s.sent() // nobody answers a noise
		if got := s.line.player.wire; !bytes.Equal(got, pattern(2000*transcode.BytesPerMS)) {
			t.Errorf("the caller heard %d bytes, want the %d of the answer, each once and in order", len(got), 2000*transcode.BytesPerMS)
		}
	})
	if s.figures.Interruptions != 0 || s.counts.of(Resumed) != 1 {
		t.Errorf("%d interruptions, %d resumed, want none and one", s.figures.Interruptions, s.counts.of(Resumed))
	}
}

func TestP13AShortWordInterrupts(t *testing.T) {
	s := play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000), words("r1", "a1", "a long story"))
		s.wait(510 * time.Millisecond)
		s.sound("u1", 150*time.Millisecond)
		s.server(transcript("u1", "No!"))
		s.sent("cancel r1", "truncate a1 500")
		s.server(done("r1", "cancelled"))
		s.sent("create")
	})
	if s.figures.Interruptions != 1 {
		t.Errorf("%d interruptions, want one", s.figures.Interruptions)
	}
}

func TestP13LongSpeechInterruptsWithoutWords(t *testing.T) {
	play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 4000))
		s.wait(510 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1", AudioStartMS: 1000})
		s.wait(200*time.Millisecond + 500*time.Millisecond + confirmSlack)
		s.sent("cancel r1", "truncate a1 500")
	})
}

func TestP13WordsThatComeAfterTheAgentWentOnInterruptIt(t *testing.T) {
	play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 8000), done("r1", "completed", message("a1")))
		s.wait(510 * time.Millisecond)
		s.sound("u1", 100*time.Millisecond)
		s.wait(wordsWithin + time.Second) // 1 s more of the answer is heard
		s.server(transcript("u1", "stop"))
		s.sent("truncate a1 1500", "create")
	})
}

func TestP13AnAnswerTheServerCutOffIsFinished(t *testing.T) {
	play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 1000))
		s.wait(510 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1", AudioStartMS: 1000}, done("r1", "cancelled")) // it was told not to
		s.server(&realtime.SpeechStopped{ItemID: "u1", AudioEndMS: 1000 + 300 + 50 + 500}, &realtime.AudioCommitted{ItemID: "u1"},
			transcript("u1", ""))
		s.sent("delete u1", "create")
		s.wait(time.Second)
		if got := len(s.line.player.wire); got != 1000*transcode.BytesPerMS {
			t.Errorf("the caller heard %d bytes of the answer, want all that had come", got)
		}
	})
}

func TestP12OurOwnEchoDoesNotInterrupt(t *testing.T) {
	s := play(t, stageOptions{profile: patient(Interruption{EchoGuard: 300 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000))
		s.wait(110 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(100 * time.Millisecond)
		s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"}, transcript("u1", "a long"))
		s.server(done("r1", "completed", message("a1")))
		s.wait(4 * time.Second)
		s.sent("delete u1")
		if got := len(s.line.player.wire); got != 2000*transcode.BytesPerMS {
			t.Errorf("the caller heard %d bytes, want all", got)
		}
	})
	if s.figures.Interruptions != 0 {
		t.Errorf("interrupted %d times by an echo", s.figures.Interruptions)
	}
}

func TestP12SpeechThatOutlastsTheGuardInterrupts(t *testing.T) {
	play(t, stageOptions{profile: patient(Interruption{EchoGuard: 300 * time.Millisecond})}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 2000))
		s.wait(110 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(250 * time.Millisecond)
		words := s.model.log()
		if len(words) != 2 || words[0] != "cancel r1" {
			t.Errorf("client sent %q, want a cancel and a truncate", words)
		}
	})
}

func TestGreetingThatIsProtectedIsHeardToItsEnd(t *testing.T) {
	p := patient(Interruption{ProtectGreeting: true})
	p.Greeting = "This call is recorded."
	play(t, stageOptions{profile: p}, func(s *stage) {
		s.sent("create")
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 1000), done("r1", "completed", message("a1")))
		s.wait(200 * time.Millisecond)
		s.server(turn("u1")...)
		s.sent("create") // the reply is made while the greeting is still heard, and follows it
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 400))
		s.wait(2 * time.Second)
		want := slices.Concat(pattern(1000*transcode.BytesPerMS), pattern(400*transcode.BytesPerMS))
		if !bytes.Equal(s.line.player.wire, want) {
			t.Errorf("the caller heard %d bytes, want the greeting and the answer whole", len(s.line.player.wire))
		}
		s.server(done("r2", "completed", message("a2")))
		s.wait(time.Second)
		s.server(answer("r3", "a3", "not protected", 1000)...)
		s.model.log()
		s.wait(200 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u2"})
		if words := s.model.log(); len(words) != 1 {
			t.Errorf("client sent %q, want one truncate: only the greeting is protected", words)
		}
	})
}

func TestQueueStopsWithinOneFrame(t *testing.T) {
	for _, confirm := range []time.Duration{0, 200 * time.Millisecond} {
		play(t, stageOptions{profile: patient(Interruption{Confirm: confirm})}, func(s *stage) {
			s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 5000))
			s.wait(700 * time.Millisecond)
			before := len(s.line.player.wire)
			s.server(&realtime.SpeechStarted{ItemID: "u1"})
			s.wait(400 * time.Millisecond)
			if got := len(s.line.player.wire) - before; got > transcode.FrameBytes {
				t.Errorf("confirm %v: %d bytes left after speech_started, want at most one frame", confirm, got)
			}
		})
	}
}

func TestP27AStaleAnswerIsNotPlayed(t *testing.T) {
	play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		s.sent("create")
		s.server(turn("u2")...) // the caller went on before the first answer had begun
		s.server(created("r1"))
		s.sent("cancel r1")
		s.server(item("r1", "a1"), soundOf("r1", "a1", 200), done("r1", "cancelled"))
		s.sent("create")
		s.wait(time.Second)
		if n := len(s.line.player.wire); n != 0 {
			t.Errorf("%d bytes of an answer to half of the question were heard", n)
		}
	})
}

func TestANoiseDoesNotLoseTheAnswerThatWasAskedFor(t *testing.T) {
	play(t, stageOptions{profile: patient(Interruption{Confirm: 200 * time.Millisecond})}, func(s *stage) {
		s.server(turn("u1")...)
		s.server(transcript("u1", "a question"))
		s.sent("create")
		s.server(&realtime.SpeechStarted{ItemID: "u2", AudioStartMS: 1000})
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 200))
		s.server(&realtime.SpeechStopped{ItemID: "u2", AudioEndMS: 1850}, &realtime.AudioCommitted{ItemID: "u2"}, transcript("u2", ""))
		s.server(done("r1", "completed", message("a1")))
		s.wait(time.Second)
		s.sent("delete u2")
		if !bytes.Equal(s.line.player.wire, pattern(200*transcode.BytesPerMS)) {
			t.Error("the answer was not heard")
		}
	})
}
