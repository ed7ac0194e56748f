package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestValues reads texts into every type of value and writes them again. "" as the result means refused.
func TestValues(t *testing.T) {
	for _, tt := range []struct {
		into  encoding.TextUnmarshaler
		texts map[string]string
	}{
		{new(Duration), map[string]string{
			"5s": "5s", "300ms": "300ms", "1h0m0s": "1h", "90m": "1h30m", "60s": "1m", "90s": "1m30s", "0s": "0s", "30d": "30d", "1d": "24h",
			"1d12h": "36h", "48h": "2d", "1.5h": "1h30m", "2µs": "2µs", "5": "", "0": "", "5.0": "", "-5s": "", "": "", "d": "", "xd": "",
			"-1d": "", "1h2d": "", "five": "", "9999999h": "", "99999d": "", "1e3": "", "inf": "", "NaN": "",
		}},
		{new(PortRange), map[string]string{
			"20000-20999": "20000-20999", "20000 - 20001": "20000-20001", "1024-65535": "1024-65535", "20001-20002": "", "20000-20000": "",
			"20001-20003": "20001-20003", "20999-20000": "", "20000": "", "0-0": "", "1023-2000": "", "20000-65536": "", "a-b": "", "": "", "1-2-3": "",
		}},
		{new(CIDR), map[string]string{
			"203.0.113.0/24": "203.0.113.0/24", "203.0.113.7": "203.0.113.7/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
			"::ffff:203.0.113.7": "203.0.113.7/32", "::ffff:203.0.113.0/120": "203.0.113.0/24", "::/0": "::/0", "0.0.0.0/0": "0.0.0.0/0",
			"203.0.113.1/24": "", "203.0.113.0/33": "", "fe80::1%eth0": "", "host": "", "": "", "203.0.113": "",
		}},
		{new(TokenLimit), map[string]string{"1": "1", "4096": "4096", "inf": "inf", "0": "", "-1": "", "4097": "", "": "", "1.5": ""}},
		{new(Host), map[string]string{
			"127.0.0.1": "127.0.0.1", "::1": "::1", "sip.example.com": "sip.example.com", "localhost": "localhost", "a_b.example": "a_b.example",
			"1.2.3": "", "host:5060": "", "-x": "", "a..b": "", "a b": "", "[::1]": "", strings.Repeat("a", 64): "", strings.Repeat("a.", 127): "",
		}},
		{new(HostPort), map[string]string{
			"127.0.0.1:0": "127.0.0.1:0", "[::1]:65535": "[::1]:65535", ":9090": ":9090", "localhost:1": "localhost:1",
			"127.0.0.1": "", "127.0.0.1:65536": "", "::1:1": "", ":http": "", ":-1": "",
		}},
		{new(ListenAddr), map[string]string{
			"udp://0.0.0.0:5060": "udp://0.0.0.0:5060", "tcp://[::]:0": "tcp://[::]:0", "udp://:5060": "udp://:5060",
			"tls://h:1": "tls://h:1", "sctp://h:1": "", "udp:h:1": "", "h:1": "", "udp://h": "", "UDP://h:1": "", "": "",
		}},
		{new(SIPURI), map[string]string{
			"sip:h": "sip:h", "sip:sip.example.com:5061;transport=tls": "sip:sip.example.com:5061;transport=tls", "sip:192.0.2.1": "sip:192.0.2.1",
			"sip:[2001:db8::1]": "sip:[2001:db8::1]", "sip:[::1]:5060;transport=udp": "sip:[::1]:5060;transport=udp", "sip:h;transport=tcp": "sip:h;transport=tcp",
			"sips:h": "", "h": "", "sip:": "", "sip:u@h": "", "sip:h:0": "", "sip:h:99999": "", "sip:h;transport=ws": "", "sip:h;": "", "sip:h;lr": "",
			"sip:::1": "", "sip:[::1": "", "sip:[192.0.2.1]": "", "sip:300.1.2.3": "", "sip:h h": "", "SIP:h": "", "tel:112": "", "sip:h\r\n": "",
		}},
		{new(Prefix), map[string]string{
			"0": "0", "00": "00", "011": "011", "49": "49", "12345": "12345", "none": "none", "123456": "", "+49": "", "x": "", "None": "", " 0": "",
		}},
		{new(Span), map[string]string{
			"10": "10", "8-11": "8-11", "9-9": "9", "1 - 15": "1-15", "0": "", "16": "", "11-8": "", "8-": "", "-8": "", "": "", "a": "", "8-16": "", "1-2-3": "",
		}},
		{new(TimeZone), map[string]string{
			"Europe/Berlin": "Europe/Berlin", "UTC": "UTC", "Berlin": "", "../../etc/passwd": "", "+01:00": "",
		}},
		{new(HeaderName), map[string]string{
			"X-Customer-Id": "X-Customer-Id", "diversion": "diversion", "a.b_c": "a.b_c", "v": "", "VIA": "", "record-route": "", "X Y": "",
			"X:": "", "": "", "-x": "", strings.Repeat("x", 65): "",
		}},
	} {
		for text, want := range tt.texts {
			fresh := reflect.New(reflect.TypeOf(tt.into).Elem())
			err := fresh.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
			got := textOf(fresh.Elem())
			if (err == nil) != (want != "") || err == nil && got != want {
				t.Errorf("%T %q: got %q, %v, want %q", tt.into, text, got, err, want)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "must ") || !fresh.Elem().IsZero()) {
				t.Errorf("%T %q: %v, and it is now %v", tt.into, text, err, fresh.Elem())
			}
		}
	}
}

func TestZeroValuesPrintEmpty(t *testing.T) {
	for _, v := range []fmt.Stringer{PortRange{}, CIDR{}, TokenLimit(0), Span{}} {
		if v.String() != "" {
			t.Errorf("%T: %q", v, v.String())
		}
	}
}

func TestAddressParts(t *testing.T) {
	a := ListenAddr("udp://[::1]:5060")
	if a.Transport() != "udp" || a.HostPort() != "[::1]:5060" {
		t.Errorf("got %q %q", a.Transport(), a.HostPort())
	}
	u := SIPURI("sip:[::1]:5061;transport=tls")
	if u.Transport() != "tls" || u.HostPort() != "[::1]:5061" || SIPURI("sip:h").Transport() != "" || SIPURI("").HostPort() != "" {
		t.Errorf("got %q %q", u.Transport(), u.HostPort())
	}
	if Prefix("none").Digits() != "" || Prefix("0").Digits() != "0" {
		t.Error("none has digits")
	}
	for text, want := range map[HostPort]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, ":1": false, "0.0.0.0:1": false, "": false} {
		if text.Loopback() != want {
			t.Errorf("%q: loopback is %v", text, !want)
		}
	}
	for _, tt := range []struct {
		ports PortRange
		want  int
	}{{PortRange{20000, 20999}, 500}, {PortRange{20001, 20999}, 499}, {PortRange{20000, 20001}, 1}, {PortRange{20001, 20002}, 0}, {PortRange{}, 0}} {
		if got := tt.ports.Pairs(); got != tt.want {
			t.Errorf("%v has %d pairs, want %d", tt.ports, got, tt.want)
		}
	}
}

func TestSlogLevel(t *testing.T) {
	for text, want := range map[string]string{"debug": "DEBUG", "info": "INFO", "warn": "WARN", "error": "ERROR", "": "INFO", "loud": "INFO"} {
		if got := (Log{Level: text}).SlogLevel().String(); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestExpand(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "x", "EMPTY": "", "CODE": "${A} } p: [y", "_1": "u"}[name]
		return v, ok
	}
	for text, want := range map[string]string{
		"":                        "",
		"plain $ text $A {A} $$":  "plain $ text $A {A} $$",
		"${A}":                    "x",
		"a${A}b${A}c":             "axbxc",
		"${EMPTY}":                "",
		"${EMPTY:-d}":             "d",
		"${NONE:-}":               "",
		"${NONE:-a:-b}":           "a:-b",
		"${A:-d}":                 "x",
		"$${A}":                   "${A}",
		"$$${A}":                  "$${A}",
		"${CODE}":                 "${A} } p: [y",
		"${_1}":                   "u",
		"${NONE}":                 "!${NONE} is not set",
		"${":                      "!has a ${ without its }",
		"${}":                     "!does not hold the name",
		"${1}":                    "!does not hold the name",
		"${A-B}":                  "!does not hold the name",
		"${A}${" + "x y" + ":-z}": "!does not hold the name",
	} {
		got, err := expand(text, env)
		if fault, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	words := []string{"realtime", "redis", "retention", "hang_up", "ga"}
	for written, want := range map[string]string{
		"redsi": "redis", "Redis": "redis", "hangUp": "hang_up", "hang-up": "hang_up", "realtiem": "realtime", "retentio": "retention",
		"g": "ga", "": "", "telephone": "", "xy": "", strings.Repeat("redis", 20): "",
	} {
		if got, _ := closest(written, words); got != want {
			t.Errorf("%q: got %q, want %q", written, got, want)
		}
	}
	if got := quote(strings.Repeat("ä", 100)); len([]rune(got)) != 63 {
		t.Errorf("quote did not cut: %s", got)
	}
}

// TestStrict reads a file that is not the configuration, with the shapes that scripts have.
func TestStrict(t *testing.T) {
	type answer struct {
		Delay time.Duration `yaml:"delay"`
		Say   []string      `yaml:"say"`
		Goto  string        `yaml:"goto"`
		Next  []answer      `yaml:"next"`
	}
	type heard struct {
		Says      []string          `yaml:"says"`
		Arguments map[string]string `yaml:"arguments"`
		Any       any               `yaml:"any"`
		Skipped   chan int          `yaml:"-"`
		Answer    answer            `yaml:",inline"`
	}
	type script struct {
		Start     string  `yaml:"start"`
		States    []heard `yaml:"states"`
		Otherwise *answer `yaml:"otherwise"`
		Count     int
		hidden    int
	}
	good := `
start: open
states:
  - says: [hello]
    arguments: { order: "{digits}", KeyCase: "${NOT_EXPANDED}" }
    any: { list: [1, two, true], none: }
    delay: 250ms
    say: [a01]
    next: [ { say: [a02], goto: 4271 } ]
otherwise: { say: [] }
count: 3
`
	var got script
	if err := Strict("s.yaml", []byte(good), &got); err != nil {
		t.Fatal(err)
	}
	h := got.States[0]
	if text := fmt.Sprint(got.Start, h.Says, h.Arguments, h.Any, h.Answer, got.Otherwise.Say, got.Count, got.hidden); text !=
		"open[hello] map[KeyCase:${NOT_EXPANDED} order:{digits}] map[list:[1 two true] none:<nil>] {250ms [a01]  [{0s [a02] 4271 []}]} [] 3 0" {
		t.Errorf("got %s", text)
	}
	bad := `
start: [open]
states:
  - { name: open, say: a01, arguments: [x], delay: 250 }
  - { says: { a: b }, goto: ~ }
  - otherwise
hidden: 1
count: 1.5
count: 2
`
	want := strings.Join([]string{
		`s.yaml:2:8: start: must be text, not a list`,
		`s.yaml:4:7: states[open].name: is not a key; the keys here are says, arguments, any, delay, say, goto and next`,
		`s.yaml:4:24: states[open].say: must be a list, [a, b] or lines that begin with -, not text`,
		`s.yaml:4:40: states[open].arguments: must hold keys with values, not a list`,
		`s.yaml:4:52: states[open].delay: must be a length of time such as 300ms, 5s, 1h30m or 30d, not "250"; add the unit: 250s or 250ms`,
		`s.yaml:5:13: states[1].says: must be a list, [a, b] or lines that begin with -, not a block of keys`,
		`s.yaml:5:29: states[1].goto: has no value; give it one, or remove the line`,
		`s.yaml:6:5: states[2]: must hold the keys says, arguments, any, delay, say, goto and next, not text`,
		`s.yaml:7:1: hidden: is not a key; the keys here are start, states, otherwise and count`,
		`s.yaml:8:8: count: must be a whole number, not "1.5"`,
		`s.yaml:9:1: count: is given twice, first at line 8; remove one`,
	}, "\n")
	if err := Strict("s.yaml", []byte(bad), new(script)); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	for _, into := range []any{nil, script{}, (*script)(nil), new(int)} {
		if err := Strict("s.yaml", []byte(good), into); err == nil {
			t.Errorf("%T: accepted", into)
		}
	}
	var odd struct{ C chan int }
	if err := Strict("s.yaml", []byte("c: 1"), &odd); err == nil {
		t.Error("a channel was decoded")
	}
}

// TestDefaultsFitTheirTypes sets every default there is; setDefaults panics on a bad one, and on a bad bound.
func TestDefaultsFitTheirTypes(t *testing.T) {
	eachKey(reflect.TypeFor[Config](), "", func(path string, f field, typ reflect.Type) {
		if f.def == "" {
			return
		}
		v := reflect.New(typ).Elem()
		if err := setText(v, &f, f.def); err != nil {
			t.Errorf("%s: default %q: %v", path, f.def, err)
		}
		if got := textOf(v); got != f.def {
			t.Errorf("%s: default %q reads back as %q", path, f.def, got)
		}
	})
}
