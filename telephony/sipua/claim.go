package sipua

import "context"

// Only one offer may be open in a call, whoever made it (RFC 3261 §14). Who negotiates
// holds the claim:
//
//	we, from our INVITE or UPDATE with its final response; not while we step back
//	the peer, while its INVITE or UPDATE is being decided; an open 200 counts like it
//
// The peer gets a 491 when it asks while we hold the claim.

// claim takes the claim for us, and waits for it as long as ctx lasts.
func (d *Dialog) claim(ctx context.Context) error {
	for {
		if !d.awaitACKs(ctx, 0) {
			return context.Cause(ctx)
		}
		d.mu.Lock()
		held := d.claimed
		if held == nil && !d.openLocked() {
			d.claimed = make(chan struct{})
			d.mu.Unlock()
			return nil
		}
		d.mu.Unlock()
		if held == nil {
			continue // a 200 has left meanwhile
		}
		select {
		case <-held:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// openLocked reports whether a 200 of ours is without its ACK.
func (d *Dialog) openLocked() bool {
	for _, f := range d.pending {
		if f.res != nil {
			return true
		}
	}
	return false
}

// tryClaim takes it for the peer; false if we hold it.
func (d *Dialog) tryClaim() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claimed != nil {
		return false
	}
	d.claimed = make(chan struct{})
	return true
}

func (d *Dialog) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.claimed)
	d.claimed = nil
}
