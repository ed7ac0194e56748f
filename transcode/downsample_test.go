package transcode

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// downDelay is how many output samples late the sound is.
const downDelay = downHalf / downFactor

func downsampled(l Law, s []int16) []byte {
	d := Downsampler{Law: l}
	return d.Append(nil, encoded(CodingPCM24, s))
}

// TestDownsamplerIsResample: the stream is what the file converter makes of the
// whole, only later.
func TestDownsamplerIsResample(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 24))
	in := make([]int16, PCM24Rate)
	for i := range in {
		in[i] = int16(rng.IntN(1<<16) - 1<<15)
	}
	for _, l := range bothLaws {
		want := encoded(CodingOf(l), Resample(in, PCM24Rate, SampleRate))
		got := downsampled(l, in)
		if len(got) != SampleRate {
			t.Fatalf("%d bytes from one second", len(got))
		}
		if !bytes.Equal(got[downDelay:], want[:SampleRate-downDelay]) {
			t.Errorf("%v: the stream differs from the file", l)
		}
	}
}

func TestDownsamplerKeepsTones(t *testing.T) {
	for _, hz := range []float64{110, 310, 1010, 2010, 3010, 3510} {
		got := downsampled(PCMU, sine(hz, 10000, PCM24Rate, PCM24Rate))[downDelay:]
		if level := Level(PCMU, got); math.Abs(level-20*math.Log10(10000/math.Sqrt2/32768)) > 0.1 {
			t.Errorf("%.0f Hz comes out at %.2f dBov", hz, level)
		}
		want := sine(hz, 10000, SampleRate, len(got))
		diff := make([]int16, 0, len(got))
		for i := downDelay; i < len(got); i++ {
			diff = append(diff, PCMU.Decode(got[i])-want[i])
		}
		if db := 20 * math.Log10(rms(diff)/rms(want)); db > -34 { // what the law itself adds
			t.Errorf("%.0f Hz: error %.1f dB", hz, db)
		}
	}
}

func TestDownsamplerSuppressesAliases(t *testing.T) {
	for _, hz := range []float64{4500, 5000, 6000, 7000, 7700, 8000, 9000, 11900} {
		got := downsampled(PCMU, sine(hz, 30000, PCM24Rate, PCM24Rate))[2*downDelay:]
		if level := Level(PCMU, got); level > -70 {
			t.Errorf("%.0f Hz leaks through at %.1f dBov", hz, level)
		}
	}
}

// TestDownsamplerClips: what overshoots stays at the edge of the scale.
func TestDownsamplerClips(t *testing.T) {
	square := make([]int16, PCM24Rate/10)
	for i := range square {
		square[i] = int16(32767 - 65535*(i/100%2))
	}
	for i, b := range downsampled(PCMA, square)[2*downDelay:] {
		// in the middle of each half wave of 33 samples
		if m := abs(int(PCMA.Decode(b))); m < 20000 && (i-8)%33 == 0 {
			t.Errorf("sample %d is ±%d", i, m)
		}
	}
}

func TestDownsamplerInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 24))
	pcm := randomBytes(rng, 4999) // ends within a sample
	d := Downsampler{Law: PCMA}
	want := d.Append(nil, pcm)
	for most := 1; most < 400; most += 7 {
		d.Reset()
		got := []byte{1, 2}
		for rest := pcm; len(rest) > 0; {
			n := min(len(rest), rng.IntN(most+1))
			got = d.Append(got, rest[:n])
			rest = rest[n:]
		}
		if !bytes.Equal(got, slices.Concat([]byte{1, 2}, want)) {
			t.Fatalf("pieces of up to %d bytes differ from the whole", most)
		}
	}
}

func TestDownsamplerDoesNotAllocate(t *testing.T) {
	d, dst, pcm := Downsampler{}, make([]byte, 0, FrameBytes+1), make([]byte, 6*FrameBytes-1)
	if n := testing.AllocsPerRun(100, func() { dst = d.Append(dst[:0], pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDownsampler(f *testing.F) {
	f.Add([]byte{}, []byte{1}, true)
	f.Add([]byte{0, 0x80, 0xFF}, bytes.Repeat([]byte{0xFF, 0x7F}, 200), false)
	f.Fuzz(func(t *testing.T, first, rest []byte, alaw bool) {
		var d Downsampler
		if alaw {
			d.Law = PCMA
		}
		whole := d.Append(nil, slices.Concat(first, rest))
		samples := (len(first) + len(rest)) / 2
		if len(whole) != (samples+downFactor-1)/downFactor {
			t.Fatalf("%d bytes from %d samples", len(whole), samples)
		}
		d.Reset()
		if pieces := d.Append(d.Append(nil, first), rest); !bytes.Equal(pieces, whole) {
			t.Fatal("two pieces differ from the whole")
		}
	})
}

func BenchmarkDownsampleFrame(b *testing.B) {
	d, dst, pcm := Downsampler{}, make([]byte, 0, FrameBytes), make([]byte, 6*FrameBytes)
	b.ReportAllocs()
	for b.Loop() {
		dst = d.Append(dst[:0], pcm)
	}
}
