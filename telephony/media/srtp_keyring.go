package media

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	// inFlight is how long packets under the key before may still arrive, and how long one
	// reading of the packet numbers must have been silent until the other is the right one.
	inFlight = 2 * time.Second
	// beginAnewFor is how long after an agreement the far end may begin to count anew
	// under the key it had.
	beginAnewFor = 5 * time.Second
	// maxSources bounds the SSRCs that one key may be used by: each is remembered. Calls
	// have one, and another after a transfer.
	maxSources = 1024
)

// keyring opens packets of the far end with the key in force, or with what else may be
// right for a while after an agreement:
//
//	another key      now ─► old: for what is in flight, 2 s
//	the same key     now stays: packet numbers go on (RFC 3711 §3.3.1). But some begin anew, as if the key
//	                 were another (RFC 4568 §7.1.4): what now cannot open, fresh may, and
//	                 takes its place when now has had nothing to open for 2 s
//	no key any more  old: packets that it cannot open are plain
type keyring struct {
	now      *opener // nil: plain
	old      *opener // nil: none
	oldUntil time.Duration

	fresh      *opener // nil: none yet; the key of now with all counters at zero
	freshUntil time.Duration

	buf *[readBytes]byte // what was opened, until the next packet
}

// turn puts another key in force.
func (k *keyring) turn(next *opener, now time.Duration) {
	k.old, k.oldUntil = k.now, now+inFlight
	k.now, k.fresh, k.freshUntil = next, nil, 0
	if k.buf == nil {
		k.buf = new([readBytes]byte)
	}
}

// again agrees on the key in force once more.
func (k *keyring) again(now time.Duration) { k.fresh, k.freshUntil = nil, now+beginAnewFor }

// close ends encryption.
func (k *keyring) close(now time.Duration) {
	if k.now != nil {
		k.turn(nil, now)
	}
}

// open authenticates and decrypts an RTP packet. The result is valid until the next call;
// b is left as it is. A ring without a key lets packets through.
func (k *keyring) open(b []byte, h *rtp.Header, now time.Duration) ([]byte, badReason) {
	if k.old != nil && now >= k.oldUntil {
		k.old = nil
	}
	if k.now == nil {
		return k.openPlain(b, h, now), badNone
	}
	if bad := sealed(b); bad != badNone {
		return nil, bad
	}
	out, bad := k.now.rtp(k.buf[:0], b, h, now)
	if bad == badNone {
		if k.fresh != nil && now >= k.freshUntil {
			k.fresh = nil // both seem right, so they go on as before
		}
		return out, badNone
	}
	if k.old != nil {
		if out, again := k.old.rtp(k.buf[:0], b, h, now); again == badNone {
			return out, badNone
		}
	}
	if k.mayBeFresh(b, bad, now) {
		if out := k.openFresh(b, h, now); out != nil {
			return out, badNone
		}
	}
	return nil, bad
}

// openPlain lets a packet through; one of the key that is not in force any more would be
// noise.
func (k *keyring) openPlain(b []byte, h *rtp.Header, now time.Duration) []byte {
	if k.old != nil && sealed(b) == badNone {
		if out, bad := k.old.rtp(k.buf[:0], b, h, now); bad == badNone {
			return out
		}
	}
	return b
}

// mayBeFresh reports whether a packet that now refused may be one of a stream that began
// anew. One that merely repeats another is not.
func (k *keyring) mayBeFresh(b []byte, why badReason, now time.Duration) bool {
	if why == badReplay && k.now.near(b) {
		return false
	}
	return now < k.freshUntil || k.fresh != nil && k.fresh.sources > 0
}

func (k *keyring) openFresh(b []byte, h *rtp.Header, now time.Duration) []byte {
	if k.fresh == nil {
		fresh, err := newOpener(k.now.suite, k.now.key)
		if err != nil {
			return nil // cannot be: now is of the same
		}
		k.fresh = fresh
	}
	out, bad := k.fresh.rtp(k.buf[:0], b, h, now)
	if bad != badNone {
		return nil
	}
	if now-k.now.last >= inFlight {
		k.now, k.fresh, k.freshUntil = k.fresh, nil, 0
	}
	return out
}

// opener opens packets of one key.
type opener struct {
	*srtp.Context
	suite, key string
	tag        int // bytes by which an RTP packet is longer

	sources   int // SSRCs that RTP was authentic of
	reporters int // SSRCs that RTCP was authentic of
	// Of the authentic packet with the highest number, the newest source's.
	ssrc uint32
	seq  uint16
	last time.Duration // when one was opened
}

func newOpener(suite, key string) (*opener, error) {
	c, err := newContext(suite, key)
	if err != nil {
		return nil, err
	}
	profile := profiles[suite]
	hmac, _ := profile.AuthTagRTPLen() // known, as newContext found
	aead, _ := profile.AEADAuthTagLen()
	return &opener{Context: c, suite: suite, key: key, tag: hmac + aead}, nil
}

// rtp opens b into dst.
func (o *opener) rtp(dst, b []byte, h *rtp.Header, now time.Duration) ([]byte, badReason) {
	if start, bad := payloadStart(b); bad != badNone || len(b) < start+o.tag {
		return nil, badShort
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	_, known := o.ROC(ssrc)
	if !known && o.sources >= maxSources {
		return nil, badAuth
	}
	out, err := o.DecryptRTP(dst, b, h)
	if err != nil {
		return nil, reasonOf(err, h)
	}
	if !known {
		o.sources++
	}
	seq := binary.BigEndian.Uint16(b[2:])
	if ssrc != o.ssrc || o.sources == 1 && !known || int16(seq-o.seq) > 0 {
		o.ssrc, o.seq = ssrc, seq
	}
	o.last = now
	return out, badNone
}

// near reports whether a packet lies so close to the newest that it can only repeat one.
func (o *opener) near(b []byte) bool {
	d := int16(binary.BigEndian.Uint16(b[2:]) - o.seq)
	return o.sources > 0 && binary.BigEndian.Uint32(b[8:]) == o.ssrc && d > -replayWindow && d < replayWindow
}

// reasonOf sorts the errors of the library: it refuses repeated packets by an error that
// it does not name, broken header extensions by others, and encrypted headers (RFC 9335).
func reasonOf(err error, h *rtp.Header) badReason {
	switch {
	case errors.Is(err, srtp.ErrFailedToVerifyAuthTag):
		return badAuth
	case h != nil && (h.ExtensionProfile == rtp.CryptexProfileOneByte || h.ExtensionProfile == rtp.CryptexProfileTwoByte):
		return badAuth
	}
	return badReplay
}

// sealed refuses what cannot be an SRTP packet before anything is computed.
func sealed(b []byte) badReason {
	switch {
	case len(b) < rtpHeaderBytes:
		return badShort
	case b[0]>>6 != rtpVersion:
		return badVersion
	case isRTCP(b):
		return badRTCP
	}
	return badNone
}

// isRTCP reports whether a packet on the RTP port is RTCP, by its type (RFC 5761 §4).
func isRTCP(b []byte) bool { return b[1]&0x7F >= 64 && b[1]&0x7F <= 95 }
