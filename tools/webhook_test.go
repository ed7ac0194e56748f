package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const orderSchema = `{"type":"object","required":["order"],"properties":{"order":{"type":"string"},"n":{"type":"integer"}}}`

// service is a real HTTP server that keeps what it was sent.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	heads []http.Header // guarded by mu
	body  []string      // guarded by mu
}

// serve starts a service; answer gets the number of the request, from 1.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *service {
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.heads, s.body = append(s.heads, r.Header.Clone()), append(s.body, string(body))
		n := len(s.heads)
		s.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heads)
}

// hookRegistry has the webhook "order" with the fields that change sets.
func hookRegistry(t *testing.T, url string, change func(*Webhook), opts ...Option) *Registry {
	t.Helper()
	r := NewRegistry()
	w := Webhook{Name: "order", Description: "Orders.", URL: url, Secret: vectorSecret, Parameters: json.RawMessage(orderSchema)}
	if change != nil {
		change(&w)
	}
	must(t, AddWebhook(r, w, opts...))
	t.Cleanup(func() { must(t, r.Close(context.Background())) })
	return r
}

func idempotent(w *Webhook) { w.Idempotent = true }

func order(r *Registry, log io.Writer) Outcome {
	call := &Call{ID: "c1", Caller: "+15551112222", Dialled: "+15553334444", Agent: "desk"}
	if log != nil {
		call.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return r.Run(context.Background(), Invocation{Name: "order", Arguments: `{"order":"A<1>","n":12345678901234567890}`, Call: call.For("call_1")})
}

func TestWebhookRequest(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	o := order(hookRegistry(t, s.URL+"/orders?key=k", nil), nil)
	if o.Output != `{"result":"ok"}` || o.Status != StatusOK || o.Attempts != 1 {
		t.Fatalf("%+v", o)
	}
	want := `{"tool":"order","call":{"id":"c1","caller":"+15551112222","dialled":"+15553334444","agent":"desk"},` +
		`"call_id":"call_1","arguments":{"n":12345678901234567890,"order":"A<1>"}}`
	if s.body[0] != want {
		t.Errorf("body\n got %s\nwant %s", s.body[0], want)
	}
	h, key := s.heads[0], (&Call{ID: "c1"}).For("call_1").Invocation
	if h.Get("webhook-id") != key || h.Get("Idempotency-Key") != key || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
	must(t, VerifyWebhook(vectorSecret, h, []byte(s.body[0]), time.Now()))
}

// Two members of one name: our check and every receiver must look at the same one.
func TestWebhookArgumentsAreCanonical(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {})
	r := hookRegistry(t, s.URL, nil)
	o := r.Run(t.Context(), Invocation{Name: "order", Arguments: `{"order":{"evil":1},"order":"good"}`})
	if o.Output != `{"result":"done"}` || !strings.Contains(s.body[0], `"arguments":{"order":"good"}`) {
		t.Errorf("%s %v", s.body, o.Err)
	}
}

func TestWebhookSecrets(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {})
	other := "whsec_b3RoZXI="
	order(hookRegistry(t, s.URL, func(w *Webhook) { w.Secret += " " + other }), nil)
	order(hookRegistry(t, s.URL, func(w *Webhook) { w.Secret = "" }), nil)
	for _, secret := range []string{vectorSecret, other} {
		must(t, VerifyWebhook(secret, s.heads[0], []byte(s.body[0]), time.Now()))
	}
	if _, signed := s.heads[1]["Webhook-Signature"]; signed {
		t.Error("signed without a secret")
	}
}

func TestWebhookResponses(t *testing.T) {
	for _, tc := range []struct {
		name, mediaType string
		status          int
		body            string
		want            string // output; "" when hidden
		result          Status
		log             string // in the hidden error
	}{
		{"object", "application/json", 200, "{ \"a\" : \"<1>\" }\n", `{"a":"<1>"}`, StatusOK, ""},
		{"problem type", "application/vnd.x+json; charset=utf-8", 201, `[1]`, `[1]`, StatusOK, ""},
		{"JSON string", "application/json", 200, `"a\nb"`, `{"result":"a\nb"}`, StatusOK, ""},
		{"JSON null", "application/json", 200, `null`, `{"result":null}`, StatusOK, ""},
		{"plain text", "text/plain", 200, "two \"items\"\n", `{"result":"two \"items\""}`, StatusOK, ""},
		{"plain JSON", "text/plain; charset=utf-8", 200, `{"a":1}`, `{"a":1}`, StatusOK, ""},
		{"no content", "", 204, "", `{"result":"done"}`, StatusOK, ""},
		{"broken JSON", "application/json", 200, `{"a":`, "", StatusToolError, "not the JSON"},
		{"login page", "text/html", 200, "<html>hunter2", "", StatusToolError, "text/html"},
		{"image", "image/png", 200, "hunter2", "", StatusToolError, "image/png"},
		{"not UTF-8", "text/plain", 200, "\xff\xfe hunter2", "", StatusToolError, "not UTF-8"},
		{"refused", "text/plain", 422, "no such order\n", `{"error":"no such order"}`, StatusToolError, ""},
		{"refused in JSON", "application/json", 422, `{"error":"no such order","code":7}`, `{"error":"no such order"}`, StatusToolError, ""},
		{"refused in other JSON", "application/json", 422, `{"detail":"x"}`, `{"error":"{\"detail\":\"x\"}"}`, StatusToolError, ""},
		{"refused silently", "", 422, "", `{"error":"the request was refused"}`, StatusToolError, ""},
		{"bad request", "text/plain", 400, "hunter2", "", StatusToolError, "status 400"},
		{"unauthorised", "text/plain", 401, "hunter2", "", StatusToolError, "status 401"},
		{"server error", "text/plain", 500, "hunter2", "", StatusToolError, "status 500"},
		{"not modified", "", 304, "", "", StatusToolError, "status 304"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tc.mediaType)
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			})
			var log bytes.Buffer
			o := order(hookRegistry(t, s.URL+"/?token=hunter3", idempotent), &log)
			if o.Status != tc.result || s.count() != 1 || o.Attempts != 1 {
				t.Errorf("%+v, %d requests", o, s.count())
			}
			if tc.want != "" && o.Output != tc.want {
				t.Errorf("got %s", o.Output)
			}
			if tc.want == "" {
				wantHiddenWebhook(t, o, log.String(), tc.log)
			}
		})
	}
}

// wantHiddenWebhook: the log says what is wrong, and nobody sees the body, the URL or the secret.
func wantHiddenWebhook(t *testing.T, o Outcome, log, why string) {
	t.Helper()
	if got := fault(t, o); got != "the tool failed (ref "+o.Ref+")" {
		t.Error(got)
	}
	var failed *WebhookError
	if !errors.As(o.Err, &failed) {
		t.Errorf("error %v", o.Err)
	}
	wantContains(t, log, why, "127.0.0.1:", o.Ref)
	wantNot(t, log+o.Err.Error()+o.Output, "hunter2", "hunter3", vectorSecret[6:], "+1555")
}

func TestWebhookInvalidArgumentsAreNotSent(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {})
	r := hookRegistry(t, s.URL, nil)
	for _, arguments := range []string{`{}`, `{"order":5}`, `{"order":"a","x":1}`, `nonsense`} {
		if o := r.Run(t.Context(), Invocation{Name: "order", Arguments: arguments}); o.Status != StatusInvalid {
			t.Errorf("%s: %+v", arguments, o)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests", s.count())
	}
}

// The client that was handed in keeps its own redirect policy and is not closed with the registry.
func TestWebhookOwnClient(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {})
	client := s.Client()
	o := order(hookRegistry(t, s.URL, func(w *Webhook) { w.Client = client }), nil)
	if o.Status != StatusOK || client.CheckRedirect != nil {
		t.Errorf("%+v", o)
	}
}

func TestWebhookOptions(t *testing.T) {
	r := hookRegistry(t, "https://host/", func(w *Webhook) { w.Timeout = 3 * time.Second }, OnInterrupt(Finish), Redact("order"))
	info, _ := r.Info("order")
	if info.Timeout != 3*time.Second || info.OnInterrupt != Finish || len(info.Redact) != 1 {
		t.Errorf("%+v", info)
	}
}

func TestAddWebhookRefuses(t *testing.T) {
	good := Webhook{Name: "order", URL: "http://host/", Secret: vectorSecret}
	for _, tc := range []struct {
		change func(w *Webhook)
		opts   []Option
		want   string
	}{
		{func(w *Webhook) { w.Name = "a b" }, nil, "a name is made of"},
		{func(w *Webhook) { w.URL = "" }, nil, "http:// or https://"},
		{func(w *Webhook) { w.URL = "ftp://hunter2@host/" }, nil, "http:// or https://"},
		{func(w *Webhook) { w.URL = "http://:80/hunter2" }, nil, "with a host"},
		{func(w *Webhook) { w.URL = "http://host/%zz?hunter2" }, nil, "cannot be read"},
		{func(w *Webhook) { w.Secret = "hunter2" }, nil, "secret is not"},
		{func(w *Webhook) { w.Timeout = -1 }, nil, "timeout"},
		{func(w *Webhook) { w.Parameters = json.RawMessage(`{"type":"array"}`) }, nil, "of type object"},
		{func(w *Webhook) {}, []Option{Parameters(json.RawMessage(`{}`))}, "use the field"},
		{func(w *Webhook) {}, []Option{Redact("card")}, "no such argument"},
	} {
		w := good
		tc.change(&w)
		err := AddWebhook(NewRegistry(), w, tc.opts...)
		if err == nil {
			t.Errorf("accepted, want %q", tc.want)
			continue
		}
		wantContains(t, err.Error(), tc.want, "add webhook")
		wantNot(t, err.Error(), "hunter2", vectorSecret[6:])
	}
}

func TestWebhookDoesNotPrintItsSecret(t *testing.T) {
	w := Webhook{Name: "order", URL: "http://host/?hunter2", Secret: vectorSecret}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "webhook", w, "pointer", &w)
	_, err := json.Marshal(w)
	if err == nil {
		t.Error("written out as JSON")
	}
	all := fmt.Sprintf("%v %+v %#v %s %v %+v %v %v", w, w, w, w, &w, []Webhook{w}, err, log.String())
	wantNot(t, all, "hunter2", vectorSecret[6:])
	wantContains(t, all, "webhook order")
}

func TestWebhooksInParallel(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("webhook-id")) })
	r := hookRegistry(t, s.URL, nil, Concurrency(4))
	base := &Call{ID: "c1"}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			c := base.For(fmt.Sprint(i))
			o := r.Run(t.Context(), Invocation{Name: "order", Arguments: `{"order":"x"}`, Call: c})
			if o.Output != `{"result":"`+c.Invocation+`"}` {
				t.Errorf("%s %v", o.Output, o.Err)
			}
		})
	}
	wg.Wait()
}
