package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageCall is what the page of a call shows.
type pageCall struct {
	Call     store.Call
	Lines    []*pageLine
	After    string // id of the last entry: the stream goes on behind it
	Recorded bool
	Act      bool // the reader may act on running calls of this node, if it is one
	Write    bool // the reader may write notes and tags, and export
	Delete   bool
}

// seeCall returns a call that the user may know of. To others it is not there.
func (p *pages) seeCall(r *http.Request) (store.Call, error) {
	id := r.PathValue("id")
	if store.ValidateCallID(id) != nil {
		return store.Call{}, store.ErrNotFound
	}
	c, err := p.Archive.Call(r.Context(), id)
	if err == nil && !userOf(r.Context()).Sees(c.Agent) {
		return store.Call{}, store.ErrNotFound
	}
	return c, err
}

// call shows a transcript. It is in the audit list before anybody reads it.
func (p *pages) call(w http.ResponseWriter, r *http.Request) {
	c, err := p.seeCall(r)
	if err == nil {
		err = p.note(r, "read", &c, "")
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	entries, err := p.Archive.Entries(r.Context(), c.ID, "", 0)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	fold := newPageFold(&c)
	for _, e := range entries {
		fold.add(e)
	}
	v := p.callView(r, &c)
	v.Lines = fold.lines
	if len(entries) > 0 {
		v.After = entries[len(entries)-1].ID
	}
	p.show(w, r, http.StatusOK, "page_call.html", "call.title", v)
}

func (p *pages) callView(r *http.Request, c *store.Call) *pageCall {
	u := userOf(r.Context())
	return &pageCall{Call: *c, Recorded: p.recorded(r.Context(), c), Act: u.May(Supervisor) && p.Live != nil && c.Live(),
		Write: u.May(Supervisor), Delete: u.May(Admin) && !c.Live()}
}

// recorded reports whether there is something to listen to.
func (p *pages) recorded(ctx context.Context, c *store.Call) bool {
	if p.Recordings == nil || c.Live() {
		return false
	}
	rec, err := p.Recordings.Open(ctx, c.ID)
	if err != nil {
		return false
	}
	rec.Close() // only looked for
	return true
}

// note enters into the audit list what the user is about to see.
func (p *pages) note(r *http.Request, action string, c *store.Call, detail string) error {
	a := store.Audit{Who: userOf(r.Context()).Name, From: r.RemoteAddr, Action: action, Detail: detail}
	if c != nil {
		a.Call, a.Agent = c.ID, c.Agent
	}
	return p.Archive.Record(r.Context(), a)
}

// callHead answers with the head of a call alone, for a page that changed a tag.
func (p *pages) callHead(w http.ResponseWriter, r *http.Request) {
	c, err := p.seeCall(r)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	html, err := p.fragment(p.language(r), "head", p.callView(r, &c))
	if err != nil {
		p.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html)
}

// callStream keeps an open transcript up to date. An event carries the id of the entry that caused it, so that a browser
// that was cut off goes on where it was; what it shows already is replaced and never doubled.
func (p *pages) callStream(w http.ResponseWriter, r *http.Request) {
	c, err := p.seeCall(r)
	if err == nil {
		err = p.note(r, "follow", &c, "")
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	from, err := store.ParseAfter(after)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	out, err := pageEventsTo(w)
	if err != nil {
		return
	}
	s := &pageCallStream{pages: p, out: out, r: r, call: c, from: from, fold: newPageFold(&c), lang: p.language(r)}
	if err := s.run(r.Context()); err != nil && r.Context().Err() == nil {
		p.Log.Warn("an open transcript lost the store", "call_id", c.ID, "err", err)
	}
}

// pageCallStream is a transcript with the page that follows it. Owned by the request.
type pageCallStream struct {
	*pages
	out  *pageEvents
	r    *http.Request
	call store.Call
	from store.ID // the page has everything up to here
	fold *pageFold
	last string // entry that was folded last
	lang string
	head string // as the page has it; "": not known
}

// run sends what the page has not, then what comes, until the call is over. The lines that the page has are folded
// once more, because a result that comes now may belong to a tool call of before.
func (s *pageCallStream) run(ctx context.Context) error {
	for {
		entries, err := s.follow(ctx)
		if errors.Is(err, store.ErrEnded) || errors.Is(err, store.ErrNotFound) {
			return s.end(ctx)
		}
		if err != nil {
			return err
		}
		if err := s.lines(entries); err != nil {
			return err
		}
		if err := s.sendHead(ctx); err != nil {
			return err
		}
	}
}

// follow waits for entries, and shows now and then that it does. None without an error is possible.
func (s *pageCallStream) follow(ctx context.Context) ([]store.Entry, error) {
	patient, cancel := context.WithTimeout(ctx, pageHeartbeat)
	defer cancel()
	entries, err := s.Archive.Follow(patient, s.call.ID, s.last)
	if err != nil && ctx.Err() == nil && patient.Err() != nil {
		return nil, s.out.heartbeat()
	}
	return entries, err
}

func (s *pageCallStream) lines(entries []store.Entry) error {
	for _, e := range entries {
		s.last = e.ID
		l := s.fold.add(e)
		if id, err := store.ParseID(e.ID); l == nil || err != nil || id.Compare(s.from) <= 0 {
			continue
		}
		html, err := s.fragment(s.lang, "line", map[string]any{"Line": l, "Recorded": false})
		if err != nil {
			return err
		}
		if err := s.out.event(e.ID, "line", html); err != nil {
			return err
		}
	}
	return nil
}

// sendHead sends the head of the page when it is another one.
func (s *pageCallStream) sendHead(ctx context.Context) error {
	c, err := s.Archive.Call(ctx, s.call.ID)
	if err != nil {
		return nil // the next turn tells
	}
	s.call = c
	html, err := s.fragment(s.lang, "head", s.callView(s.r, &c))
	if err != nil || string(html) == s.head {
		return err
	}
	s.head = string(html)
	return s.out.event("", "head", html)
}

// end tells the page that nothing more comes.
func (s *pageCallStream) end(ctx context.Context) error {
	if err := s.sendHead(ctx); err != nil {
		return err
	}
	at, err := json.Marshal(s.call.Ended.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	return s.out.event("", "end", at)
}
