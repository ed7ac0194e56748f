package telephony

import (
	"strings"
	"testing"

	"github.com/trunkline/trunkline/telephony/sipua"
)

func TestReadValues(t *testing.T) {
	sip := func(user, host string) sipua.URI { return sipua.URI{Scheme: "sip", User: user, Host: host} }
	for in, want := range map[string][]value{
		`"Bob, \"the\" <man>" <sip:+49;npdi@h:5060;cause=302?A=b>;x="1;2";y`: {{name: `Bob, "the" <man>`, uri: sip("+49;npdi", "h"),
			params: "cause=302", headers: "A=b", header: `x="1;2";y`}},
		`<sip:a@h>,  <tel:+4930;ext=1> ;p`: {{uri: sip("a", "h")}, {uri: sipua.URI{Scheme: "tel", User: "+4930;ext=1"}, header: "p"}},
		`Bob <SIPS:a:secret@[::1]:5061>`:   {{name: "Bob", uri: sipua.URI{Scheme: "sips", User: "a", Host: "[::1]"}}},
		`sip:+49;x=1@h;reason=away`:        {{uri: sip("+49;x=1", "h"), header: "reason=away"}},
		`sip:h;p`:                          {{uri: sip("", "h"), header: "p"}},
		`tel:112`:                          {{uri: sipua.URI{Scheme: "tel", User: "112"}}},
		`<sip:a@b@h>`:                      {{uri: sip("a@b", "h")}},
		`<sip:a@>, <http://h>, <sip:>, <tel:>, <>, <sip:a@h, x, "`: nil,
		`, ,<sip:a@h>`: {{uri: sip("a", "h")}},
		"":             nil,
	} {
		got := readValues([]string{in})
		if len(got) != len(want) {
			t.Errorf("%s: %+v", in, got)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s:\n got %+v\nwant %+v", in, got[i], want[i])
			}
		}
	}
	if got := readValues([]string{strings.Repeat("<sip:a@h>,", 500), "<sip:b@h>"}); len(got) != maxValues {
		t.Errorf("read %d values", len(got))
	}
}

func TestParam(t *testing.T) {
	const list = ` a = 1 ;B;c="x;\"y\"";;a=2`
	for name, want := range map[string]string{"A": "1", "b": "", "C": `x;"y"`} {
		if got, ok := param(list, name); got != want || !ok {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if _, ok := param(list, "x"); ok {
		t.Error("found what is not there")
	}
}

func TestDisplayName(t *testing.T) {
	for in, want := range map[string]string{
		" Alice\x07\r\n ":                     "Alice",
		"\xffBob\u0085":                       "Bob",
		strings.Repeat("ä", 70):               strings.Repeat("ä", 64),
		strings.Repeat("x", 63) + " " + "yyy": strings.Repeat("x", 63),
		"":                                    "",
	} {
		if got := displayName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
