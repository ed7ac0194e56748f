package trunkline

import (
	"strings"

	"github.com/trunkline/trunkline/telephony"
)

// The words in which records and prompts say where a call comes from.

// forwardings names who passed the call on, the number that was called first at the front: "+49301 (no-answer), +49302 (away)".
func forwardings(list []telephony.Forward) string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = withheld(f.Number) + " (" + f.Reason + ")"
	}
	return strings.Join(words, ", ")
}

// firstCalled is the number that was called before all that; "" when nobody passed the call on.
func firstCalled(list []telephony.Forward) string {
	if len(list) == 0 {
		return ""
	}
	return withheld(list[0].Number)
}

func withheld(number string) string {
	if number == "" {
		return "unknown"
	}
	return number
}

// verification is what the trunk says of the caller's number: "passed A", "failed"; "" when it says nothing.
func verification(v telephony.Verification) string {
	if v.Status == telephony.NotVerified && v.Attestation == "" {
		return ""
	}
	return strings.TrimSpace(string(v.Status) + " " + v.Attestation)
}

func direction(info telephony.CallInfo) string {
	if info.Outbound {
		return "out"
	}
	return ""
}
