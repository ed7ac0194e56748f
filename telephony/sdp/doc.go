// Package sdp reads session descriptions and answers them: pure functions, no
// sockets, no clock.
//
// A description arrives in an INVITE and says what the caller can do; the answer
// names the one thing both sides will do (RFC 3264). Only G.711 audio is ever
// accepted, over RTP or, with keys in the description (SDES, RFC 4568), over SRTP.
// Everything else in the offer — video, T.38, DTLS — is refused line by line with
// port 0, in the order it was offered, which is what keeps carriers that always
// offer fax happy.
//
//	offer                               answer
//	─────                               ──────
//	c=IN IP4 203.0.113.7                c=IN IP4 198.51.100.2
//	m=audio 40000 RTP/AVP 8 0 101  ──►  m=audio 20002 RTP/AVP 8 101   first usable codec, their numbers
//	a=rtpmap:101 telephone-event/8000   a=rtpmap:101 telephone-event/8000
//	a=crypto:1 AES_CM… inline:k₁   ──►  a=crypto:1 AES_CM… inline:k₂  each side's own key, one line of theirs
//	a=sendonly                     ──►  a=recvonly                    mirrored (hold)
//	c=IN IP4 0.0.0.0               ──►  a=inactive                    hold, as it once was written
//	m=image 40002 udptl t38        ──►  m=image 0 udptl t38           refused, same place
//
// The reader is a line scanner that keeps what it needs and steps over the rest,
// because real trunks leave out s= and t=, end without a newline and put
// attributes in any order. It is strict only where a guess could harm the call:
// an m= line that cannot be read, a size beyond the limits.
package sdp
