package sdp

import (
	"bytes"
	"fmt"
)

// offeredEvents is the payload type our offers give to telephone-event; nearly every
// peer uses the same number, which keeps captures readable.
const offeredEvents = 101

// Offer describes our end for a call that we start: the laws in order, digits, 20 ms.
func Offer(local Local) []byte {
	var b bytes.Buffer
	writeHead(&b, local)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", local.Port)
	for _, law := range local.laws() {
		fmt.Fprintf(&b, " %d", law.PayloadType())
	}
	fmt.Fprintf(&b, " %d\r\n", offeredEvents)
	for _, law := range local.laws() {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", law.PayloadType(), lawName(law))
	}
	writeEvents(&b, offeredEvents)
	fmt.Fprintf(&b, "a=ptime:%d\r\na=sendrecv\r\n", defaultPTime.Milliseconds())
	return b.Bytes()
}

// Negotiate reads the answer to Offer(local). An answer without a usable audio stream
// in the first place, or with a codec that was not offered, returns a *Refusal; the
// caller should then end the call.
func Negotiate(answer *Session, local Local) (Negotiated, error) {
	if len(answer.Media) == 0 {
		return Negotiated{}, ErrNoAudio
	}
	first := Session{Media: answer.Media[:1]}
	if _, err := chooseStream(&first, local.laws()); err != nil {
		return Negotiated{}, err
	}
	return agree(&first.Media[0], local.laws())
}
