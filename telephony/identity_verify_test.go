package telephony

import "testing"

func TestVerified(t *testing.T) {
	const asserted = "P-Asserted-Identity: "
	const passed, failed, none = "TN-Validation-Passed", "TN-Validation-Failed", "No-TN-Validation"
	for name, tc := range map[string]struct {
		headers []string
		user    string
		want    Verification
	}{
		"nothing":              {nil, "+1", Verification{Status: NotVerified}},
		"of the number":        {[]string{asserted + `<sip:+1555;verstat=` + passed + `@x>`}, "+1", Verification{Status: Passed}},
		"of the header":        {[]string{asserted + `<sip:+1555@x>;verstat=` + passed}, "+1", Verification{Status: Passed}},
		"of the address":       {[]string{asserted + `<sip:+1555@x;user=phone;verstat=` + failed + `>`}, "+1", Verification{Status: Failed}},
		"of a tel":             {[]string{asserted + `<tel:+1555;VERSTAT="tn-validation-passed">`}, "+1", Verification{Status: Passed}},
		"in From":              {nil, "+1;verstat=" + passed, Verification{Status: Passed}},
		"in From's header":     {[]string{`From: "x" <sip:+1@x>;tag=1;verstat=` + passed}, "+1", Verification{Status: Passed}},
		"Twilio":               {[]string{"X-Twilio-VerStat: TN-Validation-Passed-B"}, "+1", Verification{Passed, "B"}},
		"attested":             {[]string{"P-Attestation-Indicator: a", asserted + `<sip:+1;verstat=` + passed + `@x>`}, "+1", Verification{Passed, "A"}},
		"attested alone":       {[]string{"P-Attestation-Indicator: C"}, "+1", Verification{NotVerified, "C"}},
		"attested, nonsense":   {[]string{"P-Attestation-Indicator: AAA"}, "+1", Verification{NotVerified, ""}},
		"attested in place":    {[]string{asserted + `<sip:+1;verstat=` + passed + `;Attestation-Indicator=B;Origination-ID=9f1c@x>`}, "+1", Verification{Passed, "B"}},
		"attested, 3GPP":       {[]string{"Attestation-Info: C", asserted + `<sip:+1@x>;verstat=` + passed}, "+1", Verification{Passed, "C"}},
		"none":                 {[]string{asserted + `<sip:+1;verstat=` + none + `@x>`}, "+1", Verification{Status: NotVerified}},
		"another word":         {[]string{"X-Twilio-VerStat: TN-Validation-PassedOver"}, "+1", Verification{Status: NotVerified}},
		"one failure":          {[]string{asserted + `<sip:+1;verstat=` + failed + `@x>`, "X-Twilio-VerStat: " + passed + "-A"}, "+1;verstat=" + passed, Verification{Failed, "A"}},
		"none does not undo":   {[]string{"X-Twilio-VerStat: " + passed, asserted + `<sip:+1;verstat=` + none + `@x>`}, "+1", Verification{Status: Passed}},
		"origin is not needed": {[]string{"P-Origination-ID: 9f1c"}, "+1", Verification{Status: NotVerified}},
	} {
		r := invite(tc.headers...)
		r.From.URI.User = tc.user
		if got := identify(r, &Trunk{}).verified; got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
		if got := identify(r, &Trunk{DistrustIdentity: true}).verified; got != (Verification{Status: NotVerified}) {
			t.Errorf("%s, distrusted: %+v", name, got)
		}
	}
}
