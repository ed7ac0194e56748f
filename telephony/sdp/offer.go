package sdp

import (
	"bytes"
	"fmt"

	"github.com/trunkline/trunkline/transcode"
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

// Reoffer describes our end in the middle of a call whose other end asks for an offer
// (RFC 3261 §14.2): the streams of its last description in their places (RFC 3264 §8),
// the codec in use, and both ways, because a hold of theirs is theirs to keep or to end.
// It returns nil if last holds no stream that could have been agreed on.
func Reoffer(last *Session, agreed Negotiated, local Local) []byte {
	chosen, err := chooseStream(last, []transcode.Law{agreed.Law})
	if err != nil {
		return nil
	}
	agreed.Direction = SendRecv
	return describe(last, chosen, local, agreed)
}

// Renegotiate reads the answer to Reoffer(last, agreed, local). An answer that switches
// the stream off, leaves its place empty or names another codec returns a *Refusal.
func Renegotiate(answer, last *Session, agreed Negotiated) (Negotiated, error) {
	laws := []transcode.Law{agreed.Law}
	chosen, err := chooseStream(last, laws)
	if err != nil || len(answer.Media) <= chosen {
		return Negotiated{}, ErrNoAudio
	}
	stream := Session{Media: answer.Media[chosen : chosen+1]}
	if _, err := chooseStream(&stream, laws); err != nil {
		return Negotiated{}, err
	}
	return agree(&stream.Media[0], laws)
}
