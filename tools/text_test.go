package tools

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestResultIsCut(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		start string // of the text that is left
	}{
		{"text", strings.Repeat("ä€😀", 100), "ä€😀ä€😀"},
		{"quotes", strings.Repeat(`"\`, 100), `"\"\`},
		{"controls", strings.Repeat("\x01\n", 100), "\x01\n"},
		{"object", map[string]string{"a": strings.Repeat("x", 300)}, `{"a":"xxx`},
		{"list", make([]int, 200), `[0,0,0`},
	} {
		r := NewRegistry()
		addFunc(t, r, "big", func(context.Context, *Call) (any, error) { return tc.value, nil }, MaxResult(100))
		o := r.Run(t.Context(), Invocation{Name: "big"})
		got, _ := output(t, o)["result"].(string)
		if len(o.Output) > 100 || len(o.Output) < 90 || o.Status != StatusOK {
			t.Errorf("%s: %d bytes, %s", tc.name, len(o.Output), o.Output)
		}
		if !strings.HasPrefix(got, tc.start) || !strings.Contains(got, "…[cut, ") || strings.ContainsRune(got, utf8.RuneError) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

func TestResultAtTheLimitIsWhole(t *testing.T) {
	for n := 80; n <= 90; n++ {
		s := strings.Repeat("x", n)
		got := wrap("result", s, 100)
		whole := n+len(`{"result":""}`) <= 100
		if whole != (got == `{"result":"`+s+`"}`) || len(got) > 100 {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestDefaultLimitAndErrorsAreCutToo(t *testing.T) {
	r := NewRegistry()
	long := strings.Repeat("long ", 4000)
	addFunc(t, r, "big", func(context.Context, *Call) (string, error) { return long, nil })
	addFunc(t, r, "bad", func(context.Context, *Call) (string, error) { return "", Tell("%s", long) })
	for _, name := range []string{"big", "bad"} {
		o := r.Run(t.Context(), Invocation{Name: name})
		if len(o.Output) > DefaultMaxResult || len(o.Output) < DefaultMaxResult-10 || o.ResultBytes != 20000 {
			t.Errorf("%s: %d bytes of %d", name, len(o.Output), o.ResultBytes)
		}
		wantContains(t, o.Output, "…[cut, 20000 bytes in all]")
	}
}

type notUTF8 struct{}

func (notUTF8) MarshalJSON() ([]byte, error) { return []byte("{\"a\":\"\xff\"}"), nil }

func TestOutputIsUTF8(t *testing.T) {
	for _, v := range []any{"bad \xff byte", notUTF8{}} {
		rep, err := jsonReply(v)
		must(t, err)
		if out := rep.output(1000); !utf8.ValidString(out) || !json.Valid([]byte(out)) {
			t.Errorf("%q", out)
		}
	}
}

// FuzzWrap: whatever the text, the output is a JSON object within the limit whose text is the original or a start of it.
func FuzzWrap(f *testing.F) {
	f.Add("hello", 64)
	f.Add(strings.Repeat("\"\\\x00\u2028\xff€😀<&>\u007f\b\f\t", 20), 100)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = minMaxResult + (limit&0x7fffffff)%1000
		out := wrap("result", s, limit)
		var m map[string]string
		if err := json.Unmarshal([]byte(out), &m); err != nil || len(out) > limit || !utf8.ValidString(out) {
			t.Fatalf("limit %d: %d bytes %q: %v", limit, len(out), out, err)
		}
		whole := strings.ToValidUTF8(s, "")
		kept, _, wasCut := strings.Cut(m["result"], " …[cut, ")
		if !wasCut && strings.ReplaceAll(kept, "\uFFFD", "") != strings.ReplaceAll(whole, "\uFFFD", "") {
			t.Fatalf("%q became %q", s, kept)
		}
		if wasCut && !strings.HasPrefix(strings.ReplaceAll(whole, "\uFFFD", ""), strings.ReplaceAll(kept, "\uFFFD", "")) {
			t.Fatalf("%q was cut to %q", s, kept)
		}
	})
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"ä€", 3, "ä…"}, {"€", 1, "…"}, {"\xff\xff", 1, "\xff…"}} {
		if got := cut(tc.s, tc.n); got != tc.want {
			t.Errorf("cut(%q, %d) = %q", tc.s, tc.n, got)
		}
	}
}
