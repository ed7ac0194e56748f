package sdp

import "strings"

// Suite is an SRTP crypto suite by its registered name (RFC 4568 §6.2, RFC 6188 §4.1,
// RFC 7714 §14.2). The empty one is plain RTP.
type Suite string

// The suites that can be agreed on.
const (
	AES128CMSHA80 Suite = "AES_CM_128_HMAC_SHA1_80" // what every peer knows
	AES128CMSHA32 Suite = "AES_CM_128_HMAC_SHA1_32" // SRTCP keeps the tag of 80 bits
	AES256CMSHA80 Suite = "AES_256_CM_HMAC_SHA1_80"
	AES256CMSHA32 Suite = "AES_256_CM_HMAC_SHA1_32"
	AES128GCM     Suite = "AEAD_AES_128_GCM"
	AES256GCM     Suite = "AEAD_AES_256_GCM"
)

// suites lists them with the bytes of master key and master salt.
var suites = [...]struct {
	name      Suite
	key, salt int
}{
	{AES128CMSHA80, 16, 14},
	{AES128CMSHA32, 16, 14},
	{AES256CMSHA80, 32, 14},
	{AES256CMSHA32, 32, 14},
	{AES128GCM, 16, 12},
	{AES256GCM, 32, 12},
}

// offeredSuites are those of our offers, the strongest first; the short tag is for old
// phones that know nothing else. AES-256 in counter mode is left out: whoever has it also
// has one of these, and a line more costs 100 bytes of a datagram that is full already.
var offeredSuites = []Suite{AES256GCM, AES128GCM, AES128CMSHA80, AES128CMSHA32}

// allSuites are those of answers.
var allSuites = func() (all []Suite) {
	for _, s := range suites {
		all = append(all, s.name)
	}
	return all
}()

// index is the suite's place in suites, -1 for one that is not known.
func (s Suite) index() int {
	for i := range suites {
		if suites[i].name == s {
			return i
		}
	}
	return -1
}

// keyLen is the length of master key and salt together, 0 for a suite that is not known.
func (s Suite) keyLen() int {
	if i := s.index(); i >= 0 {
		return suites[i].key + suites[i].salt
	}
	return 0
}

// parseSuite finds a suite by its name in any case: some peers do not mind it.
func parseSuite(name string) (Suite, bool) {
	for i := range suites {
		if strings.EqualFold(string(suites[i].name), name) {
			return suites[i].name, true
		}
	}
	return "", false
}

// Policy says what becomes of encryption.
type Policy uint8

// The three policies.
const (
	// Optional encrypts when the peer can, and goes on in the clear when it cannot: RTP/SAVP
	// is answered as such, and keys under RTP/AVP are taken (RFC 8643).
	Optional Policy = iota
	// Required refuses streams without usable keys.
	Required
	// Off passes keys over, and refuses RTP/SAVP.
	Off
)

// String is "optional", "required" or "off".
func (p Policy) String() string {
	return [...]string{"optional", "required", "off"}[min(p, Off)]
}
