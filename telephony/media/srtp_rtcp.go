package media

import (
	"encoding/binary"
	"time"
)

const (
	srtcpClearBytes = 8 // header and SSRC of the first packet, never encrypted
	srtcpIndexBytes = 4
	// maxRTCPTag is the most that encryption adds to an RTCP packet.
	maxRTCPTag = srtcpIndexBytes + 16
)

// sealRTCP encrypts a compound RTCP packet in place (RFC 3711 §3.4), which needs maxRTCPTag
// bytes of room behind it; else it allocates. Plain sessions get it back as it is.
func (s *shield) sealRTCP(b []byte) ([]byte, error) {
	if s.send == nil {
		return b, nil
	}
	return s.send.EncryptRTCP(b, b, nil)
}

// openRTCP authenticates and decrypts a compound RTCP packet. The result is valid until
// the next packet of either kind; b is left as it is. Plain sessions get b back. It keeps
// nothing alive: RTCP that arrives says nothing about the audio.
func (s *shield) openRTCP(b []byte, now time.Duration) ([]byte, badReason) {
	k := &s.ring
	bad := badNone // without a key
	if k.now != nil {
		var out []byte
		if out, bad = k.now.rtcp(k.buf[:0], b); bad == badNone {
			return out, badNone
		}
	}
	if k.old != nil && now < k.oldUntil {
		if out, again := k.old.rtcp(k.buf[:0], b); again == badNone {
			return out, badNone
		}
	}
	if bad == badNone {
		return b, badNone
	}
	if k.fresh != nil && k.fresh.sources > 0 { // the audio began anew: so do the reports
		if out, again := k.fresh.rtcp(k.buf[:0], b); again == badNone {
			return out, badNone
		}
	}
	return nil, bad
}

// rtcp opens b into dst.
func (o *opener) rtcp(dst, b []byte) ([]byte, badReason) {
	if len(b) < srtcpClearBytes+srtcpIndexBytes {
		return nil, badShort
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	_, known := o.Index(ssrc)
	if !known && o.reporters >= maxSources {
		return nil, badAuth
	}
	out, err := o.DecryptRTCP(dst, b, nil)
	if err != nil {
		return nil, reasonOf(err, nil)
	}
	if !known {
		o.reporters++
	}
	return out, badNone
}
