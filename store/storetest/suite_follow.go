package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var followLaws = []law{
	{"Follow returns at once what is there", followPresent},
	{"Follow wakes for new lines and resumes after any id", followWakes},
	{"Follow ends with the call, after its last line", followEnds},
	{"Follow of a swept call ends, of a deleted one fails", followGone},
	{"a cancelled Follow returns", followCancelled},
	{"many follow one call", followMany},
}

// answer is what a Follow in another goroutine returned.
type answer struct {
	entries []store.Entry
	err     error
}

// following calls Follow in a goroutine that has certainly begun when it returns.
func following(ctx context.Context, s store.Store, id, after string) <-chan answer {
	out, begun := make(chan answer, 1), make(chan struct{})
	go func() {
		close(begun)
		entries, err := s.Follow(ctx, id, after)
		out <- answer{entries, err}
	}()
	<-begun
	return out
}

func await(t *testing.T, out <-chan answer) answer {
	t.Helper()
	select {
	case a := <-out:
		return a
	case <-time.After(patience):
		t.Fatal("Follow does not return")
		return answer{}
	}
}

func followPresent(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	all := lines(0, 5)
	add(t, s, "c1", all...)
	for from := range all {
		entries, err := s.Follow(background(t), "c1", all[from].ID)
		if from == len(all)-1 {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, entries, all[from+1:])
		if from == len(all)-2 {
			break
		}
	}
	entries, err := s.Follow(background(t), "c1", "")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, entries, all)
	_, err = s.Follow(background(t), "c1", "nonsense")
	wantError(t, "Follow after nonsense", err, store.ErrInvalid)
}

func followWakes(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	all := lines(0, 10)
	after := ""
	for i := range all {
		out := following(background(t), s, "c1", after)
		add(t, s, "c1", all[i])
		a := await(t, out)
		if a.err != nil {
			t.Fatal(a.err)
		}
		wantLines(t, a.entries, all[i:i+1])
		after = all[i].ID
	}
}

func followEnds(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	add(t, s, "c1", line(1, "last words"))
	out := following(background(t), s, "c1", line(1, "").ID)
	finish(t, s, store.Call{ID: "c1"})
	wantError(t, "Follow at the end", await(t, out).err, store.ErrEnded)
	entries, err := s.Follow(background(t), "c1", "")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, entries, only(1, "last words"))
	_, err = s.Follow(background(t), "c1", line(1, "").ID)
	wantError(t, "Follow of an ended call", err, store.ErrEnded)
}

func followGone(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0), callAt("c2", 0))
	lost := following(background(t), s, "c1", "")
	deleted := following(background(t), s, "c2", "")
	if err := s.Delete(background(t), "c2"); err != nil {
		t.Fatal(err)
	}
	sweep(t, s, time.Now().Add(time.Hour))
	wantError(t, "Follow of a lost call", await(t, lost).err, store.ErrEnded)
	wantError(t, "Follow of a deleted call", await(t, deleted).err, store.ErrNotFound)
}

func followCancelled(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	ctx, cancel := context.WithCancel(background(t))
	out := following(ctx, s, "c1", "")
	cancel()
	wantError(t, "Follow", await(t, out).err, context.Canceled)
	ctx, cancel = context.WithTimeout(background(t), 50*time.Millisecond)
	defer cancel()
	_, err := s.Follow(ctx, "c1", "")
	wantError(t, "Follow", err, context.DeadlineExceeded)
}

// followMany lets readers of different speed read one call to its end.
func followMany(t *testing.T, s store.Store) {
	begin(t, s, callAt("c1", 0))
	const n, readers = 50, 6
	outs := make([]chan answer, readers)
	for i := range outs {
		outs[i] = make(chan answer, 1)
		go func() { outs[i] <- followAll(background(t), s, "c1") }()
	}
	all := lines(0, n)
	for i := range all {
		add(t, s, "c1", all[i])
	}
	finish(t, s, store.Call{ID: "c1"})
	for i := range outs {
		a := await(t, outs[i])
		if a.err != nil {
			t.Fatal(fmt.Errorf("reader %d: %w", i, a.err))
		}
		wantLines(t, a.entries, all)
	}
}

func followAll(ctx context.Context, s store.Store, id string) (a answer) {
	after := ""
	for {
		entries, err := s.Follow(ctx, id, after)
		if errors.Is(err, store.ErrEnded) {
			return a
		}
		if err != nil || len(entries) == 0 {
			return answer{err: fmt.Errorf("%d lines, %w", len(entries), err)}
		}
		a.entries = append(a.entries, entries...)
		after = entries[len(entries)-1].ID
	}
}
