package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// CallerKey is the name under which the calls of a caller are indexed: an HMAC-SHA256 of the number, cut to 128 bits, in
// hex. Numbers are so few that a plain hash could be reversed by trying them all; with a secret it cannot.
func CallerKey(secret []byte, caller string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(normalCaller(caller)))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// SameCaller reports whether two spellings mean one caller: "+1 (555) 123-0001" is "+15551230001".
func SameCaller(a, b string) bool { return normalCaller(a) == normalCaller(b) }

// normalCaller drops the visual separators of RFC 3966 §3 and blanks.
func normalCaller(caller string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()\t", r) {
			return -1
		}
		return r
	}, mended(caller))) // as the record is stored, so that Delete finds the index again
}
