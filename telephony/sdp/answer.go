package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Packet times that are honoured; G.711 works with any, but beyond 60 ms the delay is
// heard and below 10 ms headers outweigh audio.
const (
	minPTime     = 10 * time.Millisecond
	defaultPTime = 20 * time.Millisecond
	maxPTime     = 60 * time.Millisecond
)

// Answer decides an offer (RFC 3264 §6): the first audio stream over RTP that has a codec
// of local.Laws is taken, one that can be encrypted before one that cannot, everything else
// is refused in place. The profile of the stream is mirrored, and of its keys the first
// usable one is answered with ours (RFC 4568 §5.1.2). The returned body is the same for the
// same arguments, byte for byte. An offer that cannot be met returns a *Refusal; the right
// response is then 488. An unspecified connection address is the old way of hold: the
// answer is inactive, and Remote is no place to send to.
func Answer(offer *Session, local Local) (Negotiated, []byte, error) {
	chosen, err := chooseStream(offer, local)
	if err != nil {
		return Negotiated{}, nil, err
	}
	n, err := agree(&offer.Media[chosen], local.laws())
	if err != nil {
		return Negotiated{}, nil, err
	}
	n.SRTP, _ = offer.Media[chosen].protect(local) // as in chooseStream
	return n, describe(offer, chosen, local, n), nil
}

// describe writes our side of the peer's streams: one is taken, the others are refused
// in their places.
func describe(peer *Session, chosen int, local Local, n Negotiated) []byte {
	var b bytes.Buffer
	writeHead(&b, local)
	for i := range peer.Media {
		if i == chosen {
			writeAudio(&b, local, peer.Media[i].secure(), n)
			continue
		}
		writeRefused(&b, &peer.Media[i])
	}
	return b.Bytes()
}

// chooseStream finds the stream to take, or the most telling reason why there is none.
func chooseStream(s *Session, local Local) (int, error) {
	var reason error = ErrNoAudio
	plain := -1
	for i := range s.Media {
		switch srtp, err := s.Media[i].usable(local); {
		case err == nil && srtp.Suite != "":
			return i, nil
		case err == nil && plain < 0:
			plain = i
		case tells(err, reason):
			reason = err
		}
	}
	if plain >= 0 {
		return plain, nil
	}
	return -1, reason
}

// tells reports whether a reason says more than the one before it.
func tells(err, than error) bool {
	level := func(e error) int {
		return slices.Index([]error{ErrNoAudio, ErrTransport, ErrPlain, ErrCrypto, ErrNoCodec}, e)
	}
	return err != nil && level(err) > level(than)
}

// usable reports how a stream would be encrypted, or why it cannot be taken.
func (m *Media) usable(local Local) (SRTP, error) {
	if !strings.EqualFold(m.Type, "audio") || m.Port == 0 {
		return SRTP{}, ErrNoAudio
	}
	if !m.secure() && !strings.EqualFold(m.Proto, "RTP/AVP") {
		return SRTP{}, ErrTransport
	}
	srtp, err := m.protect(local)
	if err != nil {
		return SRTP{}, err
	}
	if _, _, ok := m.pick(local.laws()); !ok {
		return SRTP{}, ErrNoCodec
	}
	return srtp, nil
}

// agree works out the figures of a stream that chooseStream took.
func agree(m *Media, laws []transcode.Law) (Negotiated, error) {
	if m.Host == "" {
		return Negotiated{}, ErrNoAddress
	}
	if !m.Addr.IsValid() {
		return Negotiated{}, ErrHostName
	}
	codec, law, ok := m.pick(laws)
	if !ok {
		return Negotiated{}, ErrNoCodec
	}
	n := Negotiated{
		Law:         law,
		PayloadType: codec.PayloadType,
		EventPT:     m.EventPT(),
		PTime:       packetTime(m),
		Remote:      netip.AddrPortFrom(m.Addr, uint16(m.Port)),
		Direction:   m.Direction.Mirror(),
		RTCPMux:     m.RTCPMux,
		RTCP:        m.rtcp(),
	}
	if m.Addr.IsUnspecified() {
		n.Direction = Inactive // hold as RFC 2543 wrote it: no address, so no media (RFC 3264 §8.4)
	}
	return n, nil
}

// packetTime honours ptime and maxptime within our limits, in steps of 10 ms.
func packetTime(m *Media) time.Duration {
	t := m.PTime
	if t == 0 {
		t = defaultPTime
	}
	if m.MaxPTime > 0 {
		t = min(t, m.MaxPTime)
	}
	t = min(max(t, minPTime), maxPTime)
	return t.Truncate(minPTime)
}

func writeHead(b *bytes.Buffer, local Local) {
	host := hostLine(local.Addr)
	fmt.Fprintf(b, "v=0\r\no=- %d %d %s\r\ns=-\r\nc=%s\r\nt=0 0\r\n",
		local.SessionID, local.Version, host, host)
}

func hostLine(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.WithZone("").String()
}

func writeAudio(b *bytes.Buffer, local Local, secure bool, n Negotiated) {
	fmt.Fprintf(b, "m=audio %d %s %d", local.Port, profile(secure), n.PayloadType)
	if n.EventPT >= 0 {
		fmt.Fprintf(b, " %d", n.EventPT)
	}
	fmt.Fprintf(b, "\r\na=rtpmap:%d %s/8000\r\n", n.PayloadType, lawName(n.Law))
	if n.EventPT >= 0 {
		writeEvents(b, n.EventPT)
	}
	writeCrypto(b, n.SRTP.line())
	writeMux(b, n)
	fmt.Fprintf(b, "a=ptime:%d\r\na=%s\r\n", n.PTime.Milliseconds(), n.Direction)
}

func profile(secure bool) string {
	if secure {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}

// writeEvents announces digits 0–9, *, #, A–D and flash (RFC 4733 §3.2).
func writeEvents(b *bytes.Buffer, pt int) {
	fmt.Fprintf(b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-16\r\n", pt, pt)
}

// writeRefused keeps the stream's place with port 0 and one of its formats, as the
// grammar demands at least one (RFC 3264 §6).
func writeRefused(b *bytes.Buffer, m *Media) {
	format := "0"
	if len(m.Formats) > 0 {
		format = m.Formats[0]
	}
	fmt.Fprintf(b, "m=%s 0 %s %s\r\n", m.Type, m.Proto, format)
}

func lawName(l transcode.Law) string {
	if l == transcode.PCMA {
		return "PCMA"
	}
	return "PCMU"
}
