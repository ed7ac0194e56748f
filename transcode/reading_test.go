package transcode

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSpansHoldWhatIsEncoded: a byte's span holds each sample that becomes that
// byte, and its value.
func TestSpansHoldWhatIsEncoded(t *testing.T) {
	const slack = 2 << encodeShift // encoders cut off two bits, and negative ones come one lower
	for _, l := range bothLaws {
		for s := -32768; s <= 32767; s++ {
			b := l.Encode(int16(s))
			span := spans[l][b]
			clipped := math.Abs(float64(s)) > 32000
			if v := float64(s); !clipped && (v < span.low-slack || v > span.high+slack) {
				t.Fatalf("%v: %d becomes %#02x, which spans %v", l, s, b, span)
			}
			if v := float64(l.Decode(b)); v < span.low || v > span.high || span.low >= span.high {
				t.Fatalf("%v: %#02x is %v and spans %v", l, b, v, span)
			}
		}
	}
}

// TestLatticeForetells: sums of tones are foreseen, noise is not, and nothing
// makes it unstable.
func TestLatticeForetells(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 65))
	wave := func(hz float64, i int) float64 { return 5000 * math.Sin(2*math.Pi*hz*float64(i)/SampleRate) }
	for _, c := range []struct {
		name     string
		f        func(i int) float64
		min, max float64 // error against the signal, dB
	}{
		{"silence", func(int) float64 { return 0 }, -400, -300},
		{"tone", func(i int) float64 { return wave(440, i) }, -200, -60},
		{"key 5", func(i int) float64 { return wave(770, i) + wave(1336, i) }, -200, -30},
		{"noise", func(int) float64 { return 5000 * rng.NormFloat64() }, -1, 1},
		{"extremes", func(i int) float64 { return 32767 * float64(1-2*(i/7%2)) }, -200, 0},
	} {
		var l lattice
		var missed, signal float64
		for i := range 3200 {
			s := c.f(i)
			miss := s - l.predict()
			l.learn(s)
			if i >= 1600 {
				missed, signal = missed+miss*miss, signal+s*s
			}
			for m, k := range l.k {
				if !(math.Abs(k) <= 1) {
					t.Fatalf("%s: stage %d reflects %v", c.name, m, k)
				}
			}
		}
		if dB := 10 * math.Log10((missed+1e-40)/(signal+1)); dB < c.min || dB > c.max {
			t.Errorf("%s: error %.0f dB, want %.0f to %.0f", c.name, dB, c.min, c.max)
		}
	}
}

// TestRightReadingIsCheap compares prices: silence is almost free, noise costs
// all of its bits.
func TestRightReadingIsCheap(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 65))
	for _, c := range []struct {
		name     string
		sample   func(i int) float64
		min, max float64 // bits a sample
	}{
		{"silence", func(int) float64 { return 0 }, 0, 0.2},
		{"dither", func(int) float64 { return float64(rng.IntN(2)) }, 1, 1.7},
		{"tone", func(i int) float64 { return math.Round(8000 * math.Sin(float64(i)/9)) }, 0, 5},
		{"noise", func(int) float64 { return float64(rng.IntN(1<<16) - 1<<15) }, 16, 17.5},
	} {
		var r reading
		r.start(1 << 16)
		const samples = 2000
		for i := range samples {
			s := c.sample(i)
			r.hear(s-0.5, s+0.5, 0)
		}
		if bits := r.bits / samples; bits < c.min || bits > c.max {
			t.Errorf("%s costs %.2f bits a sample, want %.1f to %.1f", c.name, bits, c.min, c.max)
		}
	}
}
