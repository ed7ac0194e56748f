package tools

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func learnedTool(t *testing.T, name string) *tool {
	t.Helper()
	settings, err := newSettings(nil)
	must(t, err)
	params, err := parseParameters(json.RawMessage(`{"type":"object"}`))
	must(t, err)
	run := func(context.Context, *Call, json.RawMessage) (reply, error) { return reply{text: "done"}, nil }
	return &tool{name: name, params: params, settings: settings, run: run}
}

// What a server tells again replaces what it told before, but runs that are stuck still count.
func TestLearnKeepsLimitsAndDropsWhatIsGone(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "mine")
	one, two := newMCPClient(r, MCPServer{Name: "a"}.withDefaults(), settings{}, settings{}), newMCPClient(r, MCPServer{Name: "b"}.withDefaults(), settings{}, settings{})
	if faults := r.learn(one, []*tool{learnedTool(t, "x"), learnedTool(t, "y")}); faults != nil {
		t.Fatal(faults)
	}
	must(t, r.lookup("x").gate.enter(t.Context()))
	faults := r.learn(two, []*tool{learnedTool(t, "y"), learnedTool(t, "mine"), learnedTool(t, "no name"), learnedTool(t, "z")})
	if len(faults) != 3 {
		t.Errorf("faults %v", faults)
	}
	r.learn(one, []*tool{learnedTool(t, "x")})
	if got := strings.Join(r.Names(), " "); got != "mine x z" {
		t.Errorf("tools %s", got)
	}
	if st := r.lookup("x").gate.stats("x"); st.Running != 1 {
		t.Errorf("the run is forgotten: %+v", st)
	}
}

func TestServersAreAddedToTheWholeRegistry(t *testing.T) {
	sub, err := NewRegistry().Subset()
	must(t, err)
	if err := AddMCP(sub, MCPServer{Name: "crm", URL: "http://127.0.0.1:1/"}); err == nil || !strings.Contains(err.Error(), "whole registry") {
		t.Errorf("got %v", err)
	}
}

// The headers are secrets of one host.
func TestMCPGoesToNoOtherHost(t *testing.T) {
	other := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fine(w, r) })
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/hunter2", http.StatusTemporaryRedirect)
	})
	var log lockedBuffer
	r := NewRegistry()
	must(t, AddMCP(r, MCPServer{
		Name: "crm", URL: s.URL + "/hunter3", Headers: http.Header{"Authorization": {"hunter2"}}, Allow: []string{"find"},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}))
	eventually(t, "refused", func() bool { return r.Sources()[0].Err != nil })
	must(t, r.Close(context.Background()))
	if s.count() == 0 || s.heads[0].Get("Authorization") != "hunter2" || other.count() != 0 {
		t.Errorf("%d requests, %d to the other host", s.count(), other.count())
	}
	wantContains(t, log.String(), "redirect refused")
	wantNot(t, log.String(), "hunter3", other.URL+"/hunter2")
}

func TestWhatAProgramWritesIsCut(t *testing.T) {
	var log lockedBuffer
	l := &lineLog{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, part := range []string{"one ", "line\ntwo\n", strings.Repeat("x", 3*maxLogLine), "y\nlast, unfinished"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `line="one line"`) || !strings.Contains(lines[1], "line=two") || len(lines[2]) > maxLogLine+200 {
		t.Errorf("%d lines: %s", len(lines), log.String())
	}
}
