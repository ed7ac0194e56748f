package telephony

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

const bystanderHost = "127.0.0.9" // on no list, and in no description

func wirePhoneAt(t *testing.T, host string) *wirePhone {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	return &wirePhone{UDPConn: c, t: t}
}

// drain throws away what has arrived and says how many packets that were.
func (p *wirePhone) drain() (n int) {
	buf := make([]byte, 2048)
	for {
		_ = p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := p.Read(buf); err != nil {
			_ = p.SetReadDeadline(time.Now().Add(30 * time.Second))
			return n
		}
		n++
	}
}

// listener keeps every byte that is bridged to the agent and is no silence.
type listener struct {
	ear
	mu    sync.Mutex
	heard []byte
}

func (l *listener) serve(ctx context.Context, c *Call) {
	c.Media().Attach(func(f []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, b := range f {
			if b != c.Info().Law.Silence() {
				l.heard = append(l.heard, b)
				return
			}
		}
	})
	l.ear.serve(ctx, c)
}

func (l *listener) has(b byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.IndexByte(l.heard, b) >= 0
}

func bleeding(t *testing.T) (*listener, *wire, *wirePhone, *wirePhone, *Call) {
	t.Helper()
	l := &listener{ear: ear{up: make(chan *Call, 1)}}
	s := start(t, Config{Trunks: twoTrunks()}, l.serve)
	phone, attacker := wirePhoneAt(t, trunkHost), wirePhoneAt(t, bystanderHost)
	w := newWire(t, s, "udp", trunkHost)
	w.call("127.0.0.1:" + phone.port())
	return l, w, phone, attacker, recv(t, l.up)
}

// Once the phone has spoken, packets from anywhere else are neither heard nor answered,
// not even with its SSRC and the next sequence numbers, nor while it is silent.
func TestForeignAudioIsNeitherHeardNorAnswered(t *testing.T) {
	l, w, phone, attacker, c := bleeding(t)
	phone.say(c.Media().Port(), transcode.PCMU, 0x21, 6)
	eventually(t, "the phone is heard", func() bool { return l.has(0x21) })
	c.Media().Play(1, bytes.Repeat([]byte{0x31}, 160*50*30))
	phone.hear(whole(0x31))
	attacker.drain()

	attacker.seq, attacker.ts = phone.seq, phone.ts
	for range 20 { // the phone's own SSRC
		sayAs(attacker, c.Media().Port(), 0x21, 0x41)
	}
	attacker.say(c.Media().Port(), transcode.PCMU, 0x42, 60) // one of its own
	eventually(t, "all of it was counted as foreign", func() bool { return c.Media().Stats().Foreign >= 80 })
	if l.has(0x41) || l.has(0x42) {
		t.Error("the attacker was heard")
	}
	if n := attacker.drain(); n != 0 {
		t.Errorf("the attacker got %d packets", n)
	}
	phone.hear(whole(0x31)) // the phone hears on
	phone.say(c.Media().Port(), transcode.PCMU, 0x22, 6)
	eventually(t, "the phone speaks again", func() bool { return l.has(0x22) })
	w.want(200, w.request("BYE", 2, ""))
}

// sayAs sends one packet of b under the SSRC that say gives to ssrc.
func sayAs(p *wirePhone, to int, ssrc, b byte) {
	raw := rtpPacket(p.seq, p.ts, uint32(ssrc), b)
	p.seq++
	p.ts += 160
	if _, err := p.WriteTo(raw, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to}); err != nil {
		p.t.Error(err)
	}
}

func rtpPacket(seq uint16, ts, ssrc uint32, b byte) []byte {
	head := []byte{0x80, 0, byte(seq >> 8), byte(seq), byte(ts >> 24), byte(ts >> 16), byte(ts >> 8), byte(ts), byte(ssrc >> 24), byte(ssrc >> 16), byte(ssrc >> 8), byte(ssrc)}
	return append(head, bytes.Repeat([]byte{b}, 160)...)
}

// An attacker who is first is out as soon as the real phone has sent ten packets.
func TestPhoneRecoversFromAnEarlierAttacker(t *testing.T) {
	l, w, phone, attacker, c := bleeding(t)
	attacker.say(c.Media().Port(), transcode.PCMU, 0x41, 50)
	eventually(t, "the attacker's packets are in", func() bool {
		st := c.Media().Stats()
		return st.Foreign+st.Probation+st.PacketsIn >= 50
	})
	phone.say(c.Media().Port(), transcode.PCMU, 0x21, 10)
	eventually(t, "the phone is heard", func() bool { return l.has(0x21) })
	before := c.Media().Stats().Foreign
	attacker.say(c.Media().Port(), transcode.PCMU, 0x43, 50)
	eventually(t, "the attacker is foreign", func() bool { return c.Media().Stats().Foreign >= before+50 })
	attacker.drain()
	c.Media().Play(1, bytes.Repeat([]byte{0x31}, 160*50*5))
	phone.hear(whole(0x31))
	if n := attacker.drain(); n != 0 || l.has(0x43) {
		t.Errorf("%d packets to the attacker, heard: %v", n, l.has(0x43))
	}
	w.want(200, w.request("BYE", 2, ""))
}

// A third party that a description names, and that never answers, is left alone soon.
func TestVictimOfADescriptionIsLeftAlone(t *testing.T) {
	e := &ear{up: make(chan *Call, 1)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	victim := wirePhoneAt(t, bystanderHost)
	w := newWire(t, s, "udp", trunkHost)
	w.call(bystanderHost + ":" + victim.port())
	c := recv(t, e.up)
	eventually(t, "the stream stops", func() bool { return c.Media().Stats().MutedFrames > 0 })
	sent := c.Media().Stats().PacketsOut
	if got := victim.drain(); got == 0 || uint64(got) > sent || sent > 50*10 {
		t.Errorf("the victim got %d of %d packets", got, sent)
	}
	muted := c.Media().Stats().MutedFrames
	eventually(t, "and stays stopped", func() bool { return c.Media().Stats().MutedFrames >= muted+10 })
	if now := c.Media().Stats().PacketsOut; now != sent {
		t.Errorf("%d packets more", now-sent)
	}
	w.want(200, w.request("BYE", 2, ""))
}

// A port that a call gave back is not one that an offer may name while another call has
// it, and an offer may name it when nobody does.
func TestOwnPortIsForeignAgainAfterTheCall(t *testing.T) {
	e := &ear{up: make(chan *Call, 2)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "udp", trunkHost)
	w.call("127.0.0.1:4000")
	port := strconv.Itoa(recv(t, e.up).Media().Port())
	w.want(200, w.request("BYE", 2, ""))
	eventually(t, "the port is free", func() bool { return s.Stats().PortsInUse == 0 })
	other := newWire(t, s, "udp", rivalHost)
	other.call("127.0.0.1:" + port)
	other.want(200, other.request("BYE", 2, ""))
}
