package store

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	for _, s := range []string{"1-0", "0-1", "1732521600123-7", "9223372036854775807-18446744073709551615"} {
		id, err := ParseID(s)
		if err != nil || id.String() != s {
			t.Errorf("%q: %v, %v", s, id, err)
		}
	}
	for _, s := range []string{"", "1", "-", "1-", "-1", "0-0", "01-1", "1-01", "+1-1", "1-1-1", " 1-1", "1-1 ", "1-x",
		"9223372036854775808-0", "1-18446744073709551616", "1_0-0"} {
		if id, err := ParseID(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q was read as %v, %v", s, id, err)
		}
	}
	if id, err := ParseAfter(""); err != nil || id != (ID{}) {
		t.Errorf("the beginning: %v, %v", id, err)
	}
}

func TestIDsIncreaseWhateverTheClockDoes(t *testing.T) {
	t0 := time.UnixMilli(1732521600123)
	clock := []time.Time{t0, t0, t0.Add(time.Microsecond), t0.Add(-time.Hour), t0.Add(time.Millisecond), t0, {}, time.Unix(-5, 0), t0.Add(time.Second)}
	want := []string{"1732521600123-0", "1732521600123-1", "1732521600123-2", "1732521600123-3", "1732521600124-0",
		"1732521600124-1", "1732521600124-2", "1732521600124-3", "1732521601123-0"}
	var ids IDs
	for i, now := range clock {
		if got := ids.Next(now); got != want[i] {
			t.Errorf("id %d is %s, want %s", i, got, want[i])
		}
	}
	var early IDs
	if got := early.Next(time.Time{}); got != "0-1" {
		t.Errorf("with no clock at all: %s", got)
	}
}

func TestIDsCarryOverTheSequence(t *testing.T) {
	ids := IDs{last: ID{MS: 5, Seq: math.MaxUint64}}
	if got := ids.Next(time.UnixMilli(1)); got != "6-0" {
		t.Errorf("got %s", got)
	}
}

func TestIDsKeep(t *testing.T) {
	now := time.UnixMilli(100)
	var ids IDs
	for _, c := range []struct{ give, want string }{
		{"100-0", "100-0"}, {"100-0", "100-1"}, {"90-0", "100-2"}, {"101-5", "101-5"}, {"", "101-6"}, {"nonsense", "101-7"},
	} {
		if got := ids.Keep(c.give, now); got != c.want {
			t.Errorf("Keep(%q) = %s, want %s", c.give, got, c.want)
		}
	}
}

func TestIDCompareAndTime(t *testing.T) {
	a, b, c := ID{1, 9}, ID{2, 0}, ID{2, 10}
	if a.Compare(b) >= 0 || c.Compare(b) <= 0 || b.Compare(b) != 0 {
		t.Error("ids are not ordered by number")
	}
	if got := b.Time(); !got.Equal(time.UnixMilli(2)) || got.Location() != time.UTC {
		t.Errorf("time %v", got)
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"1-0", "0-0", "01-1", "9223372036854775808-0", "1732521600123-18446744073709551615"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if id.String() != s || id == (ID{}) {
			t.Errorf("%q was read as %v", s, id)
		}
		if next := id.next(); next.Compare(id) <= 0 {
			t.Errorf("after %v comes %v", id, next)
		}
	})
}
