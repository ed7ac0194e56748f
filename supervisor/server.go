package supervisor

import (
	"errors"
	"log/slog"
	"net/http"
)

// Options sets a [Server] up. Archive is required.
type Options struct {
	Archive    Archive
	Live       Live       // nil: calls can be read only
	Recordings Recordings // nil: there are none
	SignIn     *SignIn    // nil: everybody who reaches the server is an admin; for loopback only
	Kept       string     // what the footer says of the store, such as "Redis at 127.0.0.1:6379"
	Version    string     // of the program
	Log        *slog.Logger
}

// Server answers people and programs. Safe for use by several goroutines. Static after New.
type Server struct {
	Options
	handler http.Handler
	door    *door      // nil: nobody signs in
	counts  doorCounts // counted by many
	api     *api
}

// New makes a server. Its templates and languages are checked here: a fault in one of them is an error.
func New(o Options) (*Server, error) {
	if o.Archive == nil {
		return nil, errors.New("supervisor without an archive")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Options: o}
	var err error
	if s.door, err = newDoor(o.SignIn); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s.apiRoutes(mux)
	if err := s.pageRoutes(mux); err != nil {
		return nil, err
	}
	s.signInRoutes(mux)
	s.handler = s.guarded(mux)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
