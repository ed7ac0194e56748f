package supervisor

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// anybody is the user where nobody signs in.
var anybody = &User{Name: "local", Role: Admin}

// known finds out who asks and hands the user on. Without one, people are led to the sign-in and programs refused.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.door == nil {
			next.ServeHTTP(w, r.WithContext(anybody.with(r.Context())))
			return
		}
		if isOpen(r) {
			next.ServeHTTP(w, r)
			return
		}
		if token, ok := bearer(r); ok {
			s.knownByToken(w, r, token, next)
			return
		}
		if s.knownBySession(w, r, next) {
			return
		}
		strange(w, r)
	})
}

// isOpen reports whether the path is for people who have not signed in.
func isOpen(r *http.Request) bool {
	switch path := r.URL.EscapedPath(); path {
	case "/sign-in", "/sign-out", "/oidc/start", "/oidc/callback":
		return true
	}
	return isStatic(r)
}

// bearer is the token of a program; ok is false when it sends none.
func bearer(r *http.Request) (token string, ok bool) {
	header := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", header != "" // another scheme is a wrong token and not none
	}
	return strings.TrimSpace(token), true
}

func (s *Server) knownByToken(w http.ResponseWriter, r *http.Request, token string, next http.Handler) {
	user, wait := s.try(r, token, "bearer")
	switch {
	case wait > 0:
		tooMany(w, wait)
		deny(w, r, http.StatusTooManyRequests, "too many attempts")
	case user == nil:
		challenge(w)
		deny(w, r, http.StatusUnauthorized, "the token is not known")
	default:
		next.ServeHTTP(w, r.WithContext(user.user.with(r.Context())))
	}
}

// knownBySession goes on as the user of the session cookie, if there is a good one. What it starts ends with the
// session, be it a transcript that is followed for hours.
func (s *Server) knownBySession(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	secure := originOf(r).secure
	session, ok := s.door.sessions.read(r, secure)
	if !ok {
		return false
	}
	user, ok := s.door.userOf(session)
	if !ok {
		return false
	}
	ctx, done, ok := s.door.sessions.hold(r.Context(), session)
	if !ok {
		return false
	}
	defer done()
	s.door.sessions.renew(w, session, secure)
	next.ServeHTTP(w, r.WithContext(user.with(ctx)))
	return true
}

// strange answers somebody who is not known.
func strange(w http.ResponseWriter, r *http.Request) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && !forPrograms(r) && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(safeNext(r.URL.RequestURI())), http.StatusSeeOther)
		return
	}
	challenge(w)
	deny(w, r, http.StatusUnauthorized, "sign in, or send a token: Authorization: Bearer TOKEN")
}

func challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline"`)
}

func tooMany(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
}
