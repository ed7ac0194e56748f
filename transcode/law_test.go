package transcode

import (
	"slices"
	"testing"
)

// The reference below follows the text of G.711 (tables 1a to 2b) and shares
// nothing with the tables under test: it expands a code from its sign, segment
// and step, and compresses by counting the decision values that a sample has
// passed.

// refExpand returns the magnitude of code 0..127 (bits already un-inverted) in
// 16-bit scale.
func refExpand(l Law, code int) int {
	segment, step := code>>4, code&15
	if l == PCMU {
		return ((2*step+33)<<segment - 33) * 4
	}
	if segment == 0 {
		return (2*step + 1) * 8
	}
	return ((2*step + 33) << (segment - 1)) * 8
}

func refDecode(l Law, b byte) int16 {
	if l == PCMU {
		b = ^b
	} else {
		b ^= 0xD5
	}
	m := refExpand(l, int(b&0x7F))
	if b&0x80 != 0 {
		m = -m
	}
	return int16(m)
}

// refDecisions returns the magnitudes (16-bit scale) at which codes 1..127
// begin. Within a segment that is half way between neighbours; a new segment,
// whose steps are wider, starts where the last step of the old one ends.
func refDecisions(l Law) (d []int) {
	for code := 1; code < 128; code++ {
		if code&15 == 0 {
			lower := refExpand(l, code-1) - refExpand(l, code-2)
			d = append(d, refExpand(l, code-1)+lower/2)
			continue
		}
		d = append(d, (refExpand(l, code-1)+refExpand(l, code))/2)
	}
	return d
}

func refEncode(l Law, decisions []int, s int16) byte {
	m, sign := int(s), byte(0)
	if s < 0 { // G.191 compresses the one's complement
		m, sign = ^m, 0x80
	}
	if l == PCMU { // µ-law keeps 14 bits
		m = m >> 2 << 2
	}
	code, found := slices.BinarySearch(decisions, m)
	if found {
		code++
	}
	b := sign | byte(code)
	if l == PCMU {
		return ^b
	}
	return b ^ 0xD5
}

func TestLawsAgainstG711(t *testing.T) {
	for _, l := range []Law{PCMU, PCMA} {
		for i := range 256 {
			if got, want := l.Decode(byte(i)), refDecode(l, byte(i)); got != want {
				t.Errorf("%v.Decode(%#02x) = %d, want %d", l, i, got, want)
			}
		}
		decisions := refDecisions(l)
		for s := -32768; s <= 32767; s++ {
			if got, want := l.Encode(int16(s)), refEncode(l, decisions, int16(s)); got != want {
				t.Fatalf("%v.Encode(%d) = %#02x, want %#02x", l, s, got, want)
			}
		}
	}
}

func TestLawNames(t *testing.T) {
	for _, c := range []struct {
		law     Law
		name    string
		pt      uint8
		silence byte
	}{{PCMU, "PCMU", 0, 0xFF}, {PCMA, "PCMA", 8, 0xD5}} {
		if c.law.String() != c.name || c.law.PayloadType() != c.pt || c.law.Silence() != c.silence {
			t.Errorf("%v: pt %d, silence %#x", c.law, c.law.PayloadType(), c.law.Silence())
		}
		if got := c.law.Encode(0); got != c.silence {
			t.Errorf("%v.Encode(0) = %#x, want the silence byte", c.law, got)
		}
	}
	if got := Law(9).String(); got != "Law(9)" {
		t.Errorf("Law(9).String() = %q", got)
	}
}

// A call that changes law twice must come out as it went in, except for the few
// codes that G.711 itself folds together (§3.4, note to table 3).
func TestTranslationsAreCloseAndMonotonic(t *testing.T) {
	for _, c := range [][2]Law{{PCMU, PCMA}, {PCMA, PCMU}} {
		from, to := c[0], c[1]
		table := Table(from, to)
		type point struct{ in, out int }
		var points []point
		for i := range 256 {
			in, out := int(from.Decode(byte(i))), int(to.Decode(table[i]))
			points = append(points, point{in, out})
			if allowed := max(16, abs(in)/16); abs(in-out) > allowed {
				t.Errorf("%v %#02x = %d becomes %d", from, i, in, out)
			}
		}
		slices.SortFunc(points, func(a, b point) int { return a.in - b.in })
		for i := 1; i < len(points); i++ {
			if points[i].in > points[i-1].in && points[i].out < points[i-1].out {
				t.Errorf("%v to %v is not monotonic at %d", from, to, points[i].in)
			}
		}
		if s := to.Decode(table[from.Silence()]); s < 0 || s > 8 { // A-law has no zero, only ±8
			t.Errorf("%v silence becomes %d", from, s)
		}
	}
}

func TestSameLawIsIdentity(t *testing.T) {
	for _, l := range []Law{PCMU, PCMA} {
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
			if Table(l, l)[i] != byte(i) {
				t.Errorf("Table(%v, %v)[%d] = %d", l, l, i, Table(l, l)[i])
			}
		}
		want := slices.Clone(b)
		if Convert(b, l, l); !slices.Equal(b, want) {
			t.Errorf("Convert changed %v to itself", l)
		}
	}
}

func TestConvertMatchesTable(t *testing.T) {
	b := []byte{0, 1, 0x7F, 0x80, 0xD5, 0xFF}
	want := make([]byte, len(b))
	for i, c := range b {
		want[i] = Table(PCMU, PCMA)[c]
	}
	if Convert(b, PCMU, PCMA); !slices.Equal(b, want) {
		t.Errorf("Convert = %x, want %x", b, want)
	}
}

func TestSlicesMatchSingles(t *testing.T) {
	for _, l := range []Law{PCMU, PCMA} {
		in := make([]byte, 256)
		for i := range in {
			in[i] = byte(i)
		}
		linear, back := make([]int16, 256), make([]byte, 256)
		l.DecodeTo(linear, in)
		l.EncodeTo(back, linear)
		for i := range in {
			if linear[i] != l.Decode(in[i]) || back[i] != l.Encode(linear[i]) {
				t.Errorf("%v: byte %d differs between slice and single", l, i)
			}
		}
		if n := testing.AllocsPerRun(100, func() { l.DecodeTo(linear, in); l.EncodeTo(back, linear) }); n != 0 {
			t.Errorf("%v: %v allocations", l, n)
		}
	}
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func BenchmarkConvertFrame(b *testing.B) {
	frame := make([]byte, FrameBytes)
	b.ReportAllocs()
	for b.Loop() {
		Convert(frame, PCMU, PCMA)
	}
}

func BenchmarkDecodeEncodeFrame(b *testing.B) {
	frame, linear := make([]byte, FrameBytes), make([]int16, FrameBytes)
	b.ReportAllocs()
	for b.Loop() {
		PCMU.DecodeTo(linear, frame)
		PCMU.EncodeTo(frame, linear)
	}
}
