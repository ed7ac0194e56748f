package media

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/trunkline/trunkline/transcode"
)

// stillSession is a session without goroutines: the test is its reader and pacer.
func stillSession(sink func([]byte)) *Session {
	s := &Session{
		cfg:     Config{AllowRemote: unicast, MediaTimeout: -1, FirstMediaTimeout: -1},
		pacer:   &Pacer{epoch: time.Now()},
		link:    stillLink{},
		changed: make(chan struct{}, 1), digits: make(chan Digit, digitQueue), lost: make(chan struct{}),
	}
	s.join()
	s.order.window = 60 * time.Millisecond
	s.playout.queue.limit = 1 << 20
	s.out.write = nowhere
	s.line.sink = sink
	s.place.tick = s.tick
	if err := s.Start(Params{Remote: phoneAddr, EventPT: 101}); err != nil {
		panic(err)
	}
	return s
}

// stillLink has nothing to read, and sends nowhere.
type stillLink struct{ link }

func (stillLink) readControl([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, net.ErrClosed
}

func (stillLink) write([]byte, netip.AddrPort) error        { return nil }
func (stillLink) writeControl([]byte, netip.AddrPort) error { return nil }

// FuzzReceive feeds a session any row of datagrams with any timing. Each is
//
//	| length (1) | ms since the last (1) | the datagram |
//
// and 240 ms and more also change what is in force: hold, law, address. It
// must not panic, must deliver whole frames only, and no more audio than the
// packets hold plus what silence and concealment may add.
func FuzzReceive(f *testing.F) {
	row := func(packets ...[]byte) (out []byte) {
		for _, p := range packets {
			out = append(append(out, byte(len(p)), 20), p...)
		}
		return out
	}
	p := func(seq uint16, ts uint32) []byte { return rtpBytes(0, seq, ts, 1, voice(1, 160)) }
	f.Add(row(p(1, 160), p(2, 320), p(4, 640), p(3, 480), p(9, 1440)))
	f.Add(row(p(65535, 1<<32-160), p(0, 0), p(40000, 9), p(40001, 169), p(40003, 2000)))
	held := row(p(1, 160), p(2, 320), p(3, 480), p(4, 640), p(5, 800), p(6, 960))
	held[2*(2+172)+1], held[4*(2+172)+1] = 243, 244
	f.Add(held)
	f.Add(row(p(1, 160), p(2, 320), rtpBytes(101, 3, 480, 1, ev{0, 1, true, 300}.payload()), rtpBytes(13, 4, 480, 1, []byte{1}), p(5, 90000)))
	f.Fuzz(func(t *testing.T, in []byte) {
		delivered, payload, packets := 0, 0, 0
		s := stillSession(func(frame []byte) {
			if len(frame) != transcode.FrameBytes {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			delivered += len(frame)
		})
		now := s.armedAt
		for len(in) > 2 {
			n := min(int(in[0]), len(in)-2)
			now += time.Duration(in[1]) * time.Millisecond
			if change := in[1]; change >= 240 {
				law := transcode.Law(change >> 2 & 1)
				s.mu.Lock()
				s.changeLocked(Params{Law: law, PayloadType: law.PayloadType(), EventPT: 101, PTime: defaultPTime, NoSend: change&1 != 0, NoListen: change&2 != 0,
					Remote: netip.AddrPortFrom(phoneAddr.Addr(), phoneAddr.Port()+uint16(change>>3&1))}, now)
				s.mu.Unlock()
			}
			s.receive(in[2:2+n], s.params.Remote, now)
			s.tick(now)
			payload += n
			packets++
			in = in[2+n:]
		}
		most := payload + packets*bytesOf(maxGap) + bytesOf(now-s.armedAt)
		if delivered > most {
			t.Fatalf("%d bytes out of %d packets with %d bytes in %v", delivered, packets, payload, now)
		}
	})
}

// FuzzParseRTP holds our parser against pion's: whatever we accept, it reads the
// same.
func FuzzParseRTP(f *testing.F) {
	f.Add(rtpBytes(0, 1, 2, 3, voice(1, 160)))
	f.Add(append([]byte{0xB2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, make([]byte, 30)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, bad := parseRTP(b)
		if bad != badNone {
			return
		}
		var want rtp.Packet
		if err := want.Unmarshal(b); err != nil {
			return // pion refuses more: it also parses header extensions
		}
		if got.seq != want.SequenceNumber || got.ts != want.Timestamp || got.ssrc != want.SSRC ||
			got.pt != want.PayloadType || got.marker != want.Marker || string(got.payload) != string(want.Payload) {
			t.Fatalf("% x: %+v", b, got)
		}
	})
}

// FuzzEvents lets any telephone-event packets through: never more digits than
// packets, and only real keys.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 5, 0x80, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var d eventDetector
		for ; len(in) >= 8; in = in[8:] {
			digit, ok, _ := d.packet(packet{ts: binary.BigEndian.Uint32(in), payload: in[4:8]})
			if ok && (digit < '!' || digit > 'D') {
				t.Fatalf("digit %q", rune(digit))
			}
		}
	})
}
