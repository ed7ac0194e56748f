package simulator

import "math"

// lowPass is a windowed-sinc filter; cutoff is a fraction of the sample rate.
// A constant passes unchanged.
func lowPass(taps int, cutoff float64) []float64 {
	h := make([]float64, taps)
	var sum float64
	for i := range h {
		x := float64(i) - float64(taps-1)/2
		h[i] = 2 * cutoff
		if x != 0 {
			h[i] = math.Sin(2*math.Pi*cutoff*x) / (math.Pi * x)
		}
		h[i] *= 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/float64(taps-1)) // Hamming
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

// highPass is a second-order Butterworth filter at 200 Hz for 8 kHz audio: it
// takes out mains hum and handling noise, which carry energy but no speech.
type highPass struct{ x1, x2, y1, y2 float64 }

var hpB0, hpB1, hpB2, hpA1, hpA2 = highPass200()

func highPass200() (b0, b1, b2, a1, a2 float64) {
	k := math.Tan(math.Pi * 200 / 8000)
	n := 1 / (1 + math.Sqrt2*k + k*k)
	return n, -2 * n, n, 2 * (k*k - 1) * n, (1 - math.Sqrt2*k + k*k) * n
}

func (h *highPass) next(x float64) float64 {
	y := hpB0*x + hpB1*h.x1 + hpB2*h.x2 - hpA1*h.y1 - hpA2*h.y2
	h.x2, h.x1, h.y2, h.y1 = h.x1, x, h.y1, y
	return y
}

func clip16(v float64) int16 {
	return int16(math.Round(max(-32768, min(32767, v))))
}

// dBov is a mean square of 16-bit samples in decibels below overload, where
// overload is a full-scale square wave. Digital silence is -100.
func dBov(meanSquare float64) float64 {
	if meanSquare < 0.11 { // -100 dB
		return -100
	}
	return 10 * math.Log10(meanSquare/(32768*32768))
}
