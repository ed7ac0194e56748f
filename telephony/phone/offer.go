package phone

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

const eventPT = 101

// offer is the phone's side of a call in SDP.
type offer struct {
	addr      netip.Addr
	port      int
	laws      []transcode.Law // in order
	ptime     time.Duration
	version   int
	direction string // "sendrecv" and so on
	nowhere   bool   // c=0.0.0.0
	srtp      SRTP
	keys      sdp.Keys
}

// text writes the offer: the laws, telephone-event, ptime. It is written here and not
// by the service's own builder, so that the two cannot agree on a mistake.
func (o offer) text() []byte {
	family, unspecified := "IP4", netip.IPv4Unspecified()
	if o.addr.Is6() {
		family, unspecified = "IP6", netip.IPv6Unspecified()
	}
	at := o.addr
	if o.nowhere {
		at = unspecified
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "v=0\r\no=phone %d %d IN %s %s\r\ns=call\r\nc=IN %s %s\r\nt=0 0\r\n",
		o.port, o.version, family, o.addr, family, at)
	fmt.Fprintf(&b, "m=audio %d %s", o.port, o.profile())
	for _, l := range o.laws {
		fmt.Fprintf(&b, " %d", l.PayloadType())
	}
	fmt.Fprintf(&b, " %d\r\n", eventPT)
	for _, l := range o.laws {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", l.PayloadType(), l)
	}
	fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-16\r\n", eventPT, eventPT)
	o.writeKeys(&b)
	fmt.Fprintf(&b, "a=ptime:%d\r\na=%s\r\n", o.ptime.Milliseconds(), o.direction)
	return b.Bytes()
}
