package transcode

// ConcealMS is how long a Concealer invents speech before it falls silent. Past
// 60 ms a repeated sound turns into a buzz that listeners, and turn detection,
// take for a new sound (G.711 Appendix I stops there too).
const ConcealMS = 60

const (
	concealBytes = ConcealMS * BytesPerMS
	minPitch     = 40  // samples, 200 Hz: the shortest period that is searched
	maxPitch     = 120 // samples, 66 Hz: the longest
	matchWindow  = 160 // samples compared at each lag
	historyBytes = maxPitch + matchWindow
)

// Concealer hides lost packets: it remembers the last 35 ms that arrived, and
// when asked for audio that did not, repeats the last pitch period of it, fading
// to nothing over ConcealMS.
//
//	arrived           lost (up to 60 ms)          longer
//	∿∿∿∿∿∿∿∿∿[∿∿∿]│ [∿∿∿][∿∿∿] [~~~] [...] │ silence ─────
//	           └ one period, repeated and faded
//
// The zero value conceals PCMU. A Concealer does not allocate after it was made
// and is not safe for concurrent use.
type Concealer struct {
	Law Law // set before first use

	history [historyBytes]byte // the newest law bytes, the newest last
	known   int                // how many of them are real
	period  int                // samples repeated in the gap at hand, 0 between gaps
	faded   int                // bytes concealed in the gap at hand
}

// Good remembers audio that arrived (or was rightly silent) and ends a gap. Any
// length is accepted.
func (c *Concealer) Good(frame []byte) {
	if len(frame) == 0 {
		return
	}
	if len(frame) > historyBytes {
		frame = frame[len(frame)-historyBytes:]
	}
	copy(c.history[:], c.history[len(frame):])
	copy(c.history[historyBytes-len(frame):], frame)
	c.known = min(historyBytes, c.known+len(frame))
	c.period, c.faded = 0, 0
}

// Conceal fills dst with what may stand in for lost audio and returns how many
// of its bytes are concealment; the rest is silence. Calls between two Goods
// continue one another: 60 ms are concealed in all.
func (c *Concealer) Conceal(dst []byte) (concealed int) {
	if c.period == 0 {
		c.period = c.pitch()
	}
	for concealed < len(dst) && c.faded < concealBytes && c.period > 0 {
		dst[concealed] = c.next()
		concealed++
	}
	silence := c.Law.Silence()
	for i := concealed; i < len(dst); i++ {
		dst[i] = silence
	}
	return concealed
}

// Reset forgets everything: another speaker, another stream.
func (c *Concealer) Reset() { c.known, c.period, c.faded = 0, 0, 0 }

// next returns one more byte of the repeated period, faded in proportion to the
// length of the gap.
func (c *Concealer) next() byte {
	i := historyBytes - c.period + c.faded%c.period
	s := int(c.Law.Decode(c.history[i])) * (concealBytes - c.faded) / concealBytes
	c.faded++
	return c.Law.Encode(int16(s))
}

// pitch returns the lag at which the newest audio repeats itself best. With too
// little history to search it is all there is, and 0 with none.
func (c *Concealer) pitch() int {
	if c.known < historyBytes {
		return min(c.known, maxPitch)
	}
	var linear [historyBytes]int16
	c.Law.DecodeTo(linear[:], c.history[:])
	best, bestScore := maxPitch, 0.0
	for lag := minPitch; lag <= maxPitch; lag++ {
		if score := similarity(&linear, lag); score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}

// similarity is the normalised correlation of the newest window with the window
// lag samples earlier, squared; anti-phase counts as 0.
func similarity(x *[historyBytes]int16, lag int) float64 {
	var cross, energy int64
	for i := historyBytes - matchWindow; i < historyBytes; i++ {
		now, then := int64(x[i]), int64(x[i-lag])
		cross += now * then
		energy += then * then
	}
	if cross <= 0 || energy == 0 {
		return 0
	}
	return float64(cross) * float64(cross) / float64(energy)
}
