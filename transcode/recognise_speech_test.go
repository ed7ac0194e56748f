package transcode

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var bothLaws = []Law{PCMU, PCMA}

// recognised is what a fresh Recogniser makes of a stream, and after how many
// bytes.
func recognised(expected Law, audio []byte) (c Coding, bytes int) {
	r := NewRecogniser(expected)
	c, _ = r.Hear(audio)
	return c, r.heard
}

// TestSpeechIsReleased hears every 200 ms of every recording in the law that
// was expected: no alarm, and hardly any waiting.
func TestSpeechIsReleased(t *testing.T) {
	t.Parallel()
	var waited []int
	for _, rec := range recordings(t) {
		for from := 0; ; from += RecogniseBytes * rec.rate / SampleRate {
			s := rec.part(from, SampleRate, RecogniseBytes)
			if s == nil {
				break
			}
			for _, l := range bothLaws {
				c, after := recognised(l, encoded(CodingOf(l), s))
				if waited = append(waited, after); c != CodingOf(l) {
					t.Errorf("%v of %s, sample %d, is taken for %v", l, rec.name, from, c)
				}
			}
		}
	}
	// Measured: 99 % wait for 160 bytes; digital silence for 400; all for 800.
	checkWaits(t, waited, 160, 800)
}

// TestSpeechIsReleasedAnywhere starts at any moment, at levels from -40 dBov to
// clipping, and after any length of digital silence or of a quiet line.
func TestSpeechIsReleasedAnywhere(t *testing.T) {
	t.Parallel()
	all, rng := recordings(t), rand.New(rand.NewPCG(3, 65))
	var waited []int
	for range 2000 {
		rec := all[rng.IntN(len(all))]
		from := rng.IntN(len(rec.samples))
		s := rec.part(from, SampleRate, RecogniseBytes)
		if s == nil {
			continue
		}
		l, level := bothLaws[rng.IntN(2)], -40*rng.Float64()
		s = late(leveled(s, level), rng)
		c, after := recognised(l, encoded(CodingOf(l), s))
		if waited = append(waited, after); c != CodingOf(l) {
			t.Errorf("%v of %s, sample %d at %.0f dBov, is taken for %v", l, rec.name, from, level, c)
		}
	}
	// Measured over 140 seeds: 99 % wait for 400 to 640 bytes; who begins with a
	// loud hiss (the s of "seconds") may wait for all. No alarm in 300,000 windows.
	checkWaits(t, waited, 560, RecogniseBytes)
}

// late is s with a beginning that is not heard in half of all cases: digital
// silence, or a hiss of up to 10.
func late(s []int16, rng *rand.Rand) []int16 {
	hiss := max(1, rng.IntN(40)-20)
	for i := range max(0, rng.IntN(2*len(s))-len(s)) {
		s[i] = int16(rng.IntN(hiss) - hiss/2)
	}
	return s
}

// checkWaits asserts for how many bytes 99 % of the windows wait, and all.
func checkWaits(t *testing.T, waited []int, most, all int) {
	t.Helper()
	slices.Sort(waited)
	n := len(waited)
	half, p99, last := waited[n/2], waited[n*99/100], waited[n-1]
	t.Logf("%d windows wait for %d bytes (half), %d (99 %%), %d (all)", n, half, p99, last)
	if half > earliest || p99 > most || last > all {
		t.Errorf("want at most %d, %d and %d", earliest, most, all)
	}
}

// leveled is s at a level in dBov, clipped where it does not fit; but noise is
// not made speech: it gains 30 dB at most.
func leveled(s []int16, dBov float64) []int16 {
	return amplified(s, min(30, dBov-Level(PCMU, encoded(CodingPCMU, s))))
}

// TestWrongCodingOfSpeech answers in every coding that is not expected, loud or
// faint, at once or after a silence. Measured: 8000 windows each, none missed.
func TestWrongCodingOfSpeech(t *testing.T) {
	t.Parallel()
	const windows, floor = 250, 0.99
	all, rng := recordings(t), rand.New(rand.NewPCG(49, 65))
	for _, wrong := range []Coding{CodingPCMU, CodingPCMA, CodingPCM24} {
		for _, expected := range bothLaws {
			if CodingOf(expected) == wrong {
				continue
			}
			found, released, tried := 0, 0, 0
			for tried < windows {
				s := randomWindow(all, wrong, rng)
				if s == nil {
					continue
				}
				tried++
				s = late(amplified(s, rng.Float64()*50-40), rng)
				switch c, _ := recognised(expected, encoded(wrong, s)); c {
				case wrong:
					found++
				case CodingOf(expected):
					released++
				}
			}
			rate := float64(found) / float64(tried)
			t.Logf("%v instead of %v: %d of %d recognised, %d released", wrong, expected, found, tried, released)
			if rate < floor {
				t.Errorf("%v instead of %v: %.4f recognised, want %.4f", wrong, expected, rate, floor)
			}
		}
	}
}

// randomWindow is the sound of RecogniseBytes somewhere, nil where a recording
// ends before.
func randomWindow(all []recording, c Coding, rng *rand.Rand) []int16 {
	rec := all[rng.IntN(len(all))]
	from := rng.IntN(len(rec.samples))
	if c == CodingPCM24 {
		return rec.part(from, PCM24Rate, RecogniseBytes/2)
	}
	return rec.part(from, SampleRate, RecogniseBytes)
}

// TestWidebandPCMIsRecognised: what a model speaks at 24 kHz has more treble
// than most of the recordings. The ones of 16 kHz are heard whole, with hiss
// above them.
func TestWidebandPCMIsRecognised(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(24, 65))
	tried, missed := 0, 0
	for _, rec := range recordings(t) {
		for from := 0; rec.rate == 16000; from += 3 * RecogniseBytes * rec.rate / PCM24Rate / 2 {
			s := rec.part(from, PCM24Rate, RecogniseBytes/2)
			if s == nil {
				break
			}
			before, hiss := 0.0, 0.2*rms(s)
			for i := range s { // the difference of white noise rises with frequency
				now := hiss * rng.NormFloat64()
				s[i] = int16(max(-32768, min(32767, math.Round(float64(s[i])+now-before))))
				before = now
			}
			tried++
			if c, _ := recognised(bothLaws[tried%2], encoded(CodingPCM24, s)); c != CodingPCM24 {
				missed++
			}
		}
	}
	t.Logf("%d of %d windows missed", missed, tried)
	if missed*200 > tried {
		t.Errorf("%d of %d windows missed", missed, tried)
	}
}
