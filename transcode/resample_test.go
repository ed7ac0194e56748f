package transcode

import (
	"math"
	"slices"
	"testing"
)

func sine(hz, amplitude float64, rate, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

func rms(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

func TestResampleKeepsATone(t *testing.T) {
	for _, c := range [][2]int{{44100, 8000}, {48000, 8000}, {16000, 8000}, {24000, 8000}, {8000, 24000}, {8000, 11025}, {44101, 8000}} {
		from, to := c[0], c[1]
		got := Resample(sine(1000, 10000, from, from), from, to)
		if len(got) != to {
			t.Errorf("%d to %d: %d samples from one second", from, to, len(got))
			continue
		}
		want := sine(1000, 10000, to, to)
		diff := make([]int16, 0, to)
		for i := to / 10; i < to*9/10; i++ { // away from the edges
			diff = append(diff, got[i]-want[i])
		}
		if db := 20 * math.Log10(rms(diff)/rms(want)); db > -60 {
			t.Errorf("%d to %d: error %.1f dB", from, to, db)
		}
	}
}

func TestResampleRemovesWhatDoesNotFit(t *testing.T) {
	for _, hz := range []float64{4600, 5000, 7000, 15000} {
		got := Resample(sine(hz, 10000, 44100, 44100), 44100, 8000)
		if db := 20 * math.Log10(rms(got[800:7200])/7071); db > -55 {
			t.Errorf("%.0f Hz leaks through at %.1f dB", hz, db)
		}
	}
}

func TestResampleEdges(t *testing.T) {
	in := []int16{1, 2, 3}
	same := Resample(in, 8000, 8000)
	if !slices.Equal(same, in) {
		t.Errorf("equal rates changed the samples: %v", same)
	}
	if same[0] = 9; in[0] == 9 {
		t.Error("the result shares memory with the input")
	}
	if got := Resample(nil, 44100, 8000); len(got) != 0 {
		t.Errorf("nothing became %d samples", len(got))
	}
	for i, s := range Resample(slices.Repeat([]int16{32767}, 400), 8000, 16000)[200:600] {
		if s < 32000 {
			t.Fatalf("a constant became %d at %d", s, i)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a rate of 0 was accepted")
		}
	}()
	Resample(in, 0, 8000)
}

func BenchmarkResampleSecond(b *testing.B) {
	in := sine(1000, 10000, 44100, 44100)
	for b.Loop() {
		Resample(in, 44100, 8000)
	}
}
