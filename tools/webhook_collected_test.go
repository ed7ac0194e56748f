package tools

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// A secret number goes from the caller's keys to the service, past the model, the record and the log.
func TestWebhookGetsWhatWasCollected(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	r := hookRegistry(t, s.URL, func(w *Webhook) { w.Collected = []string{"pin", "card"} })
	must(t, AddCollect(r, "pin", "Asks for the PIN.", Collect{Min: 4, Max: 4, Secret: true}))
	var log lockedBuffer
	call := &Call{ID: "c1", Control: &cutter{keys: "8361#"}, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	all := ""
	for i, name := range []string{"order", "pin", "order"} {
		o := r.Run(t.Context(), Invocation{Name: name, Arguments: map[string]string{"order": `{"order":"A1"}`, "pin": `{}`}[name], Call: call.For(fmt.Sprint(i))})
		if o.Status != StatusOK {
			t.Fatalf("%s: %+v", name, o)
		}
		all += o.Output + o.Arguments + r.Recorded(name, `{"order":"A1"}`)
	}
	for i, want := range []map[string]string{nil, {"pin": "8361"}} {
		var body WebhookRequest
		must(t, json.Unmarshal([]byte(s.body[i]), &body))
		if fmt.Sprint(body.Collected) != fmt.Sprint(want) || strings.Contains(s.body[i], "collected") != (want != nil) {
			t.Errorf("request %d has %s, want %v", i, s.body[i], want)
		}
	}
	wantNot(t, all+log.String(), "8361")
}

func TestWebhookCollectsFromTools(t *testing.T) {
	err := AddWebhook(NewRegistry(), Webhook{Name: "order", URL: "http://h/", Collected: []string{"p i n"}})
	if err == nil || !strings.Contains(err.Error(), `collected "p i n"`) {
		t.Errorf("got %v", err)
	}
}
