package sdp

import (
	"errors"
	"fmt"
)

// ErrTooLarge is returned by Parse for a body beyond MaxBytes, MaxLines or MaxMedia.
var ErrTooLarge = errors.New("session description too large")

// SyntaxError says which line of a description could not be read. The line's text
// is left out on purpose: descriptions carry addresses and keys, errors get logged.
type SyntaxError struct {
	Line int    // 1-based
	What string // what was expected there
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("session description line %d: %s", e.Line, e.What)
}

// Refusal is an offer or answer that was understood and cannot be met. It carries
// the Warning header that belongs into the 488 response (RFC 3261 §20.43).
type Refusal struct {
	WarnCode int    // 3xx, the registry of RFC 3261 §27.2
	Text     string // English, safe to send to the peer
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

// The refusals that Answer and Negotiate return; compare with errors.Is.
var (
	ErrNoAudio   = &Refusal{304, "no audio stream is described"}
	ErrTransport = &Refusal{302, "audio is described only for a transport other than RTP/AVP"}
	ErrPlain     = &Refusal{399, "audio is described without encryption, which is required here"}
	ErrCrypto    = &Refusal{399, "no usable SRTP key is described"}
	ErrNoCodec   = &Refusal{305, "no G.711 codec in common"}
	ErrNoAddress = &Refusal{301, "no connection address for the audio stream"}
	ErrHostName  = &Refusal{301, "connection address is a host name, an IP address is required"}
)
