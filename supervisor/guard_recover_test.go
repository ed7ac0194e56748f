package supervisor

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPanicIsCaught(t *testing.T) {
	var log bytes.Buffer
	d := newDoorStand(t, someTokens)
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	d.mux.HandleFunc("/api/panic", func(http.ResponseWriter, *http.Request) { panic("my card is 4242") })
	expectAnswer(t, d.ask("GET", "/api/panic?card=4242", withToken(annasToken)), http.StatusInternalServerError, `"detail":"something`)
	expectAnswer(t, d.ask("GET", "/calls", withToken(annasToken)), http.StatusOK)
	if said := log.String(); strings.Contains(said, "4242") || !strings.Contains(said, "guard_recover_test.go") {
		t.Errorf("the log should say where and nothing of the caller's: %s", said)
	}
	if n := d.Door().Panics; n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

// Half an answer must reach the client as a broken one.
func TestPanicInTheMiddle(t *testing.T) {
	d := newDoorStand(t, nil)
	d.mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		w.(http.Flusher).Flush()
		panic("oh")
	})
	ts := httptest.NewServer(d)
	defer ts.Close()
	resp, err := ts.Client().Get(ts.URL + "/half")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	if _, err = got.ReadFrom(resp.Body); err == nil || got.String() != "half" {
		t.Errorf("the client reads %q and takes it for whole: %v", got.String(), err)
	}
}
