package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var lineLaws = []law{
	{"a line comes back with every field", wholeLine},
	{"lines come in the order of their ids, after any id, up to a limit", order},
	{"a repeated write is success and no second line", repeated},
	{"a line that comes late takes its place", late},
	{"another line with a taken id is refused, the rest is written", taken},
	{"a malformed line is refused and nothing is written", malformedLines},
	{"any text survives", anyText},
	{"a call of 10,000 lines", longCall},
	{"calls are written at once without mixing", manyWriters},
	{"a cancelled context ends every method", cancelled},
	{"lines may come after the end", afterEnd},
}

func wholeLine(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	e := filled(store.Entry{})
	e.ID = line(1, "").ID
	short := store.Entry{ID: line(2, "").ID, Kind: store.KindNote}
	add(t, s, "c1", e, short)
	short.At = line(2, "").At // a line without a time has that of its id
	wantLines(t, read(t, s, "c1", "", 0), []store.Entry{e, short})
}

func order(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0), callAt("c11", 0), callAt("c", 0))
	all := lines(0, 20)
	for i, id := range []string{"9-5", "10-2", "10-10"} { // as numbers, not as text
		all[i].ID = id
	}
	add(t, s, "c11", line(3, "of another call"))
	add(t, s, "c", line(4, "of another call"))
	add(t, s, "c1", all...)
	wantLines(t, read(t, s, "c1", "", 0), all)
	wantLines(t, read(t, s, "c1", "10-2", 0), all[2:])
	wantLines(t, read(t, s, "c1", "10-3", 0), all[2:]) // no line has this id
	wantLines(t, read(t, s, "c1", all[9].ID, 4), all[10:14])
	wantLines(t, read(t, s, "c1", all[19].ID, 0), nil)
	wantLines(t, read(t, s, "c1", "", 1), all[:1])
	if _, err := s.Entries(background(t), "c1", "later", 0); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("after nonsense: %v", err)
	}
}

func repeated(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	all := lines(0, 10)
	add(t, s, "c1", all[:6]...)
	add(t, s, "c1", all[:6]...)
	add(t, s, "c1", all[4:]...) // overlaps
	add(t, s, "c1", all[2])
	add(t, s, "c1", all[9], all[9])
	add(t, s, "c1")
	wantLines(t, read(t, s, "c1", "", 0), all)
}

func late(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	all := lines(0, 12)
	add(t, s, "c1", all[4], all[5], all[8])
	add(t, s, "c1", all[1], all[0]) // before everything, and in the wrong order
	add(t, s, "c1", all[6], all[9], all[2], all[5])
	for range 2 {
		add(t, s, "c1", all[10], all[3], all[7], all[11])
	}
	wantLines(t, read(t, s, "c1", "", 0), all)
}

func taken(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	add(t, s, "c1", line(1, "first"), line(3, "third"))
	err := s.Append(background(t), "c1", line(1, "other"), line(2, "second"), line(3, "third"), line(4, "fourth"))
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || !slices.Equal(conflict.IDs, []string{line(1, "").ID}) {
		t.Errorf("conflict: %v", err)
	}
	wantError(t, "Append", err, store.ErrConflict)
	wantLines(t, read(t, s, "c1", "", 0), []store.Entry{line(1, "first"), line(2, "second"), line(3, "third"), line(4, "fourth")})
}

func malformedLines(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	huge := line(2, strings.Repeat("x", store.MaxEntryBytes+1))
	for _, bad := range []store.Entry{
		{Kind: store.KindTurn}, {ID: "5", Kind: store.KindTurn}, {ID: "0-0", Kind: store.KindTurn}, {ID: "05-1", Kind: store.KindTurn},
		{ID: "-1-1", Kind: store.KindTurn}, {ID: "18446744073709551615-0", Kind: store.KindTurn}, {ID: line(2, "").ID}, huge,
	} {
		wantError(t, "Append "+bad.ID, s.Append(background(t), "c1", line(1, "good"), bad), store.ErrInvalid)
	}
	wantLines(t, read(t, s, "c1", "", 0), nil)
}

func anyText(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	texts := []string{
		"Grüße, 世界 👋🏽 שלום", "line\nbreak\r\n\ttab", "NUL \x00 inside", "\x1b[31mred\x1b[0m %n %s", `{"a":"\u0000"}`, " ",
		"e\u0301 \u200d \ufeff \u2028", strings.Repeat("long ", 200_000), "<script>&amp;</script>",
	}
	var all []store.Entry
	for i, text := range texts {
		e := line(i, text)
		e.Arguments, e.Heard, e.ItemID = text, text, "item\x00"+fmt.Sprint(i)
		all = append(all, e)
	}
	add(t, s, "c1", all...)
	wantLines(t, read(t, s, "c1", "", 0), all)
	broken := line(100, "caf\xe9")
	add(t, s, "c1", broken)
	add(t, s, "c1", broken) // the same, although it was mended
	broken.Text = "caf\uFFFD"
	wantLines(t, read(t, s, "c1", line(99, "").ID, 0), []store.Entry{broken})

	c := callAt("c2", 0)
	c.Agent, c.Caller, c.Cause = "Empfang – 受付", "sip:jörg@\xff", "NUL \x00"
	begin(t, s, c)
	if got := get(t, s, "c2"); got.Agent != c.Agent || got.Caller != "sip:jörg@\uFFFD" || got.Cause != c.Cause {
		t.Errorf("got %+v", got)
	}
	if page := list(t, s, store.Query{Agent: c.Agent, Caller: c.Caller}); len(page.Calls) != 1 {
		t.Errorf("found %d times", len(page.Calls))
	}
}

func longCall(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	const n = 10_000
	all := lines(0, n)
	for batch := range slices.Chunk(all, 256) {
		add(t, s, "c1", batch...)
	}
	wantLines(t, read(t, s, "c1", "", 0), all)
	wantLines(t, read(t, s, "c1", all[n/2].ID, 2500), all[n/2+1:n/2+1+2500])
	var paged []store.Entry
	for after := ""; ; after = paged[len(paged)-1].ID {
		part := read(t, s, "c1", after, 999)
		if len(part) == 0 {
			break
		}
		paged = append(paged, part...)
	}
	wantLines(t, paged, all)
}

func manyWriters(t *testing.T, s store.Store) {
	const calls, perCall = 8, 40
	ctx := background(t)
	var wg sync.WaitGroup
	for n := range calls {
		id := fmt.Sprint("c", n)
		wg.Go(func() {
			if err := s.Begin(ctx, callAt(id, time.Duration(n)*time.Second)); err != nil {
				t.Errorf("Begin: %v", err)
			}
			for i := range perCall {
				if err := s.Append(ctx, id, line(i, id)); err != nil {
					t.Errorf("Append: %v", err)
				}
			}
			if err := s.Finish(ctx, store.Call{ID: id, Turns: perCall}); err != nil {
				t.Errorf("Finish: %v", err)
			}
		})
	}
	wg.Wait()
	for n := range calls {
		id := fmt.Sprint("c", n)
		var want []store.Entry
		for i := range perCall {
			want = append(want, line(i, id))
		}
		wantLines(t, read(t, s, id, "", 0), want)
	}
	if page := list(t, s, store.Query{}); len(page.Calls) != calls {
		t.Errorf("listed %v", ids(page.Calls))
	}
}

func cancelled(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, callErr := s.Call(ctx, "c1")
	_, entriesErr := s.Entries(ctx, "c1", "", 0)
	_, followErr := s.Follow(ctx, "c1", "")
	_, listErr := s.List(ctx, store.Query{})
	_, sweepErr := s.Sweep(ctx, time.Now())
	for what, err := range map[string]error{
		"Begin": s.Begin(ctx, callAt("c2", 0)), "Append": s.Append(ctx, "c1", line(1, "x")), "Finish": s.Finish(ctx, callAt("c1", 0)),
		"Renew": s.Renew(ctx, "c1", time.Hour), "Delete": s.Delete(ctx, "c1"), "Ping": s.Ping(ctx),
		"Call": callErr, "Entries": entriesErr, "Follow": followErr, "List": listErr, "Sweep": sweepErr,
	} {
		wantError(t, what, err, context.Canceled)
	}
	if c := get(t, s, "c1"); !c.Live() {
		t.Error("a cancelled Finish did something")
	}
}

func afterEnd(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	add(t, s, "c1", line(1, "x"))
	finish(t, s, store.Call{ID: "c1", Expires: time.Now().Add(time.Hour)})
	add(t, s, "c1", line(3, "a note"))
	add(t, s, "c1", line(2, "a late one"))
	wantLines(t, read(t, s, "c1", "", 0), []store.Entry{line(1, "x"), line(2, "a late one"), line(3, "a note")})
}
