package telephony

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/trunkline/trunkline/telephony/sipua"
)

func TestSippHeaders(t *testing.T) {
	infos := make(chan CallInfo, 1)
	trunk := Trunk{Name: "carrier", Sources: prefixes("127.0.0.0/8"), Headers: []string{"X-ACCOUNT", "user-to-user", "X-Absent", "Subject", "Call-ID"}}
	s := start(t, Config{Trunks: []Trunk{trunk}}, func(_ context.Context, c *Call) {
		infos <- c.Info()
		_ = c.Reject(486, "Busy Here", 0)
	})
	sipp(t, "headers", "udp", s, map[string]string{"account": "  42 ä \t"})
	info := recv(t, infos)
	want := map[string]string{"X-ACCOUNT": "42 ä", "user-to-user": "ABC", "Subject": "Call me back", "Call-ID": info.SIPCallID}
	if !maps.Equal(info.Headers, want) {
		t.Errorf("headers %q, want %q", info.Headers, want)
	}
}

func TestPickHeaders(t *testing.T) {
	r := &sipua.Request{HeaderMap: map[string][]string{"x-a": {"1", "2"}, "x-empty": {" \t"}, "from": {"x"}}}
	var many []string
	for c := 'a'; c <= 'z'; c++ {
		r.HeaderMap["x-many-"+string(c)] = []string{"v"}
		many = append(many, "X-Many-"+string(c))
	}
	if got := pickHeaders(r, []string{"X-A", "X-Empty", "X-No"}); !maps.Equal(got, map[string]string{"X-A": "1", "X-Empty": ""}) {
		t.Errorf("picked %q", got)
	}
	if got := pickHeaders(r, many); len(got) != maxHeaders || got["X-Many-a"] != "v" {
		t.Errorf("picked %d headers", len(got))
	}
	if got := pickHeaders(r, nil); got != nil {
		t.Errorf("picked %q", got)
	}
}

func TestHeaderText(t *testing.T) {
	for in, want := range map[string]string{
		" a\r\n b\x00\x7f\u0085c ":      "a bc",
		"\xff\xfea":                     "\uFFFDa",
		strings.Repeat("x", 300):        strings.Repeat("x", 256),
		strings.Repeat("x", 255) + "ää": strings.Repeat("x", 255),
		strings.Repeat("x", 255) + " y": strings.Repeat("x", 255),
		"":                              "",
	} {
		if got := headerText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestListsAreChecked(t *testing.T) {
	trunk := Trunk{Name: "a", Sources: prefixes("192.0.2.0/24")}
	for _, name := range []string{"Authorization", "PROXY-Authorization", "From", "to", "f", "T", "", "X Y", "X:", "X\r\n", "Ä"} {
		trunk := trunk
		trunk.Headers = []string{"X-Good", name}
		var config *ConfigError
		if err := (Config{Trunks: []Trunk{trunk}}).check(); !errors.As(err, &config) || !strings.Contains(err.Error(), "trunks[0].headers") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, pattern := range []string{"", " +49*", "+49*\n"} {
		trunk := trunk
		trunk.Transfers = []string{"112", pattern}
		if err := (Config{Trunks: []Trunk{trunk}}).check(); err == nil || !strings.Contains(err.Error(), "trunks[0].transfers[1]") {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	trunk.Headers, trunk.Transfers = []string{"X-Account", "User-to-User"}, []string{"+49*", "sip:desk@pbx.test"}
	if err := (Config{Trunks: []Trunk{trunk}}).check(); err != nil {
		t.Error(err)
	}
}

// FuzzHeaderText: one line of valid text, short, and cleaning it again changes nothing.
func FuzzHeaderText(f *testing.F) {
	f.Add(" a\r\nb ")
	f.Add("\xff" + strings.Repeat("ä", 200) + " ")
	f.Fuzz(func(t *testing.T, s string) {
		got := headerText(s)
		if len(got) > maxHeaderBytes || !utf8.ValidString(got) || strings.IndexFunc(got, unicode.IsControl) >= 0 || strings.TrimSpace(got) != got {
			t.Fatalf("%q became %q", s, got)
		}
		if again := headerText(got); again != got {
			t.Fatalf("%q became %q and then %q", s, got, again)
		}
	})
}
