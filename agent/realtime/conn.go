package realtime

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// closeTimeout bounds the closing handshake: some servers never answer a close frame, and a call does not wait for them.
const closeTimeout = 2 * time.Second

// Conn is one connection to a Realtime server, which is one session. Send and Stats may be called from anywhere, Recv from
// one goroutine, Close from anywhere and more than once.
//
//	Send ─► outbox ─► writer (goroutine) ─► socket ─► Recv
//	                    └─► ping (goroutine while it waits for its pong)
//
// Every way to end goes through end: it notes the first cause, which Recv and Send return from then on.
type Conn struct {
	// static
	opts   DialOptions
	codec  codec
	ws     *websocket.Conn
	socket io.Closer // below ws; closing it ends every read and write at once
	out    *outbox
	log    *slog.Logger
	crew   sync.WaitGroup // writer and ping
	done   chan struct{}  // closed by end
	stats  counters

	// owned by Recv
	decoder *Decoder
	message []byte
	unknown map[string]bool // types that were logged

	interrupt interrupt

	closing  sync.Once
	closeErr error // written inside closing

	mu sync.Mutex
	// guarded by mu
	cause       error // why the connection ended; nil while it lives
	warnedDrop  bool  // about members the dialect does not know
	warnedAudio bool  // about dropped audio
}

func newConn(o DialOptions, ws *websocket.Conn, socket io.Closer) *Conn {
	c := &Conn{
		opts: o, codec: o.Dialect.codec(), ws: ws, socket: socket, log: o.Log,
		out: newOutbox(o.AudioQueue), done: make(chan struct{}),
		decoder: NewDecoder(o.Dialect), unknown: map[string]bool{},
	}
	c.crew.Go(newWriter(c).run)
	return c
}

// Send queues ev and returns at once; it never waits for the network. The bytes of an AudioAppend are copied. The error is
// why the connection ended, or that ev cannot be encoded, which leaves the connection as it was. The context is not
// looked at: there is nothing to wait for.
//
// Control events leave before audio that is waiting. Audio that finds the queue full pushes out the oldest, which Stats
// counts; a link on which nothing moves any more ends with ErrStalled or ErrQueueFull.
func (c *Conn) Send(_ context.Context, ev ClientEvent) error {
	select {
	case <-c.done:
		return c.ended()
	default:
	}
	if a, ok := ev.(*AudioAppend); ok {
		return c.sendAudio(a.Audio)
	}
	if u, ok := ev.(*SessionUpdate); ok {
		c.out.setFormat(u.Session.InputFormat)
		c.warnUnknown(&u.Session)
	}
	text, err := Encode(nil, c.opts.Dialect, ev)
	if err != nil {
		return err
	}
	if err := c.out.addControl(outgoing{text, clientFamily(ev)}); err != nil {
		c.stats.queueFull.Add(1)
		return c.fail(err)
	}
	return nil
}

func (c *Conn) sendAudio(audio []byte) error {
	if len(audio) == 0 {
		return nil
	}
	droppedMS, err := c.out.addAudio(audio)
	if droppedMS > 0 {
		c.stats.audioDroppedMS.Add(int64(droppedMS))
		c.warnDropped()
	}
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// warnUnknown tells once that the configuration asks for what the dialect does not have.
func (c *Conn) warnUnknown(s *Session) {
	members := c.codec.unknown(s)
	if len(members) == 0 {
		return
	}
	c.mu.Lock()
	warned := c.warnedDrop
	c.warnedDrop = true
	c.mu.Unlock()
	if !warned {
		c.log.Warn("session members do not exist in this dialect and are left out", "dialect", c.opts.Dialect.String(),
			"members", strings.Join(members, " "))
	}
}

// warnDropped tells once that caller audio is being lost; the figure is in Stats.
func (c *Conn) warnDropped() {
	c.mu.Lock()
	warned := c.warnedAudio
	c.warnedAudio = true
	c.mu.Unlock()
	if !warned {
		c.log.Warn("network is too slow for the caller's audio, the oldest is dropped", "queue", c.opts.AudioQueue)
	}
}

// Close ends the connection with code 1000 and reason (of which 120 bytes are sent) and returns when its goroutines are
// gone, at most about two seconds later. Events that were still waiting are not sent. The error says that the server did
// not answer the close, which is common and harmless; calls after the first return the same.
func (c *Conn) Close(reason string) error {
	c.closing.Do(func() { c.closeErr = c.close(reason) })
	return c.closeErr
}

var errNoCloseFrame = errors.New("realtime: server did not answer the close")

func (c *Conn) close(reason string) error {
	defer c.crew.Wait()
	defer c.interrupt.release()
	if first := c.end(ErrClosed); first != ErrClosed {
		c.cut()
		c.ws.CloseNow() // gives the buffers back; there is nobody to say goodbye to
		return nil
	}
	patience := time.AfterFunc(closeTimeout, c.cut)
	defer patience.Stop()
	defer c.cut()
	err := c.ws.Close(websocket.StatusNormalClosure, clip(reason, 120))
	c.logEnd(ErrClosed)
	if err != nil && websocket.CloseStatus(err) == -1 {
		return errNoCloseFrame
	}
	return nil
}

// end notes the first cause and stops the crew; it returns that first cause.
func (c *Conn) end(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
		close(c.done)
	}
	return c.cause
}

// ended is the cause of the end, nil while the connection lives.
func (c *Conn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// fail ends the connection at once, without a word to the server. It returns the first cause.
func (c *Conn) fail(cause error) error {
	first := c.end(cause)
	c.cut()
	if first == cause {
		c.logEnd(cause)
	}
	return first
}

func (c *Conn) cut() { c.socket.Close() }

// logEnd tells the end and the figures that explain it.
func (c *Conn) logEnd(cause error) {
	s := c.Stats()
	c.log.Debug("realtime connection ended", "cause", cause, "bytes_in", s.BytesIn, "bytes_out", s.BytesOut,
		"audio_dropped_ms", s.AudioDroppedMS, "undecodable", s.Undecodable)
}

// clip cuts text to at most n bytes at the boundary of a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
