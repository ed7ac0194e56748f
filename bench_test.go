package trunkline

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/realtime/realtimetest"
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/transcode"
)

// The media path, with everything on it that a call has but SIP and the network to the model:
//
//	UDP ──► media.Session ──► agent.Conversation ──► realtime.Conn ──► pipe
//	    ◄──               ◄──                    ◄──               ◄──
//
// In both directions a packet costs no allocation, of whichever goroutine.

// wire is the model's end of a connection: the bytes of WebSocket frames and nothing else, so that what is measured is
// our end.
type wire struct {
	net.Conn
	buffered *bufio.Reader
	frame    []byte
	messages chan struct{} // one token a message; full: nobody counts
	total    atomic.Int64
	gone     chan struct{}
}

// accept makes the server's answer to an upgrade (RFC 6455 §4.2.2) and takes the connection over.
func (m *wire) accept(w http.ResponseWriter, r *http.Request) {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + guid))
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	w.WriteHeader(http.StatusSwitchingProtocols)
	m.Conn, _, _ = w.(http.Hijacker).Hijack()
	m.buffered = bufio.NewReaderSize(m.Conn, 8<<10)
	go m.read()
}

// read takes messages and drops them (RFC 6455 §5.2).
//
//	byte 0: FIN, opcode   byte 1: mask bit, length 0..125 or 126 = 16 bits follow   4 bytes of mask   payload
func (m *wire) read() {
	defer close(m.gone)
	for {
		head, err := m.buffered.Peek(4)
		if err != nil {
			return
		}
		size := int(head[1]&0x7f) + 6
		if head[1]&0x7f == 126 {
			size = int(binary.BigEndian.Uint16(head[2:])) + 8
		}
		if _, err := m.buffered.Discard(size); err != nil {
			return
		}
		m.total.Add(1)
		select {
		case m.messages <- struct{}{}:
		default:
		}
	}
}

// send writes one text message of less than 64 KiB.
func (m *wire) send(text []byte) error {
	m.frame = append(m.frame[:0], 0x81, 126, 0, 0)
	binary.BigEndian.PutUint16(m.frame[2:], uint16(len(text)))
	m.frame = append(m.frame, text...)
	_, err := m.Write(m.frame)
	return err
}

// leg is one call, between a phone's socket and a model's wire.
type leg struct {
	model  *wire
	media  *media.Session
	phone  *net.UDPConn
	packet [172]byte
	seq    uint16
	ts     uint32
	delta  []byte
}

// ground is what all calls share.
type ground struct {
	ports *media.Ports
	pacer *media.Pacer
}

func newGround(t testing.TB) *ground {
	t.Helper()
	ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0)
	must(t, err)
	g := &ground{ports, media.NewPacer()}
	t.Cleanup(g.pacer.Close)
	return g
}

// newLeg sets up a call and ends it with the test. phone may serve many calls.
func (g *ground) newLeg(t testing.TB, phone *net.UDPConn) *leg {
	t.Helper()
	l := &leg{phone: phone, model: &wire{messages: make(chan struct{}, 1), gone: make(chan struct{})}}
	var err error
	l.media, err = media.Open(media.Config{Ports: g.ports, Pacer: g.pacer, FirstMediaTimeout: -1, MediaTimeout: -1, UnprovenFor: -1})
	must(t, err)
	session := realtime.Session{InputFormat: realtime.FormatPCMU, OutputFormat: realtime.FormatPCMU}
	dial := func(ctx context.Context, _ realtime.Session) (agent.Model, realtime.Session, error) {
		conn, err := realtime.Dial(ctx, realtime.DialOptions{URL: realtimetest.Address,
			HTTPClient: realtimetest.Client(http.HandlerFunc(l.model.accept))})
		return conn, session, err
	}
	conv, err := agent.Open(t.Context(), agent.Setup{Law: transcode.PCMU, Journal: silentJournal{}, Desk: agent.Desk{Dial: dial}})
	must(t, err)
	must(t, l.media.Start(media.Params{Law: transcode.PCMU, EventPT: -1, Remote: phone.LocalAddr().(*net.UDPAddr).AddrPort()}))
	ctx, hangUp := context.WithCancelCause(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		conv.Run(ctx, line{law: transcode.PCMU, media: l.media})
		l.model.Close() // nobody answers the close
		conv.Finish(0)
	}()
	t.Cleanup(func() {
		hangUp(errors.New("test is over"))
		<-over
		<-l.model.gone
		l.media.Close()
	})
	copy(l.packet[:], []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	for i := range l.packet[12:] {
		l.packet[12+i] = byte(i)
	}
	audio := base64.StdEncoding.EncodeToString(l.packet[12:])
	l.delta = []byte(`{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1",` +
		`"output_index":0,"content_index":0,"delta":"` + audio + `"}`)
	return l
}

func newPhone(t testing.TB) *net.UDPConn {
	t.Helper()
	phone, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { phone.Close() })
	return phone
}

// speak sends the next RTP packet of the caller: 20 ms.
func (l *leg) speak(t testing.TB) {
	l.seq, l.ts = l.seq+1, l.ts+transcode.FrameBytes
	binary.BigEndian.PutUint16(l.packet[2:], l.seq)
	binary.BigEndian.PutUint32(l.packet[4:], l.ts)
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(l.media.Port()))
	if _, err := l.phone.WriteToUDPAddrPort(l.packet[:], to); err != nil {
		t.Fatal(err)
	}
}

// heard waits until the model has a message of the caller's audio.
func (l *leg) heard(t testing.TB) {
	select {
	case <-l.model.messages:
	case <-l.model.gone:
		t.Fatal("connection is lost")
	}
}

// prove sends until the phone's address is proven and a packet is a message.
func (l *leg) prove(t testing.TB) {
	t.Helper()
	until(t, "the caller is heard", func() bool {
		l.speak(t)
		return l.media.Stats().PacketsIn > 10 && l.model.total.Load() > 10
	})
	until(t, "nothing is under way", func() bool {
		select {
		case <-l.model.messages:
			return false
		default:
			return true
		}
	})
}

// answer makes the model say 20 ms more.
func (l *leg) answer(t testing.TB) {
	if err := l.model.send(l.delta); err != nil {
		t.Fatal(err)
	}
}

// said waits until the playout queue has taken n answers, of which an item's audio consists.
func (l *leg) said(t testing.TB, n int) {
	until(t, "the model's audio is in the playout queue", func() bool { return l.media.Status(1).Received >= n*transcode.FrameBytes })
}

// A packet of the caller's, from our socket to the last byte of the message to the model.
func BenchmarkCallerToModel(b *testing.B) {
	l := newGround(b).newLeg(b, newPhone(b))
	l.prove(b)
	b.ReportAllocs()
	for b.Loop() {
		l.speak(b)
		l.heard(b)
	}
}

// A delta of 20 ms, from the model's socket into the playout queue, while the pacer sends what is in it.
func BenchmarkModelToCaller(b *testing.B) {
	l := newGround(b).newLeg(b, newPhone(b))
	l.prove(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		l.answer(b)
		if n++; n%500 == 0 {
			l.media.Flush() // the queue holds ten seconds at most
		}
	}
	l.said(b, n)
}

// The same two, as a law. Allocations are counted over all goroutines, so a packet that cost one anywhere would show;
// the average leaves room for the runtime's own.
func TestNoAllocationPerPacketOfACall(t *testing.T) {
	l := newGround(t).newLeg(t, newPhone(t))
	l.prove(t)
	const runs = 500
	in := testing.AllocsPerRun(runs, func() {
		l.speak(t)
		l.heard(t)
	})
	n := 0
	l.answer(t)
	out := testing.AllocsPerRun(runs, func() {
		l.answer(t)
		n++
	})
	l.said(t, n+1)
	if in != 0 || out != 0 {
		t.Errorf("%v allocations for a packet in, %v for a delta out", in, out)
	}
	until(t, "audio has left", func() bool { return l.media.Stats().AudioFrames > 10 })
}

// 300 calls at once: each hears a packet every 20 ms, passes it on, and is sent one. An operation is 20 ms of all of them.
func BenchmarkCalls300(b *testing.B) {
	const calls = 300
	g, phone := newGround(b), newPhone(b)
	var legs [calls]*leg
	for i := range legs {
		legs[i] = g.newLeg(b, phone)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	round := func() {
		<-tick.C
		for _, l := range legs {
			l.speak(b)
		}
	}
	for range 10 { // sources are proven, buffers grow
		round()
	}
	before, cpu := totals(legs[:]), cpuTime()
	b.ReportAllocs()
	for b.Loop() {
		round()
	}
	spent, after := cpuTime()-cpu, totals(legs[:])
	frames := float64(after.FramesIn - before.FramesIn)
	b.ReportMetric(frames/float64(b.N*calls), "in/packet")
	b.ReportMetric(float64(after.PacketsOut-before.PacketsOut)/float64(b.N*calls), "out/packet")
	b.ReportMetric(float64(after.Lost-before.Lost), "lost")
	b.ReportMetric(spent.Seconds()/frames*50*60, "cpu-s/call-min")
}

// totals are the figures of all calls together.
func totals(legs []*leg) (sum media.Stats) {
	for _, l := range legs {
		s := l.media.Stats()
		sum.FramesIn += s.FramesIn
		sum.PacketsOut += s.PacketsOut
		sum.Lost += s.Lost
	}
	return sum
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
