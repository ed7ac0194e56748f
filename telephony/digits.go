package telephony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sipua"
)

const (
	digitsQueued = 32                     // keys that wait to be fetched
	digitTwin    = 2 * time.Second        // within it the same key on the other way is the same press
	digitLength  = 160 * time.Millisecond // of a key that goes out by INFO
	digitStep    = 250 * time.Millisecond // from one of those to the next
)

// Errors of SendDigits.
var (
	ErrDigits  = media.ErrDigits // not all of the string are keys, or too many wait already
	errNoInfos = errors.New("the far end takes digits neither as RTP events nor by INFO")
)

// way is how a key arrives.
type way int

const (
	byRTP way = iota
	byINFO
)

// keypad joins the keys that arrive both ways into one stream. Some exchanges send each
// press twice, as an RTP event and as INFO: a key that comes on one way is dropped if the
// other has brought it within 2 s and that one was not paired yet. A key that comes twice
// on the same way was pressed twice.
//
//	RTP   5     5         7
//	INFO     5     5            ► 5 5 7
type keypad struct {
	out chan rune // static; never closed

	mu       sync.Mutex
	unpaired [2][]press // by way, oldest first; at most digitsQueued each
}

type press struct {
	key rune
	at  time.Time
}

func newKeypad() *keypad { return &keypad{out: make(chan rune, digitsQueued)} }

// press takes a key; false if nobody fetched those before it, and it is lost.
func (k *keypad) press(w way, key rune, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pairLocked(1-w, key, now) {
		return true
	}
	mine := append(k.unpaired[w], press{key, now})
	k.unpaired[w] = mine[max(0, len(mine)-digitsQueued):]
	select {
	case k.out <- key:
		return true
	default:
		return false
	}
}

// pairLocked finds the twin of a key on the other way.
func (k *keypad) pairLocked(other way, key rune, now time.Time) bool {
	list := k.unpaired[other]
	for len(list) > 0 && now.Sub(list[0].at) >= digitTwin {
		list = list[1:]
	}
	k.unpaired[other] = list
	for i, p := range list {
		if p.key == key {
			k.unpaired[other] = append(list[:i:i], list[i+1:]...)
			return true
		}
	}
	return false
}

// Digits yields the keys that the caller presses, each once, whether they come as RTP
// events or by INFO: 0–9, *, #, A–D, and ! for a hook flash. When 32 wait, further ones
// are dropped and counted in Stats. Nothing comes before Answer.
func (c *Call) Digits() <-chan rune { return c.keypad.out }

// pressed notes a key of the caller's.
func (c *Call) pressed(w way, key rune) {
	if !c.keypad.press(w, key, time.Now()) {
		c.server.digitsDropped.Add(1)
	}
}

// fetchDigits hands on the keys that package media hears.
func (c *Call) fetchDigits() {
	for {
		select {
		case key := <-c.media.Digits():
			c.pressed(byRTP, key)
		case <-c.ctx.Done():
			return
		}
	}
}

// SendDigits presses keys at the far end: 0–9, *, #, A–D, and ! for a hook flash. As RTP
// events, if those were agreed on; then it returns at once, and they leave in front of
// the audio that waits. Else by INFO, one every 250 ms, and it returns when the last one
// is confirmed. Errors are ErrDigits, ErrState when the call is not answered, the cause
// of ctx, the *Ended if the call ended meanwhile, or why the far end took none.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	c.mu.Lock()
	answered, events := c.answered, c.agreed.EventPT >= 0 && c.started
	c.mu.Unlock()
	switch {
	case !answered:
		return fmt.Errorf("send digits: %w", ErrState)
	case events:
		if err := c.media.SendDigits(digits); err != nil {
			return fmt.Errorf("send digits: %w", err)
		}
		return nil
	}
	return c.sendInfos(ctx, strings.ToUpper(digits))
}

// sendInfos sends one key after the other; two strings do not mix.
func (c *Call) sendInfos(ctx context.Context, digits string) error {
	if strings.Trim(digits, "0123456789*#ABCD!") != "" {
		return fmt.Errorf("send digits: %w", ErrDigits)
	}
	select {
	case c.infos <- struct{}{}:
		defer func() { <-c.infos }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for i, key := range digits {
		if i > 0 && !c.rest(ctx, digitStep) {
			return c.whyResting(ctx)
		}
		if err := c.dialog.SendInfoDigit(ctx, key, digitLength); err != nil {
			var refused *sipua.StatusError
			if errors.As(err, &refused) {
				return fmt.Errorf("send digits: %w: %w", errNoInfos, err)
			}
			return c.explain("send digits", err)
		}
	}
	return nil
}

// rest pauses; false if the call or ctx ended first.
func (c *Call) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	return false
}

func (c *Call) whyResting(ctx context.Context) error {
	if ended := c.Ended(); ended != nil {
		return ended
	}
	return context.Cause(ctx)
}
