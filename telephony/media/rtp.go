package media

import "encoding/binary"

// packet is one parsed RTP packet. payload aliases the buffer it was read into.
type packet struct {
	ssrc    uint32
	ts      uint32
	seq     uint16
	pt      uint8
	marker  bool
	payload []byte // empty: takes a sequence number but carries no samples
}

const (
	rtpHeaderBytes = 12
	rtpVersion     = 2
	comfortNoisePT = 13 // RFC 3389, static

	// maxPayload is the longest payload taken, 200 ms. Real ones hold 10 to 60;
	// longer is a mistake or an attack.
	maxPayload = 1600
	// readBytes leaves room for header extensions; a packet that fills it was cut.
	readBytes = 2048
)

// badReason names why a packet is no RTP that we can use.
type badReason uint8

const (
	badNone        badReason = iota
	badShort                 // ends before its header does
	badVersion               // not version 2: STUN, T.38, noise
	badRTCP                  // payload types 64–95 are RTCP on the wrong port (RFC 5761 §4)
	badPadding               // more padding than packet
	badPayloadType           // not negotiated
	badSize                  // no payload, or more than maxPayload
	badEvent                 // telephone-event payload of less than 4 bytes
	badAuth                  // not of the SRTP key: another's, changed on its way, or plain
	badReplay                // SRTP that was seen before, or is too old to tell
	badReasons
)

// parseRTP reads the fixed header, and steps over CSRCs, extension and padding
// (RFC 3550 §5.1, §5.3.1):
//
//	 0                   1                   2                   3
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|                             SSRC                              |
//	|                      CSRC × CC, extension                     |
func parseRTP(b []byte) (packet, badReason) {
	if len(b) < rtpHeaderBytes {
		return packet{}, badShort
	}
	if b[0]>>6 != rtpVersion {
		return packet{}, badVersion
	}
	p := packet{
		pt:     b[1] & 0x7F,
		marker: b[1]&0x80 != 0,
		seq:    binary.BigEndian.Uint16(b[2:]),
		ts:     binary.BigEndian.Uint32(b[4:]),
		ssrc:   binary.BigEndian.Uint32(b[8:]),
	}
	if isRTCP(b) {
		return packet{}, badRTCP
	}
	start, bad := payloadStart(b)
	if bad != badNone {
		return packet{}, bad
	}
	end, bad := payloadEnd(b, start)
	if bad != badNone {
		return packet{}, bad
	}
	p.payload = b[start:end]
	if len(p.payload) == 0 || len(p.payload) > maxPayload || len(b) >= readBytes {
		return packet{}, badSize
	}
	return p, badNone
}

func payloadStart(b []byte) (int, badReason) {
	start := rtpHeaderBytes + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 { // extension: 2 bytes profile, 2 bytes length in words
		if len(b) < start+4 {
			return 0, badShort
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if len(b) < start {
		return 0, badShort
	}
	return start, badNone
}

func payloadEnd(b []byte, start int) (int, badReason) {
	if b[0]&0x20 == 0 || len(b) == start {
		return len(b), badNone
	}
	padding := int(b[len(b)-1]) // the last byte counts itself
	if padding == 0 || padding > len(b)-start {
		return 0, badPadding
	}
	return len(b) - padding, badNone
}

// putRTP writes a header without CSRCs or extension to the first 12 bytes of b.
func putRTP(b []byte, p packet) {
	b[0] = rtpVersion << 6
	b[1] = p.pt
	if p.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.ts)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
}
