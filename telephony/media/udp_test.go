package media

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// udpPhone is a far end with a real socket.
type udpPhone struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
	ssrc uint32
	seq  uint16
	ts   uint32
}

func newUDPPhone(t *testing.T, bind string, s *Session, ssrc uint32) *udpPhone {
	t.Helper()
	c, err := listenUDP(netip.MustParseAddr(bind), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &udpPhone{t: t, conn: c, to: netip.AddrPortFrom(loopback, uint16(s.Port())), ssrc: ssrc}
}

func (p *udpPhone) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *udpPhone) send(payload []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(rtpBytes(0, p.seq, p.ts, p.ssrc, payload), p.to); err != nil {
		p.t.Fatal(err)
	}
	p.seq++
	p.ts += uint32(len(payload))
}

// recv returns the payload of the next packet that is not silence.
func (p *udpPhone) recv(within time.Duration) []byte {
	b := make([]byte, 2048)
	p.conn.SetReadDeadline(time.Now().Add(within))
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return nil
		}
		if pkt, bad := parseRTP(b[:n]); bad == badNone && !isSilence(pkt.payload, transcode.PCMU) {
			return pkt.payload
		}
	}
}

// udpSession is a session on real sockets, with what its sink heard.
type udpSession struct {
	*Session
	mu    sync.Mutex
	heard []byte
}

func newUDPSession(t *testing.T) *udpSession {
	t.Helper()
	ports, err := NewPorts(loopback, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pacer := NewPacer()
	s, err := Open(Config{Ports: ports, Pacer: pacer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		pacer.Close()
		if ports.InUse() != 0 {
			t.Errorf("%d ports in use", ports.InUse())
		}
	})
	u := &udpSession{Session: s}
	s.Attach(func(frame []byte) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.heard = append(u.heard, frame...)
	})
	return u
}

func (u *udpSession) take() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return bytes.Clone(u.heard)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func (u *udpSession) start(t *testing.T, remote netip.AddrPort) {
	t.Helper()
	if err := u.Start(Params{Remote: remote, EventPT: 101}); err != nil {
		t.Fatal(err)
	}
}

// withoutFill drops whole frames of silence: how many the clock put in depends on
// how busy the machine is.
func withoutFill(b []byte) (out []byte) {
	for ; len(b) >= 160; b = b[160:] {
		if !isSilence(b[:160], transcode.PCMU) {
			out = append(out, b[:160]...)
		}
	}
	return out
}

func TestUDPBothWays(t *testing.T) {
	s := newUDPSession(t)
	phone := newUDPPhone(t, "127.0.0.1", s.Session, 1)
	s.start(t, phone.addr())
	var want []byte
	for i := range 50 {
		phone.send(voice(i, 160))
		want = append(want, voice(i, 160)...)
	}
	eventually(t, "50 frames heard", func() bool { return len(withoutFill(s.take())) == len(want) })
	if !bytes.Equal(withoutFill(s.take()), want) {
		t.Error("the audio changed on its way in")
	}
	say := voice(7, 800)
	s.Play(1, say)
	for i := range 5 {
		if got := phone.recv(5 * time.Second); !bytes.Equal(got, say[160*i:160*i+160]) {
			t.Fatalf("frame %d is wrong", i)
		}
	}
	if st := s.Stats(); st.SourceProof != "exact" || st.Bad.Total() != 0 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

// sipp and phones behind NAT send from another port than their SDP says, and want
// our audio there.
func TestUDPOtherPortOfTheSameAddress(t *testing.T) {
	s := newUDPSession(t)
	named := newUDPPhone(t, "127.0.0.1", s.Session, 1)
	real := newUDPPhone(t, "127.0.0.1", s.Session, 2)
	s.start(t, named.addr())
	for i := range 5 {
		real.send(voice(i, 160))
	}
	eventually(t, "5 frames heard", func() bool { return len(withoutFill(s.take())) == 800 })
	s.Play(1, voice(9, 160))
	if got := real.recv(5 * time.Second); !bytes.Equal(got, voice(9, 160)) {
		t.Error("our audio did not come back to the real source")
	}
}

// A stranger that floods a running call is neither heard nor sent to.
func TestUDPBleed(t *testing.T) {
	s := newUDPSession(t)
	phone := newUDPPhone(t, "127.0.0.1", s.Session, 1)
	stranger := newUDPPhone(t, "127.0.0.2", s.Session, 2)
	samePort := newUDPPhone(t, "127.0.0.1", s.Session, 1)
	s.start(t, phone.addr())
	var want []byte
	for i := range 20 {
		phone.send(voice(i, 160))
		want = append(want, voice(i, 160)...)
		if i == 3 {
			eventually(t, "the phone is proven", func() bool { return s.Stats().SourceProof == "exact" })
		}
		if i > 3 {
			stranger.send(voice(60+i, 160))
			samePort.send(voice(80+i, 160))
		}
	}
	eventually(t, "all frames heard, all strangers counted", func() bool {
		return len(withoutFill(s.take())) == len(want) && s.Stats().Foreign == 32
	})
	if !bytes.Equal(withoutFill(s.take()), want) {
		t.Error("a stranger was heard")
	}
	s.Play(1, voice(9, 1600))
	if got := phone.recv(5 * time.Second); got == nil {
		t.Error("the phone hears nothing")
	}
	if got := stranger.recv(50 * time.Millisecond); got != nil {
		t.Error("a stranger hears the call")
	}
}

// The attacker was first; the phone gets its call back with its first packets.
func TestUDPPhoneTakesOverFromAnAttacker(t *testing.T) {
	s := newUDPSession(t)
	phone := newUDPPhone(t, "127.0.0.1", s.Session, 1)
	attacker := newUDPPhone(t, "127.0.0.2", s.Session, 2)
	s.start(t, phone.addr())
	for i := range 10 {
		attacker.send(voice(60+i, 160))
	}
	eventually(t, "the attacker is latched", func() bool { return s.Stats().SourceProof == "any" })
	for i := range 4 {
		phone.send(voice(i, 160))
	}
	eventually(t, "the phone is latched", func() bool { return s.Stats().SourceProof == "exact" })
	eventually(t, "the phone is heard from its first word", func() bool {
		return bytes.HasSuffix(withoutFill(s.take()), append(append(voice(0, 160), voice(1, 160)...), append(voice(2, 160), voice(3, 160)...)...))
	})
	attacker.send(voice(60, 160))
	eventually(t, "the attacker is foreign", func() bool { return s.Stats().Foreign == 1 })
}

func TestUDPPortIsFreeAfterClose(t *testing.T) {
	s := newUDPSession(t)
	port := uint16(s.Port())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []uint16{port, port + 1} {
		c, err := listenUDP(loopback, p)
		if err != nil {
			t.Errorf("port %d: %v", p, err)
			continue
		}
		c.Close()
	}
}

func TestUDPOnIPv6(t *testing.T) {
	ports, err := NewPorts(netip.IPv6Loopback(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := ports.open()
	if err != nil {
		t.Fatal(err)
	}
	if err := ports.close(pr); err != nil {
		t.Error(err)
	}
}
