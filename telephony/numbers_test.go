package telephony

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/trunkline/trunkline/telephony/sipua"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"+15551230001":                      "+15551230001",
		"%2B15551230001":                    "+15551230001",
		"%2b49-(30)-123.456":                "+4930123456",
		"+49 30 123456":                     "+4930123456",
		"0049301234567":                     "+49301234567",
		"00301":                             "00301",
		"000493012345":                      "000493012345",
		"0301234567":                        "0301234567",
		"15551230001":                       "15551230001",
		"+15551230001;npdi;rn=+15550000":    "+15551230001",
		"+15551230001;verstat=TN-Passed":    "+15551230001",
		"7042;phone-context=+1-201-555":     "+12015557042",
		"7042;phone-context=example.com":    "7042",
		"+7042;phone-context=+1":            "+7042",
		"*31#5551":                          "*31#5551",
		"%2331%23":                          "#31#",
		"front-desk":                        "front-desk",
		"front.desk;x=1":                    "front.desk",
		"alice%20smith":                     "alice%20smith",
		"a%00b":                             "a%00b",
		"%zz%2":                             "%zz%2",
		"":                                  "",
		"+":                                 "+",
		"123456789012345678901234567890123": "123456789012345678901234567890123",
	} {
		if got := normalise(in); got != want {
			t.Errorf("normalise(%q) = %q, want %q", in, got, want)
		}
	}
}

func address(display, user, host string) sipua.Address {
	return sipua.Address{Display: display, URI: sipua.URI{Scheme: "sip", User: user, Host: host}}
}

func TestIdentify(t *testing.T) {
	base := sipua.Request{
		RequestURI: sipua.URI{Scheme: "sip", User: "+15551230001", Host: "x"},
		From:       address("Alice\x07", "+15557654321", "y"), To: address("", "2000", "x"),
	}
	for name, tc := range map[string]struct {
		edit    func(*sipua.Request)
		headers map[string]string
		trunk   Trunk
		want    identity
	}{
		"plain":      {want: identity{"+15557654321", "Alice", "+15551230001"}},
		"account":    {edit: func(r *sipua.Request) { r.RequestURI.User = "" }, want: identity{"+15557654321", "Alice", "2000"}},
		"tel":        {edit: func(r *sipua.Request) { r.RequestURI = sipua.URI{Scheme: "tel", User: "+1-555-9;isub=1"} }, want: identity{"+15557654321", "Alice", "+15559"}},
		"asserted":   {headers: map[string]string{"P-Asserted-Identity": `"Bob" <sip:bob@x>, <tel:+4930123>`}, want: identity{"+4930123", "", "+15551230001"}},
		"distrusted": {headers: map[string]string{"P-Asserted-Identity": `<tel:+4930123>`}, trunk: Trunk{DistrustIdentity: true}, want: identity{"+15557654321", "Alice", "+15551230001"}},
		"name only":  {headers: map[string]string{"P-Asserted-Identity": `"Bob" <sip:bob@x>`}, want: identity{"bob", "Bob", "+15551230001"}},
		"broken":     {headers: map[string]string{"P-Asserted-Identity": `<`}, want: identity{"+15557654321", "Alice", "+15551230001"}},
		"private":    {headers: map[string]string{"P-Asserted-Identity": `<tel:+4930123>`, "Privacy": "critical; id"}, want: identity{"", "", "+15551230001"}},
		"not really": {headers: map[string]string{"Privacy": "none"}, want: identity{"+15557654321", "Alice", "+15551230001"}},
		"anonymous":  {edit: func(r *sipua.Request) { r.From = address("Anonymous", "anonymous", "anonymous.invalid") }, want: identity{"", "", "+15551230001"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := base
			if tc.edit != nil {
				tc.edit(&r)
			}
			r.HeaderMap = make(map[string][]string)
			for name, value := range tc.headers {
				r.HeaderMap[strings.ToLower(name)] = []string{value}
			}
			if got := identify(&r, &tc.trunk); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{"+15551230001": "********0001", "123": "***", "": "", "front-desk": "(name)"} {
		if got := mask(in); got != want {
			t.Errorf("mask(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzNumbers holds callers' text to what the rest of the program relies on.
func FuzzNumbers(f *testing.F) {
	f.Add("+49-30;phone-context=+1", "Bob")
	f.Add("%2B1%", "\xff\x00 x")
	f.Fuzz(func(t *testing.T, user, display string) {
		n := normalise(user)
		if len(n) > len(user) && !isNumber(n) {
			t.Errorf("%q grew into %q", user, n)
		}
		if m := mask(n); len(m) > 4 && m != "(name)" && len(m) != len(n) {
			t.Errorf("mask(%q) = %q", n, m)
		}
		if name := displayName(display); !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName {
			t.Errorf("display name %q", name)
		}
	})
}
