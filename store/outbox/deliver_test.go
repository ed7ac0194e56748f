package outbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var parcel = &Parcel{Event: store.Event{ID: "c1-5-1", Type: store.EventToolFailed, Call: "c1", At: time.UnixMilli(5)},
	Record: store.Call{ID: "c1", Agent: "frontdesk", Started: time.UnixMilli(1).UTC()}, Line: &store.Entry{ID: "5-1", Tool: "pay"}}

func TestWebhookSpeaksCloudEvents(t *testing.T) {
	var got *http.Request
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	sign := func(h http.Header, id string, _ time.Time, body []byte) {
		h.Set("signature", fmt.Sprint(id, len(body)))
	}
	must(t, Webhook{URL: receiver.URL, Sign: sign, Source: "trunkline/a"}.Deliver()(t.Context(), parcel))
	if got.Method != "POST" || got.Header.Get("Content-Type") != "application/cloudevents+json" || got.Header.Get("Signature") != fmt.Sprint("c1-5-1", len(body)) {
		t.Errorf("%s %v", got.Method, got.Header)
	}
	var m map[string]any
	must(t, json.Unmarshal(body, &m))
	data, _ := m["data"].(map[string]any)
	if m["specversion"] != "1.0" || m["id"] != "c1-5-1" || m["type"] != "tool.failed" || m["source"] != "trunkline/a" || m["subject"] != "c1" ||
		m["time"] != "1970-01-01T00:00:00.005Z" || data["call"].(map[string]any)["agent"] != "frontdesk" || data["line"].(map[string]any)["tool"] != "pay" {
		t.Errorf("%s", body)
	}
}

func TestWebhookJudgesAnswers(t *testing.T) {
	for code, want := range map[int]string{200: "", 204: "", 302: "refused", 400: "refused", 401: "refused", 404: "refused", 410: "refused",
		408: "again", 425: "again", 429: "again", 500: "again", 503: "again"} {
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("%d: a redirect was followed", code)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		}))
		err := Webhook{URL: receiver.URL}.Deliver()(t.Context(), parcel)
		got := ""
		if errors.Is(err, ErrRefused) {
			got = "refused"
		} else if err != nil {
			got = "again"
		}
		if got != want {
			t.Errorf("%d: %v, want %q", code, err, want)
		}
		receiver.Close()
	}
}

// A receiver that hangs is given up, and what is said of one that is away does not hold its address, which may be secret.
func TestWebhookThatDoesNotAnswer(t *testing.T) {
	hang := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	err := Webhook{URL: receiver.URL + "/hunter2", Timeout: 50 * time.Millisecond}.Deliver()(t.Context(), parcel)
	close(hang)
	receiver.Close()
	gone := Webhook{URL: receiver.URL + "/hunter2"}.Deliver()(t.Context(), parcel)
	for _, err := range []error{err, gone} {
		if err == nil || errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

// records reads the calls in a file, in order.
func records(t *testing.T, path string) (ids []string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c store.Call
		if json.Unmarshal(lines.Bytes(), &c) == nil {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func TestCDRIsRotated(t *testing.T) {
	f := CDR{Path: filepath.Join(t.TempDir(), "cdr.jsonl"), Bytes: 1000, Files: 2}
	must(t, os.WriteFile(f.Path+".note", []byte("not ours"), 0o600))
	deliver := f.Deliver()
	for i := range 50 {
		must(t, deliver(context.Background(), &Parcel{Record: store.Call{ID: fmt.Sprint("c", i), Started: time.Now()}}))
	}
	old, err := f.renamed()
	must(t, err)
	if len(old) != 2 {
		t.Fatalf("%q are left", old)
	}
	var all []string
	for _, path := range append(old, f.Path) {
		if info, err := os.Stat(path); err != nil || info.Size() > f.Bytes || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
		all = append(all, records(t, path)...)
	}
	for i, id := range all {
		if want := fmt.Sprint("c", 50-len(all)+i); id != want {
			t.Errorf("record %d is %s, want %s", i, id, want)
		}
	}
	if len(all) < 5 {
		t.Errorf("only %d are left", len(all))
	}
	if _, err := os.Stat(f.Path + ".note"); err != nil {
		t.Error("a file of somebody else is gone")
	}
}

// Half a line that a crash left does not spoil the next.
func TestCDRAfterACrash(t *testing.T) {
	f := CDR{Path: filepath.Join(t.TempDir(), "cdr.jsonl"), Bytes: 1 << 20, Files: 2}
	must(t, os.WriteFile(f.Path, []byte(`{"id":"half`), 0o600))
	must(t, f.Deliver()(context.Background(), parcel))
	if got := records(t, f.Path); len(got) != 1 || got[0] != "c1" {
		t.Errorf("%q", got)
	}
}

func TestCDRThatCannotBeWritten(t *testing.T) {
	f := CDR{Path: filepath.Join(t.TempDir(), "none", "cdr.jsonl"), Bytes: 1000, Files: 2}
	if err := f.Deliver()(context.Background(), parcel); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("%v", err)
	}
}
