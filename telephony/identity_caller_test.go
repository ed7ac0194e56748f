package telephony

import (
	"testing"

	"github.com/trunkline/trunkline/telephony/sipua"
)

func TestCaller(t *testing.T) {
	from := func(a sipua.Address, headers ...string) *sipua.Request {
		r := invite(headers...)
		r.From = a
		return r
	}
	const asserted = "P-Asserted-Identity: "
	const remote = "Remote-Party-ID: "
	nobody := address("Anonymous", "anonymous", "anonymous.invalid")
	distrusted := Trunk{DistrustIdentity: true}
	for name, tc := range map[string]struct {
		r            *sipua.Request
		trunk        Trunk
		number, name string
	}{
		"plain":                    {invite(), Trunk{}, "+15557654321", "Alice"},
		"plan":                     {from(address("", "030123456", "x")), Trunk{Numbers: Numbers{Country: "49", National: "0"}}, "+4930123456", ""},
		"number before name":       {invite(asserted + `"Bob" <sip:bob@x>, <tel:+4930123>`), Trunk{}, "+4930123", "Bob"},
		"in two lines":             {invite(asserted+`<sip:bob@x>`, asserted+`<sip:+4930123@x;user=phone>`), Trunk{}, "+4930123", "Alice"},
		"name only":                {invite(asserted + `"Bob" <sip:bob@x>`), Trunk{}, "bob", "Bob"},
		"name of the caller's own": {invite(asserted + `<tel:+49-30-123>`), Trunk{}, "+4930123", "Alice"},
		"broken":                   {invite(asserted + `<`), Trunk{}, "+15557654321", "Alice"},
		"without user":             {invite(asserted + `<sip:carrier.example>`), Trunk{}, "+15557654321", "Alice"},
		"distrusted":               {invite(asserted+`<tel:+4930123>`, remote+`<sip:+4930456@x>`), distrusted, "+15557654321", "Alice"},
		"preferred says nothing":   {invite("P-Preferred-Identity: <tel:+4930123>"), Trunk{}, "+15557654321", "Alice"},
		"with verstat":             {invite(asserted + `<sip:+4930123;verstat=TN-Validation-Passed@x>`), Trunk{}, "+4930123", "Alice"},

		"remote party":          {invite(remote + `"Bob" <sip:+4930456@x>;party=calling;screen=yes;privacy=off`), Trunk{}, "+4930456", "Bob"},
		"remote party, called":  {invite(remote + `<sip:+4930456@x>;party=called`), Trunk{}, "+15557654321", "Alice"},
		"remote party, second":  {invite(remote + `<sip:+1@x>;party=called, <sip:+4930456@x>;party=Calling`), Trunk{}, "+4930456", "Alice"},
		"asserted before":       {invite(remote+`<sip:+4930456@x>`, asserted+`<tel:+4930123>`), Trunk{}, "+4930123", "Alice"},
		"remote party, full":    {invite(remote + `"Bob" <sip:+4930456@x>;privacy=full;party=calling`), Trunk{}, "", ""},
		"remote party, uri":     {invite(remote + `"Bob" <sip:+4930456@x>;privacy=uri`), Trunk{}, "", "Bob"},
		"remote party, name":    {invite(remote + `"Bob" <sip:+4930456@x>;privacy=name`), Trunk{}, "+4930456", ""},
		"wish of the untrusted": {invite(remote + `<sip:+4930456@x>;privacy=full`), distrusted, "", ""},
		"wish beside asserted":  {invite(remote+`<sip:+4930456@x>;privacy=full`, asserted+`<tel:+4930123>`), Trunk{}, "", ""},

		"id":                  {invite(asserted+`<tel:+4930123>`, "Privacy: critical; id"), Trunk{}, "", ""},
		"user":                {invite("Privacy: USER"), Trunk{}, "", ""},
		"header":              {invite("Privacy: session;header"), Trunk{}, "", ""},
		"full":                {invite("Privacy: full"), Trunk{}, "", ""},
		"two lines":           {invite("Privacy: none", "Privacy: id"), Trunk{}, "", ""},
		"commas":              {invite("Privacy: session, id"), Trunk{}, "", ""},
		"none":                {invite("Privacy: none"), Trunk{}, "+15557654321", "Alice"},
		"history alone":       {invite("Privacy: history"), Trunk{}, "+15557654321", "Alice"},
		"anonymous":           {from(nobody), Trunk{}, "", ""},
		"anonymous host":      {from(address("", "x", "Anonymous.invalid.")), Trunk{}, "", ""},
		"restricted":          {from(address("", "Restricted", "carrier.example")), Trunk{}, "", ""},
		"unavailable":         {from(address("", "unavailable", "unknown.invalid")), Trunk{}, "", ""},
		"anonymous, asserted": {from(nobody, asserted+`<tel:+4930123>`), Trunk{}, "", ""},
		"asserted, and none":  {from(nobody, asserted+`"Bob" <tel:+4930123>`, "Privacy: none"), Trunk{}, "+4930123", "Bob"},
		"asserted anonymous":  {invite(asserted + `"Anonymous" <sip:anonymous@anonymous.invalid>`), Trunk{}, "", ""},
	} {
		number, display := caller(tc.r, &tc.trunk)
		if number != tc.number || display != tc.name {
			t.Errorf("%s: %q %q, want %q %q", name, number, display, tc.number, tc.name)
		}
	}
}
