package transcode

// latticeOrder is how many earlier samples a prediction uses: enough for the
// resonances of a voice, and for the two tones of a telephone key.
const latticeOrder = 8

// latticeMemory is the part of what a lattice knows that the newest sample
// decides: it follows a sound that changes within some 160 samples.
const latticeMemory = 1.0 / 160

// lattice foretells the next sample of a sound from those before it. It is an
// adaptive linear predictor after Burg: each stage removes what the error of
// going forward and the error of going back, one sample earlier, have in
// common, and hands the rest on.
//
//	sample ──┬─── − k₁·back ──┬─── − k₂·back ──┬── … what could not be foretold
//	         └ z⁻¹ ─ − k₁·fwd ┴ z⁻¹ ─ − k₂·fwd ┴── …
//
// It never becomes unstable, whatever it hears, and needs no division of
// matrices. The zero value foretells silence.
type lattice struct {
	k     [latticeOrder]float64 // what forward and backward error share, -1..1
	back  [latticeOrder]float64 // backward errors, one sample ago
	cross [latticeOrder]float64 // recent mean of their product …
	power [latticeOrder]float64 // … and of the sum of their squares
}

// predict returns what the next sample should be.
func (l *lattice) predict() (sample float64) {
	for m := range l.k {
		l.k[m] = 2 * l.cross[m] / (l.power[m] + 1) // +1: no opinion about nothing
		sample += l.k[m] * l.back[m]
	}
	return sample
}

// learn takes the sample that came, after predict.
func (l *lattice) learn(sample float64) {
	forward, newest := sample, sample
	for m, k := range l.k {
		back := l.back[m]
		l.cross[m] += (forward*back - l.cross[m]) * latticeMemory
		l.power[m] += (forward*forward + back*back - l.power[m]) * latticeMemory
		l.back[m] = newest
		forward, newest = forward-k*back, back-k*forward
	}
}
