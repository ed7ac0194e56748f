package trunkline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

// ask sends a request to the page's interface for programs and reads the answer.
func (st *stand) ask(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, st.PageURL()+"api/v1/"+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(text)
}

// A call is followed, told something, and ended over HTTP; then it is read, heard and deleted, and the list of who did
// what knows of it.
func TestSupervisorsOverHTTP(t *testing.T) {
	st := stage(t, setup{yaml: recorded, script: waiting()})
	called := make(chan phone.Report, 1)
	go func() {
		r, _ := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.WaitBye{})
		called <- r
	}()
	id := st.held(t)
	until(t, "the call can be read", func() bool { code, _ := st.ask(t, "GET", "calls/"+id, ""); return code == 200 })
	res, err := http.Get(st.PageURL() + "api/v1/calls/" + id + "/follow")
	must(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if code, text := st.ask(t, "POST", "calls/"+id+"/tell", `{"text":"The caller is a doctor."}`); code/100 != 2 {
		t.Fatalf("tell: %d %s", code, text)
	}
	wantEvent(t, lines, "The caller is a doctor.")
	if code, text := st.ask(t, "POST", "calls/"+id+"/hangup", `{}`); code/100 != 2 {
		t.Fatalf("hang up: %d %s", code, text)
	}
	wantEvent(t, lines, `"ended_by":"supervisor"`)
	<-called
	c, _ := st.record(t, 0)
	if code, text := st.ask(t, "GET", "calls/"+id+"/recording", ""); code != 200 || !strings.HasPrefix(text, "RIFF") {
		t.Errorf("recording: %d", code)
	}
	sound := filepath.Join(st.cfg.Recordings.Directory, filepath.FromSlash(c.Recording))
	if _, err := os.Stat(sound); err != nil {
		t.Error(err)
	}
	if code, text := st.ask(t, "DELETE", "calls/"+id, ""); code/100 != 2 {
		t.Fatalf("delete: %d %s", code, text)
	}
	if _, err := os.Stat(sound); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the recording outlives its call: %v", err)
	}
	if code, _ := st.ask(t, "GET", "calls/"+id, ""); code != 404 {
		t.Errorf("the call is there after it was deleted: %d", code)
	}
	_, audits := st.ask(t, "GET", "audit", "")
	for _, action := range []string{"follow", "tell", "hang", "listen", "delete"} {
		if !strings.Contains(audits, action) {
			t.Errorf("%s is not in the list of who did what: %s", action, audits)
		}
	}
}

func wantEvent(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), want) {
			return
		}
	}
	t.Fatalf("the stream ended without %q: %v", want, lines.Err())
}

// A receiver gets every event of a call, signed, also those that happened while it was away; the file of records has the
// call once.
func TestEventsReachTheirReceivers(t *testing.T) {
	const secret = "whsec_c3VwZXIgc2VjcmV0IGtleQ=="
	var mu sync.Mutex
	away := true
	got := map[string]string{} // type → call
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		if err := tools.VerifyWebhook(secret, r.Header, body, time.Now()); err != nil {
			t.Error(err)
		}
		if away {
			away = false
			w.WriteHeader(503)
			return
		}
		var e struct{ Type, Subject string }
		_ = json.Unmarshal(body, &e)
		got[e.Type] = e.Subject
	}))
	defer receiver.Close()
	cdr := filepath.Join(t.TempDir(), "cdr.jsonl")
	failing := func(context.Context, *tools.Call) (string, error) { return "", tools.Tell("no such order") }
	st := stage(t, setup{lookup: failing, yaml: "events: { cdr: \"" + cdr + "\", webhooks: [ { name: CRM.1, url: \"" + receiver.URL + "\", secret: \"" + secret + "\" } ] }\n"})
	until(t, "the receivers have their place in the events", st.entered)
	_, err := st.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	c, _ := st.record(t, 0)
	until(t, "all events are there", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return got[store.EventStarted] == c.ID && got[store.EventToolFailed] == c.ID && got[store.EventEnded] == c.ID
	})
	until(t, "the record is in the file", func() bool {
		text, _ := os.ReadFile(cdr)
		return strings.Count(string(text), c.ID) == 1 && strings.HasSuffix(string(text), "}\n")
	})
}

// entered reports whether every receiver has its place in the events.
func (st *stand) entered() bool {
	for _, c := range st.couriers {
		if !c.Entered() {
			return false
		}
	}
	return true
}

// What a drain ends is told before the service is gone.
func TestLastEventsAreTold(t *testing.T) {
	cdr := filepath.Join(t.TempDir(), "cdr.jsonl")
	st := stage(t, setup{script: waiting(), yaml: "events: { cdr: \"" + cdr + "\" }\nlimits: { drain_timeout: 0s }\n"})
	until(t, "the file has its place in the events", st.entered)
	called := make(chan error, 1)
	go func() {
		_, err := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.WaitBye{})
		called <- err
	}()
	id := st.held(t)
	until(t, "the call has begun", func() bool { _, err := st.Store().Call(t.Context(), id); return err == nil })
	st.stop()
	must(t, <-st.done)
	st.done <- nil // the stand waits for it too
	<-called
	if text, _ := os.ReadFile(cdr); strings.Count(string(text), id) != 1 {
		t.Errorf("the file of records holds %q", text)
	}
}

// A service that is given up before it served leaves nothing open.
func TestServiceThatNeverServed(t *testing.T) {
	s := setup{model: "ws://127.0.0.1:1/v1/realtime"}
	cfg := s.config(t, s.model)
	for range 2 { // the second finds the file free
		service, err := New(cfg, WithTools(s.registry(t)), WithLogger(testLog(t)))
		must(t, err)
		must(t, service.Close())
	}
}

func TestNamesOfReceivers(t *testing.T) {
	for name, want := range map[string]string{"crm": "crm", "CRM.1": "crm-1", "host.example.com": "host-example-com", strings.Repeat("x", 99): strings.Repeat("x", 64)} {
		if got := tagOf(name); got != want || !store.ValidTag(got) {
			t.Errorf("%q is %q", name, got)
		}
	}
}

// Nobody listens beyond this machine without a sign-in, whatever way the configuration came about.
func TestPageIsNotOpenToOthers(t *testing.T) {
	cfg := configs.Default()
	cfg.Supervisor = configs.Supervisor{Listen: "0.0.0.0:0"}
	_, a := embedded(t)
	defer func() { must(t, a.close(context.Background())) }()
	s := &Service{cfg: cfg, kept: a, log: testLog(t), metrics: newMetrics()}
	if _, err := s.openPage(&cfg.Supervisor); err == nil || !strings.Contains(err.Error(), "supervisor.listen") {
		t.Errorf("%v", err)
	}
}
