package tools

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWebhookEndlessBody(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				return
			}
		}
	})
	var log bytes.Buffer
	o := order(hookRegistry(t, s.URL, idempotent), &log)
	wantHiddenWebhook(t, o, log.String(), "longer than 65536 bytes")
	if s.count() != 1 {
		t.Errorf("%d requests", s.count())
	}
}

func TestWebhookLargestBody(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", maxResponse))
	})
	o := order(hookRegistry(t, s.URL, nil), nil)
	if o.Status != StatusOK || o.ResultBytes != maxResponse || len(o.Output) > DefaultMaxResult {
		t.Errorf("%s, %d bytes, output %d bytes, %v", o.Status, o.ResultBytes, len(o.Output), o.Err)
	}
}

func TestWebhookSlow(t *testing.T) {
	for _, part := range []string{"header", "body"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				if part == "body" {
					fmt.Fprint(w, "half of")
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done() // the deadline must reach the service
			})
			o := order(hookRegistry(t, s.URL, func(w *Webhook) { w.Timeout, w.Idempotent = 2*time.Second, true }), nil)
			if got := fault(t, o); got != "no answer within 2s; do not assume it happened" || o.Status != StatusTimeout || s.count() != 1 {
				t.Errorf("%s, %d requests", got, s.count())
			}
		})
	}
}

func TestWebhookRedirects(t *testing.T) {
	elsewhere := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "stolen") })
	for _, tc := range []struct {
		name   string
		status int
		to     string
		want   string // error, or "" when it is followed
	}{
		{"another port is another host", 307, elsewhere.URL, "to another host"},
		{"another host, kept method", 308, elsewhere.URL, "to another host"},
		{"another host, GET", 302, elsewhere.URL, "to another host"},
		{"same host", 307, "/moved", ""},
		{"same host for good", 308, "/moved", ""},
		{"same host as GET", 302, "/moved", "would not be a POST"},
		{"same host as GET for good", 301, "/moved", "would not be a POST"},
		{"round and round", 307, "/", "more than 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/moved" {
					fmt.Fprint(w, "here")
					return
				}
				http.Redirect(w, r, tc.to, tc.status)
			})
			var log bytes.Buffer
			o := order(hookRegistry(t, s.URL, idempotent), &log)
			if tc.want != "" {
				wantHiddenWebhook(t, o, log.String(), tc.want)
				if !errors.Is(o.Err, ErrRedirect) || o.Attempts != 1 {
					t.Errorf("error %v, attempts %d", o.Err, o.Attempts)
				}
				return
			}
			if o.Output != `{"result":"here"}` || s.body[0] != s.body[1] {
				t.Errorf("%+v", o)
			}
			must(t, VerifyWebhook(vectorSecret, s.heads[1], []byte(s.body[1]), time.Now()))
		})
	}
	if n := elsewhere.count(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func TestRedirectToPlainHTTPIsRefused(t *testing.T) {
	from, err := http.NewRequest(http.MethodPost, "https://host/", nil)
	must(t, err)
	to, err := http.NewRequest(http.MethodPost, "http://HOST/", nil)
	must(t, err)
	if err := checkRedirect(to, []*http.Request{from}); !errors.Is(err, ErrRedirect) {
		t.Errorf("got %v", err)
	}
	if err := checkRedirect(from, []*http.Request{to}); err != nil {
		t.Errorf("upgrade: %v", err)
	}
}

func TestWebhookRetry(t *testing.T) {
	for _, tc := range []struct {
		name       string
		idempotent bool
		first      int
		retryAfter string
		requests   int
		status     Status
	}{
		{"429", true, 429, "", 2, StatusOK},
		{"502", true, 502, "", 2, StatusOK},
		{"503", true, 503, "0", 2, StatusOK},
		{"504", true, 504, "nonsense", 2, StatusOK},
		{"not worth it", true, 500, "", 1, StatusToolError},
		{"not allowed", false, 503, "", 1, StatusToolError},
		{"wants to be left alone", true, 503, "60", 1, StatusToolError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 1 {
					w.Header().Set("Retry-After", tc.retryAfter)
					w.WriteHeader(tc.first)
				}
			})
			o := order(hookRegistry(t, s.URL, func(w *Webhook) { w.Idempotent = tc.idempotent }), nil)
			if o.Status != tc.status || s.count() != tc.requests || o.Attempts != tc.requests {
				t.Fatalf("%+v, %d requests", o, s.count())
			}
			wantSameRequests(t, s)
		})
	}
}

// wantSameRequests: a retry has the same id and body, and a signature that still verifies.
func wantSameRequests(t *testing.T, s *service) {
	t.Helper()
	for i, h := range s.heads {
		if h.Get("webhook-id") != s.heads[0].Get("webhook-id") || h.Get("Idempotency-Key") != h.Get("webhook-id") || s.body[i] != s.body[0] {
			t.Errorf("request %d differs", i+1)
		}
		must(t, VerifyWebhook(vectorSecret, h, []byte(s.body[i]), time.Now()))
	}
}

func TestWebhookRetriesOnlyOnce(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	if o := order(hookRegistry(t, s.URL, idempotent), nil); s.count() != 2 || o.Attempts != 2 || o.Status != StatusToolError {
		t.Errorf("%d requests, %+v", s.count(), o)
	}
}

func TestWebhookDoesNotRetryPastItsDeadline(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(503)
	})
	o := order(hookRegistry(t, s.URL, func(w *Webhook) { w.Timeout, w.Idempotent = 1900*time.Millisecond, true }), nil)
	if s.count() != 1 || o.Status != StatusToolError {
		t.Errorf("%d requests, %+v", s.count(), o)
	}
}

// breakConnection drops the connection of a request that was read whole.
func breakConnection(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// A service that breaks the connection may have acted. The second request must come from our one retry, never from
// net/http, which repeats requests on kept connections by itself when they carry an Idempotency-Key.
func TestWebhookBrokenConnection(t *testing.T) {
	for _, tc := range []struct {
		name       string
		idempotent bool
		kept       bool // the connection was used before
		requests   int
	}{
		{"new connection, may repeat", true, false, 2},
		{"new connection, must not repeat", false, false, 1},
		{"kept connection, may repeat", true, true, 2},
		{"kept connection, must not repeat", false, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			warm := 0
			if tc.kept {
				warm = 1
			}
			s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n == warm+1 {
					breakConnection(w)
				}
			})
			r := hookRegistry(t, s.URL, func(w *Webhook) { w.Idempotent = tc.idempotent })
			for range warm {
				order(r, nil)
			}
			o := order(r, nil)
			if got := s.count() - warm; got != tc.requests || o.Attempts != tc.requests || (o.Status == StatusOK) != tc.idempotent {
				t.Errorf("%d requests, %+v", got, o)
			}
			wantSameRequests(t, s)
		})
	}
}

func TestWebhookBodyBreaksOff(t *testing.T) {
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, strings.Repeat("x", 96))
	})
	if o := order(hookRegistry(t, s.URL, idempotent), nil); s.count() != 2 || o.Status != StatusOK {
		t.Errorf("%d requests, %+v", s.count(), o)
	}
}

func TestWebhookNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	l.Close()
	var log bytes.Buffer
	o := order(hookRegistry(t, "http://user:hunter2@"+addr+"/?key=hunter3", idempotent), &log)
	wantHiddenWebhook(t, o, log.String(), "refused")
	if o.Attempts != 2 {
		t.Errorf("%d attempts", o.Attempts)
	}
}
