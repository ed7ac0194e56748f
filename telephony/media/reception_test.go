package media

import (
	"testing"
	"time"
)

func TestReceptionCounts(t *testing.T) {
	var r reception
	feed := func(ssrc uint32, seqs ...uint16) {
		for _, n := range seqs {
			r.packet(packet{ssrc: ssrc, seq: n})
		}
	}
	want := func(what string, expected, got uint64, highest uint32) {
		t.Helper()
		if l := r.total(); l.expected != expected || l.got != got || r.highest() != highest {
			t.Errorf("%s: %+v, highest %d; want %d, %d, %d", what, l, r.highest(), expected, got, highest)
		}
	}
	feed(1, 65533, 65534, 65535, 0, 1)
	want("a wrap", 5, 5, 65537)
	feed(1, 4, 3)
	want("one missing, two swapped", 8, 7, 65540)
	feed(1, 4, 4)
	want("doubled twice", 8, 9, 65540)
	feed(1, 30000)
	want("a stray", 8, 9, 65540)
	feed(1, 5)
	want("the stream goes on", 9, 10, 65541)
	feed(2, 700)
	want("a stray of another stream", 9, 10, 65541)
	feed(2, 701, 702, 704)
	want("another stream", 14, 14, 704)
	feed(2, 40000, 40001)
	want("the stream starts again", 16, 16, 40001)
}

func TestReceptionInterval(t *testing.T) {
	var r reception
	if l := r.interval(); l.fraction() != 0 || l.expected != 0 {
		t.Errorf("of nothing: %+v", l)
	}
	for n := range uint16(100) {
		if n%4 != 1 {
			r.packet(packet{ssrc: 1, seq: n})
		}
	}
	l := r.interval()
	b, ok := r.block(l, 5*time.Millisecond, time.Second)
	if !ok || l.expected != 100 || b.fraction != 64 || b.lost != 25 || b.jitter != 40 || b.highest != 99 || b.lsr != 0 || b.dlsr != 0 {
		t.Errorf("%+v, %+v", l, b)
	}
	if _, ok := r.block(r.interval(), 0, 0); ok {
		t.Error("a block about a silent source")
	}
	for range 200 {
		r.packet(packet{ssrc: 1, seq: 99})
	}
	if b, ok := r.block(r.interval(), 0, 0); !ok || b.fraction != 0 || b.lost != -175 {
		t.Errorf("repeated packets: %+v", b)
	}
	r.packet(packet{ssrc: 1, seq: 2000})
	if b, _ := r.block(r.interval(), 0, 0); b.fraction != 255 {
		t.Errorf("nearly all lost: %+v", b)
	}
}

func TestClamp24(t *testing.T) {
	for n, want := range map[int64]int32{0: 0, -5: -5, 1 << 30: 1<<23 - 1, -1 << 30: -1 << 23} {
		if got := clamp24(n); got != want {
			t.Errorf("%d: %d", n, got)
		}
	}
}
