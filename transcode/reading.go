package transcode

import "math"

// reading is one way to understand a stream of bytes, and its price: the bits
// that a compressor would spend which believes in it. Sound is smooth and
// changes its loudness slowly, so the right reading sees it coming and is
// cheap; a wrong one sees jumps and pays for them. Bits of different readings
// of the same bytes compare directly.
//
//	         ┌─ silence          ─┐
//	sample ──┼─ the same again   ─┼─ mixed ─► how likely it was ─► bits
//	         └─ on, as a lattice ─┘
//	            foretells
//
// Call start before the first hear.
type reading struct {
	bits     float64 // spent so far
	past     lattice
	before   float64 // the last sample, in 16-bit scale
	earlier  float64 // the one before it
	surprise float64 // likelihood of a value that nobody expected
	experts  [3]expert
}

// expert is one way to foresee a sample.
type expert struct {
	trust float64 // share in the mixture; all make 1
	miss  float64 // how far off it was of late, mean magnitude
}

// The experts, by index.
const (
	expectSilence = iota
	expectSame
	expectOnward
)

const (
	firstMiss  = 100.0    // what experts are off by before anything was heard
	missMemory = 1.0 / 24 // part of miss that the newest sample decides
	doubt      = 0.02     // part of all trust that is dealt out evenly after each sample
	unforeseen = 1.0 / 256
	tiny       = 1e-30 // keeps shares defined where no expert saw the sample coming
)

// start makes a reading of samples that can have as many values.
func (r *reading) start(values float64) {
	*r = reading{surprise: unforeseen / values}
	for i := range r.experts {
		r.experts[i] = expert{trust: 1.0 / float64(len(r.experts)), miss: firstMiss}
	}
}

// hear pays for one sample, known to lie between low and high, and repeat bits
// more if it is one of the last two over again.
func (r *reading) hear(low, high, repeat float64) {
	guess := [3]float64{expectSame: r.before, expectOnward: r.past.predict()}
	chance, sum := r.chances(guess, low, high)
	r.bits -= math.Log2(sum*(1-unforeseen) + r.surprise)

	sample := (low + high) / 2
	if sample == r.before || sample == r.earlier {
		r.bits += repeat
	}
	for i := range r.experts {
		e := &r.experts[i]
		e.trust = (1-doubt)*(chance[i]+tiny)/(sum+3*tiny) + doubt/3
		e.miss += (math.Abs(sample-guess[i]) - e.miss) * missMemory
	}
	r.past.learn(sample)
	r.before, r.earlier = sample, r.before
}

// chances returns how likely each expert held a sample from low to high, times
// the trust it has, and the sum: what they hold together. Who expects the same
// again expects exactly that; the others allow for as much as they missed of
// late.
func (r *reading) chances(guess [3]float64, low, high float64) (chance [3]float64, sum float64) {
	for i, e := range r.experts {
		scale := max(2*e.miss, (high-low)/8)
		if i == expectSame {
			scale = (high - low) / 32
		}
		chance[i] = e.trust * (below(high-guess[i], scale) - below(low-guess[i], scale))
		sum += chance[i]
	}
	return chance, sum
}

// below is the share of errors that are less than e, if half of scale is their
// mean magnitude: a peak whose tails fall with the fourth power. The shape
// matters little, and this one needs no exponential.
func below(e, scale float64) float64 {
	t := scale / (scale + math.Abs(e))
	t = t * t * t / 2
	if e < 0 {
		return t
	}
	return 1 - t
}

// span is the range of samples, in 16-bit scale, that a law byte stands for.
type span struct{ low, high float64 }

var spans = [2][256]span{PCMU: buildSpans(PCMU), PCMA: buildSpans(PCMA)}

func buildSpans(l Law) (t [256]span) {
	low := 0.0
	for m := range byte(128) { // magnitudes, from silence up
		plus := l.Silence() ^ m
		high := 2*float64(l.Decode(plus)) - low // the decoder answers with the middle …
		if high == 0 {
			high = 4 // … but for the zero of µ-law, half of a step on each side
		}
		t[plus], t[plus^0x80] = span{low, high}, span{-high, -low}
		low = high
	}
	return t
}
