package trunkline

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
)

func TestHealth(t *testing.T) {
	s := stage(t, setup{})
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", http.StatusOK, "ok\n"},
		{"/readyz", http.StatusOK, "ok\n"},
		{"/", http.StatusNotFound, "404 page not found\n"},
		{"/debug/pprof/", http.StatusNotFound, "404 page not found\n"},
	} {
		if status, body := get(t, s.Service, c.path); status != c.status || body != c.body {
			t.Errorf("%s: %d %q", c.path, status, body)
		}
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post("http://"+s.AdminAddr()+"/readyz", "text/plain", nil)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}

func TestWithoutAdmin(t *testing.T) {
	s := stage(t, setup{yaml: "admin: { listen: \"\" }\n"})
	if a := s.AdminAddr(); a != "" {
		t.Errorf("listens on %s", a)
	}
}

func TestNotReadyAtTheLimitOfCalls(t *testing.T) {
	s := stage(t, setup{script: silentScript(), yaml: "limits: { calls: 1 }\n"})
	held := s.hold(t)
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusServiceUnavailable || body != "at the limit of 1 calls\n" {
		t.Errorf("%d %q", status, body)
	}
	if status, _ := get(t, s.Service, "/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d: a full service must not be restarted", status)
	}
	held.hangUp()
	held.wait(t)
	until(t, "the call has left", func() bool { return s.Stats().Active == 0 })
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusOK {
		t.Errorf("after the call: %d %q", status, body)
	}
}

func TestNotReadyWhileDraining(t *testing.T) {
	s := stage(t, setup{script: silentScript()})
	held := s.hold(t)
	s.stop()
	until(t, "the service drains", func() bool { return s.Stats().Draining })
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusServiceUnavailable || body != "draining\n" {
		t.Errorf("%d %q", status, body)
	}
	if status, page := get(t, s.Service, "/metrics"); status != http.StatusOK || !strings.Contains(page, "trunkline_draining 1") {
		t.Errorf("metrics: %d", status)
	}
	held.hangUp()
}

// A model that cannot be reached refuses the call with 503 and counts against readiness for a minute: then the next call
// has to show it, or a balancer that reads /readyz would keep the calls away for ever.
func TestNotReadyWhileTheModelIsDown(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := nobody.Addr().String()
	must(t, nobody.Close())
	s := stage(t, setup{model: "ws://" + address + "/v1/realtime"})
	if status, _ := get(t, s.Service, "/readyz"); status != http.StatusOK {
		t.Fatalf("before any call: %d", status)
	}
	_, err = s.call(t, t.Context(), "+15551230001")
	if refused := (*phone.CallError)(nil); !errors.As(err, &refused) || refused.Status != 503 {
		t.Fatalf("error is %v", err)
	}
	status, body := get(t, s.Service, "/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "could not be reached") {
		t.Errorf("after a failed call: %d %q", status, body)
	}
	s.models.failed("main", s.models.down["main"].err, time.Now().Add(-failureCounts))
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusOK {
		t.Errorf("a minute later: %d %q", status, body)
	}
	page, err := s.Store().List(t.Context(), store.Query{})
	must(t, err)
	if len(page.Calls) != 0 {
		t.Errorf("a refused call has a record: %+v", page.Calls)
	}
}

// A call that reaches the model ends the alarm at once.
func TestReadyAgainAfterACall(t *testing.T) {
	s := stage(t, setup{})
	s.models.failed("main", errors.New("no route to host"), time.Now())
	if status, _ := get(t, s.Service, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("model down: %d", status)
	}
	_, err := s.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusOK {
		t.Errorf("after a call: %d %q", status, body)
	}
}

// A server that confirms another format than G.711 would be loud noise: no call is answered with it.
func TestModelWithTheWrongFormat(t *testing.T) {
	script := silentScript()
	script.Faults = simulator.Faults{WrongFormat: true}
	s := stage(t, setup{script: script})
	_, err := s.call(t, t.Context(), "+15551230001")
	if refused := (*phone.CallError)(nil); !errors.As(err, &refused) || refused.Status != 503 {
		t.Fatalf("error is %v", err)
	}
	if status, body := get(t, s.Service, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "G.711") {
		t.Errorf("%d %q", status, body)
	}
	if n := sessions(t, s.metrics); n != 0 {
		t.Errorf("%v sessions are open", n)
	}
}

// unreachable is a store that does not answer.
type unreachable struct{ store.Store }

func (unreachable) Ping(context.Context) error { return errors.New("connection refused") }

// Without the store calls are still taken: transcripts wait in memory and in the spool.
func TestDegradedWithoutTheStore(t *testing.T) {
	s := &setup{}
	service, err := New(s.config(t, "ws://127.0.0.1:1/v1/realtime"), WithTools(s.registry(t)))
	must(t, err)
	service.kept.store = unreachable{service.kept.store}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Serve(ctx) }()
	status, body := get(t, service, "/readyz")
	if status != http.StatusOK || body != "degraded: store does not answer, transcripts wait: connection refused\n" {
		t.Errorf("%d %q", status, body)
	}
	cancel()
	must(t, <-done)
}
