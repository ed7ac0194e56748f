package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
)

// dialTo connects to a handler behind a real socket.
func dialTo(t *testing.T, query string, h http.HandlerFunc) (*realtime.Conn, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := realtime.Dial(t.Context(), dialOptions{
		URL:    "ws" + strings.TrimPrefix(server.URL, "http") + "/v1/realtime" + query,
		Header: http.Header{"Authorization": {"Bearer secret"}, "Openai-Beta": {"realtime=v1"}},
	})
	if c != nil {
		t.Cleanup(func() { c.Close("test ended") })
	}
	return c, err
}

func wantDialError(t *testing.T, err error) *realtime.DialError {
	t.Helper()
	failed, ok := errors.AsType[*realtime.DialError](err)
	if !ok {
		t.Fatalf("Dial: %v, want a *DialError", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, failed, failed), "secret") {
		t.Errorf("the error holds the key: %+v", failed)
	}
	return failed
}

func TestDialSendsTheHeaderAndNoExtensions(t *testing.T) {
	seen := make(chan http.Header, 1)
	_, err := dialTo(t, "?model=m", func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		if ws, err := websocket.Accept(w, r, nil); err == nil {
			ws.Close(websocket.StatusNormalClosure, "")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	h := <-seen
	if h.Get("Authorization") != "Bearer secret" || h.Get("OpenAI-Beta") != "realtime=v1" {
		t.Errorf("server sees header %v", h)
	}
	if ext := h.Get("Sec-WebSocket-Extensions"); ext != "" {
		t.Errorf("compression is offered: %s", ext)
	}
}

func TestR11RefusedUpgrade(t *testing.T) {
	for _, c := range []struct {
		status     int
		body       string
		code       string
		fatal      bool
		retryAfter time.Duration
	}{
		{401, `{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: secret"}}`, "invalid_api_key", true, 0},
		{404, `not found`, "", true, 0},
		{429, `{"error":{"code":"insufficient_quota"}}`, "insufficient_quota", true, 7 * time.Second},
		{429, `{"error":{"code":"rate_limit_exceeded"}}`, "rate_limit_exceeded", false, 7 * time.Second},
		{503, `{"error":"busy"}`, "", false, 7 * time.Second},
		{500, strings.Repeat("x", 5000), "", false, 7 * time.Second},
		{200, `{}`, "", true, 0},
	} {
		_, err := dialTo(t, "?model=m&api-key=secret", func(w http.ResponseWriter, _ *http.Request) {
			if c.retryAfter > 0 {
				w.Header().Set("Retry-After", "7")
			}
			w.WriteHeader(c.status)
			w.Write([]byte(c.body))
		})
		e := wantDialError(t, err)
		if e.Status != c.status || e.Code != c.code || e.RetryAfter != c.retryAfter {
			t.Errorf("%d: %+v", c.status, e)
		}
		if realtime.IsFatal(err) != c.fatal || realtime.IsRetryable(err) == c.fatal {
			t.Errorf("%d %s: fatal %v, want %v", c.status, c.code, !c.fatal, c.fatal)
		}
		if !strings.Contains(err.Error(), "/v1/realtime?model=m: server answered "+fmt.Sprint(c.status)) {
			t.Errorf("%d: %v does not name address and status", c.status, err)
		}
	}
}

func TestR11RedirectsAreNotFollowed(t *testing.T) {
	var visits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		_, err := dialTo(t, "", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if e := wantDialError(t, err); e.Status != status || !realtime.IsFatal(err) {
			t.Errorf("%d: %v, want a fatal refusal", status, err)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("credentials went to another server %d times", n)
	}
}

func TestDialWithoutAnAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := "ws" + strings.TrimPrefix(server.URL, "http") + "?api-key=secret"
	server.Close() // nobody listens there any more
	_, err := realtime.Dial(t.Context(), dialOptions{URL: address})
	if e := wantDialError(t, err); e.Status != 0 || !realtime.IsRetryable(err) {
		t.Errorf("%v, want one that is worth another attempt", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	block := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer server.Close()
	defer close(block)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := realtime.Dial(ctx, dialOptions{URL: "ws" + strings.TrimPrefix(server.URL, "http") + "?api-key=secret"})
	if e := wantDialError(t, err); !errors.Is(e, context.DeadlineExceeded) || !realtime.IsRetryable(err) {
		t.Errorf("%v, want the end of its context", err)
	}
}

func TestDialOutlivesItsContext(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		if _, _, err := ws.Read(r.Context()); err != nil {
			t.Errorf("server cannot read: %v", err)
		}
		peer{ws, t}.send(`{"type":"input_audio_buffer.cleared"}`)
		ws.Read(r.Context())
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := realtime.Dial(ctx, dialOptions{URL: "ws" + strings.TrimPrefix(server.URL, "http")})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	mustSend(t, c, &realtime.AudioClear{})
	next[*realtime.AudioCleared](t, c)
	c.Close("over")
}

func TestDialOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		peer{ws, t}.send(`{"type":"input_audio_buffer.cleared"}`)
		ws.Read(r.Context())
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	server.StartTLS()
	defer server.Close()
	address := "wss" + strings.TrimPrefix(server.URL, "https")
	_, err := realtime.Dial(t.Context(), dialOptions{URL: address})
	if wantDialError(t, err); !realtime.IsFatal(err) {
		t.Errorf("%v, want it to be fatal: the certificate will not get better", err)
	}
	c, err := realtime.Dial(t.Context(), dialOptions{URL: address, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	next[*realtime.AudioCleared](t, c)
	if err := c.Close("over"); err != nil {
		t.Error(err)
	}
}

func TestDialRefusesOddAddresses(t *testing.T) {
	for _, address := range []string{"", "http://secret.example", "api.openai.com/v1?key=secret", "ws://secret:secret@%zz/", "ws://a b/secret"} {
		_, err := realtime.Dial(t.Context(), dialOptions{URL: address})
		failed, ok := errors.AsType[*realtime.DialError](err)
		if !ok || !realtime.IsFatal(err) {
			t.Errorf("%q: %v, want a fatal *DialError", address, err)
		}
		if _, isURL := errors.AsType[*url.Error](err); isURL {
			t.Errorf("%q: the cause %v holds the address", address, failed.Err)
		}
	}
}
