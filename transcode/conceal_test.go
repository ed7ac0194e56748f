package transcode

import (
	"math"
	"testing"
)

// tone returns n law bytes of a sine of the given frequency and amplitude,
// starting at sample from.
func tone(l Law, hz, amplitude float64, from, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = l.Encode(int16(amplitude * math.Sin(2*math.Pi*hz*float64(from+i)/SampleRate)))
	}
	return out
}

func TestConcealerContinuesATone(t *testing.T) {
	for _, l := range []Law{PCMU, PCMA} {
		c := Concealer{Law: l}
		const hz, amplitude = 100, 8000 // a period of exactly 80 samples
		for from := 0; from < 480; from += FrameBytes {
			c.Good(tone(l, hz, amplitude, from, FrameBytes))
		}
		got := make([]byte, FrameBytes)
		if n := c.Conceal(got); n != FrameBytes {
			t.Fatalf("%v: concealed %d bytes, want all", l, n)
		}
		for i := range got {
			faded := amplitude * float64(concealBytes-i) / concealBytes
			want := faded * math.Sin(2*math.Pi*hz*float64(480+i)/SampleRate)
			if diff := math.Abs(float64(l.Decode(got[i])) - want); diff > 500 {
				t.Fatalf("%v: sample %d is off by %.0f", l, i, diff)
			}
		}
	}
}

func TestConcealerStopsAfterSixtyMilliseconds(t *testing.T) {
	c := Concealer{Law: PCMA}
	for range 3 {
		c.Good(tone(PCMA, 200, 8000, 0, FrameBytes))
	}
	var got []byte
	total := 0
	for _, n := range []int{1, 159, 161, 300, 80} { // any sizes, one gap
		part := make([]byte, n)
		total += c.Conceal(part)
		got = append(got, part...)
	}
	if total != concealBytes {
		t.Errorf("concealed %d bytes, want %d", total, concealBytes)
	}
	for i := concealBytes; i < len(got); i++ {
		if got[i] != PCMA.Silence() {
			t.Fatalf("byte %d after the fade is %#x", i, got[i])
		}
	}
	first, last := Level(PCMA, got[:FrameBytes]), Level(PCMA, got[2*FrameBytes:concealBytes])
	if last > first-6 {
		t.Errorf("no fade: %.1f dBov at first, %.1f at last", first, last)
	}
}

func TestConcealerStartsAnewAfterGood(t *testing.T) {
	var c Concealer
	buf := make([]byte, concealBytes+10)
	frame := tone(PCMU, 200, 8000, 0, FrameBytes)
	for range 3 {
		c.Good(frame)
		if n := c.Conceal(buf); n != concealBytes {
			t.Fatalf("concealed %d, want %d", n, concealBytes)
		}
	}
}

func TestConcealerWithoutHistoryIsSilent(t *testing.T) {
	var c Concealer
	check := func() {
		t.Helper()
		got := make([]byte, 40)
		if n := c.Conceal(got); n != 0 || Level(PCMU, got) != MinLevel {
			t.Errorf("concealed %d bytes at %.0f dBov out of nothing", n, Level(PCMU, got))
		}
	}
	check()
	c.Good(nil)
	check()
	c.Good(tone(PCMU, 200, 8000, 0, 1000)) // longer than the history
	c.Reset()
	check()
	c.Good([]byte{1, 2, 3}) // shorter than a period
	if n := c.Conceal(make([]byte, 40)); n != 40 {
		t.Errorf("short history conceals %d, want 40", n)
	}
}

func TestConcealerDoesNotAllocate(t *testing.T) {
	var c Concealer
	frame := tone(PCMU, 200, 8000, 0, FrameBytes)
	if n := testing.AllocsPerRun(100, func() { c.Good(frame); c.Conceal(frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkConcealGood(b *testing.B) {
	var c Concealer
	frame := tone(PCMU, 200, 8000, 0, FrameBytes)
	b.ReportAllocs()
	for b.Loop() {
		c.Good(frame)
	}
}

func BenchmarkConcealGap(b *testing.B) {
	var c Concealer
	frame := tone(PCMU, 200, 8000, 0, FrameBytes)
	b.ReportAllocs()
	for b.Loop() {
		c.Good(frame)
		c.Conceal(frame)
	}
}
