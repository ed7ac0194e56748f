package media

import (
	"encoding/binary"
	"time"
)

// RTCP packet types (RFC 3550 §12.1, RFC 3611 §2) and the parts of them that we know.
const (
	rtcpSR   = 200
	rtcpRR   = 201
	rtcpSDES = 202
	rtcpBYE  = 203
	rtcpXR   = 207

	sdesCNAME = 1
	xrVoIP    = 7 // VoIP metrics (RFC 3611 §4.7)

	rtcpHeaderBytes  = 4
	senderInfoBytes  = 20
	reportBlockBytes = 24
	voipBlockBytes   = 36 // its own header included
	cnameBytes       = 16

	// controlBytes is the longest compound that we send: SR with one block, SDES, BYE.
	controlBytes = 28 + reportBlockBytes + 28 + 8
)

// reportBlock is what one side says about the stream of the other (RFC 3550 §6.4.1):
//
//	|                        SSRC of the stream                     |
//	| fraction lost |       cumulative number of packets lost       |
//	|           extended highest sequence number received           |
//	|                      interarrival jitter                      |
//	|                         last SR (LSR)                         |
//	|                   delay since last SR (DLSR)                  |
type reportBlock struct {
	ssrc     uint32
	fraction uint8  // in 1/256, since the last report
	lost     int32  // 24 bits with sign, since the beginning
	highest  uint32 // sequence number with wraps
	jitter   uint32 // samples
	lsr      uint32 // middle 32 bits of the NTP time in the last SR, 0: none
	dlsr     uint32 // 1/65536 s
}

// senderInfo is the sender's part of an SR.
type senderInfo struct {
	ntp     uint64
	rtp     uint32
	packets uint32
	octets  uint32
}

// controlPacket is one packet of a compound; body begins behind its header.
type controlPacket struct {
	kind  uint8
	count uint8
	body  []byte
}

// isControl parts RTCP from RTP on one port (RFC 5761 §4).
func isControl(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }

// checkControl reports whether b is a compound as RFC 3550 A.2 wants it: version 2, a
// report first, padding on the last packet only, and lengths that add up.
func checkControl(b []byte) bool {
	if len(b) < 8 || b[1] != rtcpSR && b[1] != rtcpRR {
		return false
	}
	for len(b) > 0 {
		if len(b) < rtcpHeaderBytes || b[0]>>6 != rtpVersion {
			return false
		}
		n := controlLength(b)
		last := n == len(b)
		if n > len(b) || b[0]&0x20 != 0 && (!last || !paddingFits(b)) {
			return false
		}
		b = b[n:]
	}
	return true
}

func paddingFits(b []byte) bool {
	n := int(b[len(b)-1])
	return n > 0 && n%4 == 0 && n <= len(b)-rtcpHeaderBytes
}

func controlLength(b []byte) int { return 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1) }

// nextControl takes the first packet off a compound that checkControl found good.
func nextControl(b []byte) (p controlPacket, rest []byte) {
	n := controlLength(b)
	p = controlPacket{kind: b[1], count: b[0] & 0x1F, body: b[rtcpHeaderBytes:n]}
	if b[0]&0x20 != 0 {
		p.body = p.body[:len(p.body)-int(b[n-1])]
	}
	return p, b[n:]
}

// sender reads the SSRC and, of an SR, the sender's part; blocks is what follows.
func (p controlPacket) sender() (ssrc uint32, info senderInfo, blocks []byte, ok bool) {
	b := p.body
	if len(b) < 4 {
		return 0, info, nil, false
	}
	ssrc, b = binary.BigEndian.Uint32(b), b[4:]
	if p.kind != rtcpSR {
		return ssrc, info, b, true
	}
	if len(b) < senderInfoBytes {
		return 0, info, nil, false
	}
	info = senderInfo{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])}
	return ssrc, info, b[senderInfoBytes:], true
}

func parseBlock(b []byte) reportBlock {
	return reportBlock{
		ssrc:     binary.BigEndian.Uint32(b),
		fraction: b[4],
		lost:     int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8,
		highest:  binary.BigEndian.Uint32(b[8:]),
		jitter:   binary.BigEndian.Uint32(b[12:]),
		lsr:      binary.BigEndian.Uint32(b[16:]),
		dlsr:     binary.BigEndian.Uint32(b[20:]),
	}
}

// voipBlock finds the VoIP metrics about ssrc in the body of an XR, nil if there are none.
func voipBlock(body []byte, ssrc uint32) []byte {
	for b := body[min(4, len(body)):]; len(b) >= 4; {
		n := controlLength(b) // blocks count their length as packets do
		if n > len(b) {
			return nil
		}
		if b[0] == xrVoIP && n >= voipBlockBytes && binary.BigEndian.Uint32(b[4:]) == ssrc {
			return b[:n]
		}
		b = b[n:]
	}
	return nil
}

// putControl begins a packet of n bytes, header included, at b.
func putControl(b []byte, kind, count uint8, n int) {
	b[0], b[1] = rtpVersion<<6|count, kind
	binary.BigEndian.PutUint16(b[2:], uint16(n/4-1))
}

// appendReport adds an SR, or an RR when info is nil, with a block when there is one.
func appendReport(b []byte, ssrc uint32, info *senderInfo, block *reportBlock) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	kind, count := uint8(rtcpRR), uint8(0)
	if info != nil {
		kind = rtcpSR
		b = binary.BigEndian.AppendUint64(b, info.ntp)
		b = binary.BigEndian.AppendUint32(b, info.rtp)
		b = binary.BigEndian.AppendUint32(b, info.packets)
		b = binary.BigEndian.AppendUint32(b, info.octets)
	}
	if block != nil {
		count = 1
		b = binary.BigEndian.AppendUint32(b, block.ssrc)
		b = binary.BigEndian.AppendUint32(b, uint32(block.fraction)<<24|uint32(block.lost)&0xFFFFFF)
		b = binary.BigEndian.AppendUint32(b, block.highest)
		b = binary.BigEndian.AppendUint32(b, block.jitter)
		b = binary.BigEndian.AppendUint32(b, block.lsr)
		b = binary.BigEndian.AppendUint32(b, block.dlsr)
	}
	putControl(b[at:], kind, count, len(b)-at)
	return b
}

// appendName adds an SDES with the CNAME alone (§6.5), two zeros behind it:
//
//	| header | SSRC | 1 | 16 | 16 bytes of name | 0 | 0 |
func appendName(b []byte, ssrc uint32, name *[cnameBytes]byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, sdesCNAME, cnameBytes)
	b = append(b, name[:]...)
	b = append(b, 0, 0)
	putControl(b[at:], rtcpSDES, 1, len(b)-at)
	return b
}

func appendBye(b []byte, ssrc uint32) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	putControl(b[at:], rtcpBYE, 1, len(b)-at)
	return b
}

// ntpEpoch is how far 1900 is before 1970.
const ntpEpoch = 2208988800

// ntpTime is t as seconds since 1900 and their fraction, 32 bits each (RFC 3550 §4).
func ntpTime(t time.Time) uint64 {
	sec, frac := uint64(t.Unix()+ntpEpoch), uint64(t.Nanosecond())<<32/uint64(time.Second)
	return sec<<32 | frac
}

// middle is the 32 bits that LSR and DLSR count in: 16 of seconds, 16 of fraction.
func middle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// shortNTP is d in units of 1/65536 s.
func shortNTP(d time.Duration) uint32 { return uint32(uint64(d) << 16 / uint64(time.Second)) }

func ofShortNTP(n uint32) time.Duration { return time.Duration(uint64(n) * uint64(time.Second) >> 16) }
