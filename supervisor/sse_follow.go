package supervisor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// lookEvery is how soon a stream sees that a record was changed while nobody spoke.
const lookEvery = 5 * time.Second

// follower shows one call as it goes on:
//
//	event: record   the record, first and whenever it has changed
//	event: entry    a line, with its id: a client resumes behind the last one it has seen
//	event: end      the call is over or was deleted, and nothing more comes
//
// Owned by the handler.
type follower struct {
	*sse
	archive Archive
	call    store.Call // as the client knows it
	shown   bool       // the client knows it
	after   string     // id of the last line that was written
}

type endNote struct {
	Reason string `json:"reason"` // ended or deleted
}

func (a *api) follow(w http.ResponseWriter, r *http.Request) error {
	after, err := resumeAt(r)
	if err != nil {
		return err
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	leave, err := a.streams.enter(userOf(r.Context()))
	if err != nil {
		return err
	}
	defer leave()
	if err := a.record(r, "follow", c, ""); err != nil {
		return err
	}
	ctx, stop := until(r, w, a.streams.life)
	defer stop()
	out, err := openSSE(ctx, w)
	if err == nil && r.Method != http.MethodHead {
		f := &follower{sse: out, archive: a.Archive, call: *c, after: after}
		err = f.run(ctx)
	}
	if err != nil && ctx.Err() == nil {
		a.Log.Debug("following a call broke off; the client resumes", "call_id", c.ID, "err", err)
	}
	return nil // the answer has begun
}

// resumeAt is the line behind which a client goes on: what its browser says, or what its address says.
func resumeAt(r *http.Request) (string, error) {
	if err := only(r, "after"); err != nil {
		return "", err
	}
	p := params{Values: r.URL.Query()}
	after := p.after("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last
		if _, err := store.ParseAfter(last); err != nil {
			p.fail("Last-Event-ID", "it is no id of an entry", "send the id of the last entry as it was given")
		}
	}
	return after, p.err
}

// run writes until the call is over, the client leaves or the server closes.
func (f *follower) run(ctx context.Context) error {
	for {
		over, err := f.look(ctx)
		if over || err != nil {
			return err
		}
		entries, err := f.wait(ctx)
		if err != nil && !errors.Is(err, store.ErrEnded) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for i := range entries {
			if err := f.event("entry", entries[i].ID, export.EntryOf(&entries[i])); err != nil {
				return err
			}
			f.after = entries[i].ID
		}
		if errors.Is(err, store.ErrEnded) {
			return f.end(ctx)
		}
		if err := f.beat(); err != nil {
			return err
		}
	}
}

// wait returns the next lines, or none after a while.
func (f *follower) wait(ctx context.Context) ([]store.Entry, error) {
	waiting, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	entries, err := f.archive.Follow(waiting, f.call.ID, f.after)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return entries, nil
	}
	return entries, err
}

// look writes the record when the client does not know it as it is. over: the call is not there any more.
func (f *follower) look(ctx context.Context) (over bool, err error) {
	c, err := f.archive.Call(ctx, f.call.ID)
	if errors.Is(err, store.ErrNotFound) {
		return true, f.event("end", "", endNote{"deleted"})
	}
	if err != nil || f.shown && c == f.call {
		return false, err
	}
	f.call, f.shown = c, true
	return false, f.event("record", "", export.CallOf(&c))
}

// end shows how the call ended.
func (f *follower) end(ctx context.Context) error {
	if over, err := f.look(ctx); over || err != nil {
		return err
	}
	return f.event("end", "", endNote{"ended"})
}
