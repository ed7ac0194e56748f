package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

// service is "trunkline sim" and "trunkline serve", joined.
type service struct {
	*running
	sim      *running
	udp, tcp string // SIP URIs without a user
	admin    string
	store    string
}

// serve starts both. The RTP ports are of a range in which nothing listens by itself.
func serve(t *testing.T, simFlags ...string) *service {
	t.Helper()
	sim := start(t, append([]string{"sim", "--listen", "127.0.0.1:0"}, simFlags...)...)
	url := regexp.MustCompile(`at (ws://\S+)`).FindStringSubmatch(sim.waitFor("simulating a Realtime service"))[1]
	dir := t.TempDir()
	path := writeFile(t, "trunkline.yaml", smallConfig+"media: { ports: 21000-28999 }\n")
	s := &service{sim: sim, store: filepath.Join(dir, "calls.db")}
	s.running = start(t, "serve", "--config", path, "--set", "store.path="+s.store, "--set", "realtime.main.url="+url)
	out := s.waitFor("health and metrics on ")
	s.udp = regexp.MustCompile(`answering calls on sip:(\S+;transport=udp)`).FindStringSubmatch(out)[1]
	s.tcp = regexp.MustCompile(`answering calls on sip:(\S+;transport=tcp)`).FindStringSubmatch(out)[1]
	s.admin = regexp.MustCompile(`health and metrics on (\S+)`).FindStringSubmatch(out)[1]
	return s
}

func TestServeAndCall(t *testing.T) {
	t.Parallel()
	s := serve(t)
	wav := filepath.Join(t.TempDir(), "heard.wav")
	code, out, errs := execute(t, "call", "sip:+15551230001@"+s.udp, "--from", "+15550100001", "--say", "rms-c03", "--record", wav)
	if code != 0 || errs != "" {
		t.Fatalf("call: exit code %d: %s\n%s", code, errs, out)
	}
	wants(t, out, "  ringing", "  answered", "  heard", "  saying", "  ended", "PCMU", "ended by phone")
	if !regexp.MustCompile(`setup \d+ ms, PCMU, \d+(\.\d)?s long; frames out \d{2,}, in \d{2,}, lost \d+, jitter \d+\.\d ms`).MatchString(out) {
		t.Errorf("no summary in:\n%s", out)
	}
	heardSpeech(t, wav)

	code, out, errs = execute(t, "call", "sip:+15551230002@"+s.tcp, "--law", "PCMA", "--digits", "12#")
	if code != 0 {
		t.Fatalf("call over TCP: exit code %d: %s\n%s", code, errs, out)
	}
	wants(t, out, "PCMA", "pressed 12#")

	_, out, _ = execute(t, "calls", "list", "--store", s.store, "--json")
	calls := decode[store.Call](t, out)
	if len(calls) != 2 || calls[0].Dialled != "+15551230002" || calls[1].Caller != "+15550100001" || calls[0].Codec != "PCMA" {
		t.Errorf("calls of the running service: %s", out)
	}
	wants(t, s.sim.out.String(), "opened", "updated", "heard", "says", "ended")

	s.interrupt()
	if code := s.ends(); code != 0 {
		t.Errorf("serve: exit code %d: %s", code, s.errs)
	}
	s.sim.interrupt()
	if code := s.sim.ends(); code != 0 || s.sim.errs.String() != "" {
		t.Errorf("sim: exit code %d: %s", code, s.sim.errs)
	}
	if _, out, _ := execute(t, "calls", "list", "--store", s.store, "--json"); len(decode[store.Call](t, out)) != 2 {
		t.Errorf("calls after the service: %s", out)
	}
}

// heardSpeech reads a recording and wants more than silence in it.
func heardSpeech(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wav, err := transcode.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	loud := 0
	for _, v := range wav.Samples {
		if v > 1000 || v < -1000 {
			loud++
		}
	}
	if wav.Rate != transcode.SampleRate || loud < wav.Rate/4 {
		t.Errorf("recording of %d samples at %d Hz, %d of them loud", len(wav.Samples), wav.Rate, loud)
	}
}

func TestCallRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	code, out, errs := execute(t, "call", "sip:+441234@"+s.udp)
	if code != exitFailed || out != "" && !strings.Contains(out, "ended") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	wants(t, errs, "404")
	resp, err := http.Get(s.admin + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%shealthz: %s", s.admin, resp.Status)
	}
}

func TestServeFailsWhenItCannotListen(t *testing.T) {
	t.Parallel()
	s := serve(t)
	port := strings.TrimSuffix(s.udp, ";transport=udp")
	path := writeFile(t, "trunkline.yaml", smallConfig)
	code, out, errs := execute(t, "serve", "--config", path, "--set", "store.path="+filepath.Join(t.TempDir(), "calls.db"),
		"--set", "sip.listen=udp://"+port)
	if code != exitFailed || out != "" {
		t.Errorf("exit code %d: %s", code, out)
	}
	wants(t, errs, port, "address already in use")
}

func TestSimScript(t *testing.T) {
	script := writeFile(t, "dialogue.yaml", `start: open
states:
  - name: open
    greeting: { do: [ { say: [a01] } ] }
otherwise: { do: [ { say: [a10] } ] }
`)
	sim := start(t, "sim", "--listen", "127.0.0.1:0", "--script", script)
	sim.waitFor("simulating")
	sim.interrupt()
	if code := sim.ends(); code != 0 {
		t.Errorf("exit code %d: %s", code, sim.errs)
	}
}

func TestSimScriptFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"unknown key": {"start: open\nstates:\n  - name: open\n    greetings: { do: [ { say: [a01] } ] }\n", []string{"dialogue.yaml:4:", "greetings"}},
		"wrong type":  {"start: open\nstates: twelve\n", []string{"dialogue.yaml:2:"}},
		"no YAML":     {"start: [\n", []string{"dialogue.yaml"}},
		"no state":    {"start: nowhere\nstates:\n  - name: open\n", []string{"nowhere"}},
		"no clip":     {"states:\n  - name: open\n    greeting: { do: [ { say: [zzz] } ] }\n", []string{"zzz"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "dialogue.yaml", c.text)
			code, out, errs := execute(t, "sim", "--listen", "127.0.0.1:0", "--script", path)
			if code != exitUsage || out != "" {
				t.Errorf("exit code %d: %s", code, out)
			}
			wants(t, errs, append(c.says, "dialogue.yaml")...)
		})
	}
	code, _, errs := execute(t, "sim", "--script", "/nowhere/dialogue.yaml")
	if code != exitUsage {
		t.Errorf("a script that is not there: %d %s", code, errs)
	}
}
