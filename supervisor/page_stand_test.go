package supervisor

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
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

// pageArchive is the embedded store with news and audit in memory.
type pageArchive struct {
	*boltstore.Store

	mu    sync.Mutex
	news  []store.News
	more  chan struct{} // closed and replaced at each news
	audit []store.Audit
	fault error // of List
}

func newPageArchive(t testing.TB) *pageArchive {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "calls.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &pageArchive{Store: s, more: make(chan struct{})}
}

func (a *pageArchive) tell(what, call string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.news = append(a.news, store.News{ID: strconv.Itoa(len(a.news) + 1), What: what, Call: call})
	close(a.more)
	a.more = make(chan struct{})
}

func (a *pageArchive) Feed(ctx context.Context, after string) ([]store.News, error) {
	a.mu.Lock()
	from := len(a.news)
	if after != "" {
		from, _ = strconv.Atoi(after)
	}
	for len(a.news) <= from {
		more := a.more
		a.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	return slices.Clone(a.news[from:]), nil
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

func (a *pageArchive) Begin(ctx context.Context, c store.Call) error {
	defer a.tell(store.NewsStarted, c.ID)
	return a.Store.Begin(ctx, c)
}

func (a *pageArchive) Append(ctx context.Context, id string, entries ...store.Entry) error {
	defer a.tell(store.NewsLines, id)
	return a.Store.Append(ctx, id, entries...)
}

func (a *pageArchive) Finish(ctx context.Context, c store.Call) error {
	defer a.tell(store.NewsEnded, c.ID)
	return a.Store.Finish(ctx, c)
}

func (a *pageArchive) Label(ctx context.Context, id string, add, _ []string) error {
	c, err := a.Store.Call(ctx, id)
	if err != nil {
		return err
	}
	c.Tags = c.Tags.With(add...)
	defer a.tell(store.NewsChanged, id)
	return a.Store.Begin(ctx, c)
}

func (a *pageArchive) Record(_ context.Context, e store.Audit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	e.ID, e.At = strconv.Itoa(len(a.audit)+1), time.Now()
	a.audit = append(a.audit, e)
	return nil
}

func (a *pageArchive) Audits(_ context.Context, call, _ string, n int) ([]store.Audit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []store.Audit
	for _, e := range slices.Backward(a.audit) {
		if (call == "" || e.Call == call) && len(found) < n {
			found = append(found, e)
		}
	}
	return found, nil
}

// actions are what was entered into the audit list, oldest first.
func (a *pageArchive) actions() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.audit {
		all = append(all, e.Action+" "+e.Call)
	}
	return all
}

// pageLive holds every call.
type pageLive struct {
	mu  sync.Mutex
	off map[string]bool
}

func (l *pageLive) Holds(string) bool                                      { return true }
func (l *pageLive) Hangup(context.Context, string, string) error           { return nil }
func (l *pageLive) Targets(string) []string                                { return []string{"front desk", "billing"} }
func (l *pageLive) Transfer(context.Context, string, string, string) error { return nil }
func (l *pageLive) Tell(context.Context, string, string, string) error     { return nil }
func (l *pageLive) Silence(_ context.Context, id string, off bool, _ string) error {
	l.set(id, off)
	return nil
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

	mu    sync.Mutex
	acts  []string // what came to the API
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
	mux.HandleFunc("/api/v1/calls/{id}/{what}", s.api)
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pageCSP)
		mux.ServeHTTP(w, r.WithContext(s.user.with(r.Context())))
	}))
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// api stands for what programs and scripts use; it keeps what it was told.
func (s *pageStand) api(w http.ResponseWriter, r *http.Request) {
	id, what := r.PathValue("id"), r.PathValue("what")
	switch what {
	case "recording":
		http.ServeContent(w, r, "call.wav", time.Unix(1, 0), bytes.NewReader(pageWAV(48)))
		return
	case "peaks":
		s.answer(w, pagePeaks(48, 800))
		return
	case "actions":
		s.answer(w, map[string]any{"here": true, "targets": s.live.Targets(id), "silenced": s.live.Silenced(id)})
		return
	}
	text, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.acts = append(s.acts, what+" "+strings.TrimSpace(string(text)))
	s.mu.Unlock()
	if what == "tags" {
		var in struct{ Add []string }
		_ = json.Unmarshal(text, &in)
		_ = s.archive.Label(r.Context(), id, in.Add, nil)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *pageStand) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *pageStand) acted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acts)
}

func pagePeaks(seconds, n int) any {
	type channel struct {
		Name string `json:"name"`
		Min  []int  `json:"min"`
		Max  []int  `json:"max"`
	}
	caller, agent := channel{Name: "caller"}, channel{Name: "agent"}
	for i := range n {
		var high [2]float64
		for j := range 40 {
			c, a := pageVoices((float64(i) + float64(j)/40) * float64(seconds) / float64(n))
			high[0], high[1] = max(high[0], math.Abs(c)), max(high[1], math.Abs(a))
		}
		caller.Max, caller.Min = append(caller.Max, int(high[0]*127)), append(caller.Min, -int(high[0]*120))
		agent.Max, agent.Min = append(agent.Max, int(high[1]*127)), append(agent.Min, -int(high[1]*120))
	}
	return map[string]any{"seconds": seconds, "channels": []channel{caller, agent}}
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
