package trunkline_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// tap stands between one phone and the service and keeps every RTP packet it passes on. For the service it is the phone,
// for the phone it is the service; it needs no right that an ordinary user does not have.
//
//	phone ──SIP──► front ═ back ──SIP──► service         ports in SDP are rewritten to
//	phone ──RTP──► front ═ back ──RTP──► service         those of the tap, both ways
//	                        └ what the service sends here is what the caller is sent
//
// It also gives the phone its cues: an INFO inside the call, sent by the tap, that the service never sees.
type tap struct {
	sipFront, sipBack     *net.UDPConn
	mediaFront, mediaBack *net.UDPConn
	service               netip.AddrPort // static; SIP
	crew                  sync.WaitGroup

	mu           sync.Mutex // guards all below
	phone        netip.AddrPort
	phoneMedia   netip.AddrPort
	serviceMedia netip.AddrPort
	dialog       dialog
	acked        bool
	cuesDone     int
	statuses     []int // of the service's responses to INVITE
	up, down     []rtpPacket
}

// dialog is what a request inside the call needs.
type dialog struct{ from, to, callID string }

// rtpPacket is one packet as it was on the wire.
type rtpPacket struct {
	at      time.Time
	pt      byte
	marker  bool
	seq     uint16
	ts      uint32
	ssrc    uint32
	payload []byte
}

func newTap(t *testing.T, service netip.AddrPort) *tap {
	t.Helper()
	x := &tap{service: service}
	for _, c := range []**net.UDPConn{&x.sipFront, &x.sipBack, &x.mediaFront, &x.mediaBack} {
		var err error
		if *c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		_ = (*c).SetReadBuffer(1 << 20) // a stall of ours must not lose what was sent
	}
	x.crew.Go(func() { pump(x.sipFront, x.fromPhone) })
	x.crew.Go(func() { pump(x.sipBack, x.fromService) })
	x.crew.Go(func() { pump(x.mediaFront, x.mediaUp) })
	x.crew.Go(func() { pump(x.mediaBack, x.mediaDown) })
	t.Cleanup(x.close)
	return x
}

func (x *tap) close() {
	for _, c := range []*net.UDPConn{x.sipFront, x.sipBack, x.mediaFront, x.mediaBack} {
		_ = c.Close()
	}
	x.crew.Wait()
}

// pump reads until the socket is closed.
func pump(c *net.UDPConn, handle func(from netip.AddrPort, b []byte)) {
	buf := make([]byte, 65536)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		handle(from, buf[:n])
	}
}

// addr is where the phone finds the service.
func (x *tap) addr() string { return x.sipFront.LocalAddr().String() }

func (x *tap) fromPhone(from netip.AddrPort, b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	text := string(b)
	switch {
	case strings.HasPrefix(text, "SIP/2.0 ") && strings.HasSuffix(header(text, "CSeq"), " INFO"):
		x.cuesDone++
		return // answers a cue of ours
	case strings.HasPrefix(text, "INVITE "):
		x.phone = from
		x.dialog.from, x.dialog.callID = header(text, "From"), header(text, "Call-ID")
	case strings.HasPrefix(text, "ACK "):
		x.acked = true
	}
	b, media := redirect(b, x.mediaBack)
	if media.IsValid() {
		x.phoneMedia = media
	}
	_, _ = x.sipBack.WriteToUDPAddrPort(b, x.service)
}

func (x *tap) fromService(_ netip.AddrPort, b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	text := string(b)
	if strings.HasPrefix(text, "SIP/2.0 ") && strings.HasSuffix(header(text, "CSeq"), " INVITE") {
		status, _ := strconv.Atoi(text[len("SIP/2.0 "):][:3])
		x.statuses = append(x.statuses, status)
		x.dialog.to = header(text, "To")
	}
	b, media := redirect(b, x.mediaFront)
	if media.IsValid() {
		x.serviceMedia = media
	}
	_, _ = x.sipFront.WriteToUDPAddrPort(b, x.phone)
}

func header(message, name string) string {
	for line := range strings.SplitSeq(message, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

var (
	audioLine     = regexp.MustCompile(`(?m)^m=audio (\d+) `)
	contentLength = regexp.MustCompile(`(?im)^(Content-Length|l)\s*:\s*\d+`)
)

// redirect puts a port of the tap in the place of the sender's audio port, and returns where that was.
func redirect(b []byte, to *net.UDPConn) (message []byte, media netip.AddrPort) {
	head, body, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	m := audioLine.FindSubmatch(body)
	if m == nil {
		return b, netip.AddrPort{}
	}
	port, _ := strconv.ParseUint(string(m[1]), 10, 16)
	body = audioLine.ReplaceAll(body, fmt.Appendf(nil, "m=audio %d ", to.LocalAddr().(*net.UDPAddr).Port))
	head = contentLength.ReplaceAll(head, fmt.Appendf(nil, "Content-Length: %d", len(body)))
	message = append(append(bytes.Clone(head), "\r\n\r\n"...), body...)
	return message, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

func (x *tap) mediaUp(_ netip.AddrPort, b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = keep(x.up, b)
	_, _ = x.mediaBack.WriteToUDPAddrPort(b, x.serviceMedia)
}

func (x *tap) mediaDown(_ netip.AddrPort, b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = keep(x.down, b)
	_, _ = x.mediaFront.WriteToUDPAddrPort(b, x.phoneMedia)
}

// keep appends a packet: RFC 3550 §5.1, without the options that none of our peers use.
func keep(list []rtpPacket, b []byte) []rtpPacket {
	if len(b) < 12 || b[0] != 0x80 {
		return list
	}
	return append(list, rtpPacket{at: time.Now(), marker: b[1]&0x80 != 0, pt: b[1] & 0x7f, seq: binary.BigEndian.Uint16(b[2:]),
		ts: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]), payload: bytes.Clone(b[12:])})
}

// cue tells the phone to do the next step of its scenario, and waits until it has begun.
func (x *tap) cue(t *testing.T) {
	t.Helper()
	x.mu.Lock()
	n := x.cuesDone + 1
	request := fmt.Sprintf("INFO sip:phone@%[1]v SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKcue%[3]d\r\nFrom: %[4]s\r\n"+
		"To: %[5]s\r\nCall-ID: %[6]s\r\nCSeq: %[3]d INFO\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		x.phone, x.addr(), n, x.dialog.to, x.dialog.from, x.dialog.callID)
	_, err := x.sipFront.WriteToUDPAddrPort([]byte(request), x.phone)
	x.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the phone does its next step", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.cuesDone >= n
	})
}

// answered reports that the call is up: 200 and ACK have passed.
func (x *tap) answered() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.acked && x.serviceMedia.IsValid()
}

func (x *tap) callID() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dialog.callID
}

// toCaller is what the service has sent so far, toService what the phone has.
func (x *tap) toCaller() []rtpPacket {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.down[:len(x.down):len(x.down)]
}

func (x *tap) toService() []rtpPacket {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.up[:len(x.up):len(x.up)]
}

// checkStream wants of the service's RTP what a phone relies on: one source, one payload type, whole 20 ms frames, sequence
// numbers without a gap, and timestamps that count samples. A gap in timestamps is allowed, it is how a sender says that it
// stood still; going backwards or standing is not.
func checkStream(t *testing.T, law transcode.Law, packets []rtpPacket) {
	t.Helper()
	for i, p := range packets {
		if p.pt != law.PayloadType() || len(p.payload) != transcode.FrameBytes || p.ssrc != packets[0].ssrc {
			t.Fatalf("packet %d: payload type %d, %d bytes, source %x; want type %d, %d bytes, source %x", i, p.pt, len(p.payload), p.ssrc,
				law.PayloadType(), transcode.FrameBytes, packets[0].ssrc)
		}
		if i == 0 {
			continue
		}
		step := int32(p.ts - packets[i-1].ts)
		if p.seq != packets[i-1].seq+1 || step <= 0 || step%transcode.FrameBytes != 0 {
			t.Fatalf("packet %d: sequence %d after %d, timestamp %d further", i, p.seq, packets[i-1].seq, step)
		}
	}
}
