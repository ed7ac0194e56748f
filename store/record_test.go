package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestCallDuration(t *testing.T) {
	t0 := time.UnixMilli(1_700_000_000_000)
	for _, c := range []struct {
		call Call
		want time.Duration
	}{
		{Call{Started: t0}, 0},
		{Call{Started: t0, Answered: t0}, 0},
		{Call{Started: t0, Ended: t0.Add(time.Second)}, 0},
		{Call{Answered: t0, Ended: t0.Add(time.Second)}, time.Second},
	} {
		if got := c.call.Duration(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.call, got, c.want)
		}
	}
}

func TestFinishLoseRevive(t *testing.T) {
	t0 := time.UnixMilli(1_700_000_000_000).UTC()
	begun := Call{ID: "c1", Started: t0}
	c := begun
	c.Lose(t0.Add(time.Minute), time.Hour)
	if c.Cause != CauseLost || !c.Expires.Equal(t0.Add(61*time.Minute)) {
		t.Errorf("lost: %+v", c)
	}
	revived := c
	if !revived.Revive() || revived != begun || revived.Revive() {
		t.Errorf("revived: %+v", revived)
	}
	c.Finish(&Call{Cause: "bye"}, t0.Add(2*time.Minute), time.Hour)
	if c.Cause != "bye" || c.EndedBy != "" || !c.Ended.Equal(t0.Add(2*time.Minute)) || !c.Expires.Equal(t0.Add(62*time.Minute)) {
		t.Errorf("finished: %+v", c)
	}
	if c.Revive() {
		t.Error("a real end was undone")
	}
	own := begun
	own.Finish(&Call{Expires: t0.Add(time.Second)}, t0, time.Hour)
	if !own.Expires.Equal(t0.Add(time.Second)) {
		t.Errorf("its own expiry became %v", own.Expires)
	}
	forever := begun
	forever.Finish(&Call{}, t0, 0)
	if !forever.Expires.IsZero() || forever.Live() {
		t.Errorf("without retention: %+v", forever)
	}
}

func TestCallerKey(t *testing.T) {
	secret := []byte("s")
	key := CallerKey(secret, "+15551230001")
	for _, same := range []string{"+1 (555) 123-0001", "+1.555.123.0001", " +15551230001 "} {
		if CallerKey(secret, same) != key || !SameCaller(same, "+15551230001") {
			t.Errorf("%q is another caller", same)
		}
	}
	for _, other := range []string{"+15551230002", "15551230001", "", "+1555123000"} {
		if CallerKey(secret, other) == key || SameCaller(other, "+15551230001") {
			t.Errorf("%q is the same caller", other)
		}
	}
	if CallerKey([]byte("t"), "+15551230001") == key || len(key) != 32 {
		t.Errorf("key %q does not depend on the secret", key)
	}
}

func TestErrorsAnswer(t *testing.T) {
	conflict := fmt.Errorf("append: %w", &Conflict{IDs: []string{"5-1"}})
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {errors.New("connection refused"), false}, {ErrClosed, false}, {ErrDenied, false},
		{ErrNotFound, true}, {invalid("x"), true}, {conflict, true},
	} {
		if got := Permanent(c.err); got != c.want {
			t.Errorf("Permanent(%v) = %v", c.err, got)
		}
	}
	if !errors.Is(conflict, ErrConflict) || conflict.Error() != "append: another entry has this id: 5-1" {
		t.Errorf("conflict: %v", conflict)
	}
}

func TestPageOf(t *testing.T) {
	at := func(id string, s int64) Call { return Call{ID: id, Started: time.Unix(1_700_000_000+s, 0)} }
	calls := []Call{at("a", 1), at("c", 3), at("b", 3), at("d", 4)}
	var got []string
	q := Query{Limit: 3}
	for {
		p, err := PageOf(q, calls)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Calls {
			got = append(got, c.ID)
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(got) != "[d c b a]" {
		t.Errorf("pages: %v", got)
	}
}

func TestPageSize(t *testing.T) {
	for limit, want := range map[int]int{-1: DefaultPage, 0: DefaultPage, 7: 7, MaxPage + 1: MaxPage} {
		if got := (&Query{Limit: limit}).PageSize(); got != want {
			t.Errorf("limit %d gives %d, want %d", limit, got, want)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "1732521600123~c1", "~", "-5~x", "1~a~b", "99999999999999999999~a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok, err := ParseCursor(s)
		if ok != (err == nil && s != "") {
			t.Errorf("%q: %v, %v", s, ok, err)
		}
		if !ok {
			return
		}
		if again, _, err := ParseCursor(c.String()); err != nil || again != c {
			t.Errorf("%q was read as %v, then as %v, %v", s, c, again, err)
		}
	})
}
