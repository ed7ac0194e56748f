package supervisor

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// How long a session lasts.
const (
	sessionLength = 24 * time.Hour // at most
	sessionIdle   = 8 * time.Hour  // without a request; what is being followed makes none
	sessionRenew  = 5 * time.Minute
	maxSignedOut  = 10_000 // sessions that are remembered as signed out
)

// session is what somebody proved when they signed in. It says nothing of what they may do: that is looked up in the
// configuration at every request, so that a token which was removed, or a role which was changed, is so for everybody.
//
// The browser keeps it, sealed, in its cookie; the server keeps no list. So every node that has the same key knows
// it behind any load balancer, a restart signs nobody out, and no flood of sign-ins fills a table. The price: a
// sign-out is known only to the node that was told. Elsewhere the session ends because the browser dropped it.
type session struct {
	ID    string    `json:"i"`           // random
	Token string    `json:"t,omitempty"` // hash of the token that was shown, or
	OIDC  *identity `json:"o,omitempty"` // what the issuer said
	Began int64     `json:"b"`           // Unix time in seconds
	Seen  int64     `json:"s"`           // likewise, of the last renewal
}

func newSession() session {
	now := time.Now().Unix()
	return session{ID: rand.Text() + rand.Text(), Began: now, Seen: now} // 260 bits
}

// end is when it is over if no further request comes.
func (s session) end() time.Time {
	return time.Unix(min(s.Began+int64(sessionLength.Seconds()), s.Seen+int64(sessionIdle.Seconds())), 0)
}

// sessions reads and writes the cookie, and ends sessions.
type sessions struct {
	seal *sealer // static

	mu   sync.Mutex
	out  map[string]time.Time          // signed out, and when they would be over anyway
	held map[string]map[*held]struct{} // requests that run now
}

// held is a request that ends with its session.
type held struct{ cancel context.CancelFunc }

func newSessions(key []byte) *sessions {
	return &sessions{seal: newSealer(key, "trunkline session 1"),
		out: map[string]time.Time{}, held: map[string]map[*held]struct{}{}}
}

// read returns the session of a request, if it is sealed by us and not over.
func (t *sessions) read(r *http.Request, secure bool) (s session, ok bool) {
	cookie, err := r.Cookie(cookieName(sessionCookie, secure))
	if err != nil || !t.seal.open(cookie.Value, &s) {
		return session{}, false
	}
	return s, time.Now().Before(s.end())
}

// write gives a session to the browser, or nothing when it does not fit into a cookie.
func (t *sessions) write(w http.ResponseWriter, s session, secure bool) bool {
	value := t.seal.seal(s)
	if len(value) > maxCookie {
		return false
	}
	setCookie(w, sessionCookie, value, 0, secure)
	return true
}

// renew notes now and then that the session is used.
func (t *sessions) renew(w http.ResponseWriter, s session, secure bool) {
	now := time.Now()
	if now.Sub(time.Unix(s.Seen, 0)) < sessionRenew {
		return
	}
	s.Seen = now.Unix()
	t.write(w, s, secure)
}

// hold ties a request to its session. ok is false when that was signed out; done must be called.
func (t *sessions) hold(ctx context.Context, s session) (_ context.Context, done func(), ok bool) {
	ctx, cancel := context.WithDeadline(ctx, s.end())
	h := &held{cancel}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, gone := t.out[s.ID]; gone {
		cancel()
		return nil, nil, false
	}
	if t.held[s.ID] == nil {
		t.held[s.ID] = map[*held]struct{}{}
	}
	t.held[s.ID][h] = struct{}{}
	return ctx, func() { t.release(s.ID, h) }, true
}

func (t *sessions) release(id string, h *held) {
	h.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if delete(t.held[id], h); len(t.held[id]) == 0 {
		delete(t.held, id)
	}
}

// signOut ends a session and all that runs in it.
func (t *sessions) signOut(s session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out) >= maxSignedOut {
		t.forgetLocked()
	}
	t.out[s.ID] = time.Unix(s.Began, 0).Add(sessionLength) // a copy of the cookie may be renewed until then
	for h := range t.held[s.ID] {
		h.cancel()
	}
}

// forgetLocked drops those that are over by now, and at least the one that will be first.
func (t *sessions) forgetLocked() {
	first, now := "", time.Now()
	for id, over := range t.out {
		if !over.After(now) {
			delete(t.out, id)
		} else if first == "" || over.Before(t.out[first]) {
			first = id
		}
	}
	if len(t.out) >= maxSignedOut {
		delete(t.out, first)
	}
}
