package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Errors of SendDigits.
var (
	// ErrNoEvents: the far end has not agreed to telephone-event, or the call has not
	// begun.
	ErrNoEvents = errors.New("telephone-event not negotiated")
	// ErrDigits: not all of the string are keys, or too many wait already.
	ErrDigits = errors.New("digits cannot be sent")
)

const (
	digitLength  = 100 * time.Millisecond // of a key, rounded up to frames
	digitPause   = 100 * time.Millisecond // behind it, likewise
	digitVolume  = 10                     // -10 dBm0, what a phone does
	endPackets   = 3                      // RFC 4733 §2.5.1.4
	maxDigitsOut = 64
)

// digitSender presses keys on the stream (RFC 4733 §2.5): its packets share the
// stream's SSRC and sequence; their timestamp is that of the beginning of the key,
// while the stream's own timestamp goes on underneath, so that the audio
// behind it is in its place.
//
//	time   0    20   40   60   80   100  120  140 … 240
//	sent   e160 e320 e480 e640 E800 E800 E800 silence ×5, next key
//	       └ marker            └ end, three times
type digitSender struct {
	pending []byte // event codes
	active  bool
	ts      uint32 // of the key being pressed
	length  int    // samples of it so far
	ends    int    // end packets sent
	pause   int    // samples of silence still to send
}

// SendDigits presses keys: 100 ms each with 100 ms between, in front of whatever
// audio waits; audio goes on behind them. Valid are 0–9, *, #, A–D and ! for a hook
// flash; up to 64 may wait. Nothing is sent if the error is not nil: ErrNoEvents,
// ErrDigits or ErrClosed.
func (s *Session) SendDigits(digits string) error {
	events := make([]byte, 0, len(digits))
	for _, d := range strings.ToUpper(digits) {
		i := strings.IndexRune(digitRunes, d)
		if i < 0 {
			return fmt.Errorf("%w: %q is no key", ErrDigits, d)
		}
		events = append(events, byte(i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case !s.started || s.params.EventPT < 0:
		return ErrNoEvents
	case len(s.keys.pending)+len(events) > maxDigitsOut:
		return fmt.Errorf("%w: %d wait already", ErrDigits, len(s.keys.pending))
	}
	s.keys.pending = append(s.keys.pending, events...)
	return nil
}

// DigitsQueued returns how many keys are still to be pressed, the present one
// included. Changed has a token when it becomes 0.
func (s *Session) DigitsQueued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.keys.pending)
	if s.keys.active || s.keys.pause > 0 {
		n++
	}
	return n
}

// dropKeysLocked gives up the keys that nobody takes any more.
func (s *Session) dropKeysLocked() {
	if !s.keys.busy() {
		return
	}
	s.stats.KeysDropped += uint64(len(s.keys.pending))
	s.keys = digitSender{}
	s.notifyLocked()
}

// busy reports that the stream is taken by a key or the pause behind one.
func (k *digitSender) busy() bool { return k.active || k.pause > 0 || len(k.pending) > 0 }

// send uses up one frame of the stream for keys. done reports that the last key
// and its pause are over.
func (k *digitSender) send(o *sender, to netip.AddrPort, pt uint8, law transcode.Law) (done bool) {
	if o.due < o.grid { // keys stand on the grid: what was borrowed is paid back first
		o.silence(to, law)
		return false
	}
	if k.pause > 0 {
		k.pause -= o.frame
		o.silence(to, law)
		return k.pause <= 0 && len(k.pending) == 0
	}
	first := !k.active
	if first {
		*k = digitSender{pending: k.pending, active: true, ts: o.ts}
	}
	if k.ends == 0 {
		k.length += o.frame
	}
	end := k.length >= bytesOf(digitLength)
	o.event(to, pt, k.ts, first, k.payload(end))
	if end {
		if k.ends++; k.ends == endPackets {
			k.pending, k.active, k.pause = k.pending[1:], false, bytesOf(digitPause)
		}
	}
	return false
}

func (k *digitSender) payload(end bool) (b [eventBytes]byte) {
	b[0], b[1] = k.pending[0], digitVolume
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(k.length))
	return b
}

// event sends one telephone-event packet in the place of a frame.
func (o *sender) event(to netip.AddrPort, pt uint8, ts uint32, marker bool, payload [eventBytes]byte) {
	copy(o.payload(), payload[:])
	o.packet(to, packet{pt: pt, ts: ts, marker: marker}, eventBytes)
	o.advance()
	o.due, o.idle, o.silent = o.grid, false, true
}
