package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// readAll reads a whole file.
func readAll(r io.Reader) (calls []store.Call, lines map[string][]store.Entry, err error) {
	lines = map[string][]store.Entry{}
	for in := NewReader(r); ; {
		rec, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return calls, lines, nil
		case err != nil:
			return calls, lines, err
		case rec.Call != nil:
			calls = append(calls, *rec.Call)
		default:
			id := calls[len(calls)-1].ID
			lines[id] = append(lines[id], *rec.Entry)
		}
	}
}

func TestJSONLIsReadBackWhole(t *testing.T) {
	s := sample()
	odd := oddCall(rand.New(rand.NewPCG(1, 2)))
	s.calls[odd.ID] = odd
	s.lines[odd.ID] = oddLines(rand.New(rand.NewPCG(3, 4)), 300)
	calls, lines, err := readAll(strings.NewReader(written(t, s, "jsonl", "c1", odd.ID)))
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		if c != s.calls[c.ID] {
			t.Errorf("call\n%+v came back as\n%+v", s.calls[c.ID], c)
		}
		if len(lines[c.ID]) != len(s.lines[c.ID]) {
			t.Fatalf("%d lines of %d", len(lines[c.ID]), len(s.lines[c.ID]))
		}
		for i, e := range lines[c.ID] {
			if e != s.lines[c.ID][i] {
				t.Errorf("line\n%+v came back as\n%+v", s.lines[c.ID][i], e)
			}
		}
	}
}

// oddCall and oddLines have something in every field, by the names that a store uses: a field that is added to the
// records and forgotten here comes back empty.
func oddCall(rnd *rand.Rand) store.Call {
	c := store.Call{ID: "odd/..%c", Started: began, Agent: "ä\u2028", Caller: nasty, Tags: store.NewTags("a", "b-2")}
	for _, name := range []string{"sip", "trunk", "dialled", "dir", "fwd", "verif", "srtp", "node", "codec", "model", "answer", "end", "expire", "cause",
		"code", "by", "turns", "barge", "setup", "lat50", "lat95", "in", "out", "lost", "mos", "mos_agent", "jitter", "rtt", "tok_in", "tok_out",
		"tok_cached", "cost", "reconn", "rotate", "tools", "tools_bad"} {
		from := store.DecodeCall(one(name, fmt.Sprint(1+rnd.IntN(1e9))))
		c.Merge(&from)
	}
	return c
}

func oddLines(rnd *rand.Rand, n int) (out []store.Entry) {
	var ids store.IDs
	names := []string{"k", "r", "at", "au", "i", "t", "h", "cut", "tool", "cid", "args", "res", "st", "dur", "lat", "det", "thk", "ply", "tin", "tout", "tcch", "cost"}
	for i := range n {
		id := ids.Next(began.Add(time.Duration(i) * time.Millisecond))
		out = append(out, store.DecodeEntry(id, func(yield func(string, string) bool) {
			for j, name := range names {
				if value := fmt.Sprint(1 + rnd.IntN(1e9)); (j == 0 || rnd.IntN(3) > 0) && !yield(name, value) {
					return
				}
			}
		}))
	}
	return out
}

func one(name, value string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) { yield(name, value) }
}

// TestEveryPartOfAFileIsSeenToBeCutOff cuts a file after every line and within lines.
func TestEveryPartOfAFileIsSeenToBeCutOff(t *testing.T) {
	whole := written(t, sample(), "jsonl", "c1")
	if _, _, err := readAll(strings.NewReader(whole + whole)); err != nil {
		t.Fatalf("two files behind each other: %v", err)
	}
	for cut := 1; cut < len(whole)-1; cut += 13 {
		_, _, err := readAll(strings.NewReader(whole[:cut]))
		if !errors.Is(err, ErrCutOff) && !errors.Is(err, ErrFormat) {
			t.Fatalf("cut at %d of %d: error %v", cut, len(whole), err)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	call := `{"record":"call","id":"a","started":"2026-11-25T08:15:00Z"}` + "\n"
	entry := `{"record":"entry","call":"a","id":"2-0","kind":"turn"}` + "\n"
	end := `{"record":"end","call":"a","entries":1}` + "\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"good":               {call + entry + end, nil},
		"of a newer program": {strings.Replace(call, `"id"`, `"new":{"x":1},"id"`, 1) + entry + end, nil},
		"no JSON":            {"hello\n", ErrFormat},
		"no record":          {`{"id":"a"}` + "\n", ErrFormat},
		"entry before call":  {entry, ErrFormat},
		"entry of another":   {call + strings.Replace(entry, `"a"`, `"b"`, 1), ErrFormat},
		"entry twice":        {call + entry + entry + end, ErrFormat},
		"entry without kind": {call + strings.Replace(entry, `"turn"`, `""`, 1), store.ErrInvalid},
		"call without start": {strings.Replace(call, "2026-11-25", "0001-01-01", 1), store.ErrInvalid},
		"end of another":     {call + entry + strings.Replace(end, `"a"`, `"b"`, 1), ErrFormat},
		"end alone":          {strings.Replace(end, `"a"`, `""`, 1), ErrFormat},
		"a line is missing":  {call + end, ErrCutOff},
		"no end":             {call + entry + call, ErrCutOff},
	} {
		if _, _, err := readAll(strings.NewReader(c.text)); !errors.Is(err, c.want) || c.want != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// FuzzReader holds the reader to what it promises: what it takes can be written, and is the same when read again.
func FuzzReader(f *testing.F) {
	var seed bytes.Buffer
	if err := Copy(f.Context(), newJSONL(&seed), sample(), "c1"); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Add([]byte(`{"record":"call","id":"a","started":"2026-11-25T08:15:00.1234+02:00","tags":["x","x","Y"]}` + "\n" +
		`{"record":"entry","call":"a","id":"9223372036854775807-0","kind":"turn","text":"\ud800","at":"0000-01-01T00:00:00Z"}` + "\n" +
		`{"record":"end","call":"a","entries":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		first := again(t, data)
		if second := again(t, first); !bytes.Equal(first, second) {
			t.Errorf("\n%s\nbecame\n%s", first, second)
		}
	})
}

// again reads a file and writes what was in it.
func again(t *testing.T, data []byte) []byte {
	var out bytes.Buffer
	w, open := newJSONL(&out), false
	for in := NewReader(bytes.NewReader(data)); ; {
		rec, err := in.Next()
		switch {
		case err != nil:
			if open {
				err = w.End()
			}
			return out.Bytes()
		case rec.Call != nil:
			if open {
				err = w.End()
			}
			open = true
			err = errors.Join(err, w.Begin(rec.Call))
		default:
			err = w.Entry(rec.Entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
