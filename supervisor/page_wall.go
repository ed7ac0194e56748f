package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageWall is the running calls that one reader may see. Owned by one request.
type pageWall struct {
	*pages
	user  *User
	cards map[string]*pageCard
}

func (p *pages) newWall(r *http.Request) *pageWall {
	return &pageWall{p, userOf(r.Context()), map[string]*pageCard{}}
}

// pageWallView is what the wall shows.
type pageWallView struct {
	Cards  []*pageCard
	States []string
	Counts map[string]int
}

// wall shows the running calls.
func (p *pages) wall(w http.ResponseWriter, r *http.Request) {
	wall := p.newWall(r)
	if err := wall.read(r.Context()); err != nil {
		p.failed(w, r, err)
		return
	}
	v := pageWallView{Cards: wall.sorted(), States: pageStates, Counts: map[string]int{}}
	for _, c := range v.Cards {
		v.Counts[c.State]++
	}
	p.show(w, r, http.StatusOK, "page_wall.html", "wall.title", v)
}

// read brings every card up to date and forgets those of calls that no longer run.
func (w *pageWall) read(ctx context.Context) error {
	q := store.Query{Live: true, Agents: w.user.Agents, Limit: store.MaxPage}
	running := map[string]bool{}
	for {
		page, err := w.Archive.List(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Calls {
			running[page.Calls[i].ID] = true
			if _, err := w.refresh(ctx, page.Calls[i]); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	for id := range w.cards {
		if !running[id] {
			delete(w.cards, id)
		}
	}
	return nil
}

// refresh folds the new lines of a running call into its card.
func (w *pageWall) refresh(ctx context.Context, call store.Call) (*pageCard, error) {
	card := w.cards[call.ID]
	if card == nil {
		card = &pageCard{}
	}
	entries, err := w.Archive.Entries(ctx, call.ID, card.after, 0)
	if err != nil {
		return nil, err
	}
	card.fold(call, entries, w.Live != nil && w.Live.Silenced(call.ID))
	w.cards[call.ID] = card
	return card, nil
}

// sorted are the cards, the newest call first.
func (w *pageWall) sorted() []*pageCard {
	all := make([]*pageCard, 0, len(w.cards))
	for _, c := range w.cards {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *pageCard) int { return store.At(&a.Call).Compare(store.At(&b.Call)) })
	return all
}

// wallStream keeps an open wall up to date. It begins with every card, because a page that was away knows nothing of
// what ended meanwhile, and repeats the list now and then; between the two it follows the news.
func (p *pages) wallStream(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	var follower sync.WaitGroup
	defer follower.Wait()
	defer cancel()
	news := make(chan []store.News)
	follower.Go(func() { p.followNews(ctx, r.Header.Get("Last-Event-ID"), news) })

	out, err := pageEventsTo(w)
	if err != nil {
		return
	}
	s := &pageWallStream{p.newWall(r), out, p.language(r), map[string]string{}}
	beat := time.NewTicker(pageHeartbeat)
	defer beat.Stop()
	for err = s.everything(ctx); err == nil; {
		select {
		case some, open := <-news:
			if !open {
				return // the browser comes again
			}
			err = s.tell(ctx, some)
		case <-beat.C:
			err = s.everything(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// followNews hands on what happens until the store fails or ctx ends, and closes news then.
func (p *pages) followNews(ctx context.Context, after string, news chan<- []store.News) {
	defer close(news)
	for {
		some, err := p.Archive.Feed(ctx, after)
		if errors.Is(err, store.ErrInvalid) && after != "" {
			after = "" // of another store: the list that the stream begins with has it all
			continue
		}
		if err != nil {
			return
		}
		if len(some) == 0 {
			continue
		}
		after = some[len(some)-1].ID
		select {
		case news <- some:
		case <-ctx.Done():
			return
		}
	}
}

// pageWallStream is a wall with the page that shows it.
type pageWallStream struct {
	*pageWall
	out  *pageEvents
	lang string
	sent map[string]string // what the page shows of each call
}

// everything sends each card, and then which ones there are.
func (s *pageWallStream) everything(ctx context.Context) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	maps.DeleteFunc(s.sent, func(id, _ string) bool { return s.cards[id] == nil })
	ids := []string{}
	for _, c := range s.sorted() {
		if err := s.card("", c); err != nil {
			return err
		}
		ids = append(ids, c.Call.ID)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return s.out.event("", "all", list)
}

// tell sends what changed, each call once.
func (s *pageWallStream) tell(ctx context.Context, news []store.News) error {
	last := map[string]string{} // id of the last news of each call
	for _, n := range news {
		last[n.Call] = n.ID
	}
	for _, n := range news {
		if last[n.Call] != n.ID {
			continue
		}
		if err := s.one(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *pageWallStream) one(ctx context.Context, n store.News) error {
	call, err := s.Archive.Call(ctx, n.Call)
	if errors.Is(err, store.ErrNotFound) || err == nil && !call.Live() {
		return s.gone(n)
	}
	if err != nil || !s.user.Sees(call.Agent) {
		return err
	}
	card, err := s.refresh(ctx, call)
	if errors.Is(err, store.ErrNotFound) {
		return s.gone(n)
	}
	if err != nil {
		return err
	}
	return s.card(n.ID, card)
}

// gone tells that a call is over, if the page ever showed it.
func (s *pageWallStream) gone(n store.News) error {
	if s.cards[n.Call] == nil {
		return nil
	}
	delete(s.cards, n.Call)
	delete(s.sent, n.Call)
	return s.out.event(n.ID, "gone", []byte(n.Call))
}

// card sends a card that looks other than the page has it.
func (s *pageWallStream) card(id string, c *pageCard) error {
	html, err := s.fragment(s.lang, "card", c)
	if err != nil || s.sent[c.Call.ID] == string(html) {
		return err
	}
	s.sent[c.Call.ID] = string(html)
	return s.out.event(id, "card", html)
}
