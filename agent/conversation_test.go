package agent

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

var transcribing = Profile{Name: "frontdesk", Transcription: &realtime.Transcription{Model: "any"},
	TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", SilenceDurationMS: realtime.Some(500)})}

// serverAnswers has turn detection answer by itself.
var serverAnswers = Profile{Name: "frontdesk", TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad",
	CreateResponse: realtime.Some(true)})}

func TestGreetingIsTheFirstThing(t *testing.T) {
	greeting := Profile{Instructions: "Be brief.", Greeting: "Hello, I am an AI."}
	play(t, stageOptions{profile: greeting}, func(s *stage) {
		s.model.mu.Lock()
		create := s.model.sent[0].(*realtime.ResponseCreate)
		s.model.mu.Unlock()
		// The instructions of a response replace the session's, so the greeting must carry them (P19).
		for _, want := range []string{"Be brief.", "Hello, I am an AI."} {
			if !strings.Contains(create.Response.Instructions, want) {
				t.Errorf("greeting instructions %q lack %q", create.Response.Instructions, want)
			}
		}
		s.sent("create")
	})
	play(t, stageOptions{}, func(s *stage) { s.sent() })
}

func TestGreetingWaitsWhileTheCallerSpeaks(t *testing.T) {
	play(t, stageOptions{profile: Profile{Greeting: "Hello"}}, func(s *stage) {
		s.sent("create")
		s.server(&realtime.ErrorEvent{Error: realtime.Error{Code: "conversation_already_has_active_response", EventID: "resp-1"}})
		s.sent() // some other response is active: the greeting waits for it
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(time.Minute)
		s.sent()
		s.server(&realtime.SpeechStopped{ItemID: "u1"})
		s.wait(turnWithin) // turn detection gave no answer
		s.sent("create")
	})
}

func TestCallerAudioReachesTheModelUnchanged(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		speech := pattern(4 * transcode.FrameBytes)
		s := play(t, stageOptions{law: law}, func(s *stage) { s.line.speak(speech) })
		if !bytes.Equal(s.model.audio, speech) {
			t.Errorf("%s: the model got other bytes than the caller sent", law)
		}
	}
}

func TestTableWhenTheServerConfirmsTheOtherLaw(t *testing.T) {
	speech := pattern(2 * transcode.FrameBytes)
	s := play(t, stageOptions{law: transcode.PCMA, format: realtime.FormatPCMU}, func(s *stage) {
		s.line.speak(slices.Clone(speech))
		s.server(created("r1"), &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Audio: slices.Clone(speech)})
		s.wait(time.Second)
	})
	up, down := slices.Clone(speech), slices.Clone(speech)
	transcode.Convert(up, transcode.PCMA, transcode.PCMU)
	transcode.Convert(down, transcode.PCMU, transcode.PCMA)
	if !bytes.Equal(s.model.audio, up) {
		t.Error("caller audio was not converted to the session's law")
	}
	if !bytes.Equal(s.line.player.wire, down) {
		t.Error("agent audio was not converted to the caller's law")
	}
}

func TestP49NoAudioInAFormatThatIsNotG711(t *testing.T) {
	s := &stage{t: t, model: newMemoryModel(), journal: &memoryJournal{}}
	_, err := Open(context.Background(), s.setup(stageOptions{format: realtime.FormatPCM24}))
	var format *FormatError
	if !errors.As(err, &format) {
		t.Fatalf("a session of 24 kHz PCM opened with error %v, want a FormatError", err)
	}
}

func TestBargeInTruncatesAtWhatWasWritten(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(answer("r1", "a1", "one two three four five six seven eight nine ten", 2000)...)
		s.wait(1010 * time.Millisecond) // 50 frames
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.sent("truncate a1 1000")
		if n := s.line.player.Queued(); n != 0 {
			t.Errorf("%d bytes still queued after barge-in", n)
		}
	})
	want := "turn agent | one two three four five six seven eight nine ten | interrupted | heard: one two three four five\n" +
		"interrupt caller\n"
	if got := s.journal.text(); got != want {
		t.Errorf("transcript\n%swant\n%s", got, want)
	}
	if s.figures.Interruptions != 1 {
		t.Errorf("%d interruptions, want 1", s.figures.Interruptions)
	}
}

func TestP01NeverBeyondTheAudioReceived(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 1000))
		s.wait(1300 * time.Millisecond) // played out, the response goes on
		s.server(&realtime.SpeechStarted{})
		s.sent("truncate a1 1000")
	})
}

func TestP02NothingReceivedNothingTruncated(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), &realtime.SpeechStarted{})
		s.sent()
	})
}

func TestNothingTruncatedWhenAllWasHeard(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(answer("r1", "a1", "all of it", 500)...)
		s.wait(time.Second)
		s.server(&realtime.SpeechStarted{})
		s.sent()
	})
}

func TestP07LateAudioOfAnInterruptedResponseIsDropped(t *testing.T) {
	s := play(t, stageOptions{profile: serverAnswers}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 400))
		s.wait(210 * time.Millisecond)
		s.server(&realtime.SpeechStarted{})
		wire := len(s.line.player.wire)
		s.server(audio("r1", "a1", 400), audio("r1", "a1", 400))
		s.wait(time.Second)
		if got := len(s.line.player.wire); got != wire {
			t.Errorf("%d bytes of the old sentence were played after the interruption", got-wire)
		}
		s.server(done("r1", "cancelled"))
		s.server(answer("r2", "a2", "the new answer", 200)...)
		s.wait(time.Second)
		if got := len(s.line.player.wire); got != wire+1600 {
			t.Errorf("the next answer put %d bytes on the wire, want 1600", got-wire)
		}
	})
	if s.figures.LateAudioBytes != 6400 {
		t.Errorf("counted %d late bytes, want 6400", s.figures.LateAudioBytes)
	}
}

func TestP09LaterUnheardItemsAreDeleted(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 1000), item("r1", "a2"), audio("r1", "a2", 1000))
		s.wait(510 * time.Millisecond)
		s.server(&realtime.SpeechStarted{})
		s.sent("truncate a1 500", "delete a2")
	})
}

func TestServerThatDoesNotInterruptIsTold(t *testing.T) {
	own := Profile{TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", InterruptResponse: realtime.Some(false)})}
	play(t, stageOptions{profile: own}, func(s *stage) {
		s.server(created("r1"), &realtime.SpeechStarted{})
		s.sent("cancel r1")
	})
}

func TestP41WordsThatComeLateStandWhereTheyWereSaid(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		s.server(answer("r1", "a1", "It shipped.", 400)...)
		s.wait(time.Second)
		if got := s.journal.text(); got != "" {
			t.Errorf("written before the caller's words were known: %s", got)
		}
		s.server(transcript("u1", "where is my order"))
	})
	want := "turn caller | where is my order\nturn agent | It shipped.\n"
	if got := s.journal.text(); got != want {
		t.Errorf("transcript\n%swant\n%s", got, want)
	}
}

func TestP41WordsThatNeverCome(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		s.server(answer("r1", "a1", "It shipped.", 400)...)
		s.wait(lateTranscript + time.Second)
		s.server(turn("u2")...) // and the call ends here
	})
	want := "turn caller | transcript missing\nturn agent | It shipped.\nturn caller | transcript missing\n"
	if got := s.journal.text(); got != want {
		t.Errorf("transcript\n%swant\n%s", got, want)
	}
}

func TestP42WordsBeforeTheirItem(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(transcript("u1", "hm"))
		s.server(turn("u1")...)
	})
	if got, want := s.journal.text(), "turn caller | hm\n"; got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
}

func TestCallerHangsUp(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
	})
	if end := s.ended; end.By != ByCaller || end.Cause != errCallerHungUp.Error() {
		t.Errorf("ended by %s because %s", end.By, end.Cause)
	}
}

func TestR04ModelLostIsTheEndNotSilence(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Renewal: Renewal{Within: -1}}}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 1000))
		s.model.lost <- errors.New("connection reset")
		s.wait(500 * time.Millisecond)
		if len(s.end) != 0 {
			t.Error("hung up in the middle of a word")
		}
		s.wait(time.Second)
		if len(s.end) != 1 {
			t.Error("the call stays up in silence")
		}
	})
	if end := s.ended; end.By != BySystem {
		t.Errorf("ended by %s, want the system", end.By)
	}
}

func TestMaxDuration(t *testing.T) {
	play(t, stageOptions{profile: Profile{Limit: Limit{Duration: time.Minute}}}, func(s *stage) {
		s.wait(61 * time.Second)
		if end := <-s.end; end.By != BySystem || end.Cause != "maximum call duration reached" {
			t.Errorf("ended by %s because %s", end.By, end.Cause)
		}
	})
}

func TestTurnLatencyRunsFromTheEndOfSpeech(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.line.speak(pattern(8 * 2500)) // 2.5 s: 2 s of speech and the silence that ends the turn
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, &realtime.SpeechStopped{ItemID: "u1", AudioEndMS: 2500})
		s.wait(300 * time.Millisecond)
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 200))
		s.wait(time.Second)
	})
	if got := s.figures.Latencies; len(got) != 1 || got[0] < 800*time.Millisecond || got[0] > 820*time.Millisecond {
		t.Errorf("latencies %v, want one of 800 ms and at most a frame", got)
	}
}

func TestDigitsAreWrittenDown(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.line.digits <- '4'
		s.line.digits <- '#'
		s.wait(time.Millisecond)
	})
	if got, want := s.journal.text(), "dtmf caller | 4\ndtmf caller | #\n"; got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
}

// pattern is n bytes of a gliding tone in PCMU: any piece of it is different from any other, and it is sound.
func pattern(n int) []byte {
	b := make([]byte, n)
	phase := 0.0
	for i := range b {
		phase += 2 * math.Pi * (200 + float64(i%16000)/20) / transcode.SampleRate
		b[i] = transcode.PCMU.Encode(int16(6000 * math.Sin(phase)))
	}
	return b
}

func TestATurnStandsWhereTheCallerBeganToSpeak(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(3 * time.Second)
		s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"}, transcript("u1", "a long story"))
	})
	e := s.journal.entries[0]
	id, err := store.ParseID(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if wrote := id.Time().Sub(e.At); wrote < 3*time.Second {
		t.Errorf("the turn is dated %v before it was written, want the 3 s that the caller spoke", wrote)
	}
}

func TestWhatTheCallerDidNotStayForIsNotHeard(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(answer("r1", "a1", "one two three four five six seven eight nine ten", 2000)...)
		s.server(created("r2"), item("r2", "a2"), words("r2", "a2", "and another thing"))
		s.wait(1010 * time.Millisecond)
	}) // the caller hangs up here
	want := "turn agent | one two three four five six seven eight nine ten | interrupted | heard: one two three four five\n" +
		"turn agent | and another thing | interrupted\n"
	if got := s.journal.text(); got != want {
		t.Errorf("transcript\n%swant\n%s", got, want)
	}
	if e := s.journal.entries[1]; e.Heard != "" {
		t.Errorf("%q was heard of an answer that never began", e.Heard)
	}
}

func TestLossAfterTheEndIsNoSecondFault(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(&realtime.ErrorEvent{Error: realtime.Error{Code: "insufficient_quota"}})
		s.wait(time.Second)
	})
	if got := strings.Count(s.journal.text(), "error system"); got != 1 {
		t.Errorf("%d error lines, want one:\n%s", got, s.journal.text())
	}
}

func TestSilenceLeftUnsaidIsNoInterruption(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		quiet := &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Audio: slices.Repeat([]byte{transcode.PCMU.Silence()}, 8*500)}
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 1000), quiet, words("r1", "a1", "All of it."), done("r1", "completed", message("a1")))
		s.wait(1200 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.sent()
	})
	if got, want := s.journal.text(), "turn agent | All of it.\n"; got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
}

func TestP27AnAnswerThatMeetsTheCallersSpeechIsCancelled(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Greeting: "Hello"}}, func(s *stage) {
		s.sent("create")
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, created("r1"), item("r1", "a1"), audio("r1", "a1", 400))
		s.sent("cancel r1")
		s.server(done("r1", "cancelled"), &realtime.SpeechStopped{ItemID: "u1"})
		s.server(answer("r2", "a2", "Yes?", 200)...)
		s.wait(time.Second)
		s.sent()
	})
	if got := len(s.line.player.wire); got != 1600 {
		t.Errorf("%d bytes were played, want the 1600 of the answer to the caller", got)
	}
}

func TestP17DoneOfAnUnknownResponse(t *testing.T) {
	play(t, stageOptions{profile: Profile{Greeting: "Hello"}}, func(s *stage) {
		s.sent("create")
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 100), done("elsewhere", "completed"), audio("r1", "a1", 100))
		s.wait(time.Second)
		if got := len(s.line.player.wire); got != 1600 {
			t.Errorf("%d bytes were played around the end of a response that is not ours, want 1600", got)
		}
		if s.line.player.ended[1] {
			t.Error("the end of another response ended the audio of ours")
		}
		s.server(done("r1", "completed", message("a1")))
		s.sent()
	})
}

func TestP43FailedTranscriptionKeepsTheLine(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		s.server(&realtime.TranscriptionFailed{ItemID: "u1"})
		s.server(answer("r1", "a1", "I see.", 200)...)
		s.wait(time.Second)
	})
	if got, want := s.journal.text(), "turn caller | transcription failed\nturn agent | I see.\n"; got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
}

func TestP48PlacedByThePreviousItem(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.server(turn("u1")...)
		s.server(created("r1"), item("r1", "a1"))
		// The server reports the next words of the caller as what came before the answer.
		s.server(&realtime.AudioCommitted{ItemID: "u2", PreviousItemID: "u1"})
		s.server(audio("r1", "a1", 200), words("r1", "a1", "I see."), done("r1", "completed", message("a1")))
		s.wait(time.Second)
		s.server(transcript("u2", "second"), transcript("u1", "first"))
	})
	if got, want := s.journal.text(), "turn caller | first\nturn caller | second\nturn agent | I see.\n"; got != want {
		t.Errorf("transcript %q, want %q", got, want)
	}
}

func TestATurnThatTheServerDoesNotAnswerByItself(t *testing.T) {
	own := Profile{TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", CreateResponse: realtime.Some(false)})}
	play(t, stageOptions{profile: own}, func(s *stage) {
		s.server(turn("u1")...)
		s.sent("create")
		s.server(answer("r1", "a1", "Yes?", 200)...)
		s.wait(time.Second)
		s.sent()
	})
}
