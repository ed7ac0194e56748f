package supervisor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// flow is a sign-in under way. The browser keeps it, sealed: whoever comes back without it did not start here, and
// another node may finish what this one began.
//
//	browser ── /oidc/start ──► us: cookie {state, nonce, verifier}, 303 to the issuer with state, nonce, S256(verifier)
//	        ── … ──► issuer ──► 303 back with code, state
//	        ── /oidc/callback ──► us: state = cookie's? ── code, verifier ──► issuer: ID token ─► nonce = cookie's? ─► session
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE (RFC 7636)
	Next     string `json:"x"`
	Until    int64  `json:"u"` // Unix time in seconds
}

// flowLength is how long people may take at the issuer.
const flowLength = 10 * time.Minute

// startOIDC sends somebody to the issuer.
func (s *Server) startOIDC(w http.ResponseWriter, r *http.Request) {
	next := safeNext(r.URL.Query().Get("next"))
	found, err := s.door.issuer.discover(r.Context())
	if err != nil {
		s.Log.Warn("the issuer of supervisor.oidc does not answer", "err", err)
		s.showSignIn(w, r, http.StatusServiceUnavailable, next, faultIssuer)
		return
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next, Until: time.Now().Add(flowLength).Unix()}
	setCookie(w, flowCookie, s.door.issuer.flows.seal(f), int(flowLength.Seconds()), originOf(r).secure)
	http.Redirect(w, r, found.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusSeeOther)
}

// errNoRole is of people whom the issuer knows and we do not want.
var errNoRole = errors.New("no role")

// finishOIDC takes somebody back from the issuer. Every flow is good for one return.
func (s *Server) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if wait := s.mayTry(r); wait > 0 {
		tooMany(w, wait)
		s.showSignIn(w, r, http.StatusTooManyRequests, "", faultTooMany)
		return
	}
	f, known := s.door.issuer.flow(r)
	setCookie(w, flowCookie, "", -1, originOf(r).secure)
	var who identity
	err := errors.New("the sign-in was not started here, or too long ago")
	if known {
		who, err = s.door.issuer.redeem(r, f)
	}
	switch {
	case errors.Is(err, errNoRole):
		s.failed(r, "oidc: no role")
		s.showSignIn(w, r, http.StatusForbidden, f.Next, faultRole)
	case err != nil:
		s.failed(r, "oidc")
		s.Log.Info("a sign-in by OpenID Connect failed", "err", err)
		s.showSignIn(w, r, http.StatusUnauthorized, f.Next, faultOIDC)
	default:
		s.door.limit.right(originOf(r).addr)
		began := newSession()
		began.OIDC = &who
		s.enter(w, r, began, who.Name, "oidc", f.Next)
	}
}

// flow is the one that the browser brings back; ok is false when it has none of ours for this answer.
func (p *issuer) flow(r *http.Request) (f flow, ok bool) {
	cookie, err := r.Cookie(cookieName(flowCookie, originOf(r).secure))
	if err != nil || !p.flows.open(cookie.Value, &f) || time.Now().Unix() > f.Until {
		return flow{}, false
	}
	return f, subtle.ConstantTimeCompare([]byte(f.State), []byte(r.URL.Query().Get("state"))) == 1
}

// redeem turns the code into who somebody is. Errors hold nothing of a person.
func (p *issuer) redeem(r *http.Request, f flow) (identity, error) {
	q := r.URL.Query()
	if iss := q.Get("iss"); iss != "" && iss != p.Issuer {
		return identity{}, errors.New("the answer is of another issuer") // RFC 9207
	}
	if q.Get("code") == "" {
		return identity{}, errors.New("the issuer refused")
	}
	ctx, cancel := context.WithTimeout(p.client(r.Context()), 15*time.Second)
	defer cancel()
	found, err := p.discover(ctx)
	if err != nil {
		return identity{}, fmt.Errorf("ask the issuer: %w", err)
	}
	token, err := found.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return identity{}, exchangeFault(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("check the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return identity{}, errors.New("the ID token is for another sign-in (nonce)")
	}
	return p.identify(id)
}

// exchangeFault keeps the body of the issuer's answer out of the log.
func exchangeFault(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("exchange the code: the issuer says %d %.64q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return fmt.Errorf("exchange the code: %w", err)
}
