package realtime_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// socket is a network that the test writes by hand, below any WebSocket library. It is its own HTTP transport, too.
type socket struct {
	read  func(p []byte) (int, error)
	write func(p []byte) (int, error)

	closing sync.Once
	closed  chan struct{}
}

func newSocket(read, write func([]byte) (int, error)) *socket {
	return &socket{read: read, write: write, closed: make(chan struct{})}
}

func (s *socket) Read(p []byte) (int, error) {
	select {
	case <-s.closed:
		return 0, io.ErrClosedPipe
	default:
		return s.read(p)
	}
}

func (s *socket) Write(p []byte) (int, error) { return s.write(p) }

func (s *socket) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

// RoundTrip accepts any upgrade (RFC 6455 §4.2.2).
func (s *socket) RoundTrip(r *http.Request) (*http.Response, error) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: s, Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Accept": {base64.StdEncoding.EncodeToString(sum[:])},
	}}, nil
}

// dial connects over the socket.
func (s *socket) dial(t testing.TB) *realtime.Conn {
	t.Helper()
	c, err := realtime.Dial(t.Context(), dialOptions{URL: "ws://model.test", HTTPClient: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		c.Close("test ended")
	})
	return c
}

// textFrame is a server's text message of less than 64 KiB (RFC 6455 §5.2).
func textFrame(text string) []byte {
	head := binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text)))
	return append(head, text...)
}

// silence is a read that lasts until the socket is closed.
func (s *socket) silence([]byte) (int, error) {
	<-s.closed
	return 0, io.ErrClosedPipe
}

// TestCloseCodeIsFoundAfterAFailedWrite: the server sent a close frame and dropped the link. The writer notices first, but
// only the reader can tell why.
func TestCloseCodeIsFoundAfterAFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unread := bytes.NewReader(append([]byte{0x88, 6, 0x0F, 0xA0}, "beta"...)) // 4000
		s := newSocket(unread.Read, func([]byte) (int, error) { return 0, syscall.EPIPE })
		c := s.dial(t)
		mustSend(t, c, frame(0))
		synctest.Wait()
		_, err := c.Recv(t.Context())
		wantClose(t, err, 4000, realtime.VerdictFatal)
	})
}

func TestFailedWriteEndsTheConnectionWithoutAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(nil, func([]byte) (int, error) { return 0, syscall.EPIPE })
		s.read = s.silence
		c := s.dial(t)
		mustSend(t, c, frame(0))
		after(2 * time.Second)
		err := c.Send(t.Context(), frame(1))
		wantErr(t, "Send", err, syscall.EPIPE)
		wantClose(t, err, 1006, realtime.VerdictRetry)
	})
}

// uplink is a connection whose writes end in a counter.
func uplink(t testing.TB) (c *realtime.Conn, written <-chan struct{}) {
	signal := make(chan struct{}, 1)
	s := newSocket(nil, func(p []byte) (int, error) {
		select {
		case signal <- struct{}{}:
		default: // nobody waits for the farewell
		}
		return len(p), nil
	})
	s.read = s.silence
	return s.dial(t), signal
}

// downlink is a connection that sends the same 200 ms of speech for ever.
func downlink(t testing.TB) *realtime.Conn {
	stream := textFrame(audioDelta(bytes.Repeat([]byte{0x42, 0x17}, 800)))
	at := 0
	return newSocket(func(p []byte) (int, error) {
		n := copy(p, stream[at:])
		at = (at + n) % len(stream)
		return n, nil
	}, func(p []byte) (int, error) { return len(p), nil }).dial(t)
}

func TestPacketsAllocateNothing(t *testing.T) {
	c, written := uplink(t)
	packet := frame(1)
	up := testing.AllocsPerRun(500, func() {
		c.Send(context.Background(), packet)
		<-written
	})
	d, ctx := downlink(t), t.Context()
	down := testing.AllocsPerRun(500, func() { d.Recv(ctx) })
	if up != 0 || down != 0 {
		t.Errorf("a packet costs %v allocations up and %v down", up, down)
	}
	if s := c.Stats(); s.Out["audio"] < 500 || d.Stats().In["audio"] < 500 {
		t.Errorf("not all packets went through: %+v", s)
	}
}

func BenchmarkAppendThroughConn20ms(b *testing.B) {
	c, written := uplink(b)
	packet, ctx := frame(1), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(ctx, packet); err != nil {
			b.Fatal(err)
		}
		<-written
	}
}

func BenchmarkDeltaThroughConn200ms(b *testing.B) {
	c, ctx := downlink(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Recv(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
