package supervisor

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/trunkline/trunkline/store"
)

// SignIn says who may come in: whoever has one of the tokens, or is let in by an issuer of OpenID Connect, or both.
type SignIn struct {
	Tokens []Token
	OIDC   *OIDC // nil: tokens only
	// Key seals the cookies, at least 32 bytes that nobody can guess. Give all nodes behind one name the same. A new one
	// signs everybody out. "": a random one, so that sessions end with the process and hold on this node alone.
	Key string
}

// door is what a server that asks people to sign in has.
type door struct {
	members  []member // static, like all but noise
	issuer   *issuer  // nil without OpenID Connect
	sessions *sessions
	limit    *limiter

	noiseMu sync.Mutex
	noise   allowance // of failures in the audit list
}

// Failures that are written to the audit list: at once; each second. All are counted.
const noiseBurst, noiseRate = 20, 1.0 / 3

// newDoor makes a door, or none where nobody signs in.
func newDoor(c *SignIn) (*door, error) {
	if c == nil {
		return nil, nil
	}
	if len(c.Tokens) == 0 && c.OIDC == nil {
		return nil, errors.New("supervisor: nobody could sign in: set supervisor.tokens or supervisor.oidc")
	}
	key := []byte(c.Key)
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) < 32 {
		return nil, errors.New("supervisor.session_key is shorter than 32 bytes: make one with 'openssl rand -base64 32'")
	}
	d := &door{sessions: newSessions(key), limit: newLimiter(), noise: allowance{left: noiseBurst, at: time.Now()}}
	var tokens, federated error
	d.members, tokens = newMembers(c.Tokens)
	if c.OIDC != nil {
		d.issuer, federated = newIssuer(*c.OIDC, key)
	}
	return d, errors.Join(tokens, federated)
}

// userOf is who a session belongs to by the configuration of now; ok is false when that lets them in no more.
func (d *door) userOf(s session) (u *User, ok bool) {
	if s.OIDC != nil {
		if d.issuer == nil {
			return nil, false
		}
		return d.issuer.userOf(*s.OIDC)
	}
	for i := range d.members {
		if d.members[i].hash == s.Token {
			return &d.members[i].user, true
		}
	}
	return nil, false
}

// try tests a token. A wait above zero means that it was not even looked at.
func (s *Server) try(r *http.Request, token, how string) (m *member, wait time.Duration) {
	addr := originOf(r).addr
	if wait = s.mayTry(r); wait > 0 {
		return nil, wait
	}
	if m = s.door.byToken(token); m == nil {
		s.failed(r, how)
		return nil, 0
	}
	s.door.limit.right(addr)
	return m, 0
}

func (s *Server) mayTry(r *http.Request) (wait time.Duration) {
	if wait = s.door.limit.take(originOf(r).addr); wait > 0 {
		s.counts.held.Add(1)
	}
	return wait
}

// failed counts a failure and writes it down, as long as they are not too many to read anyway.
func (s *Server) failed(r *http.Request, how string) {
	s.counts.failed.Add(1)
	s.door.noiseMu.Lock()
	tooMany := s.door.noise.take(noiseRate, noiseBurst) > 0
	s.door.noiseMu.Unlock()
	if tooMany {
		s.counts.auditsLost.Add(1)
		return
	}
	s.record(r, store.Audit{Action: "sign_in_failed", Detail: how})
}

// record writes to the audit list. People come in and go out even when the store is away; that is counted.
func (s *Server) record(r *http.Request, a store.Audit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 2*time.Second)
	defer cancel()
	a.From = originOf(r).addr.String()
	if err := s.Archive.Record(ctx, a); err != nil {
		s.counts.auditsLost.Add(1)
		s.Log.Warn("the audit list misses an entry", "action", a.Action, "err", err)
	}
}
