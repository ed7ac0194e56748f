package telephony

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/trunkline/trunkline/transcode"
)

// Every way to hold and resume over the wire, as sipp checks it.
func TestSippHold(t *testing.T) {
	for _, transport := range transports {
		told := make(chan bool, 100)
		s := start(t, Config{}, func(ctx context.Context, c *Call) {
			_ = c.Answer(ctx)
			for {
				select {
				case on := <-c.Held():
					told <- on
				case <-ctx.Done():
					if c.OnHold() {
						t.Error("still on hold")
					}
					close(told)
					return
				}
			}
		})
		sipp(t, "hold", transport, s, map[string]string{"hold": "150"})
		held, last := 0, false
		for on := range told {
			if last = on; on {
				held++
			}
		}
		if held == 0 || last {
			t.Errorf("told of %d holds, the last state was %v", held, last)
		}
	}
}

// wirePhone is one end of RTP, in the test's hands.
type wirePhone struct {
	*net.UDPConn
	t   *testing.T
	seq uint16
	ts  uint32
}

func newWirePhone(t *testing.T) *wirePhone {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	return &wirePhone{UDPConn: c, t: t}
}

func (p *wirePhone) port() string { return strconv.Itoa(p.LocalAddr().(*net.UDPAddr).Port) }

// say sends frames of one byte.
func (p *wirePhone) say(to int, law transcode.Law, b byte, frames int) {
	for range frames {
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: law.PayloadType(), SequenceNumber: p.seq, Timestamp: p.ts, SSRC: uint32(b)},
			Payload: bytes.Repeat([]byte{b}, 160)}
		p.seq++
		p.ts += 160
		raw, err := packet.Marshal()
		if err == nil {
			_, err = p.WriteTo(raw, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to})
		}
		if err != nil {
			p.t.Error(err)
		}
	}
}

// hear reads packets until one fits.
func (p *wirePhone) hear(ok func(*rtp.Packet) bool) {
	p.t.Helper()
	buf := make([]byte, 2048)
	for {
		n, err := p.Read(buf)
		if err != nil {
			p.t.Fatalf("nothing heard: %v", err)
		}
		var packet rtp.Packet
		if packet.Unmarshal(buf[:n]) == nil && ok(&packet) {
			return
		}
	}
}

func whole(b byte) func(*rtp.Packet) bool {
	return func(p *rtp.Packet) bool { return bytes.Equal(p.Payload, bytes.Repeat([]byte{b}, 160)) }
}

// The call moves to another phone that speaks the other law: the agent does not notice.
func TestSippMoveToAnotherPhone(t *testing.T) {
	first, second := newWirePhone(t), newWirePhone(t)
	var mu sync.Mutex
	var heard []byte
	calls := make(chan *Call, 1)
	s := start(t, Config{Trunks: transferring}, func(ctx context.Context, c *Call) {
		c.Media().Attach(func(f []byte) {
			mu.Lock()
			defer mu.Unlock()
			if f[0] != c.Info().Law.Silence() {
				heard = append(heard, f[0])
			}
		})
		_ = c.Answer(ctx)
		calls <- c
		<-ctx.Done()
	})
	has := func(b byte) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return bytes.IndexByte(heard, b) >= 0 }
	}
	var sip sync.WaitGroup
	defer sip.Wait()
	sip.Go(func() {
		sipp(t, "move", "udp", s, map[string]string{"codec": "8", "mediaport": first.port(), "codec2": "0", "mediaport2": second.port()})
	})
	c := recv(t, calls)
	port := c.Media().Port()
	first.say(port, transcode.PCMA, 0x21, 4)
	eventually(t, "the first phone is heard", has(0x21))
	c.Media().Play(1, bytes.Repeat([]byte{0x31}, 160*50*10))
	first.hear(func(p *rtp.Packet) bool { return p.PayloadType == 8 && whole(0x31)(p) })

	cue(t, c)
	toPCMU := transcode.Table(transcode.PCMA, transcode.PCMU)
	second.hear(func(p *rtp.Packet) bool { return p.PayloadType == 0 && whole(toPCMU[0x31])(p) })
	first.say(port, transcode.PCMU, 0x22, 8) // still in flight
	second.say(port, transcode.PCMU, 0x23, 4)
	eventually(t, "the second phone is heard", has(transcode.Table(transcode.PCMU, transcode.PCMA)[0x23]))
	if st := c.Media().Stats(); has(transcode.Table(transcode.PCMU, transcode.PCMA)[0x22])() || st.Foreign == 0 {
		t.Errorf("the first phone is heard after the move: %+v", st)
	}
	if c.Info().Law != transcode.PCMA || c.OnHold() {
		t.Errorf("%+v", c.Info())
	}
	cue(t, c)
}

// cue has a scenario go on: it waits for a REFER, and declines.
func cue(t *testing.T, c *Call) {
	t.Helper()
	var failed *TransferError
	if err := c.Transfer(t.Context(), "112"); !errors.As(err, &failed) || failed.Status != 603 {
		t.Errorf("Transfer: %v", err)
	}
}
