package transcode

import "math"

// sincZeros is how many zero crossings of the sinc the filter keeps on each
// side: more is sharper and slower. 24 puts images below -70 dB for speech.
const sincZeros = 24

// maxKeptPhases bounds the memory of odd conversions (11025 to 8000 Hz has 320
// phases, 44101 to 8000 has 8000); the others are computed again.
const maxKeptPhases = 1024

// Resample converts mono samples between any two rates in Hz with a windowed
// sinc filter that also removes what the lower rate cannot carry. The result
// has len(in)·toHz/fromHz samples, rounded, and the same loudness. It is meant for
// files, not for the audio path: it allocates and takes its time. It panics if
// a rate is not positive.
func Resample(in []int16, fromHz, toHz int) []int16 {
	if fromHz <= 0 || toHz <= 0 {
		panic("transcode: Resample with a sample rate that is not positive")
	}
	if fromHz == toHz {
		return append([]int16(nil), in...)
	}
	d := gcd(fromHz, toHz)
	f := sincFilter{up: toHz / d, down: fromHz / d, phases: make(map[int][]float64)}
	f.cutoff = min(1, float64(f.up)/float64(f.down))
	f.half = int(math.Ceil(sincZeros / f.cutoff))
	out := make([]int16, (len(in)*f.up+f.down/2)/f.down)
	for n := range out {
		pos := n * f.down
		out[n] = f.at(in, pos/f.up, pos%f.up)
	}
	return out
}

// sincFilter evaluates the band-limited signal between samples. The position
// within a sample takes only `up` different values, so their taps are kept.
type sincFilter struct {
	up, down int
	cutoff   float64 // of the input's Nyquist frequency, 0..1
	half     int     // taps on each side
	phases   map[int][]float64
}

// at returns the value at input position whole + phase/up. Outside the input
// there is silence.
func (f *sincFilter) at(in []int16, whole, phase int) int16 {
	taps := f.taps(phase)
	var sum float64
	for i, t := range taps {
		if k := whole - f.half + 1 + i; k >= 0 && k < len(in) {
			sum += t * float64(in[k])
		}
	}
	return int16(math.Round(max(-32768, min(32767, sum))))
}

// taps computes one phase of the filter, normalised so that a constant stays
// the same constant.
func (f *sincFilter) taps(phase int) []float64 {
	if t, ok := f.phases[phase]; ok {
		return t
	}
	t := make([]float64, 2*f.half)
	frac, sum := float64(phase)/float64(f.up), 0.0
	for i := range t {
		x := float64(i-f.half+1) - frac
		t[i] = sinc(x*f.cutoff) * blackman(x/float64(f.half))
		sum += t[i]
	}
	for i := range t {
		t[i] /= sum
	}
	if len(f.phases) < maxKeptPhases {
		f.phases[phase] = t
	}
	return t
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// blackman is the window over -1..1, zero outside.
func blackman(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return 0.42 + 0.5*math.Cos(math.Pi*x) + 0.08*math.Cos(2*math.Pi*x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
