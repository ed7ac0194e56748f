package realtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	firstMessage = 4 << 10   // a 200 ms delta and then some
	keepMessage  = 256 << 10 // a buffer that one giant message made larger is given up after it
	maxUnknown   = 32        // types of unknown events that are logged, each once
)

// Recv returns the next event, in the order of the server. It is called from one goroutine; an *AudioDelta is valid until
// the next call. A message that cannot be decoded is counted and passed over, an event without a use comes as *Unknown.
//
// The error is why the connection ended, and every end is an error: ask IsFatal and IsRetryable. A ctx that ends during
// Recv, or before it, ends the connection: there is no half-read message to come back to.
func (c *Conn) Recv(ctx context.Context) (ServerEvent, error) {
	c.interrupt.enter(ctx, c)
	defer c.interrupt.leave()
	if err := c.ended(); err != nil {
		return nil, err
	}
	for {
		size, err := c.read()
		if err != nil {
			return nil, c.fail(readError(err))
		}
		c.stats.bytesIn.Add(int64(size))
		ev, err := c.decode(size)
		if err != nil {
			c.skip(err, size)
			continue
		}
		c.note(ev)
		return ev, nil
	}
}

var errTooLong = fmt.Errorf("message is longer than %d MiB", readLimit>>20)

// decode decodes the message that read has filled.
func (c *Conn) decode(size int) (ServerEvent, error) {
	if size > readLimit {
		return nil, errTooLong
	}
	ev, err := c.decoder.Decode(c.message)
	c.stats.unread.Store(c.decoder.unread)
	return ev, err
}

// read fills message; one beyond the limit is read to its end and not kept. It passes no context: that would cost
// allocations for every frame. Close, fail and interrupt end a read by cutting the socket.
func (c *Conn) read() (size int, err error) {
	_, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return 0, err
	}
	if c.message == nil || cap(c.message) > keepMessage {
		c.message = make([]byte, 0, firstMessage)
	}
	c.message = c.message[:0]
	for {
		n, err := r.Read(c.message[len(c.message):cap(c.message)])
		c.message, size = c.message[:len(c.message)+n], size+n
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		if size > readLimit {
			c.message = c.message[:0]
		}
		if len(c.message) == cap(c.message) {
			bigger := make([]byte, len(c.message), 2*cap(c.message))
			copy(bigger, c.message)
			c.message = bigger
		}
	}
}

// skip counts a message that is none. The errors of the decoder hold no content.
func (c *Conn) skip(err error, size int) {
	if c.stats.undecodable.Add(1) == 1 {
		c.log.Warn("message cannot be decoded and is passed over", "bytes", size, "err", err)
		return
	}
	c.log.Debug("message cannot be decoded and is passed over", "bytes", size, "err", err)
}

// note counts an event, and names each type of unknown event once.
func (c *Conn) note(ev ServerEvent) {
	c.stats.in[serverFamily(ev)].Add(1)
	u, ok := ev.(*Unknown)
	if !ok {
		return
	}
	c.stats.unknown.Add(1)
	name := clip(u.Type, 80)
	if c.unknown[name] || len(c.unknown) >= maxUnknown {
		return
	}
	c.unknown[name] = true
	c.log.Debug("event is not known and is passed over", "type", name)
}

// interrupt ends the connection when the context of the Recv in progress ends. The watch over a context is kept from one
// Recv to the next, so that a loop with one context sets it up once.
type interrupt struct {
	mu sync.Mutex
	// guarded by mu
	inside bool            // a Recv is in progress
	done   <-chan struct{} // of the context that is watched
	stop   func() bool     // ends the watch
}

// enter begins a Recv.
func (i *interrupt) enter(ctx context.Context, c *Conn) {
	i.mu.Lock()
	i.inside = true
	if done := ctx.Done(); done != i.done {
		i.endWatchLocked()
		if done != nil {
			i.done, i.stop = done, context.AfterFunc(ctx, func() { i.fire(ctx, done, c) })
		}
	}
	i.mu.Unlock()
	// A context that ended between two calls has fired in vain. From here on it finds a Recv in progress.
	if ctx.Err() != nil {
		c.fail(interrupted(ctx))
	}
}

// reading reports that a Recv is in progress.
func (i *interrupt) reading() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.inside
}

// leave ends a Recv.
func (i *interrupt) leave() {
	i.mu.Lock()
	i.inside = false
	i.mu.Unlock()
}

// fire runs when the watched context ends.
func (i *interrupt) fire(ctx context.Context, done <-chan struct{}, c *Conn) {
	i.mu.Lock()
	mine := i.inside && i.done == done
	i.mu.Unlock()
	if mine {
		c.fail(interrupted(ctx))
	}
}

// release ends the watch for good.
func (i *interrupt) release() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.endWatchLocked()
}

func (i *interrupt) endWatchLocked() {
	if i.stop != nil {
		i.stop()
	}
	i.done, i.stop = nil, nil
}

func interrupted(ctx context.Context) error {
	return fmt.Errorf("receive event: %w", context.Cause(ctx))
}
