package media

import (
	"bytes"
	"testing"
	"time"
)

func TestBadPacketsAreCountedByReason(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		good := rtpBytes(0, 2, 320, 7, voice(1, 160))
		mutate := func(f func([]byte) []byte) { r.inject(f(append([]byte(nil), good...)), ph.addr) }
		mutate(func(b []byte) []byte { return b[:11] })
		mutate(func(b []byte) []byte { b[0] |= 15; return b[:40] })                         // CSRCs past the end
		mutate(func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0xFF, 0xFF; return b }) // extension past the end
		mutate(func(b []byte) []byte { b[0] = 0x40; return b })
		mutate(func(b []byte) []byte { b[1] = 200; return b })
		mutate(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 0; return b })
		mutate(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 161; return b })
		mutate(func(b []byte) []byte { b[1] = 8; return b })
		mutate(func(b []byte) []byte { return b[:12] })
		mutate(func(b []byte) []byte { return append(b, make([]byte, 1500)...) })
		mutate(func(b []byte) []byte { return append(b, make([]byte, 3000)...) })
		want := Bad{Short: 3, Version: 1, RTCP: 1, Padding: 2, PayloadType: 1, Size: 3}
		if st := r.Stats(); st.Bad != want || st.Bad.Total() != 11 {
			t.Errorf("%+v, want %+v", st.Bad, want)
		}
		if got := r.take(); len(got) != 0 {
			t.Error("a bad packet was heard")
		}
	})
}

// Header extensions, CSRCs and padding are legal and carry no audio.
func TestRTPWithEverything(t *testing.T) {
	b := rtpBytes(0, 5, 6, 7, voice(1, 160))
	b[0] |= 0x10 | 0x20 | 2
	full := append(append([]byte(nil), b[:12]...), make([]byte, 8)...)
	full = append(full, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4)
	full = append(full, b[12:]...)
	full = append(full, 0, 0, 0, 4)
	p, bad := parseRTP(full)
	if bad != badNone || !bytes.Equal(p.payload, voice(1, 160)) || p.seq != 5 || p.ts != 6 || p.ssrc != 7 {
		t.Errorf("%v %+v", bad, p)
	}
}

func TestPreAnswerPacketsAreDropped(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.inject(rtpBytes(0, 1, 1, 1, voice(1, 160)), phoneAddr)
		r.start(Params{})
		if st := r.Stats(); st.PreAnswer != 1 || st.PacketsIn != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestUnheardAndDetached(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.Attach(nil)
		ph.send(voice(2, 160))
		if st := r.Stats(); st.Unheard != 1 || st.FramesIn != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestJitter(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		for i := range 500 {
			pass(20*time.Millisecond + time.Duration(i%2*2-1)*4*time.Millisecond)
			ph.send(voice(i, 160))
		}
		if j := r.Stats().Jitter; j < 3500*time.Microsecond || j > 4500*time.Microsecond {
			t.Errorf("jitter %v, want about 4 ms", j)
		}
	})
}

func TestMediaTimeouts(t *testing.T) {
	isLost := func(r *rig) bool {
		select {
		case <-r.Lost():
			return true
		default:
			return false
		}
	}
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		pass(29900 * time.Millisecond)
		if isLost(r) {
			t.Error("lost before the first timeout")
		}
		pass(200 * time.Millisecond)
		if !isLost(r) {
			t.Error("not lost")
		}
	})
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(14900 * time.Millisecond)
		ph.send(voice(2, 160))
		pass(14900 * time.Millisecond)
		if isLost(r) {
			t.Error("lost while packets come")
		}
		pass(200 * time.Millisecond)
		if !isLost(r) {
			t.Error("not lost")
		}
	})
	inBubble(t, Config{FirstMediaTimeout: -1}, func(r *rig) {
		r.start(Params{})
		pass(2 * time.Minute)
		if isLost(r) {
			t.Error("lost although it may wait for ever")
		}
	})
}
