package transcode

import (
	"encoding/binary"
	"fmt"
)

// RecogniseBytes is how many bytes a Recogniser hears at most before it is
// sure: 200 ms of G.711, 33 ms of PCM at 24 kHz.
const RecogniseBytes = 1600

// Coding is how the bytes of an audio stream are to be understood. The zero
// value is UnknownCoding.
type Coding uint8

// The codings a Realtime server may speak.
const (
	UnknownCoding Coding = iota
	CodingPCMU           // G.711 µ-law, 8 kHz
	CodingPCMA           // G.711 A-law, 8 kHz
	CodingPCM24          // 16 bit linear, little endian, mono, 24 kHz; see Downsampler
)

// CodingOf returns the coding of a law.
func CodingOf(l Law) Coding {
	if l == PCMA {
		return CodingPCMA
	}
	return CodingPCMU
}

// String returns "PCMU", "PCMA", "PCM24" or "unknown".
func (c Coding) String() string {
	switch c {
	case UnknownCoding:
		return "unknown"
	case CodingPCMU:
		return "PCMU"
	case CodingPCMA:
		return "PCMA"
	case CodingPCM24:
		return "PCM24"
	}
	return fmt.Sprintf("Coding(%d)", uint8(c))
}

// How sure is sure. Bits are what the readings spend; the numbers are measured
// on speech (see the tests), which costs up to 7 bits a byte in the right
// reading and at least 0.7, mostly 3, more in a wrong one.
const (
	judgeEvery  = 80     // bytes between two judgements, 10 ms
	earliest    = 160    // bytes before the first one that counts
	releaseBits = 80     // lead with which the expected law is released early
	alarmBits   = 1000.0 // lead, after RecogniseBytes, with which another coding wins
	clearBits   = 7.0    // bits a byte above which nothing is released early
	noiseBits   = 7.5    // bits a byte above which a reading makes no sense; random bytes cost 8.3
)

// What a sample costs more for being repeated, if it is a loud one that is
// silence in another coding. A constant is cheap in every reading, and a
// stream that begins with silence begins with a constant; but a loud constant
// is no sound.
const (
	loudConstant = 2.0 // bits a byte
	loudSample   = 600 // PCM; the silence of either law is ±716 and ±848 in the other
	// minusOne: PCM of -1 is µ-law silence. That is the likelier of the two, but
	// not by so much that 20 ms would do.
	minusOne = 0.4
)

// Recogniser tells in which coding a stream of audio is: a server may answer in
// another than it confirmed, and wrong bytes are loud noise. It reads the
// stream in all three and compares how much sense each makes. It leans towards
// the expected law:
//
//	bytes heard   0 ── 160 ────────────────────── 1600
//	              │     │  expected law, once it   │  expected law, unless
//	              │     │  leads clearly           │  another leads by far
//	              │     └──────────────────────────┤  (then that one), or none
//	              └ hears only                     └─ makes sense (then unknown)
//
// Speech is released after 20 ms as a rule, digital silence within 60 ms. Two
// sounds that a voice does not make may be mistaken: rectangular tones of few
// values, which make sense in many readings, and white noise above -20 dBov,
// which makes sense in none.
//
// The sample rate of PCM, and whether its samples are whole from the first
// byte, cannot be heard in so short a time: both are taken as the protocol has
// them.
//
// A Recogniser does not allocate after it was made and is not safe for
// concurrent use.
type Recogniser struct {
	expected Law // static

	// the stream so far, until Reset
	law    [2]reading
	pcm    reading
	half   byte // first byte of a PCM sample
	heard  int  // bytes
	coding Coding
	sure   bool
}

// NewRecogniser returns a Recogniser of a stream that should be in a law.
func NewRecogniser(expected Law) *Recogniser {
	r := &Recogniser{expected: expected}
	r.Reset()
	return r
}

// Reset forgets what was heard: another stream begins.
func (r *Recogniser) Reset() {
	*r = Recogniser{expected: r.expected, coding: CodingOf(r.expected)}
	r.law[PCMU].start(1 << 8)
	r.law[PCMA].start(1 << 8)
	r.pcm.start(1 << 16)
}

// Hear takes the next bytes of the stream, as many as there are, and returns
// the coding. Until it is sure, at RecogniseBytes at the latest, that is the
// best guess, good enough for a stream that ends before; once it is, more audio
// changes nothing. How the stream is cut makes no difference.
func (r *Recogniser) Hear(audio []byte) (c Coding, sure bool) {
	for _, b := range audio {
		if r.sure {
			break
		}
		r.hear(b)
		if r.heard%judgeEvery == 0 {
			r.judge()
		}
	}
	return r.coding, r.sure
}

// hear lets every reading pay for one byte.
func (r *Recogniser) hear(b byte) {
	for l := range r.law {
		s, repeat := &spans[l][b], 0.0
		if b == 0 || b|0x80 == Law(1-l).Silence() {
			repeat = loudConstant
		}
		r.law[l].hear(s.low, s.high, repeat)
	}
	if r.heard%2 == 0 {
		r.half = b
	} else {
		r.hearSample(int16(binary.LittleEndian.Uint16([]byte{r.half, b})))
	}
	r.heard++
}

func (r *Recogniser) hearSample(s int16) {
	repeat := 0.0
	switch {
	case s == -1:
		repeat = minusOne
	case s > loudSample || s < -loudSample:
		repeat = 2 * loudConstant
	}
	r.pcm.hear(float64(s)-0.5, float64(s)+0.5, repeat)
}

// judge decides what can be decided.
func (r *Recogniser) judge() {
	if r.heard < earliest {
		return
	}
	own := r.law[r.expected.index()].bits
	other, best := r.rival()
	heard := float64(r.heard)
	r.coding, r.sure = CodingOf(r.expected), r.heard >= RecogniseBytes
	switch {
	case own-other > alarmBits*heard/RecogniseBytes && other < noiseBits*heard:
		r.coding = best
	case own > noiseBits*heard:
		r.coding = UnknownCoding
	case other-own > releaseBits && own < clearBits*heard:
		r.sure = true
	}
}

// rival returns the cheaper of the readings that are not expected.
func (r *Recogniser) rival() (bits float64, c Coding) {
	l := Law(1 - r.expected.index())
	if r.pcm.bits < r.law[l].bits {
		return r.pcm.bits, CodingPCM24
	}
	return r.law[l].bits, CodingOf(l)
}
