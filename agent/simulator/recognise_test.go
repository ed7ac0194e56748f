package simulator

import (
	"math/rand/v2"
	"testing"

	"github.com/trunkline/trunkline/transcode"
)

// inTurn puts a clip between silences, as the turn detection would cut it.
func inTurn(clip []int16, before, after int) []int16 {
	turn := make([]int16, before, before+len(clip)+after)
	return append(append(turn, clip...), make([]int16, after)...)
}

func law(l transcode.Law, s []int16) []byte {
	b := make([]byte, len(s))
	l.EncodeTo(b, s)
	return b
}

func linear(l transcode.Law, b []byte) []int16 {
	s := make([]int16, len(b))
	l.DecodeTo(s, b)
	return s
}

// lose drops a share of the 20 ms frames, at random; concealed ones are what a
// receiver makes of the gap.
func lose(s []int16, share float64, conceal bool, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 7))
	b := law(transcode.PCMU, s)
	var c transcode.Concealer
	group, lost := int(1/share), 0 // one frame of each group, so that the share is exact in short clips too
	for i := 0; (i+1)*transcode.FrameBytes <= len(b); i++ {
		frame := b[i*transcode.FrameBytes : (i+1)*transcode.FrameBytes]
		if i%group == 0 {
			lost = i + r.IntN(group)
		}
		switch {
		case i != lost:
			c.Good(frame)
		case conceal:
			c.Conceal(frame)
		default:
			for i := range frame {
				frame[i] = transcode.PCMU.Silence()
			}
		}
	}
	return linear(transcode.PCMU, b)
}

func swapFrames(s []int16) []int16 {
	out := append([]int16(nil), s...)
	for at := 0; at+320 <= len(out); at += 320 {
		copy(out[at:], s[at+160:at+320])
		copy(out[at+160:], s[at:at+160])
	}
	return out
}

func doubleSpeed(s []int16) []int16 {
	out := make([]int16, 0, len(s)/2)
	for i := 0; i < len(s); i += 2 {
		out = append(out, s[i])
	}
	return out
}

func gain(s []int16, g float64) []int16 {
	out := make([]int16, len(s))
	for i, x := range s {
		out[i] = clip16(g * float64(x))
	}
	return out
}

func noisy(s []int16, amplitude float64) []int16 {
	r := rand.New(rand.NewPCG(3, 3))
	out := make([]int16, len(s))
	for i, x := range s {
		out[i] = clip16(float64(x) + amplitude*r.NormFloat64())
	}
	return out
}

// some is a quarter of the clips, another one for each name: all of them with
// all damages take a minute under the race detector.
func some(name string) (clips []Clip) {
	for i, c := range builtIn().caller {
		if (i+len(name))%4 == 0 {
			clips = append(clips, c)
		}
	}
	return clips
}

func TestRecogniseWhatArrivedWell(t *testing.T) {
	good := map[string]func([]int16) []int16{
		"as it is":          func(s []int16) []int16 { return inTurn(s, 0, 0) },
		"silence around":    func(s []int16) []int16 { return inTurn(s, 2400, 4100) },
		"odd offset":        func(s []int16) []int16 { return inTurn(s, 1237, 333) },
		"A-law":             func(s []int16) []int16 { return linear(transcode.PCMA, law(transcode.PCMA, inTurn(s, 2400, 4000))) },
		"quiet":             func(s []int16) []int16 { return gain(inTurn(s, 2000, 4000), 0.2) },
		"line noise":        func(s []int16) []int16 { return noisy(inTurn(s, 2000, 4000), 30) },
		"24 kHz and back":   func(s []int16) []int16 { return viaPCM24(inTurn(s, 2000, 4000)) },
		"cut at the start":  func(s []int16) []int16 { return inTurn(s[1600:], 0, 4000) },
		"1 % lost":          func(s []int16) []int16 { return lose(inTurn(s, 2400, 4000), 0.01, true, uint64(len(s))) },
		"2 % lost":          func(s []int16) []int16 { return lose(inTurn(s, 2400, 4000), 0.02, true, uint64(len(s))) },
		"5 % lost":          func(s []int16) []int16 { return lose(inTurn(s, 2400, 4000), 0.05, true, uint64(len(s))) },
		"2 % lost, other":   func(s []int16) []int16 { return lose(inTurn(s, 2400, 4000), 0.02, true, uint64(3*len(s))) },
		"long silence then": func(s []int16) []int16 { return inTurn(s, 40000, 4000) },
	}
	r := newRecogniser(nil)
	for name, damage := range good {
		for _, c := range some(name) {
			if got := r.recognise(damage(c.Samples)); got.text != c.Text {
				t.Errorf("%s: %s heard as %q (%v)", name, c.Name, got.text, got.clips)
			}
		}
	}
}

func viaPCM24(s []int16) []int16 {
	var e ear
	return append([]int16(nil), e.hear(pcm24, pcm24.speak(s))...)
}

func TestDamagedSpeechIsNotRecognised(t *testing.T) {
	bad := map[string]func([]int16) []int16{
		"µ-law read as A-law": func(s []int16) []int16 { return linear(transcode.PCMA, law(transcode.PCMU, s)) },
		"A-law read as µ-law": func(s []int16) []int16 { return linear(transcode.PCMU, law(transcode.PCMA, s)) },
		"frames swapped":      swapFrames,
		"double speed":        doubleSpeed,
		"half speed":          func(s []int16) []int16 { return transcode.Resample(s, 4000, 8000) },
		"20 % lost":           func(s []int16) []int16 { return lose(s, 0.2, false, uint64(len(s))) },
		"half of it":          func(s []int16) []int16 { return s[:len(s)/2] },
		"bytes swapped": func(s []int16) []int16 {
			out := make([]int16, len(s))
			for i, x := range s {
				out[i] = int16(uint16(x)<<8 | uint16(x)>>8)
			}
			return out
		},
		"noise":   func(s []int16) []int16 { return noisy(make([]int16, len(s)), 3000) },
		"silence": func(s []int16) []int16 { return make([]int16, len(s)) },
		"nothing": func([]int16) []int16 { return nil },
	}
	r := newRecogniser(nil)
	for name, damage := range bad {
		for _, c := range some(name) {
			if got := r.recognise(inTurn(damage(c.Samples), 2400, 4000)); got.text != "" {
				t.Errorf("%s: %s heard as %q", name, c.Name, got.text)
			}
		}
	}
}

func TestTwoSentencesInOneTurn(t *testing.T) {
	a, wordsA, _ := CallerClip("c10")
	b, wordsB, _ := CallerClip("slt-c12")
	turn := append(inTurn(a, 2400, 800), inTurn(b, 0, 4000)...)
	if got := newRecogniser(nil).recognise(turn); got.text != wordsA+" "+wordsB {
		t.Errorf("heard %q", got.text)
	}
}

func BenchmarkRecogniseTurn(b *testing.B) {
	s, _, _ := CallerClip("rms-c06")
	turn := inTurn(s, 2400, 4000)
	r := newRecogniser(nil)
	b.ReportAllocs()
	for b.Loop() {
		if r.recognise(turn).text == "" {
			b.Fatal("not recognised")
		}
	}
}

// The worst turn is a long one that nothing fits.
func BenchmarkRecogniseNoise(b *testing.B) {
	turn := noisy(make([]int16, 8*8000), 2000)
	r := newRecogniser(nil)
	b.ReportAllocs()
	for b.Loop() {
		r.recognise(turn)
	}
}
