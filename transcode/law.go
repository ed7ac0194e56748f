package transcode

import (
	"fmt"

	"github.com/zaf/g711"
)

// The arithmetic of G.711 audio, the same for both laws.
const (
	SampleRate = 8000 // samples per second; one byte is one sample
	BytesPerMS = 8    // law bytes in one millisecond
	FrameBytes = 160  // law bytes in one 20 ms frame, the unit of this project
)

// Law is one of the two companding laws of ITU-T G.711. The zero value is PCMU.
// Values other than PCMU and PCMA do not exist; methods treat them as PCMU.
type Law uint8

// The laws, named as RFC 3551 §4.5.14 names them in SDP.
const (
	PCMU Law = iota // µ-law, North America and Japan
	PCMA            // A-law, everywhere else
)

// String returns the encoding name used in SDP: "PCMU" or "PCMA".
func (l Law) String() string {
	switch l {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return fmt.Sprintf("Law(%d)", uint8(l))
}

// PayloadType returns the static RTP payload type of the law (RFC 3551 §6,
// table 4): 0 for PCMU, 8 for PCMA.
func (l Law) PayloadType() uint8 {
	if l == PCMA {
		return 8
	}
	return 0
}

// Silence returns the byte that stands for a zero sample: 0xFF for PCMU, 0xD5
// for PCMA, which has no zero and decodes it to +8, its smallest value. (Each law
// has a negative twin, 0x7F and 0x55, that this project passes through untouched
// but never produces for silence.)
func (l Law) Silence() byte {
	if l == PCMA {
		return 0xD5
	}
	return 0xFF
}

// Decode expands one law byte to a linear sample, scaled to 16 bits.
func (l Law) Decode(b byte) int16 { return l.tables().linear[b] }

// Encode compresses one 16-bit linear sample to a law byte.
func (l Law) Encode(s int16) byte { return l.tables().law[uint16(s)>>encodeShift] }

// DecodeTo expands src into dst, one sample per byte. It panics if dst is
// shorter than src.
func (l Law) DecodeTo(dst []int16, src []byte) {
	t := l.tables()
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = t.linear[b]
	}
}

// EncodeTo compresses src into dst, one byte per sample. It panics if dst is
// shorter than src.
func (l Law) EncodeTo(dst []byte, src []int16) {
	t := l.tables()
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = t.law[uint16(s)>>encodeShift]
	}
}

// Table returns the translation from one law to the other, byte for byte, after
// tables 3 and 4 of G.711; for equal laws it is the identity. The table is
// shared: do not write to it.
func Table(from, to Law) *[256]byte { return &translations[from.index()][to.index()] }

// Convert translates b from one law to the other in place. For equal laws it
// does nothing.
func Convert(b []byte, from, to Law) {
	if from.index() == to.index() {
		return
	}
	t := Table(from, to)
	for i, c := range b {
		b[i] = t[c]
	}
}

// encodeShift: both laws ignore the two lowest bits of a 16-bit sample (µ-law
// keeps 14 bits, A-law 13), so a quarter of the obvious table is enough and
// stays in the first-level cache.
const encodeShift = 2

type lawTables struct {
	linear [256]int16
	law    [1 << (16 - encodeShift)]byte
}

var (
	laws         = [2]lawTables{PCMU: buildLaw(PCMU), PCMA: buildLaw(PCMA)}
	translations = buildTranslations()
)

func (l Law) index() int {
	if l == PCMA {
		return 1
	}
	return 0
}

func (l Law) tables() *lawTables { return &laws[l.index()] }

func buildLaw(l Law) (t lawTables) {
	decode, encode := g711.DecodeUlawFrame, g711.EncodeUlawFrame
	if l == PCMA {
		decode, encode = g711.DecodeAlawFrame, g711.EncodeAlawFrame
	}
	for i := range t.linear {
		t.linear[i] = decode(byte(i))
	}
	for i := range t.law {
		t.law[i] = encode(int16(i << encodeShift))
	}
	return t
}

func buildTranslations() (t [2][2][256]byte) {
	for i := range 256 {
		b := byte(i)
		t[PCMU][PCMU][i], t[PCMA][PCMA][i] = b, b
		t[PCMU][PCMA][i] = g711.Ulaw2AlawFrame(b)
		t[PCMA][PCMU][i] = g711.Alaw2UlawFrame(b)
	}
	return t
}
