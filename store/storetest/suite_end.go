package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var endLaws = []law{
	{"Delete leaves nothing behind", deleted},
	{"what is said after Delete does not bring the call back", deletedLive},
	{"no number is in a key name", keyNames},
}

func deleted(t *testing.T, s store.Store) {
	begin(t, s, callAt("gone1", 0), callAt("gone2", time.Second), callAt("stays", time.Second))
	for _, id := range []string{"gone1", "gone2", "stays"} {
		add(t, s, id, lines(0, 3)...)
	}
	finish(t, s, store.Call{ID: "gone1", Expires: time.Now().Add(time.Hour)})
	for _, id := range []string{"gone1", "gone2"} {
		if err := s.Delete(background(t), id); err != nil {
			t.Fatal(err)
		}
		_, err := s.Call(background(t), id)
		wantError(t, "Call", err, store.ErrNotFound)
		_, err = s.Entries(background(t), id, "", 0)
		wantError(t, "Entries", err, store.ErrNotFound)
		wantError(t, "Delete again", s.Delete(background(t), id), store.ErrNotFound)
	}
	for _, q := range []store.Query{{}, {Agent: "frontdesk"}, {Caller: "+15551230001"}, {Live: true}} {
		wantIDs(t, "what is left", list(t, s, q), "stays")
	}
	for _, name := range keys(t, s) {
		if strings.Contains(name, "gone") {
			t.Errorf("key %q is left", name)
		}
	}
	wantLines(t, read(t, s, "stays", "", 0), lines(0, 3))
	sweep(t, s, time.Now().Add(time.Minute))
}

func deletedLive(t *testing.T, s store.Store) {
	begin(t, s, callAt("gone", 0))
	add(t, s, "gone", line(1, "x"))
	if err := s.Delete(background(t), "gone"); err != nil {
		t.Fatal(err)
	}
	ctx := background(t)
	wantError(t, "Append", s.Append(ctx, "gone", line(2, "y")), store.ErrNotFound)
	wantError(t, "Append of an old line", s.Append(ctx, "gone", line(1, "x")), store.ErrNotFound)
	wantError(t, "Renew", s.Renew(ctx, "gone", time.Hour), store.ErrNotFound)
	wantError(t, "Finish", s.Finish(ctx, callAt("gone", 0)), store.ErrNotFound)
	if names := keys(t, s); strings.Contains(strings.Join(names, " "), "gone") {
		t.Errorf("keys left: %q", names)
	}
	begin(t, s, callAt("gone", 0)) // unless it is begun again
	wantLines(t, read(t, s, "gone", "", 0), nil)
	add(t, s, "gone", line(2, "y"))
	wantLines(t, read(t, s, "gone", "", 0), only(2, "y"))
}

func keyNames(t *testing.T, s store.Store) {
	c := callAt("c1", 0)
	c.Forwarded = "+15558880000"
	begin(t, s, c)
	add(t, s, "c1", line(1, "x"))
	finish(t, s, store.Call{ID: "c1"})
	names := keys(t, s)
	if len(names) == 0 {
		t.Fatal("no keys at all")
	}
	for _, name := range names {
		for _, number := range []string{"5551230001", "5559990000", "5558880000"} {
			if strings.Contains(name, number) {
				t.Errorf("key %q names a number", name)
			}
		}
	}
}

func keys(t *testing.T, s store.Store) []string {
	t.Helper()
	lister, ok := s.(KeyLister)
	if !ok {
		t.Fatal(errors.New("the store under test does not list its keys"))
	}
	names, err := lister.KeyNames(background(t))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
