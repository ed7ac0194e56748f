package sdp

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Key is the master key and master salt of one direction, in this order as they stand
// behind "inline:" (RFC 4568 §6.1). It does not print: whoever logs a description that
// was read logs no secret. Two keys are equal when ==.
type Key struct{ material string }

// NewKey makes a key of master key and salt.
func NewKey(material []byte) Key { return Key{string(material)} }

// Material is master key and salt, one behind the other.
func (k Key) Material() string { return k.material }

// redacted is what a key looks like to everybody.
const redacted = "[key]"

// Format implements fmt.Formatter, for every verb and as a field of other structs too.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// inline is the key as it is written in SDP.
func (k Key) inline() string { return base64.StdEncoding.EncodeToString([]byte(k.material)) }

// Keys makes our keys of one call: one for each suite, and for a suite always the same,
// so that a refresh says what was said before (RFC 4568 §7.1.4). Copies make the same
// keys. It does not print either.
type Keys struct {
	seed    [sha256.Size]byte
	retired [len(suites)]uint32 // how many keys of each suite are used up
}

// NewKeys returns the keys of a new call.
func NewKeys() Keys {
	var k Keys
	_, _ = rand.Read(k.seed[:]) // never fails
	return k
}

// Key is our present key for a suite that is known.
func (k Keys) Key(s Suite) Key {
	i := s.index()
	if i < 0 {
		return Key{}
	}
	info := fmt.Sprintf("%s %d", s, k.retired[i])
	material, err := hkdf.Expand(sha256.New, k.seed[:], info, s.keyLen())
	if err != nil { // only for a length beyond 255 hashes
		panic(err)
	}
	return Key{string(material)}
}

// Retire uses up the key of a suite that is not in force any more. Should the call come
// back to the suite its packets would count from the beginning, and a key must never
// encrypt two packets of one number (RFC 3711 §9.1).
func (k *Keys) Retire(s Suite) {
	if i := s.index(); i >= 0 {
		k.retired[i]++
	}
}

// Format implements fmt.Formatter.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (k Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
