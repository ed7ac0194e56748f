package simulator

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
)

// The recogniser compares a caller's turn with every known clip. It knows a
// clip only when the samples themselves are there: 40 ms pieces of the turn
// must correlate with the clip's, all at one offset. So a wrong law, swapped
// frames, a wrong speed or many lost packets are not understood, and the
// transcript shows the damage; gain, offset, silence around and the rounding
// of either law do not matter. The limits were measured on all clips: with 2 %
// of the packets lost and concealed at least 91 % of the pieces fit, with 20 %
// lost at most 71 %, in the wrong law hardly any.
//
//	turn ─► envelope (20 ms) ─► slide over each clip's envelope ─► best few
//	                                                                  │
//	turn ─► samples ─► exact offset (loudest pieces) ─► share of pieces that correlate
const (
	envSamples    = 160  // 20 ms, a step of the envelope
	pieceSamples  = 320  // 40 ms, the unit of the verdict: two frames of a call
	pieceAlike    = 0.95 // correlation from which a piece counts as the clip's
	clipKnown     = 0.8  // share of pieces that makes the clip known
	clipCertain   = 0.95 // share from which no other clip is tried
	minOverlap    = 0.7  // of the clip's speech within the turn
	candidates    = 4    // clips that get the exact comparison
	anchorPieces  = 5    // loudest pieces, which fix the offset
	offsetSlack   = 180  // samples around the envelope's offset, more than a step
	silentEnv     = -50  // dBov, the lowest level that the envelope shows
	quietPiece    = -25  // dB below the loudest piece: not part of the verdict
	minHeard      = 0.4  // seconds; a shorter rest of a turn is not searched
	envelopeAlike = 0.35 // lower envelope correlation: no candidate
)

// pattern is a clip prepared for recognition: its speech, without the silence
// around it. Static after construction.
type pattern struct {
	clip   Clip
	speech []int16
	env    []float64
	pieces []int // offsets within speech, loudest first, quiet ones left out
}

type recogniser struct{ patterns []pattern }

// builtInPatterns are shared by all servers: preparing them takes milliseconds.
var builtInPatterns = sync.OnceValue(func() []pattern { return newPatterns(builtIn().caller) })

func newRecogniser(extra []Clip) *recogniser {
	return &recogniser{append(slices.Clone(builtInPatterns()), newPatterns(extra)...)}
}

func newPatterns(clips []Clip) []pattern {
	var out []pattern
	for _, c := range clips {
		if p := newPattern(c); len(p.pieces) > 0 {
			out = append(out, p)
		}
	}
	return out
}

func newPattern(c Clip) pattern {
	p := pattern{clip: c, speech: trimSilence(c.Samples)}
	p.env = envelope(p.speech)
	type piece struct {
		at     int
		energy float64
	}
	var all []piece
	for at := 0; at+pieceSamples <= len(p.speech); at += pieceSamples {
		all = append(all, piece{at, energy(p.speech[at : at+pieceSamples])})
	}
	slices.SortFunc(all, func(a, b piece) int { return cmp.Compare(b.energy, a.energy) })
	for _, x := range all {
		if x.energy > all[0].energy*math.Pow(10, quietPiece/10.0) {
			p.pieces = append(p.pieces, x.at)
		}
	}
	return p
}

// heard is what the recogniser made of a turn.
type heard struct {
	text  string   // words of all clips found, in order
	clips []string // their names
}

// recognise names the clips in a turn. Nothing recognised is the empty text.
func (r *recogniser) recognise(turn []int16) heard {
	var h heard
	var texts []string
	for _, m := range r.search(turn, 0) {
		texts = append(texts, m.p.clip.Text)
		h.clips = append(h.clips, m.p.clip.Name)
	}
	h.text = strings.Join(texts, " ")
	return h
}

// match is a clip found in a turn.
type match struct {
	p     *pattern
	at    int // offset of the clip's speech in the turn, may be negative
	score float64
}

// search finds the best clip in the turn, then looks on either side of it: two
// sentences that the turn detection did not separate are both heard.
func (r *recogniser) search(turn []int16, depth int) []match {
	if depth > 3 || float64(len(turn)) < minHeard*8000 || !anySpeech(turn) {
		return nil
	}
	best := r.best(turn)
	if best.p == nil {
		return nil
	}
	left := r.search(turn[:max(0, best.at)], depth+1)
	right := r.search(turn[min(len(turn), best.at+len(best.p.speech)):], depth+1)
	return append(append(left, best), right...)
}

func (r *recogniser) best(turn []int16) match {
	var best match
	for _, c := range r.shortlist(envelope(turn)) {
		at := c.p.align(turn, c.at)
		score := c.p.score(turn, at)
		if score >= clipKnown && score > best.score {
			best = match{p: c.p, at: at, score: score}
		}
		if score >= clipCertain {
			break
		}
	}
	return best
}

// shortlist are the clips whose envelope fits best, with their offsets.
func (r *recogniser) shortlist(env []float64) []match {
	var list []match
	for i := range r.patterns {
		p := &r.patterns[i]
		if at, score := slide(env, p.env); score >= envelopeAlike {
			list = append(list, match{p: p, at: at * envSamples, score: score})
		}
	}
	slices.SortFunc(list, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	return list[:min(len(list), candidates)]
}

// slide returns the offset of b in a where the two are most alike, and how
// alike. Each offset must overlap most of b.
func slide(a, b []float64) (at int, score float64) {
	need := int(math.Ceil(minOverlap * float64(len(b))))
	score = -1
	for k := need - len(b); k+need <= len(a); k++ {
		from, to := max(0, -k), min(len(b), len(a)-k)
		if to-from < need {
			continue
		}
		if c := correlate(a[k+from:k+to], b[from:to]); c > score {
			at, score = k, c
		}
	}
	return at, score
}

// correlate is Pearson's coefficient.
func correlate(a, b []float64) float64 {
	var sa, sb, aa, bb, ab float64
	for i, x := range a {
		y := b[i]
		sa, sb, aa, bb, ab = sa+x, sb+y, aa+x*x, bb+y*y, ab+x*y
	}
	n := float64(len(a))
	va, vb := aa-sa*sa/n, bb-sb*sb/n
	if va <= 0 || vb <= 0 {
		return 0
	}
	return (ab - sa*sb/n) / math.Sqrt(va*vb)
}

// align finds the offset to the sample: where the loudest pieces agree best.
func (p *pattern) align(turn []int16, near int) int {
	best, at := math.Inf(-1), near
	for k := near - offsetSlack; k <= near+offsetSlack; k++ {
		var sum float64
		for _, off := range p.pieces[:min(anchorPieces, len(p.pieces))] {
			sum += max(0, alike(turn, k+off, p.speech[off:off+pieceSamples]))
		}
		if sum > best {
			best, at = sum, k
		}
	}
	return at
}

// score is the share of the clip's pieces that the turn has at this offset.
func (p *pattern) score(turn []int16, at int) float64 {
	n := 0
	for _, off := range p.pieces {
		if alike(turn, at+off, p.speech[off:off+pieceSamples]) >= pieceAlike {
			n++
		}
	}
	return float64(n) / float64(len(p.pieces))
}

// alike correlates a piece with the turn at an offset; outside the turn there
// is nothing to be like.
func alike(turn []int16, at int, piece []int16) float64 {
	if at < 0 || at+len(piece) > len(turn) {
		return 0
	}
	var aa, bb, ab int64
	for i, x := range turn[at : at+len(piece)] {
		a, b := int64(x), int64(piece[i])
		aa, bb, ab = aa+a*a, bb+b*b, ab+a*b
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}

func energy(s []int16) float64 {
	var e int64
	for _, x := range s {
		e += int64(x) * int64(x)
	}
	return float64(e)
}

// envelope is the level of each 20 ms, in dBov, cut off below.
func envelope(s []int16) []float64 {
	env := make([]float64, len(s)/envSamples)
	for i := range env {
		env[i] = max(silentEnv, dBov(energy(s[i*envSamples:(i+1)*envSamples])/envSamples))
	}
	return env
}

func anySpeech(s []int16) bool {
	for _, l := range envelope(s) {
		if l > silentEnv+10 {
			return true
		}
	}
	return false
}

// trimSilence cuts the silence at both ends, by the envelope.
func trimSilence(s []int16) []int16 {
	env := envelope(s)
	loud := func(l float64) bool { return l > silentEnv }
	first := slices.IndexFunc(env, loud)
	if first < 0 {
		return nil
	}
	last := len(env) - 1
	for !loud(env[last]) {
		last--
	}
	return s[first*envSamples : (last+1)*envSamples]
}
