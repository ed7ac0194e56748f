package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var lifeLaws = []law{
	{"a call comes back with every field", wholeCall},
	{"Begin again adds fields and keeps the others", beginAgain},
	{"malformed calls are refused", malformedCalls},
	{"Finish ends a call and keeps what Begin said", finishKeeps},
	{"Finish again is success", finishAgain},
	{"an unknown call cannot be finished, renewed, read or deleted", unknownCall},
	{"a lease that ran out ends a call as lost, once", sweepLost},
	{"a renewed call is not swept", renewed},
	{"a call swept too early comes back with its next renewal", revived},
	{"a real end replaces that of a sweep", finishAfterSweep},
	{"a finished call stays finished", renewAfterFinish},
	{"an expiry is kept, and obeyed", expiry},
	{"a closed store says so", closedStore},
}

func wholeCall(t *testing.T, s store.Store) {
	c := filled(store.Call{})
	c.Expires = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	begin(t, s, c)
	finish(t, s, c)
	if got := get(t, s, c.ID); got != c {
		t.Errorf("got  %+v\nwant %+v", got, c)
	}
}

func beginAgain(t *testing.T, s store.Store) {
	c := callAt("c1", 0)
	begin(t, s, c)
	begin(t, s, c)
	answered := c
	answered.Answered, answered.Agent = start.Add(time.Second), ""
	begin(t, s, answered)
	want := c
	want.Answered = answered.Answered
	if got := get(t, s, "c1"); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if page := list(t, s, store.Query{}); len(page.Calls) != 1 {
		t.Errorf("listed %d times", len(page.Calls))
	}
}

func malformedCalls(t *testing.T, s store.Store) {
	for _, bad := range []store.Call{
		{}, {ID: "c1"}, {Started: start}, {ID: "a{b}", Started: start}, {ID: "a b", Started: start},
		{ID: "a\x00", Started: start}, {ID: "c1", Started: start, Agent: "a\x00b"},
	} {
		err := s.Begin(background(t), bad)
		wantError(t, "Begin", err, store.ErrInvalid)
		if !store.Permanent(err) {
			t.Errorf("%v is worth repeating?", err)
		}
	}
	if page := list(t, s, store.Query{}); len(page.Calls) != 0 {
		t.Errorf("listed: %v", ids(page.Calls))
	}
}

func finishKeeps(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	if c := get(t, s, "c1"); !c.Live() {
		t.Error("a call that has begun does not run")
	}
	finish(t, s, store.Call{ID: "c1", Cause: "caller hung up", EndedBy: "caller", Turns: 7})
	c := get(t, s, "c1")
	if c.Live() || time.Since(c.Ended) > patience || c.Ended.After(time.Now().Add(time.Second)) {
		t.Errorf("ended at %v", c.Ended)
	}
	if c.Agent != "frontdesk" || c.Cause != "caller hung up" || c.EndedBy != "caller" || c.Turns != 7 {
		t.Errorf("after Finish: %+v", c)
	}
}

func finishAgain(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	end := store.Call{ID: "c1", Cause: "bye", Ended: start.Add(time.Minute)}
	finish(t, s, end)
	before := get(t, s, "c1")
	finish(t, s, end)
	finish(t, s, store.Call{ID: "c1"})
	if after := get(t, s, "c1"); after != before {
		t.Errorf("repeated, the end changed from\n%+v to\n%+v", before, after)
	}
}

func unknownCall(t *testing.T, s store.Store) {
	ctx := background(t)
	wantError(t, "Finish", s.Finish(ctx, callAt("no", 0)), store.ErrNotFound)
	wantError(t, "Renew", s.Renew(ctx, "no", time.Minute), store.ErrNotFound)
	wantError(t, "Append", s.Append(ctx, "no", line(0, "x")), store.ErrNotFound)
	wantError(t, "Delete", s.Delete(ctx, "no"), store.ErrNotFound)
	_, err := s.Call(ctx, "no")
	wantError(t, "Call", err, store.ErrNotFound)
	_, err = s.Entries(ctx, "no", "", 0)
	wantError(t, "Entries", err, store.ErrNotFound)
	_, err = s.Follow(ctx, "no", "")
	wantError(t, "Follow", err, store.ErrNotFound)
	if page := list(t, s, store.Query{}); len(page.Calls) != 0 {
		t.Errorf("these left traces: %v", ids(page.Calls))
	}
}

func sweep(t *testing.T, s store.Store, now time.Time) []string {
	t.Helper()
	closed, err := s.Sweep(background(t), now)
	if err != nil {
		t.Fatalf("Sweep: %v", err)
	}
	slices.Sort(closed)
	return closed
}

func sweepLost(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0), callAt("c2", time.Second))
	finish(t, s, store.Call{ID: "c2", Cause: "bye"})
	if closed := sweep(t, s, time.Now()); len(closed) != 0 {
		t.Errorf("swept before the lease ran out: %v", closed)
	}
	late := time.Now().Add(2 * store.DefaultLease)
	if closed := sweep(t, s, late); !slices.Equal(closed, []string{"c1"}) {
		t.Errorf("swept %v, want c1", closed)
	}
	if c := get(t, s, "c1"); c.Live() || c.Cause != store.CauseLost || c.Ended.Before(c.Started) || c.Ended.After(late) {
		t.Errorf("the lost call: %+v", c)
	}
	if c := get(t, s, "c2"); c.Cause != "bye" {
		t.Errorf("the finished call: %+v", c)
	}
	if closed := sweep(t, s, late); len(closed) != 0 {
		t.Errorf("swept again: %v", closed)
	}
}

func renew(t *testing.T, s store.Store, id string, lease time.Duration) {
	t.Helper()
	if err := s.Renew(background(t), id, lease); err != nil {
		t.Fatalf("Renew: %v", err)
	}
}

func renewed(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	renew(t, s, "c1", 2*time.Hour)
	if closed := sweep(t, s, time.Now().Add(time.Hour)); len(closed) != 0 {
		t.Errorf("swept under a lease: %v", closed)
	}
	if closed := sweep(t, s, time.Now().Add(3*time.Hour)); len(closed) != 1 {
		t.Errorf("not swept after it: %v", closed)
	}
}

func revived(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	add(t, s, "c1", line(1, "before"))
	sweep(t, s, time.Now().Add(time.Hour))
	renew(t, s, "c1", 2*time.Hour)
	if c := get(t, s, "c1"); c != callAt("c1", 0) {
		t.Errorf("revived: %+v", c)
	}
	add(t, s, "c1", line(2, "after"))
	wantLines(t, read(t, s, "c1", "", 0), []store.Entry{line(1, "before"), line(2, "after")})
	if page := list(t, s, store.Query{Live: true}); len(page.Calls) != 1 {
		t.Error("not among those that run")
	}
	if closed := sweep(t, s, time.Now().Add(time.Hour)); len(closed) != 0 {
		t.Errorf("swept under the new lease: %v", closed)
	}
}

func finishAfterSweep(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	sweep(t, s, time.Now().Add(time.Hour))
	ended := start.Add(time.Minute)
	finish(t, s, store.Call{ID: "c1", Ended: ended})
	if c := get(t, s, "c1"); c.Cause != "" || c.EndedBy != "" || !c.Ended.Equal(ended) {
		t.Errorf("after the real end: %+v", c)
	}
}

func renewAfterFinish(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	finish(t, s, store.Call{ID: "c1", Cause: "bye"})
	renew(t, s, "c1", time.Hour)
	if c := get(t, s, "c1"); c.Live() || c.Cause != "bye" {
		t.Errorf("after a late renewal: %+v", c)
	}
	if page := list(t, s, store.Query{Live: true}); len(page.Calls) != 0 {
		t.Error("among those that run")
	}
}

func expiry(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0), callAt("c2", 0))
	add(t, s, "c1", line(1, "x"))
	add(t, s, "c2", line(1, "x"))
	soon := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	finish(t, s, store.Call{ID: "c1", Expires: soon})
	if c := get(t, s, "c1"); !c.Expires.Equal(soon) {
		t.Errorf("expires %v, want %v", c.Expires, soon)
	}
	finish(t, s, store.Call{ID: "c2", Expires: time.Now().Add(-time.Second)})
	for range 2 { // before and after the sweep
		if _, err := s.Call(background(t), "c2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Call after the expiry: %v", err)
		}
		if _, err := s.Entries(background(t), "c2", "", 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Entries after the expiry: %v", err)
		}
		if got := ids(list(t, s, store.Query{}).Calls); !slices.Equal(got, []string{"c1"}) {
			t.Errorf("listed: %v", got)
		}
		sweep(t, s, time.Now())
	}
	wantLines(t, read(t, s, "c1", "", 0), only(1, "x"))
}

func only(n int, text string) []store.Entry { return []store.Entry{line(n, text)} }

func closedStore(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	if err := s.Ping(background(t)); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	ctx := background(t)
	wantError(t, "Ping", s.Ping(ctx), store.ErrClosed)
	wantError(t, "Begin", s.Begin(ctx, callAt("c2", 0)), store.ErrClosed)
	wantError(t, "Append", s.Append(ctx, "c1", line(0, "x")), store.ErrClosed)
	_, err := s.Call(ctx, "c1")
	wantError(t, "Call", err, store.ErrClosed)
	if err := s.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}
