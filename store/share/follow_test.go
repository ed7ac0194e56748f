package share

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// heard is one answer of Follow.
type heard struct {
	entries []store.Entry
	err     error
}

func follow(ctx context.Context, c *Client, id, after string) <-chan heard {
	answer := make(chan heard, 1)
	go func() {
		entries, err := c.Follow(ctx, id, after)
		answer <- heard{entries, err}
	}()
	return answer
}

// waiting returns when the owner is about to wait for news of a call on behalf of a client.
func waiting(t *testing.T, requests <-chan string) {
	t.Helper()
	select {
	case <-requests:
	case <-time.After(time.Minute):
		t.Fatal("the request never came")
	}
}

// watched is an owner that tells when it is asked to follow.
type watched struct {
	Owner
	asked chan string
}

func (w watched) Follow(ctx context.Context, id, after string) ([]store.Entry, error) {
	w.asked <- id
	return w.Owner.Follow(ctx, id, after)
}

// watch puts a watched store in the place of the owner's.
func (o *owner) watch(t *testing.T) <-chan string {
	t.Helper()
	must(t, o.server.Close())
	asked := make(chan string, 100)
	var err error
	o.server, err = Serve(o.path, watched{o.Store, asked})
	must(t, err)
	return asked
}

func TestFollowWakesAndEnds(t *testing.T) {
	o := newOwner(t)
	asked := o.watch(t)
	o.call(t, "live", 1)
	answer := follow(ctx, o.client, "live", line(0).ID)
	waiting(t, asked)
	must(t, o.Append(ctx, "live", line(1)))
	if a := <-answer; a.err != nil || len(a.entries) != 1 || a.entries[0].ID != line(1).ID {
		t.Fatalf("%+v", a)
	}
	answer = follow(ctx, o.client, "live", line(1).ID)
	waiting(t, asked)
	must(t, o.Finish(ctx, store.Call{ID: "live"}))
	if a := <-answer; !errors.Is(a.err, store.ErrEnded) {
		t.Fatalf("%+v", a)
	}
}

func TestFollowIsCancelled(t *testing.T) {
	o := newOwner(t)
	asked := o.watch(t)
	o.call(t, "live", 0)
	waits, cancel := context.WithCancel(ctx)
	answer := follow(waits, o.client, "live", "")
	waiting(t, asked)
	cancel()
	if a := <-answer; !errors.Is(a.err, context.Canceled) {
		t.Errorf("%+v", a)
	}
	if err := o.client.Close(); err != nil {
		t.Error(err)
	}
}

// An owner that ends while a client waits is neither the end of the call nor a call that is not there.
func TestOwnerEndsMidFollow(t *testing.T) {
	for name, end := range map[string]func(*owner) error{
		"socket first": func(o *owner) error { return o.server.Close() },
		"store first":  func(o *owner) error { return o.Store.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOwner(t)
			asked := o.watch(t)
			o.call(t, "live", 0)
			answer := follow(ctx, o.client, "live", "")
			waiting(t, asked)
			must(t, end(o))
			a := <-answer
			if a.err == nil || errors.Is(a.err, store.ErrEnded) || errors.Is(a.err, store.ErrNotFound) {
				t.Fatalf("%+v", a)
			}
			if !strings.Contains(a.err.Error(), "owner of the store") {
				t.Errorf("says only: %v", a.err)
			}
		})
	}
}
