package media

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/trunkline/trunkline/transcode"
)

var (
	phoneAddr    = netip.MustParseAddrPort("192.0.2.1:4000")
	strangerAddr = netip.MustParseAddrPort("198.51.100.9:9999")
)

// memLink is a session's network in memory. It keeps what was sent, with the time.
type memLink struct {
	in, ctrl chan datagram
	closed   chan struct{}

	mu   sync.Mutex
	sent []sent
	rtcp []sentControl
	fail error
	safe bool          // RTCP is encrypted
	open *srtp.Context // opens it; nil: nobody looks
}

type datagram struct {
	b    []byte
	from netip.AddrPort
}

// sent is one packet that left, parsed by another library than the one that made
// it.
type sent struct {
	rtp.Packet
	at time.Time
	to netip.AddrPort
}

// sentControl is one compound that left, likewise.
type sentControl struct {
	packets []rtcp.Packet
	raw     []byte
	at      time.Time
	to      netip.AddrPort
	muxed   bool // from the RTP port
}

func newMemLink() *memLink {
	return &memLink{in: make(chan datagram), ctrl: make(chan datagram), closed: make(chan struct{})}
}

func (l *memLink) read(b []byte) (int, netip.AddrPort, error) { return l.readFrom(l.in, b) }

func (l *memLink) readControl(b []byte) (int, netip.AddrPort, error) { return l.readFrom(l.ctrl, b) }

func (l *memLink) readFrom(in chan datagram, b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-in:
		return copy(b, d.b), d.from, nil
	case <-l.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (l *memLink) write(b []byte, to netip.AddrPort) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	if isControl(b) {
		l.keepControl(b, to, true)
		return nil
	}
	var p rtp.Packet
	if err := p.Unmarshal(append([]byte(nil), b...)); err != nil {
		panic(err)
	}
	l.sent = append(l.sent, sent{Packet: p, at: time.Now(), to: to})
	return nil
}

func (l *memLink) writeControl(b []byte, to netip.AddrPort) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.keepControl(b, to, false)
	return nil
}

func (l *memLink) keepControl(b []byte, to netip.AddrPort, muxed bool) {
	raw := bytes.Clone(b)
	if l.open != nil {
		var err error
		if raw, err = l.open.DecryptRTCP(nil, raw, nil); err != nil {
			panic(err)
		}
	}
	packets, err := rtcp.Unmarshal(raw)
	if err != nil && l.safe && l.open == nil {
		packets, err = nil, nil // encrypted, and nobody looks
	}
	if err != nil {
		panic(err)
	}
	l.rtcp = append(l.rtcp, sentControl{packets: packets, raw: raw, at: time.Now(), to: to, muxed: muxed})
}

// takeControl returns and forgets the RTCP sent so far.
func (l *memLink) takeControl() []sentControl {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.rtcp
	l.rtcp = nil
	return c
}

// encrypted notes that RTCP may be unreadable from now on.
func (l *memLink) encrypted(p SRTP) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.safe = l.safe || p.Suite != ""
}

func (l *memLink) port() int    { return 4 }
func (l *memLink) interrupt()   { close(l.closed) }
func (l *memLink) close() error { return nil }

// take returns and forgets what was sent so far.
func (l *memLink) take() []sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sent
	l.sent = nil
	return s
}

func (l *memLink) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// rig is a session in a synctest bubble, with a phone to play.
type rig struct {
	*Session
	t     *testing.T
	link  *memLink
	pacer *Pacer

	mu    sync.Mutex
	heard []byte // what the sink got
}

// inBubble runs f with a session that was opened but not started.
func inBubble(t *testing.T, cfg Config, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, link: newMemLink(), pacer: NewPacer()}
		defer r.pacer.Close()
		cfg.link, cfg.Pacer = r.link, r.pacer
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.Session = s
		defer s.Close()
		s.Attach(r.sink)
		f(r)
	})
}

// started runs f with a session that has been started and whose phone is proven.
func started(t *testing.T, p Params, f func(r *rig, phone *phone)) {
	t.Helper()
	inBubble(t, Config{}, func(r *rig) {
		r.start(p)
		ph := r.prove()
		r.take()
		f(r, ph)
	})
}

func (r *rig) start(p Params) {
	r.t.Helper()
	if !p.Remote.IsValid() {
		p.Remote = phoneAddr
	}
	if p.EventPT == 0 {
		p.EventPT = 101
	}
	r.link.encrypted(p.SRTP)
	if err := r.Start(p); err != nil {
		r.t.Fatal(err)
	}
}

// prove lets the phone send the two packets that make it the source.
func (r *rig) prove() *phone {
	ph := &phone{r: r, addr: phoneAddr, ssrc: 7, pt: r.params.PayloadType}
	ph.send(voice(0, 160))
	ph.send(voice(1, 160))
	return ph
}

func (r *rig) sink(frame []byte) {
	if len(frame) != transcode.FrameBytes {
		r.t.Errorf("a frame of %d bytes", len(frame))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, frame...)
}

// take returns and forgets what the sink got.
func (r *rig) take() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.heard
	r.heard = nil
	return h
}

// inject delivers one datagram and waits until it is dealt with.
func (r *rig) inject(b []byte, from netip.AddrPort) {
	r.link.in <- datagram{b, from}
	synctest.Wait()
}

// phone sends RTP to a rig.
type phone struct {
	r    *rig
	addr netip.AddrPort
	ssrc uint32
	pt   uint8
	seq  uint16
	ts   uint32
}

// send sends one packet and moves on.
func (p *phone) send(payload []byte) {
	p.sendAt(p.seq, p.ts, payload)
	p.seq++
	p.ts += uint32(len(payload))
}

// skip counts packets as sent that are not.
func (p *phone) skip(packets, bytesEach int) {
	p.seq += uint16(packets)
	p.ts += uint32(packets * bytesEach)
}

func (p *phone) sendAt(seq uint16, ts uint32, payload []byte) {
	p.r.inject(rtpBytes(p.pt, seq, ts, p.ssrc, payload), p.addr)
}

func rtpBytes(pt uint8, seq uint16, ts, ssrc uint32, payload []byte) []byte {
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: seq, Timestamp: ts, SSRC: ssrc},
		Payload: payload,
	}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// voice returns n bytes that are no silence in either law and differ by key.
func voice(key, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((key*31+i)%100 + 1)
	}
	return b
}

func isSilence(b []byte, law transcode.Law) bool {
	for _, c := range b {
		if c != law.Silence() {
			return false
		}
	}
	return true
}

// audioOf joins the payloads that are not silence.
func audioOf(packets []sent, law transcode.Law) (out []byte) {
	for _, p := range packets {
		if !isSilence(p.Payload, law) {
			out = append(out, p.Payload...)
		}
	}
	return out
}
