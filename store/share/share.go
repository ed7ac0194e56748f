// Package share lets a second process use the embedded store while the service holds it.
//
// The embedded file has one owner: whoever opened it for writing. `trunkline calls show`, `search` and `delete` must work
// all the same while the service runs, so the owner answers on a Unix socket that stands beside the file: it reads, and
// it labels, remarks and deletes as [Owner] says. Nobody records calls that way.
//
//	trunkline serve ── owns ──► trunkline.db
//	      ▲
//	      │ trunkline.db.sock   HTTP, JSON, 0600: only the user of the service
//	      │
//	trunkline calls show
package share

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/trunkline/trunkline/store"
)

// longestSocket is the longest path that every Unix takes for a socket.
const longestSocket = 100

// nursery is the directory in which a socket is made, beside the file, before it moves to its place. MkdirTemp puts at
// most ten digits for the star.
const (
	nursery       = ".s*"
	newSocket     = "s"
	nurseryLength = len("/.s1234567890/") + len(newSocket)
)

// SocketPath is where the owner of the file at path listens: beside it, or, when that is too long for a socket, in the
// directory for temporary files under a name made from the path.
func SocketPath(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		whole = path
	}
	beside := whole + ".sock"
	if max(len(beside), len(filepath.Dir(whole))+nurseryLength) <= longestSocket {
		return beside
	}
	sum := sha256.Sum256([]byte(whole))
	return filepath.Join(os.TempDir(), "trunkline-"+hex.EncodeToString(sum[:8])+".sock")
}

// Server answers for the owner. Make it with Serve.
type Server struct {
	socket string
	http   *http.Server
	gone   chan struct{} // closed when the serving goroutine has ended
}

// Serve answers requests for the file at path from s until Close. Only the owner of the file may call it: a socket
// left behind by a process that died is replaced. Any other file in its place is an error.
func Serve(path string, s Owner) (*Server, error) {
	socket := SocketPath(path)
	ln, err := listenPrivate(socket)
	if err != nil {
		return nil, fmt.Errorf("listen for readers of %s: %w", path, err)
	}
	srv := &Server{socket: socket, http: &http.Server{Handler: handler(s), ReadHeaderTimeout: 5 * time.Second}, gone: make(chan struct{})}
	go func() {
		defer close(srv.gone)
		_ = srv.http.Serve(ln) // ends with Close
	}()
	return srv, nil
}

// listenPrivate makes the socket where nobody else can reach it and moves it to its place with its mode set: transcripts
// are personal, and a socket is open to all between its making and a chmod.
func listenPrivate(socket string) (net.Listener, error) {
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is there already and is no socket", socket)
	}
	dir, err := os.MkdirTemp(filepath.Dir(socket), nursery)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, newSocket)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: made})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // it will have moved
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, socket)); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// Close ends all requests, removes the socket and returns when the last goroutine is gone.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.gone
	if gone := os.Remove(s.socket); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// request is the union of the arguments of all methods.
type request struct {
	ID    string      `json:"id,omitempty"`
	After string      `json:"after,omitempty"`
	Limit int         `json:"limit,omitempty"`
	Query store.Query `json:"query"`
	Text  string      `json:"text,omitempty"`

	Add     []string      `json:"add,omitempty"`
	Remove  []string      `json:"remove,omitempty"`
	Entries []store.Entry `json:"entries,omitempty"`
	Audit   store.Audit   `json:"audit,omitzero"`
}

// method answers one kind of request.
type method func(context.Context, request) (any, error)

// maxRequest holds a note of any length that people write.
const maxRequest = 256 << 10

// failures are the errors that callers ask about, by the status that carries them.
var failures = map[int]error{
	http.StatusNotFound:   store.ErrNotFound,
	http.StatusGone:       store.ErrEnded,
	http.StatusBadRequest: store.ErrInvalid,
}

func handler(s Owner) http.Handler {
	mux := http.NewServeMux()
	answer(mux, "call", func(ctx context.Context, r request) (any, error) { return s.Call(ctx, r.ID) })
	answer(mux, "entries", func(ctx context.Context, r request) (any, error) { return s.Entries(ctx, r.ID, r.After, r.Limit) })
	answer(mux, "follow", func(ctx context.Context, r request) (any, error) { return s.Follow(ctx, r.ID, r.After) })
	answer(mux, "list", func(ctx context.Context, r request) (any, error) { return s.List(ctx, r.Query) })
	for name, do := range deskMethods(s) {
		answer(mux, name, do)
	}
	return mux
}

// answer registers one method.
func answer(mux *http.ServeMux, name string, do method) {
	mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		var req request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		result, err := do(r.Context(), req)
		if err != nil {
			http.Error(w, err.Error(), status(err))
			return
		}
		_ = json.NewEncoder(w).Encode(result) // the reader went away: nobody to tell
	})
}

func status(err error) int {
	for code, known := range failures {
		if errors.Is(err, known) {
			return code
		}
	}
	return http.StatusInternalServerError
}
