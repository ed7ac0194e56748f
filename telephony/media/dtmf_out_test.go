package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

func TestSendDigitsOnTheWire(t *testing.T) {
	started(t, Params{EventPT: 96}, func(r *rig, _ *phone) {
		pass(5 * time.Millisecond)
		r.link.take()
		if err := r.SendDigits("5#"); err != nil || r.DigitsQueued() != 2 {
			t.Fatal(err, r.DigitsQueued())
		}
		pass(600 * time.Millisecond)
		packets := r.link.take()
		var got []string
		for i, p := range packets {
			if i > 0 && (p.SequenceNumber != packets[i-1].SequenceNumber+1 || p.SSRC != packets[0].SSRC) {
				t.Fatalf("packet %d breaks the sequence", i)
			}
			if gap := p.at.Sub(packets[0].at); i > 0 && gap != time.Duration(i)*20*time.Millisecond {
				t.Errorf("packet %d after %v", i, gap)
			}
			if p.PayloadType != 96 {
				if want := packets[0].Timestamp + uint32(160*i); p.Timestamp != want {
					t.Errorf("packet %d: timestamp %d, want %d", i, p.Timestamp, want)
				}
				got = append(got, "s")
				continue
			}
			s := string(digitRunes[p.Payload[0]])
			if p.Payload[1]&0x80 != 0 {
				s += "E"
			}
			if p.Marker {
				s += "M"
			}
			if want := binary.BigEndian.Uint16(p.Payload[2:]); int(want) != min(5, i%12+1)*160 {
				t.Errorf("packet %d: duration %d", i, want)
			}
			if want := packets[0].Timestamp + uint32(i/12*12*160); p.Timestamp != want {
				t.Errorf("packet %d: timestamp %d, want %d", i, p.Timestamp, want)
			}
			got = append(got, s)
		}
		want := []string{"5M", "5", "5", "5", "5E", "5E", "5E", "s", "s", "s", "s", "s",
			"#M", "#", "#", "#", "#E", "#E", "#E", "s", "s", "s", "s", "s"}
		for i, w := range want {
			if got[i] != w {
				t.Fatalf("sent %v\nwant %v", got, want)
			}
		}
		if r.DigitsQueued() != 0 {
			t.Errorf("%d queued", r.DigitsQueued())
		}
	})
}

// Our own receiver understands our own keys, in every frame length, and the audio
// around them keeps its place.
func TestSendDigitsAreReceived(t *testing.T) {
	for _, ptime := range []time.Duration{10, 20, 30, 60} {
		started(t, Params{PTime: ptime * time.Millisecond}, func(r *rig, _ *phone) {
			say := voice(1, 4800)
			r.Play(1, say)
			pass(123 * time.Millisecond)
			if err := r.SendDigits("0123456789*#abcd"); err != nil {
				t.Fatal(err)
			}
			pass(10 * time.Second)
			packets := r.link.take()
			if audio := audioOf(packets, transcode.PCMU); !bytes.Contains(audio, say[3000:]) {
				t.Error("audio was lost around the keys")
			}
			var got string
			var d eventDetector
			for _, p := range packets {
				if p.PayloadType == 101 {
					if digit, ok, _ := d.packet(packet{ssrc: p.SSRC, ts: p.Timestamp, payload: p.Payload}); ok {
						got += string(rune(digit))
					}
				}
			}
			if got != "0123456789*#ABCD" {
				t.Errorf("ptime %v: received %q", ptime, got)
			}
			if st := r.Status(1); st.Sent != 4800 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestSendDigitsRefuses(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		if err := r.SendDigits("1"); !errors.Is(err, ErrNoEvents) {
			t.Errorf("before Start: %v", err)
		}
		r.start(Params{EventPT: -1})
		if err := r.SendDigits("1"); !errors.Is(err, ErrNoEvents) {
			t.Errorf("not negotiated: %v", err)
		}
		r.start(Params{})
		for _, bad := range []string{"12x", "é", string(make([]byte, 65))} {
			if err := r.SendDigits(bad); !errors.Is(err, ErrDigits) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		long := bytes.Repeat([]byte{'1'}, 64)
		if err := r.SendDigits(string(long)); err != nil {
			t.Error(err)
		}
		if err := r.SendDigits("1"); !errors.Is(err, ErrDigits) {
			t.Errorf("65 digits: %v", err)
		}
		r.Close()
		if err := r.SendDigits("1"); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
