package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// onNetwork is a server on a real socket.
func onNetwork(t *testing.T, opts Options) (*Server, string) {
	t.Helper()
	srv, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv)
	t.Cleanup(func() { srv.Close(); web.Close() })
	return srv, "ws" + strings.TrimPrefix(web.URL, "http")
}

func TestUpgradeIsChecked(t *testing.T) {
	key := func(name, value string) http.Header { return http.Header{name: {value}} }
	beta := http.Header{"Openai-Beta": {"realtime=v1"}}
	for _, c := range []struct {
		name    string
		opts    Options
		address string
		header  http.Header
		status  int
	}{
		{"OpenAI GA", Options{}, "/v1/realtime?model=m", nil, 101},
		{"Azure GA", Options{}, "/openai/v1/realtime?model=m", nil, 101},
		{"Azure GA with a version", Options{}, "/openai/v1/realtime?model=m&api-version=2024-10-01-preview", nil, 401},
		{"Azure preview at GA", Options{}, "/openai/realtime?api-version=2024-10-01-preview&deployment=d", nil, 404},
		{"no model", Options{}, "/v1/realtime", nil, 400},
		{"deployment instead of model", Options{}, "/openai/v1/realtime?deployment=d", nil, 400},
		{"other path", Options{}, "/v1/live/sessions?model=m", nil, 404},
		{"Azure preview", Options{Dialect: DialectPreview}, "/openai/realtime?api-version=2024-10-01-preview&deployment=d", nil, 101},
		{"Azure preview, no version", Options{Dialect: DialectPreview}, "/openai/realtime?deployment=d", nil, 404},
		{"Azure preview, model", Options{Dialect: DialectPreview}, "/openai/realtime?api-version=v&model=m", nil, 400},
		{"Azure GA at preview", Options{Dialect: DialectPreview}, "/openai/v1/realtime?model=m", nil, 404},
		{"OpenAI preview", Options{Dialect: DialectPreview}, "/v1/realtime?model=m", beta, 101},
		{"no key", Options{RequireKey: "k"}, "/v1/realtime?model=m", nil, 401},
		{"wrong key", Options{RequireKey: "k"}, "/v1/realtime?model=m", key("Authorization", "Bearer x"), 401},
		{"no Bearer", Options{RequireKey: "k"}, "/v1/realtime?model=m", key("Authorization", "Basic k"), 401},
		{"bearer", Options{RequireKey: "k"}, "/v1/realtime?model=m", key("Authorization", "Bearer k"), 101},
		{"api-key", Options{RequireKey: "k"}, "/openai/v1/realtime?model=m", key("Api-Key", "k"), 101},
		{"query key", Options{RequireKey: "k"}, "/openai/v1/realtime?model=m&api-key=k", nil, 101},
	} {
		_, base := onNetwork(t, c.opts)
		conn, resp, err := websocket.Dial(context.Background(), base+c.address, &websocket.DialOptions{HTTPHeader: c.header})
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v %v, want %d", c.name, resp, err, c.status)
			continue
		}
		if conn != nil {
			conn.CloseNow()
			continue
		}
		var body struct{ Error struct{ Message string } }
		if data, err := io.ReadAll(resp.Body); err != nil || json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
			t.Errorf("%s: body %q (%v)", c.name, data, err)
		}
	}
}

// TestWrongDialectHeader: the upgrade succeeds, then comes the error, then 4000.
func TestWrongDialectHeader(t *testing.T) {
	for _, c := range []struct {
		opts   Options
		header http.Header
		code   string
	}{
		{Options{}, http.Header{"Openai-Beta": {"realtime=v1"}}, "beta_api_shape_disabled"},
		{Options{Dialect: DialectPreview}, nil, "invalid_beta"},
	} {
		srv, base := onNetwork(t, c.opts)
		conn, _, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", &websocket.DialOptions{HTTPHeader: c.header})
		if err != nil {
			t.Fatal(err)
		}
		_, data, err := conn.Read(context.Background())
		if err != nil || !strings.Contains(string(data), c.code) {
			t.Errorf("%s %v", data, err)
		}
		var ce websocket.CloseError
		if _, _, err = conn.Read(context.Background()); !errors.As(err, &ce) || ce.Code != 4000 || ce.Reason != "invalid_request_error."+c.code {
			t.Errorf("close: %v", err)
		}
		s, err := srv.WaitSession(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		<-s.Ended()
	}
}

// TestCloseEndsAllSessions over real sockets: Close returns when the last one
// has ended, and nothing is served after it.
func TestCloseEndsAllSessions(t *testing.T) {
	var mu sync.Mutex
	seen := map[ObservationKind]int{}
	srv, base := onNetwork(t, Options{Observer: func(o Observation) {
		mu.Lock()
		defer mu.Unlock()
		seen[o.Kind]++
	}})
	var readers sync.WaitGroup
	for i := range 5 {
		conn, _, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetReadLimit(1 << 20)
		if err := conn.Write(context.Background(), websocket.MessageText, []byte(`{"type":"response.create"}`)); err != nil {
			t.Fatal(err)
		}
		readers.Go(func() {
			for {
				if _, _, err := conn.Read(context.Background()); err != nil {
					if code := websocket.CloseStatus(err); code != 1001 {
						t.Errorf("session %d: %v", i, err)
					}
					return
				}
			}
		})
	}
	if _, err := srv.WaitSession(context.Background(), 4); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	readers.Wait()
	for _, s := range srv.Sessions() {
		if s.Record().Ended.IsZero() {
			t.Errorf("%s has not ended", s.ID())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if seen[ObserveOpened] != 5 || seen[ObserveEnded] != 5 {
		t.Errorf("observed %v", seen)
	}
	if _, resp, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("after Close: %v %v", resp, err)
	}
}

// TestFaultsOnTheNetwork: reset, black hole and junk on real TCP.
func TestFaultsOnTheNetwork(t *testing.T) {
	srv, base := onNetwork(t, Options{})
	for i, fault := range []func(*Session){(*Session).Drop, (*Session).SendBrokenFrame} {
		conn, _, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := srv.WaitSession(context.Background(), i)
		if err != nil {
			t.Fatal(err)
		}
		fault(s)
		for err == nil {
			_, _, err = conn.Read(context.Background())
		}
		if websocket.CloseStatus(err) != -1 {
			t.Errorf("fault %d: %v", i, err)
		}
		conn.CloseNow()
		<-s.Ended()
	}
	conn, _, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := srv.WaitSession(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	s.Freeze()
	if err := conn.Write(context.Background(), websocket.MessageText, []byte(`{"type":"response.create"}`)); err != nil {
		t.Errorf("a frozen connection still takes writes: %v", err)
	}
	conn.CloseNow()
	<-s.Ended() // the black hole notices the end of the connection
}

func TestOldSessionsAreForgotten(t *testing.T) {
	srv, base := onNetwork(t, Options{KeepSessions: 2})
	var last *Session
	for range 5 {
		conn, _, err := websocket.Dial(context.Background(), base+"/v1/realtime?model=m", nil)
		if err != nil {
			t.Fatal(err)
		}
		list := srv.Sessions()
		for len(list) == 0 || list[len(list)-1] == last {
			list = srv.Sessions()
		}
		last = list[len(list)-1]
		conn.CloseNow()
		<-last.Ended()
	}
	srv.Close()
	list := srv.Sessions()
	if len(list) != 2 || list[1] != last {
		t.Errorf("%d sessions kept", len(list))
	}
	if last.do(func() {}) {
		t.Error("an ended session still does things")
	}
}

func TestWaitSessionGivesUp(t *testing.T) {
	srv, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := srv.WaitSession(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{
		{Dialect: "beta"}, {Seed: true}, {Speed: -1}, {Delta: time.Microsecond}, {Latency: -1}, {KeepSessions: -1}, {Script: &Script{}},
	} {
		if _, err := New(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(Options{Script: &Script{}}); !errors.Is(err, ErrScript) {
		t.Errorf("%v", err)
	}
}

func TestObserverTellsTheStory(t *testing.T) {
	var story []string // written by the session, read after its end
	script := DefaultScript()
	talk(t, Options{Script: script, Observer: func(o Observation) { story = append(story, string(o.Kind)+" "+o.Text) }}, func(p *peer) {
		p.phone()
		p.say(pcmu, caller(t, "c05"), 900)
		done := p.find("response.done")
		p.output(done.text("response.output.1.call_id"), "shipped")
		p.send("response.cancel")
		p.quiet()
		p.hangUp()
		p.srv.Close()
		want := []string{"opened gpt-realtime-2", "updated ", "speech ", "heard my order number is four two seven one",
			"says One moment please while I check that for you.", `calls {"order":"4271"}`, "output shipped",
			"violation response.cancel: Cancellation failed: no active response found"}
		if got := story[:len(story)-1]; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}
