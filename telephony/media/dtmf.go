package media

import "encoding/binary"

// Digit is one key that the caller pressed: '0'–'9', '*', '#', 'A'–'D', or '!' for
// a hook flash (RFC 4733 §3.2).
type Digit = rune

const digitRunes = "0123456789*#ABCD!"

const (
	eventBytes = 4
	// longEvent: a key held for longer than the 16-bit duration (8.2 s) goes on in
	// a new segment whose timestamp is that of the last plus 0xFFFF (§2.5.1.3). A
	// few updates may have been lost at the seam.
	longEvent     = 0xFFFF
	longEventSlop = 4000
	// lateEvent is how far back a timestamp counts as a late packet of an older
	// key; further back the sender has started again.
	lateEvent = 5 * 8000
)

// eventDetector turns telephone-event packets into digits, each reported once, on
// the first packet seen of it: whichever of begin, update and end survives
// is enough.
//
//	0        8  9  10        16                31
//	| event |E |R | volume  |     duration     |
//
// The key is the RTP timestamp, which all packets of one press share. Markers are
// ignored: they get lost, and some senders never set them.
type eventDetector struct {
	active   bool   // an event was seen on ssrc
	ssrc     uint32 // of the last event
	ts       uint32
	event    byte
	ended    bool
	duration uint16 // longest seen of the last event
}

// packet looks at one telephone-event packet. ok means: report d. A bad reason
// means the payload was none.
func (e *eventDetector) packet(p packet) (d Digit, ok bool, bad badReason) {
	if len(p.payload) < eventBytes || int(p.payload[0]) >= len(digitRunes) {
		return 0, false, badEvent
	}
	event, end := p.payload[0], p.payload[1]&0x80 != 0
	duration := binary.BigEndian.Uint16(p.payload[2:])
	switch {
	case e.active && p.ssrc == e.ssrc && p.ts == e.ts: // an update or a repeat
		e.ended = e.ended || end
		e.duration = max(e.duration, duration)
		return 0, false, badNone
	case e.isLate(p):
		return 0, false, badNone
	}
	goesOn := e.continues(p, event)
	*e = eventDetector{active: true, ssrc: p.ssrc, ts: p.ts, event: event, ended: end, duration: duration}
	return Digit(digitRunes[event]), !goesOn, badNone
}

func (e *eventDetector) isLate(p packet) bool {
	behind := int32(e.ts - p.ts)
	return e.active && p.ssrc == e.ssrc && behind > 0 && behind < lateEvent
}

// continues reports that p is the next segment of a key still held.
func (e *eventDetector) continues(p packet, event byte) bool {
	ahead := p.ts - e.ts
	return e.active && p.ssrc == e.ssrc && event == e.event && !e.ended &&
		e.duration > longEvent-longEventSlop && ahead <= longEvent && ahead > longEvent-longEventSlop
}
