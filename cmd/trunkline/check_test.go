package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// Everything that the configuration names is there, and then the model and Redis are not.
func TestCheck(t *testing.T) {
	sim, err := startSim(simulator.Options{}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.close)
	redis := redisproc.Start(t)
	path, calls := writeTools(t, "media: { ports: 31000-32999 }\n")
	args := []string{"--config", path, "--only", "config,sip,realtime,store,tools", "--set", "realtime.ga.url=" + sim.url,
		"--set", "store.redis.url=" + redis.URL(), "--set", "store.spool=" + filepath.Join(t.TempDir(), "spool")}
	code, out, errs := execute(t, append([]string{"check"}, args...)...)
	if code != 0 || strings.Contains(out, "fail") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for _, parts := range [][]string{
		{"ok    realtime[ga]: a session was confirmed"}, {"ok    store.redis: it answers, version "},
		{"ok    tools[order_status].webhook: 127.0.0.1:", "no request was sent"}, {"ok    mcp[crm]: connected, 1 tools"},
		{"ok    sip.listen udp://127.0.0.1:0"}, {"ok    file: it is valid"},
	} {
		if !hasLine(out, parts...) {
			t.Errorf("no line with %q in:\n%s", parts, out)
		}
	}
	if wants(t, errs, " 0 failed"); calls.Load() != 0 {
		t.Error("the webhook was called")
	}

	redis.Kill()
	code, out, errs = execute(t, append([]string{"check", "--json"}, append(args, "--set", "realtime.ga.url=ws://127.0.0.1:1/v1/realtime")...)...)
	if code != exitFound {
		t.Errorf("exit code %d", code)
	}
	wants(t, errs, "2 failed", "2 of the things checked do not work")
	failed := map[string]bool{}
	for line := range strings.Lines(out) {
		var f findingJSON
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f.Status == "fail" {
			failed[f.Place] = f.Remedy != "" && f.Area != "" && f.Detail != ""
		}
	}
	if len(failed) != 2 || !failed["store.redis"] || !failed["realtime[ga]"] {
		t.Errorf("failed: %v, in:\n%s", failed, out)
	}
	if strings.Contains(out+errs, "sk-secret") || strings.Contains(out+errs, "hunter2") {
		t.Errorf("a secret is shown:\n%s%s", out, errs)
	}
}

func TestCheckUsage(t *testing.T) {
	path, _ := writeTools(t, "")
	for says, args := range map[string][]string{
		`no area "weather" to check; there are config, sip`: {"--only", "weather"},
		"limits.calls": {"--set", "limits.calls=-1"},
	} {
		code, out, errs := execute(t, append([]string{"check", "--config", path}, args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%v: exit code %d, %q, %s", args, code, out, errs)
		}
	}
}
