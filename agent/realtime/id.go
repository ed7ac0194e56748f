package realtime

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxID is the length that servers bear; they refuse longer ids of items and calls, and odd characters in them.
const maxID = 32

// ValidID reports that every server accepts id as the id of an item or of a function call: 1 to 32 characters of
// A-Z, a-z, 0-9, _ and -.
func ValidID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		if !idByte(c) {
			return false
		}
	}
	return true
}

func idByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// digest is how many hex digits of an id tell one seed from another: 64 bits, far more than a call has items.
const digest = 16

// ShortID makes a valid id that begins with prefix, or with as much of it as is valid, and stands for seed. The same two
// always make the same id, so a function call and its output that carry an id no server would take back find each other
// again in a new session.
func ShortID(prefix, seed string) string {
	id := make([]byte, 0, maxID)
	for _, c := range []byte(prefix) {
		if idByte(c) && len(id) < maxID-digest {
			id = append(id, c)
		}
	}
	sum := sha256.Sum256([]byte(seed))
	return string(hex.AppendEncode(id, sum[:digest/2]))
}
