package main

import (
	"errors"
	"strconv"
	"sync"
	"testing"
)

// Whoever comes at once, a slot is booked for one, and each repetition of the one that won gets its booking.
func TestDiaryAtOnce(t *testing.T) {
	d := NewDiary()
	monday := Slot{"2026-03-02", 9}
	var (
		mu  sync.Mutex
		won = map[string]int{} // by name; guarded by mu
		wg  sync.WaitGroup
	)
	for i := range 64 {
		name := strconv.Itoa(i % 8)
		wg.Go(func() {
			b, err := d.Book(t.Context(), "key of "+name, Booking{monday, name})
			switch {
			case err == nil:
				mu.Lock()
				won[b.Name]++
				mu.Unlock()
			case !errors.Is(err, errTaken):
				t.Errorf("book: %v", err)
			}
		})
	}
	wg.Wait()
	all := d.All()
	if len(all) != 1 || len(won) != 1 || won[all[0].Name] != 8 {
		t.Errorf("the diary has %+v, told were %v: want one booking, told to each of its 8 askers", all, won)
	}
}

func TestDiaryHours(t *testing.T) {
	d := NewDiary()
	for _, s := range []Slot{{"2026-03-03", 9}, {"2026-03-02", 16}, {"2026-03-02", 9}} {
		if _, err := d.Book(t.Context(), s.String(), Booking{s, "Ada"}); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []Slot{{"2026-03-07", 9}, {"2026-03-08", 9}, {"2026-03-02", 8}, {"2026-03-02", 17}, {"2026-3-2", 9}, {"", 9}} {
		if _, err := d.Book(t.Context(), "key of "+s.String(), Booking{s, "Ada"}); !errors.Is(err, errClosed) {
			t.Errorf("%s: %v, want that it is closed", s, err)
		}
	}
	var order []string
	for _, b := range d.All() {
		order = append(order, b.Slot.String())
	}
	if len(order) != 3 || order[0] != "2026-03-02 at 9:00" || order[1] != "2026-03-02 at 16:00" || order[2] != "2026-03-03 at 9:00" {
		t.Errorf("the diary is not in order: %v", order)
	}
	if free := d.Free("2026-03-07"); free == nil || len(free) != 0 {
		t.Errorf("free on a Saturday: %v, want an empty list and not null", free)
	}
}
