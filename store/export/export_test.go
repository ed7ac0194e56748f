package export

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestFormatsAsTheyAreWritten(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) { golden(t, "call."+name, written(t, sample(), name, "c1")) })
	}
}

func TestUnknownFormatNamesTheOthers(t *testing.T) {
	_, err := Find("pdf")
	if err == nil || !strings.Contains(err.Error(), "jsonl, txt, csv, vtt") {
		t.Errorf("error %v", err)
	}
}

func TestUnknownCallWritesNothing(t *testing.T) {
	var b strings.Builder
	if err := Copy(t.Context(), newJSONL(&b), sample(), "none"); !errors.Is(err, store.ErrNotFound) || b.Len() > 0 {
		t.Errorf("error %v, wrote %q", err, b.String())
	}
}

// TestLongCallGoesThroughInPages has lengths around the size of a page, where a line is easily lost or doubled.
func TestLongCallGoesThroughInPages(t *testing.T) {
	for _, n := range []int{0, 1, page - 1, page, page + 1, 3*page + 7} {
		s := long(n)
		text := written(t, s, "jsonl", "long")
		if got := strings.Count(text, `"record":"entry"`); got != n {
			t.Errorf("%d lines of %d", got, n)
		}
		if s.largest > page {
			t.Errorf("%d lines at once", s.largest)
		}
	}
}

// long is a shelf with one call of n lines.
func long(n int) *shelf {
	s := &shelf{calls: map[string]store.Call{"long": {ID: "long", Started: began}}, lines: map[string][]store.Entry{}}
	var ids store.IDs
	for range n {
		s.lines["long"] = append(s.lines["long"], store.Entry{ID: ids.Next(began), Kind: store.KindTurn, At: began, Role: store.RoleCaller, Text: "yes"})
	}
	return s
}

// failing takes a number of bytes and then fails.
type failing struct{ left int }

var errFull = errors.New("the disk is full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWritingThatFailsIsNoSuccess(t *testing.T) {
	s := sample()
	for _, f := range Formats {
		whole := len(written(t, s, f.Name, "c1"))
		for left := 0; left < whole; left += max(1, whole/40) {
			if err := Copy(t.Context(), f.Open(&failing{left}), s, "c1"); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d of %d bytes: error %v", f.Name, left, whole, err)
			}
		}
	}
}

func TestBrokenTimeSpoilsNoList(t *testing.T) {
	e := EntryOf(&store.Entry{ID: "1-0", Kind: store.KindTurn, At: time.UnixMilli(1 << 60)})
	if !e.At.IsZero() {
		t.Errorf("time %v", e.At)
	}
	s := &shelf{calls: map[string]store.Call{"x": {ID: "x", Started: began, Ended: time.UnixMilli(1 << 60)}},
		lines: map[string][]store.Entry{"x": {{ID: "9223372036854775807-0", Kind: store.KindTurn, At: time.UnixMilli(1<<63 - 1), Text: "x"}}}}
	for _, name := range Names() {
		if written(t, s, name, "x") == "" {
			t.Errorf("%s is empty", name)
		}
	}
}
