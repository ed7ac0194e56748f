package phone

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

const eventPT = 101

// offer writes the phone's SDP: the laws in order, telephone-event, ptime. It is
// written here and not by the service's own builder, so that the two cannot agree
// on a mistake.
func offer(addr netip.Addr, port int, laws []transcode.Law, ptime time.Duration) []byte {
	family := "IP4"
	if addr.Is6() {
		family = "IP6"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "v=0\r\no=phone %d 1 IN %s %s\r\ns=call\r\nc=IN %s %s\r\nt=0 0\r\n",
		port, family, addr, family, addr)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", port)
	for _, l := range laws {
		fmt.Fprintf(&b, " %d", l.PayloadType())
	}
	fmt.Fprintf(&b, " %d\r\n", eventPT)
	for _, l := range laws {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", l.PayloadType(), l)
	}
	fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-16\r\n", eventPT, eventPT)
	fmt.Fprintf(&b, "a=ptime:%d\r\na=sendrecv\r\n", ptime.Milliseconds())
	return b.Bytes()
}
