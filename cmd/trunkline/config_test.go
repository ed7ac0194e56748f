package main

import (
	"strings"
	"testing"
)

// smallConfig is a configuration without a store.
const smallConfig = `version: 1
sip:
  listen: ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
trunks:
  - { name: loopback, sources: ["127.0.0.0/8"] }
routes:
  - { to: "+1555*", agent: frontdesk }
realtime:
  - { name: main, url: "ws://127.0.0.1:1/v1/realtime", model: simulator, api_key: "${KEY:-}" }
agents:
  - { name: frontdesk, realtime: main, voice: marin, greeting: "Hello!", transcription: { model: gpt-4o-transcribe } }
admin: { listen: "127.0.0.1:0" }
supervisor: { listen: "127.0.0.1:0" }
`

func TestConfigShow(t *testing.T) {
	t.Setenv("KEY", "sk-secret")
	t.Setenv("TRUNKLINE_LIMITS_CALLS", "7")
	path := writeFile(t, "trunkline.yaml", smallConfig)
	code, out, errs := execute(t, "config", "show", "--config", path, "--set", "sip.advertise=203.0.113.7",
		"--set", "sip.listen=udp://127.0.0.1:5070,tcp://127.0.0.1:5071", "--set", "agents.frontdesk.greeting=Hello, a=b, and good day")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, parts := range [][]string{
		{"sip.advertise", "203.0.113.7", "flag sip.advertise"},
		{"sip.listen", "udp://127.0.0.1:5070", "tcp://127.0.0.1:5071", "flag"},
		{"agents[frontdesk].greeting", "Hello, a=b, and good day", "flag"},
		{"limits.calls ", "7", "environment TRUNKLINE_LIMITS_CALLS"},
		{"realtime[main].model", "simulator", path + ":9"},
		{"realtime[main].api_key", "***"},
		{"store.path", "./trunkline.db", "default"},
	} {
		if !hasLine(out, parts...) {
			t.Errorf("no line with %q in:\n%s", parts, out)
		}
	}
	if strings.Contains(out+errs, "sk-secret") {
		t.Error("the key is shown")
	}
}

// hasLine reports whether one line of text holds all the parts.
func hasLine(text string, parts ...string) bool {
	for line := range strings.Lines(text) {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(line, p)
		}
		if all {
			return true
		}
	}
	return false
}

func TestConfigFaultsNameTheirLines(t *testing.T) {
	faulty := strings.NewReplacer("voice: marin", "voise: marin", `agent: frontdesk`, `agent: reception`, "version: 1", "version: one").Replace(smallConfig)
	path := writeFile(t, "trunkline.yaml", faulty)
	for _, command := range [][]string{{"config", "show"}, {"serve"}, {"calls", "list"}} {
		code, out, errs := execute(t, append(command, "--config", path)...)
		if code != exitUsage || out != "" {
			t.Errorf("%v: exit code %d, printed %q", command, code, out)
		}
		wants(t, errs, path+":1:", path+":7:", path+":11:", "voise", "reception")
	}
}

func TestSetFaults(t *testing.T) {
	path := writeFile(t, "trunkline.yaml", smallConfig)
	for _, c := range []struct{ set, says string }{
		{"limits.calls=many", "limits.calls"},
		{"limits.cals=3", "limits.cals"},
		{"=3", "has no path and value"},
	} {
		code, _, errs := execute(t, "config", "show", "--config", path, "--set", c.set)
		if code != exitUsage {
			t.Errorf("--set %s: exit code %d", c.set, code)
		}
		wants(t, errs, c.says)
	}
}
