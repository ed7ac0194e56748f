package sipua

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
)

// The arithmetic of Digest, the same for both sides (RFC 3261 §22.4, RFC 7616, RFC 8760):
//
//	A1       = H(user ":" realm ":" password)
//	A2       = H(method ":" uri)
//	response = H(A1 ":" nonce ":" nc ":" cnonce ":" "auth" ":" A2)   with qop
//	response = H(A1 ":" nonce ":" A2)                               without
//
// MD5 is broken as a hash, but not in this use; there are still trunks with nothing else.

// maxDigest bounds the headers that are taken apart, in bytes.
const maxDigest = 2048

// digestHash is the hash function of an algorithm name, nil for one that we do not have.
// The variants ending in "-sess" are among those: no SIP peer asks for them alone.
func digestHash(algorithm string) func() hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "", "MD5":
		return md5.New
	case "SHA-256":
		return sha256.New
	case "SHA-512-256":
		return sha512.New512_256
	}
	return nil
}

// digestInput is everything that a response is computed from.
type digestInput struct {
	algorithm              string
	user, realm, password  string
	nonce, nc, cnonce, qop string // nc, cnonce and qop are "" without qop
	method, uri            string
}

// response computes the value that proves the password; "" for an unknown algorithm.
func (d digestInput) response() string {
	newHash := digestHash(d.algorithm)
	if newHash == nil {
		return ""
	}
	h := func(parts ...string) string {
		sum := newHash()
		sum.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum.Sum(nil))
	}
	a1, a2 := h(d.user, d.realm, d.password), h(d.method, d.uri)
	if d.qop == "" {
		return h(a1, d.nonce, a2)
	}
	return h(a1, d.nonce, d.nc, d.cnonce, d.qop, a2)
}

// parseDigest takes a challenge or an answer apart: the parameters by lower-case name,
// without quotes. It is false for another scheme, for a repeated parameter and for
// anything that is not a list of name=value.
func parseDigest(value string) (map[string]string, bool) {
	scheme, list, _ := strings.Cut(strings.TrimSpace(value), " ")
	if len(value) > maxDigest || !strings.EqualFold(scheme, "digest") {
		return nil, false
	}
	params := make(map[string]string)
	for _, one := range splitOutside(list, ',') {
		name, text, ok := strings.Cut(one, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; !ok || twice || name == "" {
			return nil, false
		}
		params[name] = unquote(text)
	}
	return params, true
}

// quoted is a quoted-string of RFC 3261 §25.1.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(s)) + `"`
}

// offersAuth reports whether a list of qop values holds "auth".
func offersAuth(qop string) bool {
	return slices.ContainsFunc(strings.Split(qop, ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), "auth")
	})
}
