package supervisor

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
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
)

// pagePatience is for what must happen, however slow the machine is.
const pagePatience = 20 * time.Second

// pageCSP is what the door puts on every page.
const pageCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types trunkline"

// pageArchive is the embedded store, which can be made to fail.
type pageArchive struct {
	*boltstore.Store

	mu    sync.Mutex
	fault error // of List
}

func newPageArchive(t testing.TB) *pageArchive {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "calls.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &pageArchive{Store: s}
}

func (a *pageArchive) List(ctx context.Context, q store.Query) (store.Page, error) {
	a.mu.Lock()
	fault := a.fault
	a.mu.Unlock()
	if fault != nil {
		return store.Page{}, fault
	}
	return a.Store.List(ctx, q)
}

// actions are what was entered into the audit list, oldest first.
func (a *pageArchive) actions() (all []string) {
	audits, _ := a.Audits(context.Background(), "", "", 1000)
	for _, e := range slices.Backward(audits) {
		all = append(all, e.Action+" "+e.Call)
	}
	return all
}

// pageLive holds every call, and keeps what was done.
type pageLive struct {
	mu   sync.Mutex
	off  map[string]bool
	acts []string
}

func (l *pageLive) act(format string, args ...any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acts = append(l.acts, fmt.Sprintf(format, args...))
	return nil
}

func (l *pageLive) acted() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acts)
}

func (l *pageLive) Holds(string) bool       { return true }
func (l *pageLive) Targets(string) []string { return []string{"front desk", "billing"} }

func (l *pageLive) Hangup(_ context.Context, id, _ string) error { return l.act("hangup %s", id) }

func (l *pageLive) Transfer(_ context.Context, id, target, _ string) error {
	return l.act("transfer %s %s", id, target)
}

func (l *pageLive) Tell(_ context.Context, id, text, _ string) error {
	return l.act("tell %s %s", id, text)
}

func (l *pageLive) Silence(_ context.Context, id string, off bool, _ string) error {
	l.set(id, off)
	return l.act("silence %s %v", id, off)
}

func (l *pageLive) Silenced(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.off[id]
}

func (l *pageLive) set(id string, off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off[id] = off
}

// pageShelf has a recording of every call whose id begins with "heard".
type pageShelf struct{}

type pageSound struct{ *bytes.Reader }

func (pageSound) Close() error { return nil }

func (pageShelf) Open(_ context.Context, id string) (Recording, error) {
	if !strings.HasPrefix(id, "heard") {
		return Recording{}, store.ErrNotFound
	}
	return Recording{ReadSeekCloser: pageSound{bytes.NewReader(pageWAV(48))}, Modified: time.Unix(1, 0)}, nil
}

// pageWAV is seconds of two voices that take turns, 8 kHz, 16 bit.
func pageWAV(seconds int) []byte {
	n := seconds * 8000
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+n*4))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(2), uint32(8000), uint32(32000), uint16(4), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(n*4))
	for i := range n {
		caller, agent := pageVoices(float64(i) / 8000)
		_ = binary.Write(&b, binary.LittleEndian, []int16{int16(caller * 9000), int16(agent * 9000)})
	}
	return b.Bytes()
}

// pageVoices are the two sides of the demonstration at a second, -1 to 1.
func pageVoices(at float64) (caller, agent float64) {
	syllables := math.Abs(math.Sin(at*9)) * (0.55 + 0.45*math.Sin(at*2.3))
	voice := syllables * math.Sin(at*2*math.Pi*180)
	turn := math.Mod(at, 12)
	switch {
	case turn < 5.2:
		return 0.03 * voice, voice
	case turn > 6 && turn < 10.8:
		return voice, 0
	}
	return 0.02 * voice, 0
}

// pageStand is a server of pages with what is around it.
type pageStand struct {
	testing.TB
	archive *pageArchive
	live    *pageLive
	server  *Server
	http    *httptest.Server
	user    *User

	queue int
}

func newPageStand(t testing.TB) *pageStand {
	t.Helper()
	s := &pageStand{TB: t, archive: newPageArchive(t), live: &pageLive{off: map[string]bool{}}, user: &User{Name: "ruth", Role: Admin}}
	var err error
	s.server, err = New(Options{Archive: s.archive, Live: s.live, Recordings: pageShelf{}, Kept: "the embedded file", Version: "1.4.0", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := s.server.pageRoutes(mux); err != nil {
		t.Fatal(err)
	}
	s.server.apiRoutes(mux)
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pageCSP)
		mux.ServeHTTP(w, r.WithContext(s.user.with(r.Context())))
	}))
	t.Cleanup(func() {
		s.server.Close()
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// begin starts a call.
func (s *pageStand) begin(c store.Call) {
	s.Helper()
	if err := s.archive.Begin(context.Background(), c); err != nil {
		s.Fatal(err)
	}
}

// add writes lines; those without an id get the next.
func (s *pageStand) add(id string, entries ...store.Entry) (ids []string) {
	s.Helper()
	for i := range entries {
		s.queue++
		e := &entries[i]
		if e.At.IsZero() {
			e.At = time.Now()
		}
		e.ID = fmt.Sprintf("%d-%d", time.Now().UnixMilli(), s.queue)
		ids = append(ids, e.ID)
	}
	if err := s.archive.Append(context.Background(), id, entries...); err != nil {
		s.Fatal(err)
	}
	return ids
}

func (s *pageStand) finish(c store.Call) {
	s.Helper()
	if err := s.archive.Finish(context.Background(), c); err != nil {
		s.Fatal(err)
	}
}

// get asks for a page and returns its status and text.
func (s *pageStand) get(path string, header ...string) (int, string) {
	s.Helper()
	req, err := http.NewRequest("GET", s.http.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func said(role store.Role, text string) store.Entry {
	e := store.Entry{Kind: store.KindTurn, Role: role, Text: text}
	if role == store.RoleAgent {
		e.Heard = text
	}
	return e
}

// post sends a form and does not follow where it leads.
func (s *pageStand) post(path, form string) *http.Response {
	s.Helper()
	req, err := http.NewRequest("POST", s.http.URL+path, strings.NewReader(form))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
