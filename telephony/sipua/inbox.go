package sipua

import (
	"context"
	"net"
	"sync"
)

// inbox is how connections that are ready get to sipgo, which takes them only from a
// listener: those that we dialled, and the accepted ones that have shaken hands.
type inbox struct {
	queue chan *conn
	done  chan struct{} // closed by Close
	once  sync.Once

	last *conn // owned by Accept: what it returned last
}

func newInbox() *inbox { return &inbox{queue: make(chan *conn), done: make(chan struct{})} }

// put gives a connection to sipgo; false when the user agent is closing.
func (i *inbox) put(w *conn) bool {
	select {
	case i.queue <- w:
		return true
	case <-i.done:
		return false
	}
}

// wait returns once sipgo can find the connection.
func (i *inbox) wait(ctx context.Context, w *conn) error {
	select {
	case <-w.taken:
		return nil
	case <-i.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Accept implements net.Listener. When sipgo asks for the next connection it has put
// the one before into its pool.
func (i *inbox) Accept() (net.Conn, error) {
	if i.last != nil {
		close(i.last.taken)
		i.last = nil
	}
	select {
	case w := <-i.queue:
		i.last = w
		return w, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (i *inbox) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// Addr implements net.Listener; sipgo wants a port in it.
func (i *inbox) Addr() net.Addr { return &net.TCPAddr{} }
