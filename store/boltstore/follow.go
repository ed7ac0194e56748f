package boltstore

import (
	"context"
	"sync"

	"github.com/trunkline/trunkline/store"
)

// Follow implements [store.Reader].
func (s *Store) Follow(ctx context.Context, id, after string) ([]store.Entry, error) {
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	for {
		news, leave := s.hub.listen(id) // before reading, so that nothing is missed between
		entries, over, err := s.entries(ctx, id, from, 0)
		switch {
		case err != nil || len(entries) > 0:
			leave()
			return entries, err
		case over || s.opts.ReadOnly:
			leave()
			return nil, store.ErrEnded
		}
		select {
		case <-news:
		case <-s.hub.closed:
			err = store.ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
		leave()
		if err != nil {
			return nil, err
		}
	}
}

// hub wakes those who follow a call, or wait for one of the topics that are no calls.
type hub struct {
	closed chan struct{} // closed by close

	mu     sync.Mutex
	topics map[string]*topic
	gone   bool
}

// Topics that no call id can be.
const (
	topicFeed = "feed of all"
	topicOut  = "outbox of all"
)

// topic is a call with listeners.
type topic struct {
	news      chan struct{} // closed, and replaced, when there is something to read
	listeners int
}

func (h *hub) init() {
	h.closed = make(chan struct{})
	h.topics = map[string]*topic{}
}

// listen returns a channel that is closed at the next news of the call, and a function to call when done with it.
func (h *hub) listen(id string) (news <-chan struct{}, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil {
		t = &topic{news: make(chan struct{})}
		h.topics[id] = t
	}
	t.listeners++
	return t.news, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.listeners--; t.listeners == 0 {
			delete(h.topics, id)
		}
	}
}

func (h *hub) wake(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[id]; t != nil {
		close(t.news)
		t.news = make(chan struct{})
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.gone {
		h.gone = true
		close(h.closed)
	}
}
