package redact

import (
	"encoding/json"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
)

var digitRun = regexp.MustCompile(`[0-9]+`)

// leaks finds a whole card number in what was written.
func leaks(s string) string {
	for _, d := range digitRun.FindAllString(s, -1) {
		if len(d) == 16 && luhn([]byte(d)) {
			return d
		}
	}
	return ""
}

func FuzzText(f *testing.F) {
	all, _ := talks(f)
	for _, k := range all {
		for _, e := range k.lines {
			f.Add(words(e), len(words(e))/2)
		}
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		for _, phones := range []bool{false, true} {
			rules := Default()
			rules.Phones = phones
			got := rules.Call().Text(text)
			if d := leaks(got); d != "" {
				t.Fatalf("%q keeps %s", got, d)
			}
			if utf8.ValidString(text) && !utf8.ValidString(got) {
				t.Fatalf("%q is broken", got)
			}
			if twice := rules.Call().Text(got); !phones && twice != got {
				t.Fatalf("%q twice: %q, %q", text, got, twice)
			}
			if n < 0 || n > len(text) {
				n = 0
			}
			call := rules.Call()
			e := call.Entries([]store.Entry{{Kind: store.KindTurn, Role: store.RoleAgent, Text: text, Heard: text[:n]},
				{Kind: store.KindTurn, Role: store.RoleAgent, Text: text[n:]}})
			if d := leaks(e[0].Text) + leaks(e[0].Heard) + leaks(e[1].Text); d != "" {
				t.Fatalf("a line keeps %s", d)
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	all, _ := talks(f)
	for _, k := range all {
		for _, e := range k.lines {
			f.Add(e.Arguments + e.Result)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Default().Call().value(text)
		if json.Valid([]byte(text)) && !json.Valid([]byte(got)) {
			t.Fatalf("%q is no JSON, it was %q", got, text)
		}
		if d := leaks(got); d != "" {
			t.Fatalf("%q keeps %s", got, d)
		}
	})
}
