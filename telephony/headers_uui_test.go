package telephony

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestUserToUser(t *testing.T) {
	for in, want := range map[string]string{
		"414243;encoding=hex":                        "ABC",
		"0441 ;encoding=hex":                         "A",
		`"414243" ; Encoding="HEX";purpose=isdn-uui`: "ABC",
		"04c3a4;encoding=hex":                        "ä",
		"order%2017;encoding=ascii":                  "order%2017",
		`"order; 17";encoding=ascii;content=x`:       "order; 17",
		`"said \"yes\""`:                             `said "yes"`,
		"414243":                                     "414243",
		"414243;purpose=isdn-uui":                    "414243;purpose=isdn-uui",
		"41424;encoding=hex":                         "41424;encoding=hex",
		"04;encoding=hex":                            "04;encoding=hex",
		"00ff;encoding=hex":                          "00ff;encoding=hex",
		"410d0a42;encoding=hex":                      "410d0a42;encoding=hex",
		"":                                           "",
		strings.Repeat("41", 3) + ";encoding=hex;x=y;;": "AAA",
	} {
		if got := userToUser(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzUserToUser: what is decoded is text, or the value as it was.
func FuzzUserToUser(f *testing.F) {
	f.Add("0441;encoding=hex")
	f.Add("\"a;\\\"b\";encoding=ascii")
	f.Fuzz(func(t *testing.T, s string) {
		if got := userToUser(s); got != s && (got == "" || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl)) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
