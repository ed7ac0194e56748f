package sdp

import (
	"bytes"
	"fmt"

	"github.com/trunkline/trunkline/transcode"
)

// offeredEvents is the payload type our offers give to telephone-event; nearly every
// peer uses the same number, which keeps captures readable.
const offeredEvents = 101

// Offer describes our end for a call that we start: the laws in order, digits, 20 ms. When
// encryption is required its profile is RTP/SAVP; when it is optional the keys stand under
// RTP/AVP, where a peer that knows none passes them over (RFC 8643 §3.1).
func Offer(local Local) []byte {
	var b bytes.Buffer
	writeHead(&b, local)
	fmt.Fprintf(&b, "m=audio %d %s", local.Port, profile(local.SRTP == Required))
	for _, law := range local.laws() {
		fmt.Fprintf(&b, " %d", law.PayloadType())
	}
	fmt.Fprintf(&b, " %d\r\n", offeredEvents)
	for _, law := range local.laws() {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", law.PayloadType(), lawName(law))
	}
	writeEvents(&b, offeredEvents)
	writeCrypto(&b, local.offered())
	fmt.Fprintf(&b, "a=ptime:%d\r\na=sendrecv\r\n", defaultPTime.Milliseconds())
	return b.Bytes()
}

// Negotiate reads the answer to Offer(local). An answer without a usable audio stream
// in the first place, with a codec or a key that was not offered, or in the clear when
// encryption is required, returns a *Refusal; the caller should then end the call.
func Negotiate(answer *Session, local Local) (Negotiated, error) {
	if len(answer.Media) == 0 {
		return Negotiated{}, ErrNoAudio
	}
	n, err := agreeAnswer(&answer.Media[0], local.offered(), local)
	n.RTCPMux = false // Offer did not ask for it
	return n, err
}

// Reoffer describes our end in the middle of a call whose other end asks for an offer
// (RFC 3261 §14.2): the streams of its last description in their places (RFC 3264 §8),
// the codec and the key in use, and both ways, because a hold of theirs is theirs to keep
// or to end. It returns nil if last holds no stream that could have been agreed on.
func Reoffer(last *Session, agreed Negotiated, local Local) []byte {
	chosen, err := chooseAgreed(last, agreed, local)
	if err != nil {
		return nil
	}
	agreed.Direction = SendRecv
	return describe(last, chosen, local, agreed)
}

// Renegotiate reads the answer to Reoffer(last, agreed, local). An answer that switches
// the stream off, leaves its place empty, or names another codec or key than ours returns
// a *Refusal.
func Renegotiate(answer, last *Session, agreed Negotiated, local Local) (Negotiated, error) {
	chosen, err := chooseAgreed(last, agreed, local)
	if err != nil || len(answer.Media) <= chosen {
		return Negotiated{}, ErrNoAudio
	}
	local.Laws = []transcode.Law{agreed.Law}
	n, err := agreeAnswer(&answer.Media[chosen], agreed.SRTP.line(), local)
	n.RTCPMux = n.RTCPMux && agreed.RTCPMux // Reoffer asked for what was agreed before
	return n, err
}

// chooseAgreed finds the stream of last that the call goes over.
func chooseAgreed(last *Session, agreed Negotiated, local Local) (int, error) {
	local.Laws = []transcode.Law{agreed.Law}
	return chooseStream(last, local)
}

// agreeAnswer works out the figures of an answered stream whose keys are among those
// that we offered.
func agreeAnswer(m *Media, offered []Crypto, local Local) (Negotiated, error) {
	if _, err := m.usable(local); err != nil {
		return Negotiated{}, err
	}
	srtp, err := m.agreed(offered)
	if err != nil {
		return Negotiated{}, err
	}
	n, err := agree(m, local.laws())
	n.SRTP = srtp
	return n, err
}
