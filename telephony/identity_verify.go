package telephony

import (
	"cmp"
	"slices"
	"strings"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// Verification is what the trunk found out about the caller's number (STIR/SHAKEN: RFC
// 8224, ATIS-1000074). It is the trunk's word; we check no signature.
type Verification struct {
	Status VerificationStatus // NotVerified unless the trunk says otherwise

	// Attestation is what the caller's carrier vouches for: "A" that the caller may use the
	// number, "B" that it knows the caller, "C" that it took the call in; "" when nobody says.
	Attestation string
}

// VerificationStatus is the result of a verification.
type VerificationStatus string

// The results.
const (
	NotVerified VerificationStatus = "none" // nobody looked, or there was nothing to look at
	Passed      VerificationStatus = "passed"
	Failed      VerificationStatus = "failed" // somebody may be pretending
)

// verified reads the places where carriers put the result: verstat as a parameter of the
// number (3GPP TS 24.229 §7.2A.20) or of the header, in P-Asserted-Identity and in From, and
// headers of their own. One failure outweighs everything else.
func verified(r *sipua.Request) Verification {
	v := Verification{Status: NotVerified}
	for _, name := range []string{"P-Attestation-Indicator", "Attestation-Info"} {
		for _, text := range r.Headers(name) {
			v.Attestation = cmp.Or(v.Attestation, attestation(text))
		}
	}
	for _, text := range callerParams(r, "attestation-indicator") {
		v.Attestation = cmp.Or(v.Attestation, attestation(text))
	}
	for _, text := range slices.Concat(r.Headers("X-Twilio-VerStat"), callerParams(r, "verstat")) {
		status, level := verstat(text)
		if v.Status != Failed && status != NotVerified {
			v.Status = status
		}
		v.Attestation = cmp.Or(v.Attestation, level)
	}
	return v
}

// callerParams are the values of a parameter wherever the addresses of the caller have it.
func callerParams(r *sipua.Request, name string) []string {
	values := append(readValues(r.Headers("P-Asserted-Identity")), readValues(r.Headers("From"))...)
	values = append(values, value{uri: r.From.URI})
	var all []string
	for _, v := range values {
		for _, list := range []string{userParams(v.uri.User), v.params, v.header} {
			if text, ok := param(list, name); ok {
				all = append(all, text)
			}
		}
	}
	return all
}

// verstat reads "TN-Validation-Passed", which may end in the attestation ("…-Passed-A").
func verstat(text string) (VerificationStatus, string) {
	words := strings.ToLower(strings.TrimSpace(text))
	for _, result := range []struct {
		word   string
		status VerificationStatus
	}{{"tn-validation-passed", Passed}, {"tn-validation-failed", Failed}} {
		if rest, ok := strings.CutPrefix(words, result.word); ok && (rest == "" || rest[0] == '-') {
			return result.status, attestation(strings.TrimPrefix(rest, "-"))
		}
	}
	return NotVerified, ""
}

func attestation(text string) string {
	switch level := strings.ToUpper(strings.TrimSpace(text)); level {
	case "A", "B", "C":
		return level
	}
	return ""
}
