package share

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
)

var ctx = context.Background()

var began = time.Date(2026, 11, 25, 8, 15, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// owner is a store that answers for its file, and client a reader of it.
type owner struct {
	*boltstore.Store
	path   string
	server *Server
	client *Client
}

func newOwner(t *testing.T) *owner {
	t.Helper()
	o := &owner{path: filepath.Join(t.TempDir(), "calls.db")}
	var err error
	o.Store, err = boltstore.Open(o.path, boltstore.Options{})
	must(t, err)
	t.Cleanup(func() { o.Store.Close() })
	o.server, err = Serve(o.path, o.Store)
	must(t, err)
	t.Cleanup(func() { o.server.Close() })
	o.client, err = Open(ctx, o.path)
	must(t, err)
	t.Cleanup(func() { o.client.Close() })
	return o
}

// call begins a call with so many lines.
func (o *owner) call(t *testing.T, id string, lines int) {
	t.Helper()
	must(t, o.Begin(ctx, store.Call{ID: id, Agent: "frontdesk", Caller: "+15550100001", Started: began, Answered: began.Add(time.Second)}))
	for n := range lines {
		must(t, o.Append(ctx, id, line(n)))
	}
}

func line(n int) store.Entry {
	id := store.ID{MS: uint64(began.UnixMilli()) + uint64(n)}
	return store.Entry{ID: id.String(), Kind: store.KindTurn, Role: store.RoleAgent, At: id.Time(), Text: fmt.Sprint("line ", n, " <&> ü \x01")}
}

// A client sees what the owner sees, to the last member.
func TestReadsAreThoseOfTheOwner(t *testing.T) {
	o := newOwner(t)
	o.call(t, "a", 5)
	must(t, o.Finish(ctx, store.Call{ID: "a", Cause: "bye", Code: 200, EndedBy: "caller", Turns: 5, FramesIn: 1 << 40, TokensOut: 7}))
	o.call(t, "b", 1)
	for name, ask := range map[string]func(r store.Reader) (any, error){
		"call":          func(r store.Reader) (any, error) { return r.Call(ctx, "a") },
		"live call":     func(r store.Reader) (any, error) { return r.Call(ctx, "b") },
		"entries":       func(r store.Reader) (any, error) { return r.Entries(ctx, "a", "", 0) },
		"some entries":  func(r store.Reader) (any, error) { return r.Entries(ctx, "a", line(1).ID, 2) },
		"no entries":    func(r store.Reader) (any, error) { return r.Entries(ctx, "a", line(9).ID, 0) },
		"follow":        func(r store.Reader) (any, error) { return r.Follow(ctx, "b", "") },
		"list":          func(r store.Reader) (any, error) { return r.List(ctx, store.Query{}) },
		"page":          func(r store.Reader) (any, error) { return r.List(ctx, store.Query{Limit: 1}) },
		"live":          func(r store.Reader) (any, error) { return r.List(ctx, store.Query{Live: true}) },
		"by caller":     func(r store.Reader) (any, error) { return r.List(ctx, store.Query{Caller: "+1 (555) 010-0001"}) },
		"by time":       func(r store.Reader) (any, error) { return r.List(ctx, store.Query{From: began, To: began.Add(1)}) },
		"before it all": func(r store.Reader) (any, error) { return r.List(ctx, store.Query{To: began}) },
	} {
		want, err := ask(o.Store)
		must(t, err)
		got, err := ask(o.client)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) && fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) { // nil and empty slices are alike
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

func TestPagesOfAClient(t *testing.T) {
	o := newOwner(t)
	for n := range 7 {
		must(t, o.Begin(ctx, store.Call{ID: fmt.Sprint("call", n), Started: began.Add(time.Duration(n) * time.Second)}))
	}
	seen, q := 0, store.Query{Limit: 3}
	for {
		page, err := o.client.List(ctx, q)
		must(t, err)
		seen += len(page.Calls)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if seen != 7 {
		t.Errorf("saw %d calls of 7", seen)
	}
}

// The errors that callers ask about keep their meaning on the way.
func TestErrorsKeepTheirMeaning(t *testing.T) {
	o := newOwner(t)
	o.call(t, "over", 1)
	must(t, o.Finish(ctx, store.Call{ID: "over"}))
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"unknown call":       {second(o.client.Call(ctx, "none")), store.ErrNotFound},
		"its entries":        {second(o.client.Entries(ctx, "none", "", 0)), store.ErrNotFound},
		"following it":       {second(o.client.Follow(ctx, "none", "")), store.ErrNotFound},
		"end of a call":      {second(o.client.Follow(ctx, "over", line(0).ID)), store.ErrEnded},
		"malformed position": {second(o.client.Entries(ctx, "over", "yesterday", 0)), store.ErrInvalid},
		"malformed cursor":   {second(o.client.List(ctx, store.Query{Cursor: "middle"})), store.ErrInvalid},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v is not %v", name, c.err, c.want)
		}
		if n := strings.Count(c.err.Error(), c.want.Error()); n != 1 {
			t.Errorf("%s: says it %d times: %v", name, n, c.err)
		}
	}
	must(t, o.Store.Close())
	if _, err := o.client.Call(ctx, "over"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("from a store that was closed: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNobodyOwnsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	if _, err := Open(ctx, path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v", err)
	}
	o := newOwner(t)
	must(t, o.server.Close())
	if _, err := Open(ctx, o.path); err == nil {
		t.Error("a server that was closed answers")
	}
	if _, err := os.Lstat(SocketPath(o.path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	o := newOwner(t)
	info, err := os.Stat(SocketPath(o.path))
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Mode()&os.ModeSocket == 0 {
		t.Errorf("mode is %v", info.Mode())
	}
	files, err := os.ReadDir(filepath.Dir(o.path))
	must(t, err)
	if len(files) != 2 {
		t.Errorf("more than the file and its socket: %v", files)
	}
}

// A process that was killed leaves its socket behind.
func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: SocketPath(path)})
	must(t, err)
	ln.SetUnlinkOnClose(false)
	must(t, ln.Close())
	if _, err := Open(ctx, path); err == nil {
		t.Fatal("a socket that nobody serves answers")
	}
	s, err := boltstore.Open(path, boltstore.Options{})
	must(t, err)
	defer s.Close()
	server, err := Serve(path, s)
	must(t, err)
	defer server.Close()
	c, err := Open(ctx, path)
	must(t, err)
	defer c.Close()
	if _, err := c.List(ctx, store.Query{}); err != nil {
		t.Error(err)
	}
}

// Whatever else stands in the socket's place is somebody's file: it is not removed.
func TestOtherFilesAreNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	must(t, os.WriteFile(SocketPath(path), []byte("notes"), 0o600))
	if srv, err := Serve(path, nil); err == nil {
		srv.Close()
		t.Error("a file was taken for a socket")
	}
	if text, err := os.ReadFile(SocketPath(path)); err != nil || string(text) != "notes" {
		t.Errorf("the file is gone: %v", err)
	}
}

// A path of any length has a socket that the system takes.
func TestSocketPathsFit(t *testing.T) {
	for n := range 300 {
		path := "/" + strings.Repeat("d", n) + "/c.db"
		socket := SocketPath(path)
		made := filepath.Join(filepath.Dir(socket), strings.Replace(nursery, "*", "1234567890", 1), newSocket)
		if max(len(socket), len(made)) > longestSocket {
			t.Fatalf("%d letters: %s", n, socket)
		}
	}
}

func TestSocketOfALongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	must(t, os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, "calls.db")
	socket := SocketPath(path)
	if len(socket) > longestSocket {
		t.Fatalf("%d bytes: %s", len(socket), socket)
	}
	if other := SocketPath(filepath.Join(dir, "other.db")); other == socket {
		t.Error("two files have one socket")
	}
	t.Chdir(dir)
	if got := SocketPath("calls.db"); got != socket {
		t.Errorf("seen from its directory it is %s", got)
	}
	s, err := boltstore.Open(path, boltstore.Options{})
	must(t, err)
	defer s.Close()
	server, err := Serve(path, s)
	must(t, err)
	defer server.Close()
	c, err := Open(ctx, path)
	must(t, err)
	defer c.Close()
	if _, err := c.List(ctx, store.Query{}); err != nil {
		t.Error(err)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	o := newOwner(t)
	h := handler(o.Store)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/call", "{", http.StatusBadRequest},
		{"POST", "/call", `{"id":` + `"` + strings.Repeat("x", maxRequest) + `"}`, http.StatusBadRequest},
		{"POST", "/delete", `{"id":"a"}`, http.StatusNotFound},
		{"POST", "/begin", `{"id":"a"}`, http.StatusNotFound},
		{"GET", "/delete", `{"id":"a"}`, http.StatusMethodNotAllowed},
		{"GET", "/call", "", http.StatusMethodNotAllowed},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
}

// An answer that breaks off is an error, not a short answer.
func TestHalfAnAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	ln, err := listenPrivate(SocketPath(path))
	must(t, err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `[{"ID":"1-0"},`)
	})}
	gone := make(chan struct{})
	go func() { defer close(gone); _ = srv.Serve(ln) }()
	defer func() { srv.Close(); <-gone }()
	c, err := Open(ctx, path)
	must(t, err)
	defer c.Close()
	if entries, err := c.Entries(ctx, "a", "", 0); err == nil {
		t.Errorf("no error, and %d entries", len(entries))
	}
}

func FuzzRequest(f *testing.F) {
	for _, r := range []request{{}, {ID: "a", After: "1-0", Limit: 3}, {Query: store.Query{Cursor: "x", Live: true, From: began}}} {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("call", string(text))
		f.Add("list", string(text))
		f.Add("entries", string(text))
		f.Add("search", string(text))
		f.Add("audits", string(text))
		f.Add("label", string(text))
		f.Add("delete", string(text))
	}
	s, err := boltstore.Open(filepath.Join(f.TempDir(), "calls.db"), boltstore.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	h := handler(s)
	f.Fuzz(func(t *testing.T, method, body string) {
		if !slices.Contains([]string{"call", "list", "entries", "search", "audits", "label", "append", "record", "delete"}, method) {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/"+method, strings.NewReader(body)))
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %q: %s", method, body, w.Body)
		}
	})
}
