package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/redisstore"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// apiPatience is for what must happen, however slow the machine is.
const apiPatience = 20 * time.Second

// apiArchive is a real store. fault, when set, may refuse a method by its name.
type apiArchive struct {
	store.Store

	mu      sync.Mutex
	fault   func(method, call string) error
	readers int // of the news at once
	most    int // readers there ever were
}

// embedded is a store in a file.
func embedded(t testing.TB) store.Store {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "calls.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// redis is a store in a Redis of its own.
func redis(t testing.TB) store.Store {
	t.Helper()
	s, err := redisstore.Open(redisstore.Options{URL: redisproc.Start(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// apiBackends are the stores that streams are tested with: how they wait for news differs.
var apiBackends = map[string]func(testing.TB) store.Store{"embedded": embedded, "redis": redis}

func (a *apiArchive) failing(method, call string) error {
	a.mu.Lock()
	fault := a.fault
	a.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(method, call)
}

func (a *apiArchive) fail(fault func(method, call string) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = fault
}

func (a *apiArchive) Feed(ctx context.Context, after string) ([]store.News, error) {
	if err := a.failing("Feed", ""); err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.readers++
	a.most = max(a.most, a.readers)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.readers--
	}()
	return a.Store.Feed(ctx, after)
}

func (a *apiArchive) mostReaders() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most
}

func (a *apiArchive) Call(ctx context.Context, id string) (store.Call, error) {
	if err := a.failing("Call", id); err != nil {
		return store.Call{}, err
	}
	return a.Store.Call(ctx, id)
}

func (a *apiArchive) Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error) {
	if err := a.failing("Entries", id); err != nil {
		return nil, err
	}
	return a.Store.Entries(ctx, id, after, limit)
}

func (a *apiArchive) Append(ctx context.Context, id string, entries ...store.Entry) error {
	if err := a.failing("Append", id); err != nil {
		return err
	}
	return a.Store.Append(ctx, id, entries...)
}

func (a *apiArchive) Delete(ctx context.Context, id string) error {
	if err := a.failing("Delete", id); err != nil {
		return err
	}
	return a.Store.Delete(ctx, id)
}

func (a *apiArchive) Record(ctx context.Context, e store.Audit) error {
	if err := a.failing("Record", e.Call); err != nil {
		return err
	}
	return a.Store.Record(ctx, e)
}

// audit is the audit list, the oldest first.
func (s *apiStand) audit() []store.Audit {
	s.Helper()
	list, err := s.archive.Audits(s.Context(), "", "", 10_000)
	if err != nil {
		s.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// did are the actions in the audit list behind the first so many.
func (s *apiStand) did(from int) (out []string) {
	s.Helper()
	for _, e := range s.audit()[from:] {
		out = append(out, e.Action)
	}
	return out
}

// apiPeople are who asks in these tests.
var apiPeople = map[string]*User{
	"vera": {Name: "vera", Role: Viewer},
	"sam":  {Name: "sam", Role: Supervisor},
	"ada":  {Name: "ada", Role: Admin},
	"val":  {Name: "val", Role: Viewer, Agents: []string{"sales"}},
	"sue":  {Name: "sue", Role: Supervisor, Agents: []string{"sales"}},
	"amy":  {Name: "amy", Role: Admin, Agents: []string{"sales"}},
	"none": {Name: "none", Agents: []string{}},
}

// apiStand is the API over TCP. Who asks is in a header, in the place of the sign-in.
type apiStand struct {
	testing.TB
	archive *apiArchive
	live    *apiLive
	server  *Server
	http    *httptest.Server
	log     *bytes.Buffer // read it when the server is closed
}

func newAPIStand(t testing.TB) *apiStand {
	t.Helper()
	return newAPIStandOn(t, embedded(t))
}

func newAPIStandOn(t testing.TB, kept store.Store) *apiStand {
	t.Helper()
	s := &apiStand{TB: t, archive: &apiArchive{Store: kept}, live: newAPILive(), log: &bytes.Buffer{}}
	var err error
	s.server, err = New(Options{Archive: s.archive, Live: s.live, Recordings: apiShelf{}, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u := apiPeople[r.Header.Get("Who")]; u != nil {
			r = r.WithContext(u.with(r.Context()))
		}
		s.server.api.ServeHTTP(w, r)
	}))
	s.http.Config.WriteTimeout = 2 * time.Second // streams outlive it
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.http.Start()
	t.Cleanup(func() { s.server.Close(); s.http.Close() })
	return s
}

// ask sends a request and reads the answer.
func (s *apiStand) ask(who, method, path, body string, header ...string) (*http.Response, string) {
	s.Helper()
	resp := s.open(s.Context(), who, method, path, body, header...)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	s.asDescribed(resp.Request, resp, string(text))
	return resp, string(text)
}

func (s *apiStand) open(ctx context.Context, who, method, path, body string, header ...string) *http.Response {
	s.Helper()
	req, err := http.NewRequestWithContext(ctx, method, s.http.URL+apiPrefix+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Who", who)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

// get asks for something that must be there.
func get[T any](s *apiStand, who, path string) (out T) {
	s.Helper()
	resp, text := s.ask(who, "GET", path, "")
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s %s", path, resp.Status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		s.Fatalf("GET %s: %v in %s", path, err, text)
	}
	return out
}

// refused asks for what is refused with a problem.
func (s *apiStand) refused(status int, who, method, path, body string, header ...string) problem {
	s.Helper()
	resp, text := s.ask(who, method, path, body, header...)
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || resp.StatusCode != status || p.Status != status ||
		resp.Header.Get("Content-Type") != "application/problem+json" || p.Detail == "" || p.Remedy == "" || p.Place == "" {
		s.Errorf("%s %s by %s: %s %s, want a problem %d", method, path, who, resp.Status, text, status)
	}
	return p
}

var apiBegan = time.Date(2026, 11, 25, 8, 15, 0, 0, time.UTC)

// begin starts a call.
func (s *apiStand) begin(c store.Call) {
	s.Helper()
	if c.Started.IsZero() {
		c.Started = apiBegan
	}
	if err := s.archive.Begin(s.Context(), c); err != nil {
		s.Fatal(err)
	}
}

// say adds n lines to a call and returns their ids.
func (s *apiStand) say(call string, ids *store.IDs, n int) (out []string) {
	s.Helper()
	for range n {
		id := ids.Next(apiBegan)
		if err := s.archive.Append(s.Context(), call, store.Entry{ID: id, Kind: store.KindTurn, Role: store.RoleCaller, Text: "line " + id}); err != nil {
			s.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}

func (s *apiStand) finish(call string) {
	s.Helper()
	if err := s.archive.Finish(s.Context(), store.Call{ID: call, Started: apiBegan, Ended: apiBegan.Add(time.Minute), EndedBy: "caller", Cause: "normal clearing"}); err != nil {
		s.Fatal(err)
	}
}

// apiLive holds some calls and notes what is done to them.
type apiLive struct {
	mu       sync.Mutex
	calls    map[string]bool // held; true: silenced
	done     []string
	err      error
	transfer chan struct{} // not nil: a transfer waits for it
}

func newAPILive() *apiLive { return &apiLive{calls: map[string]bool{}} }

func (f *apiLive) hold(calls ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range calls {
		f.calls[id] = false
	}
}

func (f *apiLive) do(call string, what ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.calls[call]; !ok {
		return ErrElsewhere
	}
	f.done = append(f.done, fmt.Sprint(what...))
	return f.err
}

func (f *apiLive) Holds(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.calls[call]
	return ok
}

func (f *apiLive) Hangup(_ context.Context, call, by string) error {
	return f.do(call, "hang up ", call, " by ", by)
}

func (f *apiLive) Targets(string) []string { return []string{"desk", "<boss>"} }

func (f *apiLive) Transfer(ctx context.Context, call, target, by string) error {
	if f.transfer != nil {
		<-f.transfer
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return f.do(call, "transfer ", call, " to ", target, " by ", by)
}

func (f *apiLive) Tell(_ context.Context, call, text, by string) error {
	return f.do(call, "tell ", call, ": ", text, " by ", by)
}

func (f *apiLive) Silence(_ context.Context, call string, off bool, by string) error {
	if err := f.do(call, "silence ", call, " ", off, " by ", by); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call] = off
	return nil
}

func (f *apiLive) Silenced(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

func (f *apiLive) was() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

// apiShelf has a recording of every call whose id begins with "rec".
type apiShelf struct{}

type sound struct{ *bytes.Reader }

func (sound) Close() error { return nil }

func (apiShelf) Open(_ context.Context, call string) (Recording, error) {
	if !strings.HasPrefix(call, "rec") {
		return Recording{}, store.ErrNotFound
	}
	return Recording{sound{bytes.NewReader(wavOf(wavPCM, 2, 8000, pcm(100, -100, 32000, -32000, 0, 0)))}, apiBegan}, nil
}

// eventually polls.
func (s *apiStand) eventually(what string, ok func() bool) {
	s.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(apiPatience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			s.Fatal("did not come about: " + what)
		}
	}
}
