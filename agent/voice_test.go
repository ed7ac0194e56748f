package agent

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// speechLike is a voiced sound with a rising pitch, ms long, at a sample rate.
func speechLike(ms, rate int) []int16 {
	samples := make([]int16, ms*rate/1000)
	phase := 0.0
	for i := range samples {
		at := float64(i) / float64(rate)
		phase += 2 * math.Pi * (140 + 40*at) / float64(rate)
		swell := 0.6 + 0.4*math.Sin(2*math.Pi*3*at)
		samples[i] = int16(5000 * swell * (math.Sin(phase) + 0.5*math.Sin(2*phase) + 0.25*math.Sin(5*phase)))
	}
	return samples
}

func inLaw(law transcode.Law, samples []int16) []byte {
	b := make([]byte, len(samples))
	for i, s := range samples {
		b[i] = law.Encode(s)
	}
	return b
}

func inPCM24(samples []int16) (b []byte) {
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// sendInPieces sends the audio of one answer in deltas of 37 bytes to 3.7 kB, as no frame would be cut.
func sendInPieces(s *stage, audio []byte) {
	s.server(created("r1"), item("r1", "a1"))
	for size := 37; len(audio) > 0; size = min(size*10, 3700) {
		n := min(size, len(audio))
		s.server(&realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Audio: audio[:n]})
		audio = audio[n:]
	}
	s.server(&realtime.AudioDone{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}}, done("r1", "completed", message("a1")))
}

func TestP49AnotherFormatThanConfirmedIsConverted(t *testing.T) {
	clean := speechLike(1000, 8000)
	for name, tc := range map[string]struct {
		sent []byte
		loss int // ms that a converter keeps inside
	}{
		"PCMA":  {inLaw(transcode.PCMA, clean), 0},
		"PCM24": {inPCM24(speechLike(1000, 24000)), 5},
	} {
		s := play(t, stageOptions{law: transcode.PCMU}, func(s *stage) {
			sendInPieces(s, tc.sent)
			s.wait(2 * time.Second)
		})
		got, want := s.line.player.wire, inLaw(transcode.PCMU, clean)
		if len(got) < len(want)-tc.loss*8 || len(got) > len(want) {
			t.Fatalf("%s: %d ms heard of %d", name, len(got)/8, len(want)/8)
		}
		if d := distance(got, want); d > 0.05 {
			t.Errorf("%s: the caller heard something else: %.0f %% of the energy is error", name, 100*d)
		}
		if s.counts.of(Converted) != 1 || !strings.Contains(s.journal.text(), "the model confirmed PCMU and speaks "+name) {
			t.Errorf("%s: not noted:\n%s", name, s.journal.text())
		}
	}
}

// distance is the energy of the difference of two sounds to that of the second, at the best shift of up to 5 ms.
func distance(got, want []byte) float64 {
	best := math.Inf(1)
	for shift := range 40 {
		var diff, energy float64
		for i := 400; i+shift < len(got) && i < len(want)-400; i++ {
			a, b := float64(transcode.PCMU.Decode(got[i+shift])), float64(transcode.PCMU.Decode(want[i]))
			diff, energy = diff+(a-b)*(a-b), energy+b*b
		}
		best = min(best, diff/energy)
	}
	return best
}

func TestP49WhatIsNoAudioIsNeverHeard(t *testing.T) {
	noise := make([]byte, 8000)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	s := play(t, stageOptions{}, func(s *stage) {
		sendInPieces(s, noise)
		s.wait(2 * time.Second)
		s.sent("create") // the answer was silent to the caller: once more
	})
	if len(s.line.player.wire) != 0 || s.counts.of(Muted) != 1 || !strings.Contains(s.journal.text(), "turn agent | not played\n") {
		t.Errorf("%d bytes of noise were heard, muted %d times", len(s.line.player.wire), s.counts.of(Muted))
	}
}

func TestConfirmedAudioIsNeitherDelayedNorChanged(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		audio := inLaw(law, speechLike(500, 8000))
		s := play(t, stageOptions{law: law}, func(s *stage) {
			s.server(created("r1"), item("r1", "a1"))
			s.server(&realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Audio: audio[:480]}) // 60 ms
			s.wait(30 * time.Millisecond)
			if len(s.line.player.wire) == 0 {
				t.Errorf("%v: 60 ms of speech were not enough to begin", law)
			}
			s.server(&realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}, Audio: audio[480:]},
				done("r1", "completed", message("a1")))
			s.wait(time.Second)
		})
		if !bytes.Equal(s.line.player.wire, audio) || s.counts.of(Converted) != 0 {
			t.Errorf("%v: confirmed audio was changed", law)
		}
	}
}

func TestAnAnswerTooShortToBeSureIsHeard(t *testing.T) {
	short := inLaw(transcode.PCMU, speechLike(10, 8000))
	s := play(t, stageOptions{}, func(s *stage) {
		sendInPieces(s, short)
		s.wait(time.Second)
	})
	if !bytes.HasPrefix(s.line.player.wire, short) {
		t.Errorf("%d bytes heard of %d", len(s.line.player.wire), len(short))
	}
}

func TestP49EachAnswerIsListenedToAnew(t *testing.T) {
	clean := speechLike(500, 8000)
	s := play(t, stageOptions{}, func(s *stage) {
		sendInPieces(s, inLaw(transcode.PCMU, clean))
		s.wait(time.Second)
		s.server(created("r2"), item("r2", "a2"), &realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r2", ItemID: "a2"},
			Audio: inLaw(transcode.PCMA, clean)}, done("r2", "completed", message("a2")))
		s.wait(time.Second)
	})
	want := inLaw(transcode.PCMU, clean)
	if got := s.line.player.wire; len(got) != 2*len(want) || distance(got[len(want):], want) > 0.01 {
		t.Errorf("%d bytes heard, want the same sound twice", len(got))
	}
	if s.counts.of(Converted) != 1 {
		t.Errorf("converted %d times", s.counts.of(Converted))
	}
}
