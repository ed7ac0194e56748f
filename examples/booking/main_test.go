package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/examples/internal/stage"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/tools"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// 2026-03-02 is a Monday.
const atTen = `{"day":"2026-03-02","hour":10,"name":"Ada Lovelace"}`

// registry has the tools with an empty diary.
func registry(t *testing.T) (*tools.Registry, *Diary) {
	t.Helper()
	diary := NewDiary()
	r, err := Tools(diary)
	stage.Must(t, err)
	t.Cleanup(func() { stage.Must(t, r.Close(context.Background())) })
	return r, diary
}

// run asks for a tool as the agent does, in the phone call "c1".
func run(ctx context.Context, r *tools.Registry, name, args, key string) tools.Outcome {
	return r.Run(ctx, tools.Invocation{Name: name, Arguments: args, Call: (&tools.Call{ID: "c1"}).For(key)})
}

// A run that is repeated has the same idempotency key, and books once; even when the repetition names another hour.
func TestSameKeyBooksOnce(t *testing.T) {
	r, diary := registry(t)
	for _, args := range []string{atTen, atTen, strings.Replace(atTen, "10", "11", 1)} {
		if o := run(t.Context(), r, "book_appointment", args, "f1"); o.Output != `{"result":"booked for 2026-03-02 at 10:00"}` {
			t.Errorf("%s: %s, %v", args, o.Output, o.Err)
		}
	}
	if all := diary.All(); len(all) != 1 || all[0] != (Booking{Slot{"2026-03-02", 10}, "Ada Lovelace"}) {
		t.Errorf("the diary has %+v, want the one booking", all)
	}
}

// What cannot be booked the model hears in words it can act on, and nothing is booked.
func TestRefusals(t *testing.T) {
	r, diary := registry(t)
	run(t.Context(), r, "book_appointment", atTen, "f1")
	for args, want := range map[string]string{
		atTen: "this slot is taken; on that day these hours are free: [9 11 12 13 14 15 16]",
		`{"day":"2026-03-01","hour":10,"name":"Ada"}`: "nobody works then; appointments are Monday to Friday, from 9 to 17",
		`{"day":"2026-02-30","hour":10,"name":"Ada"}`: "nobody works then",
		`{"day":"tomorrow","hour":10,"name":"Ada"}`:   "day",
		`{"day":"2026-03-02","hour":17,"name":"Ada"}`: "hour",
	} {
		if o := run(t.Context(), r, "book_appointment", args, "key of "+args); o.Err == nil || !strings.Contains(o.Output, want) {
			t.Errorf("%s: %s, want %q in it", args, o.Output, want)
		}
	}
	if all := diary.All(); len(all) != 1 {
		t.Errorf("the diary has %+v, want one booking", all)
	}
	if o := run(t.Context(), r, "free_hours", `{"day":"2026-03-02"}`, "f2"); o.Output != "[9,11,12,13,14,15,16]" {
		t.Errorf("free hours: %s", o.Output)
	}
}

// A run that is stopped while the diary takes its time has booked nothing, and the model is told not to assume it. What is
// asked for again, under the same key, is booked, once.
func TestStoppedBeforeItWasBooked(t *testing.T) {
	r, diary := registry(t)
	ctx, cancel := context.WithCancel(t.Context())
	diary.slow = func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }
	o := run(ctx, r, "book_appointment", atTen, "f1")
	if o.Status != tools.StatusCancelled || !strings.Contains(o.Output, "do not assume it happened") || len(diary.All()) != 0 {
		t.Fatalf("%s %s, the diary has %+v", o.Status, o.Output, diary.All())
	}
	diary.slow = after(time.Millisecond)
	for range 2 {
		if o := run(t.Context(), r, "book_appointment", atTen, "f1"); o.Status != tools.StatusOK {
			t.Errorf("asked again: %s %s", o.Status, o.Output)
		}
	}
	if all := diary.All(); len(all) != 1 {
		t.Errorf("the diary has %+v, want one booking", all)
	}
}

// What goes wrong behind the diary is for the log, and the name for nobody.
func TestPrivate(t *testing.T) {
	r, diary := registry(t)
	diary.slow = func(context.Context) error { return errors.New("dial tcp db.internal: refused") }
	o := run(t.Context(), r, "book_appointment", atTen, "f1")
	if strings.Contains(o.Output, "db.internal") || o.Ref == "" {
		t.Errorf("the model reads %s", o.Output)
	}
	if want := `{"day":"2026-03-02","hour":10,"name":"[redacted]"}`; o.Arguments != want {
		t.Errorf("recorded %s, want %s", o.Arguments, want)
	}
}

// How the tool is run is what the README promises.
func TestOptions(t *testing.T) {
	r, _ := registry(t)
	book, _ := r.Info("book_appointment")
	if e := book.Effects; !e.AfterTurn || !e.Once || e.Duplicate != tools.Join || e.Say.After == 0 || e.Say.Failed.Text == "" ||
		book.OnInterrupt != tools.Finish {
		t.Errorf("book_appointment: %+v, interrupted: %s", e, book.OnInterrupt)
	}
	if free, _ := r.Info("free_hours"); free.OnInterrupt != tools.Cancel || free.Effects.Once {
		t.Errorf("free_hours: %+v", free)
	}
}

// The program itself starts with the file beside it, and ends when it is asked to.
func TestProgram(t *testing.T) { stage.Serves(t) }
