package transcode

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCodingNames(t *testing.T) {
	for c, want := range map[Coding]string{UnknownCoding: "unknown", CodingPCMU: "PCMU", CodingPCMA: "PCMA",
		CodingPCM24: "PCM24", Coding(9): "Coding(9)"} {
		if c.String() != want {
			t.Errorf("Coding(%d) is called %q, want %q", uint8(c), c, want)
		}
	}
	if CodingOf(PCMU) != CodingPCMU || CodingOf(PCMA) != CodingPCMA {
		t.Error("CodingOf mixes up the laws")
	}
}

// generated is RecogniseBytes samples of f, rounded and clipped.
func generated(f func(i int) float64) []int16 {
	s := make([]int16, RecogniseBytes)
	for i := range s {
		s[i] = int16(math.Round(max(-32768, min(32767, f(i)))))
	}
	return s
}

// TestSilenceIsRecognised: the silence of each coding, digital and with the
// last bit at play, whatever was expected. The expected one does not wait for
// more than 60 ms.
func TestSilenceIsRecognised(t *testing.T) {
	rng := rand.New(rand.NewPCG(0, 65))
	dither := generated(func(int) float64 { return float64(rng.IntN(3) - 1) })
	faint := generated(func(int) float64 { return 4 * rng.NormFloat64() })
	offset := generated(func(i int) float64 { return 9 + math.Sin(float64(i)/50) })
	for _, c := range []struct {
		name  string
		audio []byte
		want  Coding
	}{
		{"µ-law", bytes.Repeat([]byte{0xFF}, RecogniseBytes), CodingPCMU},
		{"µ-law, negative", bytes.Repeat([]byte{0x7F}, RecogniseBytes), CodingPCMU},
		{"µ-law, faint", encoded(CodingPCMU, faint), CodingPCMU},
		{"A-law", bytes.Repeat([]byte{0xD5}, RecogniseBytes), CodingPCMA},
		{"A-law, negative", bytes.Repeat([]byte{0x55}, RecogniseBytes), CodingPCMA},
		{"A-law, dither", encoded(CodingPCMA, dither), CodingPCMA},
		{"A-law, faint", encoded(CodingPCMA, faint), CodingPCMA},
		{"PCM", make([]byte, RecogniseBytes), CodingPCM24},
		{"PCM, dither", encoded(CodingPCM24, dither), CodingPCM24},
		{"PCM, faint", encoded(CodingPCM24, faint), CodingPCM24},
		{"PCM, offset", encoded(CodingPCM24, offset), CodingPCM24},
	} {
		for _, expected := range bothLaws {
			got, after := recognised(expected, c.audio)
			if got != c.want {
				t.Errorf("silence of %s, expecting %v, is taken for %v", c.name, expected, got)
			}
			if got == CodingOf(expected) && after > 3*FrameBytes {
				t.Errorf("silence of %s waits for %d bytes", c.name, after)
			}
		}
	}
}

// TestNoFalseAlarm plays what is no speech in the expected law: tones of every
// pitch and loudness, keys, chords, sawtooths, hiss, clicks, and all of them
// clipped.
func TestNoFalseAlarm(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 65))
	wave := func(hz float64, i int) float64 { return math.Sin(2 * math.Pi * hz * float64(i) / SampleRate) }
	for amplitude := 4.0; amplitude < 40000; amplitude *= 1.7 {
		for hz := 50.0; hz < 3950; hz *= 1.19 {
			other, third := 50+3500*rng.Float64(), 50+3500*rng.Float64()
			what := fmt.Sprintf("amplitude %.0f, %.0f, %.0f and %.0f Hz", amplitude, hz, other, third)
			checkNoAlarm(t, "tone, "+what, func(i int) float64 { return amplitude * wave(hz, i) })
			checkNoAlarm(t, "pair, "+what, func(i int) float64 { return amplitude * (wave(hz, i) + wave(other, i)) })
			checkNoAlarm(t, "chord, "+what, func(i int) float64 {
				return amplitude * (wave(hz, i) + wave(other, i)/2 + wave(third, i)/3)
			})
			checkNoAlarm(t, "saw, "+what, func(i int) float64 {
				return amplitude * (2*math.Mod(hz*float64(i)/SampleRate, 1) - 1)
			})
		}
		brown := 0.0
		what, brown := fmt.Sprintf("amplitude %.0f", amplitude), 0.0
		checkNoAlarm(t, "brown noise, "+what, func(int) float64 {
			brown = 0.95*brown + amplitude*rng.NormFloat64()/4
			return brown
		})
		checkNoAlarm(t, "gated noise, "+what, func(i int) float64 { return amplitude * rng.NormFloat64() * float64(i/400%2) / 8 })
		checkNoAlarm(t, "clicks, "+what, func(int) float64 { return amplitude * float64(max(0, rng.IntN(200)-198)) })
		checkNoAlarm(t, "hum and DC, "+what, func(i int) float64 { return min(500, amplitude) + amplitude*wave(50, i) })
	}
}

func checkNoAlarm(t *testing.T, what string, f func(i int) float64) {
	t.Helper()
	s := generated(f)
	for _, l := range bothLaws {
		if c, _ := recognised(l, encoded(CodingOf(l), s)); c != CodingOf(l) {
			t.Errorf("%v: %s is taken for %v", l, what, c)
		}
	}
}

// TestClippedSpeechIsNoAlarm: an amplifier far too loud makes speech almost
// rectangular.
func TestClippedSpeechIsNoAlarm(t *testing.T) {
	t.Parallel()
	for i, rec := range recordings(t) {
		if i%16 != 0 {
			continue
		}
		for from := 0; ; from += RecogniseBytes * rec.rate / SampleRate {
			s := rec.part(from, SampleRate, RecogniseBytes)
			if s == nil {
				break
			}
			for j, dB := range []float64{20, 30, 40} {
				l := bothLaws[(i/16+j)%2]
				if c, _ := recognised(l, encoded(CodingOf(l), amplified(s, dB))); c != CodingOf(l) {
					t.Errorf("%v of %s, sample %d, %.0f dB too loud, is taken for %v", l, rec.name, from, dB, c)
				}
			}
		}
	}
}

// TestNoiseIsUnknown: bytes that are none of the three, which a law would play
// as loud noise.
func TestNoiseIsUnknown(t *testing.T) {
	t.Parallel()
	all, rng := recordings(t), rand.New(rand.NewPCG(2, 65))
	for _, c := range []struct {
		name  string
		make  func(pcm []byte) []byte
		floor float64 // measured: 1, 1, 0.86, 0.85; the others are silent or vowels, too smooth
	}{
		{"random", func(pcm []byte) []byte { return randomBytes(rng, len(pcm)) }, 1},
		{"compressed", compressed, 1},
		{"big endian", swapped, 0.8},
		{"misaligned", func(pcm []byte) []byte { return append([]byte{0}, pcm...) }, 0.8},
	} {
		const windows = 80
		unknown, released, tried := 0, 0, 0
		for tried < windows {
			s := all[rng.IntN(len(all))].part(rng.IntN(8000), PCM24Rate, 2*RecogniseBytes)
			if s == nil || rms(s) < 300 {
				continue
			}
			expected := bothLaws[tried%2]
			tried++
			switch got, _ := recognised(expected, c.make(encoded(CodingPCM24, s))); got {
			case UnknownCoding:
				unknown++
			case CodingOf(expected):
				released++
			}
		}
		t.Logf("%s: %d of %d unknown, %d released", c.name, unknown, windows, released)
		if float64(unknown) < c.floor*windows {
			t.Errorf("%s: only %d of %d are unknown, %d released", c.name, unknown, windows, released)
		}
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}

func compressed(pcm []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // a valid level, a writer that cannot fail
	w.Write(pcm)
	w.Close()
	return b.Bytes()
}

func swapped(pcm []byte) []byte {
	out := slices.Clone(pcm)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

// TestPiecesMakeNoDifference cuts streams anywhere, also within a PCM sample.
func TestPiecesMakeNoDifference(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 65))
	for _, coding := range []Coding{CodingPCMU, CodingPCMA, CodingPCM24} {
		audio := encoded(coding, sine(440, 5000, SampleRate, 2000))
		want := NewRecogniser(PCMU)
		want.Hear(audio)
		for range 50 {
			r := NewRecogniser(PCMU)
			for rest := audio; len(rest) > 0; {
				n := 1 + rng.IntN(min(len(rest), 1+rng.IntN(400)))
				r.Hear(rest[:n])
				rest = rest[n:]
			}
			if *r != *want {
				t.Fatalf("%v heard in pieces: %v after %d, whole: %v after %d", coding, r.coding, r.heard, want.coding, want.heard)
			}
		}
	}
}

// TestVerdictStays: what comes after it changes nothing, until Reset.
func TestVerdictStays(t *testing.T) {
	r := NewRecogniser(PCMA)
	if c, sure := r.Hear(nil); c != CodingPCMA || sure {
		t.Errorf("before anything was heard: %v, sure %v", c, sure)
	}
	pcm := encoded(CodingPCM24, sine(440, 5000, PCM24Rate, RecogniseBytes/2))
	if c, sure := r.Hear(pcm[:RecogniseBytes/2]); c != CodingPCM24 || sure {
		t.Errorf("after half of it: %v, sure %v; want a good guess", c, sure)
	}
	law := encoded(CodingPCMA, sine(440, 5000, SampleRate, RecogniseBytes))
	for _, audio := range [][]byte{pcm[RecogniseBytes/2:], law, nil} {
		if c, sure := r.Hear(audio); c != CodingPCM24 || !sure {
			t.Errorf("%v, sure %v", c, sure)
		}
	}
	r.Reset()
	if c, sure := r.Hear(law); c != CodingPCMA || !sure {
		t.Errorf("after Reset: %v, sure %v", c, sure)
	}
}

func FuzzRecogniser(f *testing.F) {
	f.Add([]byte{}, []byte{0xFF}, false)
	f.Add(bytes.Repeat([]byte{0x00, 0x80}, 500), bytes.Repeat([]byte{0xD5, 0x55, 0xFF}, 300), true)
	f.Add(encoded(CodingPCM24, sine(440, 5000, PCM24Rate, 801)), []byte{1}, true)
	f.Fuzz(func(t *testing.T, first, rest []byte, alaw bool) {
		expected := PCMU
		if alaw {
			expected = PCMA
		}
		r := NewRecogniser(expected)
		c, sure := r.Hear(first)
		if again, still := r.Hear(rest); sure && (again != c || !still) {
			t.Fatalf("%v became %v, sure %v", c, again, still)
		} else if c = again; len(first)+len(rest) >= RecogniseBytes && !still || c > CodingPCM24 {
			t.Fatalf("%v, sure %v after %d bytes", c, still, len(first)+len(rest))
		}
		for name, bits := range map[string]float64{"µ": r.law[PCMU].bits, "A": r.law[PCMA].bits, "PCM": r.pcm.bits} {
			if math.IsNaN(bits) || bits < 0 {
				t.Fatalf("reading as %s costs %v bits", name, bits)
			}
		}
	})
}

func BenchmarkRecogniser(b *testing.B) {
	for _, n := range []int{earliest, RecogniseBytes} {
		b.Run(fmt.Sprintf("%dBytes", n), func(b *testing.B) {
			audio := encoded(CodingPCMA, sine(440, 5000, SampleRate, n))
			r := NewRecogniser(PCMU) // hears them all, as they are wrong
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				r.Hear(audio)
			}
		})
	}
}

func TestRecogniserDoesNotAllocate(t *testing.T) {
	r, audio := NewRecogniser(PCMU), make([]byte, RecogniseBytes)
	if n := testing.AllocsPerRun(10, func() { r.Reset(); r.Hear(audio) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
