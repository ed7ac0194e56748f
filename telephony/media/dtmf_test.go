package media

import (
	"testing"
)

// ev is one telephone-event packet: timestamp, event, end bit, duration.
type ev struct {
	ts       uint32
	event    byte
	end      bool
	duration uint16
}

func (e ev) payload() []byte {
	flags := byte(10) // volume
	if e.end {
		flags |= 0x80
	}
	return []byte{e.event, flags, byte(e.duration >> 8), byte(e.duration)}
}

func TestEventDetector(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []ev
		want string
	}{
		{"one press, three ends", []ev{{100, 1, false, 160}, {100, 1, false, 320}, {100, 1, true, 480}, {100, 1, true, 480}, {100, 1, true, 480}}, "1"},
		{"start lost", []ev{{100, 2, false, 320}, {100, 2, true, 480}}, "2"},
		{"only an end left", []ev{{100, 3, true, 480}}, "3"},
		{"ends lost", []ev{{100, 4, false, 160}, {900, 5, false, 160}}, "45"},
		{"same key twice, ends lost", []ev{{100, 6, false, 160}, {100, 6, false, 640}, {1700, 6, false, 160}}, "66"},
		{"same key twice", []ev{{100, 6, true, 480}, {1700, 6, true, 480}}, "66"},
		{"late packet of the key before", []ev{{100, 1, false, 160}, {900, 2, false, 160}, {100, 1, true, 480}, {900, 2, true, 480}}, "12"},
		{"timestamp wraps", []ev{{0xFFFFFF00, 1, true, 480}, {0x400, 2, true, 480}}, "12"},
		{"all keys", []ev{{1, 0, true, 1}, {2, 9, true, 1}, {3, 10, true, 1}, {4, 11, true, 1}, {5, 12, true, 1}, {6, 15, true, 1}, {7, 16, true, 1}}, "09*#AD!"},
		{"held for 20 s", []ev{{100, 7, false, 160}, {100, 7, false, 0xFFFF},
			{100 + 0xFFFF, 7, false, 160}, {100 + 0xFFFF, 7, false, 0xFFFF},
			{100 + 2*0xFFFF, 7, false, 160}, {100 + 2*0xFFFF, 7, true, 29000}}, "7"},
		{"held, seam lost", []ev{{100, 7, false, 0xFFFF - 1000}, {100 + 0xFFFF, 7, true, 800}}, "7"},
		{"held, then another", []ev{{100, 7, true, 0xFFFF}, {100 + 0xFFFF, 7, true, 800}}, "77"},
		{"sender starts again", []ev{{1000000, 1, true, 480}, {500, 2, true, 480}}, "12"},
	} {
		var d eventDetector
		var got string
		for _, e := range c.in {
			digit, ok, bad := d.packet(packet{ts: e.ts, payload: e.payload()})
			if bad != badNone {
				t.Errorf("%s: %+v is bad", c.name, e)
			}
			if ok {
				got += string(rune(digit))
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEventDetectorTellsSourcesApart(t *testing.T) {
	var d eventDetector
	n := 0
	for _, ssrc := range []uint32{1, 1, 2, 2} {
		if _, ok, _ := d.packet(packet{ssrc: ssrc, ts: 100, payload: ev{100, 1, true, 480}.payload()}); ok {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d digits from two sources", n)
	}
}

func TestEventDetectorRefuses(t *testing.T) {
	for _, payload := range [][]byte{nil, {1}, {1, 0, 0}, {17, 0, 0, 0}, {255, 0x80, 1, 0}} {
		var d eventDetector
		if _, ok, bad := d.packet(packet{payload: payload}); ok || bad != badEvent {
			t.Errorf("% x was accepted", payload)
		}
	}
}

func TestDigitsOfASession(t *testing.T) {
	started(t, Params{EventPT: 96}, func(r *rig, ph *phone) {
		press := func(event byte) {
			for i := range 3 {
				r.inject(rtpBytes(96, ph.seq, ph.ts, ph.ssrc, ev{0, event, i == 2, uint16(160 * (i + 1))}.payload()), ph.addr)
				ph.seq++
			}
			ph.ts += 480
		}
		press(5)
		press(11)
		for _, want := range []Digit{'5', '#'} {
			if got := <-r.Digits(); got != want {
				t.Errorf("got %c, want %c", got, want)
			}
		}
		for range digitQueue + 3 {
			press(1)
		}
		if st := r.Stats(); st.DigitsDropped != 3 || st.EventPackets != 3*(2+digitQueue+3) || st.Lost != 0 || st.Bad.Total() != 0 {
			t.Errorf("%+v", st)
		}
		r.inject(rtpBytes(96, ph.seq, ph.ts, ph.ssrc, []byte{1}), ph.addr)
		if st := r.Stats(); st.Bad.Event != 1 {
			t.Errorf("%+v", st.Bad)
		}
	})
}

// While a key is held the sender sends no speech. Its length must be in the
// timeline as silence, once.
func TestEventsLeaveSilenceInTheTimeline(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.send(voice(2, 160))
		for i := range 4 {
			r.inject(rtpBytes(101, ph.seq, ph.ts, ph.ssrc, ev{0, 1, i == 3, uint16(160 * i)}.payload()), ph.addr)
			ph.seq++
		}
		ph.ts += 800
		ph.send(voice(3, 160))
		got := r.take()
		want := append(append(voice(2, 160), silenceOf(0)[:480]...), append(silenceOf(0)[:320:320], voice(3, 160)...)...)
		if string(got) != string(want) {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
	})
}
