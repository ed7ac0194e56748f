package telephony

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trunkline/trunkline/telephony/media"
)

// BridgeEnded is returned by Bridge when one of the two calls ended, and says which.
type BridgeEnded struct {
	Call  *Call
	Ended *Ended
}

// Error implements error.
func (e *BridgeEnded) Error() string { return "bridge: " + e.Ended.Error() }

// Unwrap returns the *Ended, for errors.Is and errors.As.
func (e *BridgeEnded) Unwrap() error { return e.Ended }

// ErrBridged is returned by Bridge for a call that is in another bridge.
var ErrBridged = errors.New("call is bridged already")

// Bridge lets two answered calls hear each other until one of them ends, which is a
// *BridgeEnded, or ctx does, whose cause is returned. Afterwards a call that still
// stands is as it was: its sink hears again, what Play queues is sent.
//
//	caller ─► Call a ─► relay ─► Call b ─► human     20 ms behind, in the law and the
//	       ◄─        ◄─ relay ◄─        ◄─           packet time of each
//
// Keys are passed on, see Call.SendDigits; meanwhile they do not reach whoever reads
// Digits() of either call, who should not then. A far
// end on hold hears nothing, and the other one silence. Audio that Play has queued goes
// before what the other says: Flush it first if it is not wanted.
//
// The usual way to bring in a human, in the caller's handler, the caller's call being c:
//
//	err := server.Dial(ctx, out, telephony.HandlerFunc(func(ctx context.Context, human *telephony.Call) {
//		// tell the human whom it is about, wait for a key; then
//		c.Media().Flush()
//		_ = telephony.Bridge(ctx, c, human) // returning hangs the human's call up
//	}))
//	// not answered, or hung up: unless c has ended the caller is with the agent again
func Bridge(ctx context.Context, a, b *Call) error {
	if a == b {
		return fmt.Errorf("bridge a call to itself: %w", ErrState)
	}
	for i, c := range []*Call{a, b} {
		if err := c.enterBridge(); err != nil {
			if i == 1 {
				a.leaveBridge()
			}
			return err
		}
	}
	defer b.leaveBridge()
	defer a.leaveBridge()
	part, err := media.Join(a.media, b.media)
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	defer part()
	a.log.Info("bridged", "with", b.info.ID)
	defer a.log.Info("bridge over", "with", b.info.ID)
	keys, stop := context.WithCancel(ctx)
	var passing sync.WaitGroup
	passing.Go(func() { a.passKeys(keys, b) })
	passing.Go(func() { b.passKeys(keys, a) })
	defer passing.Wait()
	defer stop()
	return awaitBridgeEnd(ctx, a, b)
}

func awaitBridgeEnd(ctx context.Context, a, b *Call) error {
	select {
	case <-a.ctx.Done():
		return &BridgeEnded{a, a.Ended()}
	case <-b.ctx.Done():
		return &BridgeEnded{b, b.Ended()}
	case <-ctx.Done():
	}
	for _, c := range []*Call{a, b} { // whose end may be what ended ctx
		if e := c.Ended(); e != nil {
			return &BridgeEnded{c, e}
		}
	}
	return context.Cause(ctx)
}

// passKeys presses the keys of a call at the other one, in order.
func (c *Call) passKeys(ctx context.Context, other *Call) {
	for {
		select {
		case key := <-c.Digits():
			if err := other.SendDigits(ctx, string(key)); err != nil {
				c.server.digitsLost.Add(1)
				other.log.Debug("key was not passed on")
			}
		case <-ctx.Done():
			return
		}
	}
}

// enterBridge claims a call for a bridge.
func (c *Call) enterBridge() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended != nil:
		return &BridgeEnded{c, c.ended}
	case !c.answered:
		return fmt.Errorf("bridge: %w", ErrState)
	case c.bridged:
		return ErrBridged
	}
	c.bridged = true
	return nil
}

func (c *Call) leaveBridge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bridged = false
}
