package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// patience is how long anything may take on a busy machine before a test calls it stuck.
const patience = 60 * time.Second

// KeyLister is what the store given to [Run] must also implement, in the test if not in the backend: the names of all
// keys, so that the suite can see what they give away.
type KeyLister interface {
	KeyNames(ctx context.Context) ([]string, error)
}

// law is one thing that every backend does.
type law struct {
	name  string
	check func(*testing.T, store.Store)
}

// Run holds a backend to every law. open returns an empty store and closes it at the end of the test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, l := range everyLaw() {
		t.Run(l.name, func(t *testing.T) { l.check(t, open(t)) })
	}
}

func everyLaw() (all []law) {
	for _, laws := range [][]law{lifeLaws, lineLaws, followLaws, listLaws, filterLaws, deskLaws, outboxLaws, searchLaws, endLaws} {
		all = append(all, laws...)
	}
	return all
}

// start is when the calls of the suite begin: lately, so that no retention ends them, and on a whole day, so that
// sequences cross midnight where the suite wants them to.
var start = time.Now().UTC().Truncate(24 * time.Hour)

// callAt is a small call that began so much after start.
func callAt(id string, offset time.Duration) store.Call {
	return store.Call{ID: id, Agent: "frontdesk", Caller: "+15551230001", Dialled: "+15559990000", Started: start.Add(offset)}
}

// line is a turn of a call, the nth millisecond after start.
func line(n int, text string) store.Entry {
	id := store.ID{MS: uint64(start.UnixMilli()) + uint64(n)}
	return store.Entry{ID: id.String(), Kind: store.KindTurn, Role: store.RoleCaller, Text: text, At: id.Time()}
}

func lines(from, to int) []store.Entry {
	var all []store.Entry
	for n := from; n < to; n++ {
		all = append(all, line(n, fmt.Sprintf("line %d", n)))
	}
	return all
}

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func begin(t *testing.T, s store.Store, calls ...store.Call) {
	t.Helper()
	for _, c := range calls {
		if err := s.Begin(background(t), c); err != nil {
			t.Fatalf("Begin %s: %v", c.ID, err)
		}
	}
}

func add(t *testing.T, s store.Store, id string, entries ...store.Entry) {
	t.Helper()
	if err := s.Append(background(t), id, entries...); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func finish(t *testing.T, s store.Store, c store.Call) {
	t.Helper()
	if err := s.Finish(background(t), c); err != nil {
		t.Fatalf("Finish: %v", err)
	}
}

func get(t *testing.T, s store.Store, id string) store.Call {
	t.Helper()
	c, err := s.Call(background(t), id)
	if err != nil {
		t.Fatalf("Call %s: %v", id, err)
	}
	return c
}

func read(t *testing.T, s store.Store, id, after string, limit int) []store.Entry {
	t.Helper()
	entries, err := s.Entries(background(t), id, after, limit)
	if err != nil {
		t.Fatalf("Entries %s after %q: %v", id, after, err)
	}
	return entries
}

func list(t *testing.T, s store.Store, q store.Query) store.Page {
	t.Helper()
	page, err := s.List(background(t), q)
	if err != nil {
		t.Fatalf("List %+v: %v", q, err)
	}
	return page
}

func wantLines(t *testing.T, got, want []store.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("line %d is\n%+v, want\n%+v", i, clipped(got[i]), clipped(want[i]))
		}
	}
}

// clipped keeps a failing test from printing a megabyte.
func clipped(e store.Entry) store.Entry {
	if len(e.Text) > 200 {
		e.Text = e.Text[:200]
	}
	return e
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func ids(calls []store.Call) []string {
	out := make([]string, len(calls))
	for i := range calls {
		out[i] = calls[i].ID
	}
	return out
}

// filled sets every field of a record to something of its own, so that a field which a backend forgets shows.
func filled[T any](record T) T {
	v := reflect.ValueOf(&record).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(start.Add(time.Duration(i) * 1001 * time.Millisecond)))
		case f.Kind() == reflect.String:
			f.SetString(strings.ToLower(fmt.Sprintf("%s-%d", v.Type().Field(i).Name, i))) // as tags are
		case f.CanInt():
			f.SetInt(int64(1000 + i))
		}
	}
	return record
}
