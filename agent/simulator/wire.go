package simulator

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// wire is the connection under the WebSocket, with the faults that only happen
// down there.
type wire struct {
	net.Conn
	frozen atomic.Bool
}

// Read swallows what arrives while frozen: to the peer the connection looks
// alive, as behind a firewall that lost its state, until it ends it.
func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.frozen.Load() {
			return n, err
		}
	}
}

// Write goes nowhere while frozen.
func (w *wire) Write(p []byte) (int, error) {
	if w.frozen.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// drop ends the connection without a WebSocket close, with a reset on TCP.
func (w *wire) drop() {
	if c, ok := w.Conn.(*net.TCPConn); ok {
		c.SetLinger(0) // best effort: a plain FIN is a drop, too
	}
	w.Conn.Close()
}

// tap hands the hijacked connection to the WebSocket library as a wire.
type tap struct {
	http.ResponseWriter
	wire *wire
}

// Hijack implements http.Hijacker. The writer that comes with the connection
// is replaced, because it would go around the wire.
func (t *tap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.wire = &wire{Conn: c}
	return t.wire, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(t.wire, 4096)), nil
}
