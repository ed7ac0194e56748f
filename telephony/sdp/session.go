package sdp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Session is a parsed description: what the peer said, before any decision.
type Session struct {
	Origin Origin
	Media  []Media // every m= line, in order, including the ones nobody wants
}

// Origin is the o= line (RFC 8866 §5.2). The numbers stay text: peers send
// negative and 80-bit ones, and only equality matters.
type Origin struct {
	Username  string
	SessionID string
	Version   string
	Address   string
}

// Media is one m= line with the attributes that belong to it.
type Media struct {
	Type    string // "audio", "image", "video", …, as sent
	Port    int    // 0–65535, 0 means the stream is off
	Proto   string // "RTP/AVP", "udptl", …, as sent
	Formats []string

	Host string     // the connection address as text, session level if the stream has none
	Addr netip.Addr // Host as an IP address; invalid when it is a name or absent

	Direction Direction     // as seen by the sender of the description
	PTime     time.Duration // a=ptime, 0 when absent
	MaxPTime  time.Duration // a=maxptime, 0 when absent
	Codecs    []Codec       // Formats that are payload types, in the order offered
	Crypto    []Crypto      // SDES keys that could be used, in the order offered

	RTCPMux  bool       // a=rtcp-mux (RFC 5761)
	RTCPPort int        // a=rtcp (RFC 3605), 0 when absent: the port above RTP's
	RTCPAddr netip.Addr // likewise; invalid when it is Addr

	cryptoLines int // of Crypto and those that cannot be used
}

// Codec is one RTP payload type and what it is mapped to.
type Codec struct {
	PayloadType int    // 0–127
	Name        string // lower case, "" for an unmapped type without a static meaning
	Clock       int    // Hz
	Channels    int    // 1 when not given
	Fmtp        string // parameters as sent, "" when absent
}

// law reports the companding law a codec stands for.
func (c Codec) law() (transcode.Law, bool) {
	if c.Clock != 8000 || c.Channels != 1 {
		return 0, false
	}
	switch c.Name {
	case "pcmu":
		return transcode.PCMU, true
	case "pcma":
		return transcode.PCMA, true
	}
	return 0, false
}

// EventPT is the payload type of telephone-event at 8000 Hz (RFC 4733), -1 when the
// stream has none. Events at other clocks are for other codecs and are passed over.
func (m *Media) EventPT() int {
	for _, c := range m.Codecs {
		if c.Name == "telephone-event" && c.Clock == 8000 {
			return c.PayloadType
		}
	}
	return -1
}

// pick returns the first codec of the stream that speaks one of laws.
func (m *Media) pick(laws []transcode.Law) (Codec, transcode.Law, bool) {
	for _, c := range m.Codecs {
		if law, ok := c.law(); ok && slices.Contains(laws, law) {
			return c, law, true
		}
	}
	return Codec{}, 0, false
}

// Direction says which way media flows (RFC 3264 §5.1). The zero value is both ways,
// the default of the protocol.
type Direction uint8

// The four directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String is the attribute name, "sendrecv" and so on.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return "inactive"
}

// Mirror is the same flow seen from the other end, which is also the answer to it
// (RFC 3264 §6.1).
func (d Direction) Mirror() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// Sends reports whether the side that holds this direction may send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

func parseDirection(name string) (Direction, bool) {
	i := slices.Index(directionNames[:], name)
	return Direction(max(i, 0)), i >= 0
}

// Local describes our end of the audio stream.
type Local struct {
	Addr netip.Addr // address in o= and c=
	Port int        // RTP port, 1–65535

	// Laws are the codecs allowed, nil for PCMU and PCMA. Their order matters only in
	// Offer; an answer follows the order of the offer.
	Laws []transcode.Law

	// SRTP says what becomes of encryption, Suites which ones may be agreed on (nil for
	// all that are known) and are offered, in order (nil for a choice of them).
	SRTP   Policy
	Suites []Suite

	// Keys makes our side of it. Without any (the zero value) nothing can be encrypted.
	Keys Keys

	// SessionID and Version fill the o= line. The id stays the same for a call; the
	// version grows by one whenever the text below it changes, and only then.
	SessionID, Version uint64
}

func (l Local) laws() []transcode.Law {
	if len(l.Laws) == 0 {
		return []transcode.Law{transcode.PCMU, transcode.PCMA}
	}
	return l.Laws
}

// suites are those that may be agreed on: the given ones, or else all of choice.
func (l Local) suites(choice []Suite) []Suite {
	switch {
	case l.SRTP == Off || l.Keys == (Keys{}): // a key that anybody could make is none
		return nil
	case l.Suites != nil:
		return l.Suites
	}
	return choice
}

// Negotiated is what both sides agreed on.
type Negotiated struct {
	Law         transcode.Law
	PayloadType int            // RTP payload type of the audio, the offerer's number
	EventPT     int            // RTP payload type of telephone-event, -1 when there is none
	PTime       time.Duration  // audio per packet, 10–60 ms
	Remote      netip.AddrPort // where the peer wants media; check it with UsableAddr (it may be on hold)
	Direction   Direction      // as seen by us
	SRTP        SRTP           // zero for plain RTP

	RTCPMux bool           // RTCP goes over the RTP ports, both ways
	RTCP    netip.AddrPort // where the peer wants RTCP; invalid: the port above Remote's. Check it like Remote
}

// UsableAddr reports whether media may be sent to a at all: a real, single host.
// Unspecified (the old way of hold), multicast and broadcast addresses are not.
// Whether a private or loopback address is welcome is the caller's policy.
func UsableAddr(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
