package supervisor

import (
	"net/http"
	"strings"

	"github.com/trunkline/trunkline/store"
)

// signInRoutes enters the door.
func (s *Server) signInRoutes(mux *http.ServeMux) {
	if s.door == nil {
		return
	}
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		s.showSignIn(w, r, http.StatusOK, r.URL.Query().Get("next"), "")
	})
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-out", s.signOut)
	if s.door.issuer != nil {
		mux.HandleFunc("GET /oidc/start", s.startOIDC)
		mux.HandleFunc("GET /oidc/callback", s.finishOIDC)
	}
}

// signIn takes the token that somebody typed.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	next := r.PostFormValue("next")
	user, wait := s.try(r, strings.TrimSpace(r.PostFormValue("token")), "form") // as it is pasted
	switch {
	case wait > 0:
		tooMany(w, wait)
		s.showSignIn(w, r, http.StatusTooManyRequests, next, faultTooMany)
	case user == nil:
		challenge(w)
		s.showSignIn(w, r, http.StatusUnauthorized, next, faultToken)
	default:
		began := newSession()
		began.Token = user.hash
		s.enter(w, r, began, user.user.Name, "token", next)
	}
}

// enter starts a session and leads to where somebody wanted to go.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, began session, who, how, next string) {
	if !s.door.sessions.write(w, began, originOf(r).secure) {
		s.Log.Error("a session does not fit into a cookie: the issuer sends too many agents or groups")
		s.showSignIn(w, r, http.StatusForbidden, next, faultOIDC)
		return
	}
	s.counts.signIns.Add(1)
	s.record(r, store.Audit{Who: who, Action: "sign_in", Detail: how})
	http.Redirect(w, r, safeNext(next), http.StatusSeeOther)
}

// signOut ends the session and everything that runs in it.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	secure := originOf(r).secure
	if began, ok := s.door.sessions.read(r, secure); ok {
		s.door.sessions.signOut(began)
		if user, ok := s.door.userOf(began); ok {
			s.record(r, store.Audit{Who: user.Name, Action: "sign_out"})
		}
	}
	setCookie(w, sessionCookie, "", -1, secure)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
