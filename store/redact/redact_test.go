package redact

import (
	"os"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
)

// talk is one block of testdata/cases.txt.
type talk struct {
	rules Rules
	lines []store.Entry
	want  []string
}

func talks(t testing.TB) (all []talk, kept int) {
	t.Helper()
	file, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	now := talk{rules: Default()}
	end := func() {
		if len(now.lines) > 0 {
			all = append(all, now)
		}
		now = talk{rules: Default()}
	}
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		kind, text, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			end()
		case line == "phones":
			now.rules.Phones = true
		case kind == "=":
			now.want[len(now.want)-1] = text
		case kind == "~":
			now.lines, now.want = append(now.lines, entry("C", text)), append(now.want, text)
			kept++
			end()
		default:
			now.lines, now.want = append(now.lines, entry(kind, text)), append(now.want, text)
		}
	}
	end()
	return all, kept
}

func entry(kind, text string) store.Entry {
	switch kind {
	case "A":
		return store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: text, Heard: text}
	case "N":
		return store.Entry{Kind: store.KindNote, Role: store.RoleSystem, Text: text}
	case "K":
		return store.Entry{Kind: store.KindDTMF, Role: store.RoleCaller, Text: text}
	case "J":
		return store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, Arguments: text}
	case "R":
		return store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, Result: text}
	}
	return store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: text}
}

// words is what of an entry is compared.
func words(e store.Entry) string { return e.Text + e.Arguments + e.Result }

func TestCases(t *testing.T) {
	all, kept := talks(t)
	if len(all) < 120 || kept < 60 {
		t.Fatalf("%d cases, %d of what must stay: the file is not read", len(all), kept)
	}
	for _, k := range all {
		call, again := k.rules.Call(), k.rules.Call()
		for i, e := range k.lines { // line by line, as the scribe writes
			got := call.Entries([]store.Entry{e})[0]
			if words(got) != k.want[i] {
				t.Errorf("%q\n got %q\nwant %q", words(e), words(got), k.want[i])
			}
			if e.Heard != "" && got.Heard != got.Text {
				t.Errorf("%q: heard as a whole is %q", e.Text, got.Heard)
			}
			if twice := again.Entries([]store.Entry{got})[0]; words(twice) != words(got) {
				t.Errorf("redacted twice: %q becomes %q", words(got), words(twice))
			}
		}
	}
}

// The same lines in one batch come out the same, and what was given is not changed.
func TestEntriesCopies(t *testing.T) {
	in := []store.Entry{entry("C", "hello"), entry("C", "4111 1111 1111 1111")}
	out := Default().Call().Entries(in)
	if out[1].Text != "[card]" || in[1].Text != "4111 1111 1111 1111" || out[0].Text != "hello" {
		t.Fatalf("in %q, out %q", in[1].Text, out[1].Text)
	}
}

func TestHeardIsCutLikeText(t *testing.T) {
	const text = "You said 4111 1111 1111 1111, is that right?"
	for n := range len(text) + 1 {
		e := store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: text, Heard: text[:n]}
		got := Default().Call().Entries([]store.Entry{e})[0]
		if got.Text != "You said [card], is that right?" {
			t.Fatalf("text %q", got.Text)
		}
		if strings.ContainsAny(got.Heard, "0123456789") {
			t.Errorf("heard %q of %q", got.Heard, text[:n])
		}
		if n <= 9 && got.Heard != text[:n] || n > 9 && !strings.HasPrefix(got.Text, got.Heard) {
			t.Errorf("heard %q is no beginning of %q", got.Heard, got.Text)
		}
	}
}

func TestHeardOfOtherWords(t *testing.T) {
	e := store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "So 4111 1111 1111 1111.", Heard: "so, 4111 1111"}
	if got := Default().Call().Entries([]store.Entry{e})[0].Heard; got != "so, [card]" {
		t.Errorf("heard %q", got)
	}
}

func TestZeroRulesTakeNothing(t *testing.T) {
	call := Rules{}.Call()
	for _, s := range []string{"4111 1111 1111 1111", "4111 1111", "a@example.com", "DE89 3704 0044 0532 0130 00", "078-05-1120"} {
		if got := call.Entries([]store.Entry{entry("C", s)})[0].Text; got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// A number that nobody goes on with is let go: what comes later is not joined to it.
func TestUnfinishedNumberIsForgotten(t *testing.T) {
	call := Default().Call()
	for _, s := range []string{"4242 4242", "never mind", "let us do it another way", "yes please", "thanks"} {
		call.Entries([]store.Entry{entry("C", s)})
	}
	if got := call.Text("x"); got != "x" {
		t.Fatal(got)
	}
	if got := call.Entries([]store.Entry{entry("C", "1987")})[0].Text; got != "1987" {
		t.Errorf("became %q", got)
	}
}

func TestPlainLinesAllocateNothing(t *testing.T) {
	call := Default().Call()
	in := []store.Entry{entry("C", "I would like to move my booking to another day, if that is at all possible for you.")}
	if n := testing.AllocsPerRun(100, func() { call.Entries(in) }); n != 0 {
		t.Errorf("%v allocations for a line without a number", n)
	}
}

func BenchmarkPlain(b *testing.B) {
	call := Default().Call()
	in := []store.Entry{entry("C", "I would like to move my booking to another day, if that is at all possible for you.")}
	b.ReportAllocs()
	for b.Loop() {
		call.Entries(in)
	}
}

func BenchmarkSpokenCard(b *testing.B) {
	in := []store.Entry{entry("C", "it is four two double four, uh, one two three four and then nine eight seven six five four three two, thanks")}
	b.ReportAllocs()
	for b.Loop() {
		Default().Call().Entries(in)
	}
}
