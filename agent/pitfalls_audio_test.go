package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/transcode"
)

func TestP49NoAudioBeforeTheFormatsAreConfirmed(t *testing.T) {
	stageEach(t, trap{faults: simulator.Faults{WrongFormat: true}}, func(s *scene) {
		err := s.open(context.Background())
		wrong, ok := errors.AsType[*FormatError](err)
		if !ok || wrong.Output != realtime.FormatPCM24 {
			s.t.Errorf("open: %v, want a FormatError", err)
		}
		if r := s.srv.Sessions()[0].Record(); r.Appends != 0 || r.Ended.IsZero() {
			s.t.Errorf("%d messages of audio were sent, session ended at %v", r.Appends, r.Ended)
		}
	})
}

func TestP49LaterUpdatesRepeatTheFormats(t *testing.T) {
	tr := handOffTrap(t, "")
	tr.faults.ResetFormats = true
	provoke(t, tr, func(s *scene) {
		s.say("I have a question about my bill")
		s.wait(8 * time.Second)
		if n := len(s.sent("session.update")); n != 2 || len(s.dials) != 1 {
			s.t.Fatalf("%d updates of %d sessions, want two of one", n, len(s.dials))
		}
		s.goesOn()
	})
}

// speaking is a server that speaks another format than it confirms.
func speaking(f realtime.AudioFormat) func(*realtime.Session) {
	return func(s *realtime.Session) { s.OutputFormat = f }
}

func TestP49TheOtherLawIsConverted(t *testing.T) {
	tr := trap{law: transcode.PCMU, really: speaking(realtime.FormatPCMA), answers: []simulator.Answer{says("a02")}}
	provoke(t, tr, func(s *scene) {
		s.say("hello")
		s.wait(6 * time.Second)
		want := slices.Clone(s.spoken(0))
		transcode.Convert(want, transcode.PCMA, transcode.PCMU)
		s.wantHeard(want)
		if s.counts.of(Converted) != 1 || !s.counts.fault("format") {
			s.t.Error("it was not counted")
		}
	})
}

func TestP49PCMIsConvertedAndNeverHeardAsNoise(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		tr := trap{law: law, really: speaking(realtime.FormatPCM24), answers: []simulator.Answer{says("a02")}}
		provoke(t, tr, func(s *scene) {
			s.say("when are you open")
			s.wait(6 * time.Second)
			samples, _, _ := simulator.AgentClip("a02")
			got := s.heard()
			transcode.Convert(got, law, transcode.PCMU)
			if ms := len(got) / 8; ms > len(samples)/8 || ms < len(samples)/8-20 {
				s.t.Fatalf("%d ms were heard of %d", ms, len(samples)/8)
			}
			if d := distance(got, inLaw(transcode.PCMU, samples)); d > 0.05 {
				s.t.Errorf("the caller heard something else: %.0f %% of the energy is error", 100*d)
			}
		})
	}
}

func TestP49AnotherFormatIsNoticedWithin200ms(t *testing.T) {
	live := simulator.Options{Speed: 1, Delta: 20 * time.Millisecond, EvenDeltas: true}
	for _, format := range []realtime.AudioFormat{realtime.FormatPCMA, realtime.FormatPCM24} {
		tr := trap{really: speaking(format), service: live, answers: []simulator.Answer{says("a02")}}
		provoke(t, tr, func(s *scene) {
			s.say("when are you open")
			for len(s.record().Spoken) == 0 || len(s.spoken(0)) == 0 {
				s.wait(time.Millisecond)
			}
			s.wait(220 * time.Millisecond)
			if s.counts.of(Converted) != 1 {
				s.t.Errorf("%v: not noticed after %d bytes", format, len(s.spoken(0)))
			}
		})
	}
}

func TestP50FormatsAreSpelledAsTheDialectDoes(t *testing.T) {
	spelling := map[string][2]string{
		simulator.DialectGA:      {`"format":{"type":"audio/pcmu"}`, `"format":{"type":"audio/pcma"}`},
		simulator.DialectPreview: {`put_audio_format":"g711_ulaw"`, `put_audio_format":"g711_alaw"`},
	}
	for i, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		provoke(t, trap{law: law, answers: []simulator.Answer{says("a02")}}, func(s *scene) {
			if update, want := s.sent("session.update")[0], spelling[s.dialect][i]; strings.Count(update, want) != 2 {
				s.t.Errorf("%s does not name %s twice", update, want)
			}
			s.goesOn()
		})
	}
}

func TestP52SpeechThatTheHoldCutsOffEnds(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.speak("rms-c05", 700*time.Millisecond)
		if len(s.messages(false, "input_audio_buffer.speech_started")) != 1 || len(s.messages(false, "input_audio_buffer.speech_stopped")) != 0 {
			s.t.Fatal("the caller is not in the middle of a word")
		}
		s.line.held <- true // and no packet comes any more
		s.wait(2 * time.Second)
		if len(s.messages(false, "input_audio_buffer.speech_stopped")) != 1 {
			s.t.Error("the server waits for the end of a word")
		}
		s.wantSent("response.create", 0) // nobody would hear it
		s.line.held <- false
		s.wait(5 * time.Second)
		s.wantSent("response.create", 1)
		s.wantHeard(s.spoken(0))
	})
}

func TestP53NothingIsCommittedByTheClient(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.say("thank you")
		s.session().SendError("input_audio_buffer_commit_empty", "buffer too small")
		s.goesOn()
		s.wantSent("input_audio_buffer.commit", 0)
		if len(s.counts.faults) > 0 || strings.Contains(s.journal.text(), "error") {
			s.t.Errorf("it was taken for a fault: %q\n%s", s.counts.faults, s.journal.text())
		}
	})
}

func TestP55DeltasOfAnySizeAreHeardWithoutASeam(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		provoke(t, trap{law: law, answers: []simulator.Answer{says("a02", "a05", "a01")}}, func(s *scene) {
			s.say("hello")
			s.wait(16 * time.Second)
			s.wantHeard(s.spoken(0))
			sizes := s.deltaSizes()
			for _, odd := range []int{1, 159, 161, 4000} {
				if !slices.Contains(sizes, odd) {
					s.t.Errorf("no delta had %d bytes: %v", odd, sizes)
				}
			}
		})
	}
}

// deltaSizes are the sizes of the audio deltas so far.
func (s *scene) deltaSizes() (sizes []int) {
	for _, m := range s.messages(false, "") {
		if !strings.HasSuffix(m.name, "audio.delta") {
			continue
		}
		var e struct {
			Delta string `json:"delta"`
		}
		if err := json.Unmarshal([]byte(m.text), &e); err != nil {
			s.t.Error(err)
		}
		audio, err := base64.StdEncoding.DecodeString(e.Delta)
		if err != nil {
			s.t.Error(err)
		}
		sizes = append(sizes, len(audio))
	}
	return sizes
}

func TestP56ABurstIsHeardAtThePaceOfSpeech(t *testing.T) {
	provoke(t, trap{service: simulator.Options{Speed: 100}, answers: []simulator.Answer{says("a02", "a05")}}, func(s *scene) {
		s.say("hello")
		s.wait(200 * time.Millisecond)
		if queued := s.line.player.Queued(); queued+len(s.heard()) != len(s.spoken(0)) {
			s.t.Errorf("%d bytes wait for the pacer, want all that is not heard yet of %d", queued, len(s.spoken(0)))
		}
		for range 8 {
			before := len(s.heard())
			s.wait(time.Second)
			if n := len(s.heard()) - before; n != 8000 {
				s.t.Errorf("%d bytes were heard in a second", n)
			}
		}
	})
}

func TestP57AudioWithoutRoomIsCountedAndNotTakenForHeard(t *testing.T) {
	tr := trap{room: 24_000, service: simulator.Options{Speed: 1000}, answers: []simulator.Answer{says("a01", "a02", "a05", "a06")}}
	provoke(t, tr, func(s *scene) {
		s.say("hello")
		s.wait(2 * time.Second)
		s.start()
		heard := len(s.heard())
		if cut := s.record().Truncations; len(cut) != 1 || cut[0].AudioEndMS != heard/8 {
			s.t.Errorf("truncated %+v, the caller heard %d ms", cut, heard/8)
		}
		all := len(s.spoken(0))
		s.stop("stop")
		s.over()
		if lost := s.figures.OverflowBytes; lost < all-24_000-heard || lost > all-24_000 {
			s.t.Errorf("%d bytes of %d had no room, want about %d", lost, all, all-24_000)
		}
	})
}

func TestP58AudioIsSentNoFasterThanItWasSpoken(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.speak("rms-c05", 2*time.Second)
		first := s.record()
		if first.InputBytes != 16_000 || first.EarlyAppends != 0 || first.LongestGap > 21*time.Millisecond {
			s.t.Errorf("%d bytes were sent of two seconds, %d messages early, the longest pause was %v", first.InputBytes, first.EarlyAppends, first.LongestGap)
		}
		s.session().Drop()
		s.wait(50 * time.Millisecond)
		s.speak("rms-c05", 1*time.Second)
		if again := s.record(); again.ID == first.ID || again.InputBytes > 8000+8*1500 || again.EarlyAppends != 0 {
			s.t.Errorf("%d bytes were sent again to %s, %d messages early", again.InputBytes, again.ID, again.EarlyAppends)
		}
	})
}

func TestP59KeysAreTextAndNoSound(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		for _, key := range "42#" {
			s.line.digits <- key
			s.wait(100 * time.Millisecond)
		}
		s.wait(5 * time.Second)
		if items := s.sent("conversation.item.create"); len(items) != 1 || !strings.Contains(items[0], "4 2 #") || !strings.Contains(items[0], `"role":"user"`) {
			s.t.Errorf("the model was told %q", items)
		}
		if r := s.record(); r.Appends != 0 || len(r.Turns) != 0 {
			s.t.Errorf("the server heard %d messages, %d turns", r.Appends, len(r.Turns))
		}
		s.wantHeard(s.spoken(0))
	})
}
