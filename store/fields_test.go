package store

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fill sets every field of a record to something of its own, so that one which the schema forgets shows.
func fill[T any](t *testing.T) T {
	var record T
	v := reflect.ValueOf(&record).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_000 + int64(i)).UTC()))
		case f.Kind() == reflect.String:
			f.SetString(strings.ToLower(fmt.Sprint(v.Type().Field(i).Name, i))) // as tags are
		case f.CanInt():
			f.SetInt(int64(1000 + i))
		default:
			t.Fatalf("the test knows no %s", f.Type())
		}
	}
	return record
}

func TestEveryFieldOfACallSurvives(t *testing.T) {
	want := fill[Call](t)
	if got := DecodeCall(want.Fields()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n := len(maps.Collect(want.Fields())); n != reflect.TypeFor[Call]().NumField() {
		t.Errorf("%d names for %d fields", n, reflect.TypeFor[Call]().NumField())
	}
}

func TestEveryFieldOfAnEntrySurvives(t *testing.T) {
	want := fill[Entry](t)
	want.ID = "5-1"
	if got := DecodeEntry(want.ID, want.Fields()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestZeroValuesTakeNoSpace(t *testing.T) {
	var c Call
	if n := len(maps.Collect(c.Fields())); n != 0 {
		t.Errorf("an empty call has %d fields", n)
	}
	e := Entry{ID: "5-1", Kind: KindTurn, At: time.UnixMilli(5), Role: RoleAgent, Text: "Hello.", Heard: "Hello."}
	got := maps.Collect(e.Fields())
	want := map[string]string{"k": "turn", "r": "agent", "t": "Hello.", "ha": "1"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v: time and heard text are said twice", got, want)
	}
}

func TestHeard(t *testing.T) {
	for _, heard := range []string{"", "Hello", "Hello."} {
		e := Entry{ID: "5-1", Kind: KindTurn, Text: "Hello.", Heard: heard}
		if got := DecodeEntry(e.ID, e.Fields()); got.Heard != heard || got.Text != "Hello." {
			t.Errorf("heard %q, got %q", heard, got.Heard)
		}
	}
}

func TestDecodeIsTolerant(t *testing.T) {
	c := DecodeCall(maps.All(map[string]string{"id": "c1", "turns": "many", "start": "1e3", "from-the-future": "x", "code": "99999999999999999999"}))
	if c != (Call{ID: "c1"}) {
		t.Errorf("got %+v", c)
	}
	e := DecodeEntry("bad", maps.All(map[string]string{"k": "hologram", "r": "bystander", "cut": "", "zz": ""}))
	if e != (Entry{ID: "bad", Kind: "hologram", Role: "bystander"}) {
		t.Errorf("got %+v", e)
	}
}

func TestBrokenTextIsMended(t *testing.T) {
	e := Entry{ID: "5-1", Kind: KindTurn, Text: "caf\xe9", Heard: "ca\xff"}
	got := DecodeEntry(e.ID, e.Fields())
	if got.Text != "caf\uFFFD" || got.Heard != "ca\uFFFD" {
		t.Errorf("got %+q %+q", got.Text, got.Heard)
	}
	if !e.Same(&got) {
		t.Error("the mended entry counts as another")
	}
}

func TestMerge(t *testing.T) {
	c := Call{ID: "c1", Agent: "a", Turns: 3}
	c.Merge(&Call{Turns: 4, Cause: "bye"})
	if c != (Call{ID: "c1", Agent: "a", Turns: 4, Cause: "bye"}) {
		t.Errorf("got %+v", c)
	}
}

func FuzzEntryFields(f *testing.F) {
	f.Add("5-1", "turn", "caller", "Hello?", "Hello", "{\"a\":1}", int64(5), 120)
	f.Add("0-1", "\x00", "", "caf\xe9", "caf\xe9", "", int64(-1), -1)
	f.Fuzz(func(t *testing.T, id, kind, role, text, heard, arguments string, at int64, cut int) {
		e := Entry{ID: id, Kind: kind, Role: Role(role), Text: text, Heard: heard, Arguments: arguments, At: time.UnixMilli(at).UTC(), CutMS: cut}
		once := DecodeEntry(id, e.Fields())
		if twice := DecodeEntry(id, once.Fields()); twice != once {
			t.Errorf("decoding changes %+v to %+v", once, twice)
		}
		if utf8.ValidString(text) && once.Text != text || once.CutMS != cut || utf8.ValidString(heard) && utf8.ValidString(text) && once.Heard != heard {
			t.Errorf("%+v became %+v", e, once)
		}
	})
}

func FuzzDecodeCall(f *testing.F) {
	f.Add("start", "1732521600123", "turns", "7")
	f.Add("end", "-9223372036854775808", "code", "9223372036854775807")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		once := DecodeCall(maps.All(map[string]string{name1: value1, name2: value2}))
		if twice := DecodeCall(once.Fields()); twice != once {
			t.Errorf("decoding changes %+v to %+v", once, twice)
		}
		_ = once.Validate()
	})
}
