package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What a [Diary] refuses.
var (
	errTaken  = errors.New("the slot is taken")
	errClosed = errors.New("nobody works then")
)

// opens and closes are the hours of a working day: the last appointment begins at closes - 1.
const opens, closes = 9, 17

// Slot is an hour of a day.
type Slot struct {
	Day  string // YYYY-MM-DD
	Hour int    // 0 to 23
}

// Booking is an appointment.
type Booking struct {
	Slot
	Name string
}

// Diary keeps appointments in memory. A database does the same with two unique columns, slot and key, in one transaction.
//
//	key seen before ──► what it booked then, nothing is done
//	slot taken      ──► errTaken
//	else            ──► kept under both
type Diary struct {
	slow func(context.Context) error // static; the time that a real back end takes, nil for none

	mu    sync.Mutex
	slots map[Slot]Booking   // guarded by mu
	keys  map[string]Booking // guarded by mu; by idempotency key
}

// NewDiary returns an empty diary.
func NewDiary() *Diary {
	return &Diary{slots: map[Slot]Booking{}, keys: map[string]Booking{}}
}

// Book keeps a booking, once for each key: the same key again gets what the first one booked, whatever b is. An error
// means that nothing was booked. When ctx ends, Book gives up before the booking and never after it.
func (d *Diary) Book(ctx context.Context, key string, b Booking) (Booking, error) {
	if d.slow != nil {
		if err := d.slow(ctx); err != nil {
			return Booking{}, err
		}
	}
	if !worked(b.Slot) {
		return Booking{}, errClosed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if before, ok := d.keys[key]; ok {
		return before, nil
	}
	if _, taken := d.slots[b.Slot]; taken {
		return Booking{}, errTaken
	}
	d.slots[b.Slot], d.keys[key] = b, b
	return b, nil
}

// Free lists the hours of a day that can be booked; none on a day that is not worked, or is none.
func (d *Diary) Free(day string) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	hours := []int{}
	for hour := opens; hour < closes; hour++ {
		slot := Slot{day, hour}
		if _, taken := d.slots[slot]; !taken && worked(slot) {
			hours = append(hours, hour)
		}
	}
	return hours
}

// All lists the bookings by time.
func (d *Diary) All() []Booking {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Booking
	for _, b := range d.slots {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b Booking) int { return a.compare(b.Slot) })
	return all
}

func (s Slot) compare(o Slot) int {
	if s.Day == o.Day {
		return s.Hour - o.Hour
	}
	if s.Day < o.Day {
		return -1
	}
	return 1
}

// String implements fmt.Stringer.
func (s Slot) String() string { return fmt.Sprintf("%s at %d:00", s.Day, s.Hour) }

// worked reports whether somebody works then: Monday to Friday, in opening hours.
func worked(s Slot) bool {
	day, err := time.Parse(time.DateOnly, s.Day)
	if err != nil || s.Hour < opens || s.Hour >= closes {
		return false
	}
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}
