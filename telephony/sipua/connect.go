package sipua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
)

// dials makes several requests to one address share one new connection.
type dials struct {
	mu    sync.Mutex
	under map[connKey]*connecting
}

// connecting is one attempt; done is closed when err is set.
type connecting struct {
	done chan struct{}
	err  error
}

// join returns the attempt that is under way, or a new one that is the caller's.
func (d *dials) join(key connKey) (attempt *connecting, mine bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if attempt = d.under[key]; attempt != nil {
		return attempt, false
	}
	if d.under == nil {
		d.under = make(map[connKey]*connecting)
	}
	attempt = &connecting{done: make(chan struct{})}
	d.under[key] = attempt
	return attempt, true
}

func (d *dials) end(key connKey, attempt *connecting, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.under, key)
	attempt.err = err
	close(attempt.done)
}

// connect sees to it that a connection to h is open: sipgo, which opens none by itself,
// will then send there. A connection made for a brief need may not be idle for long.
func (u *UA) connect(ctx context.Context, h hop, brief bool) error {
	key := connKey{h.transport, h.addr.String()}
	for {
		if w := u.conns.usable(key); w != nil {
			if !brief {
				w.brief.Store(false)
			}
			return u.inboxes[h.transport].wait(ctx, w)
		}
		attempt, mine := u.dials.join(key)
		if mine {
			err := u.dial(ctx, h, brief)
			u.dials.end(key, attempt, err)
			return err
		}
		select {
		case <-attempt.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if attempt.err != nil && !errors.Is(attempt.err, context.Canceled) { // its owner's hurry is not ours
			return attempt.err
		}
	}
}

// dial opens a connection and gives it to sipgo.
func (u *UA) dial(ctx context.Context, h hop, brief bool) error {
	c, names, err := u.dialNet(ctx, h)
	if err != nil {
		return fmt.Errorf("connect to %v over %s: %w", h.addr, h.transport, err)
	}
	src := Source{Addr: h.addr, Transport: h.transport, TLSNames: names}
	w := u.conns.addDialled(c, names, peerKey(u.cfg.Admit(src), h.addr, h.transport))
	if w == nil {
		_ = c.Close()
		return fmt.Errorf("connect to %v over %s: %w", h.addr, h.transport, ErrClosed)
	}
	w.brief.Store(brief)
	box := u.inboxes[h.transport]
	if !box.put(w) {
		_ = w.end()
		return ErrClosed
	}
	return box.wait(ctx, w)
}

// dialNet opens the connection itself. Over TLS the peer must prove the name that the
// hop was found under, or else its address (RFC 5922 §4).
func (u *UA) dialNet(ctx context.Context, h hop) (net.Conn, []string, error) {
	ctx, cancel := context.WithTimeout(ctx, u.timing.handshake)
	defer cancel()
	d := net.Dialer{ControlContext: markDialled}
	c, err := d.DialContext(ctx, "tcp", h.addr.String())
	if err != nil || h.transport != "tls" {
		return c, nil, err
	}
	name := h.name
	if name == "" {
		name = h.addr.Addr().String()
	}
	secure := tls.Client(c, u.tls.client(name))
	if err := u.shake(ctx, secure); err != nil {
		u.handshakeFailed(h.addr, err)
		_ = c.Close()
		return nil, nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, peerNames(secure), nil
}
