package supervisor

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// The cookies.
const (
	sessionCookie = "trunkline"      // who is signed in
	flowCookie    = "trunkline-oidc" // a sign-in by OpenID Connect that is under way
	maxCookie     = 3800             // bytes of the value: browsers take 4096 with name and attributes
)

// cookieName is the name as it is sent. With the prefix __Host- browsers let no other host and no plain HTTP set the
// cookie. Plain HTTP there is on this machine only; some browsers refuse the prefix there.
func cookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

// setCookie gives the browser a cookie for some seconds; 0 is until it is closed, and less takes the cookie away.
func setCookie(w http.ResponseWriter, name, value string, seconds int, secure bool) {
	http.SetCookie(w, &http.Cookie{Name: cookieName(name, secure), Value: value, Path: "/", MaxAge: seconds,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// sealer makes values into text that only it can read or make (AES-256-GCM). Static.
type sealer struct{ aead cipher.AEAD }

// newSealer derives a key for one purpose: what is sealed for another does not open.
func newSealer(key []byte, purpose string) *sealer {
	derived, err := hkdf.Key(sha256.New, key, nil, purpose, 32)
	if err != nil {
		panic(err) // only for lengths that 32 is not
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic(err) // likewise
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES fits
	}
	return &sealer{aead}
}

// seal never fails: what it is given is ours.
func (s *sealer) seal(v any) string {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err) // values without channels and functions marshal
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, nil))
}

// open reports whether the text was made by seal with the same key, and fills v then.
func (s *sealer) open(text string, v any) bool {
	if len(text) > maxCookie {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields() // one day's session is not another's
	return d.Decode(v) == nil
}
