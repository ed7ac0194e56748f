package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
)

// A demonstration shows the whole conversation, in both dialects and both laws, and leaves a transcript. While it runs
// its transcript can be read through it.
//
// A call takes place in real time: on a machine that stood still for a moment the caller's words have holes, and the
// simulator says so. That is no fault of the demonstration, and worth another try.
func TestDemo(t *testing.T) {
	t.Parallel()
	todo := []*demoRun{{dialect: "ga", law: "PCMU"}, {dialect: "preview", law: "PCMA"}}
	for range 3 {
		for _, d := range todo { // side by side
			d.start(t)
		}
		for _, d := range todo {
			d.follow(t)
		}
		again := todo[:0]
		for _, d := range todo {
			if d.finish(t); strings.Contains(d.out.String(), "I did not catch that") {
				again = append(again, d)
				continue
			}
			checkDemo(t, d.out.String(), d.law)
		}
		if todo = again; len(todo) == 0 {
			return
		}
	}
	t.Errorf("the caller was never understood:\n%s", todo[0].out)
}

// demoRun is one demonstration and somebody who follows its transcript.
type demoRun struct {
	dialect, law string
	*running
	path, id string
	follower *running
}

func (d *demoRun) start(t *testing.T) {
	d.path = filepath.Join(t.TempDir(), "demo.db")
	d.running = start(t, "demo", "--once", "--dialect", d.dialect, "--law", strings.ToLower(d.law), "--store", d.path)
}

func (d *demoRun) follow(t *testing.T) {
	d.waitFor("caller speaks")
	d.id = liveCall(t, d.path)
	d.follower = start(t, "calls", "follow", d.id, "--store", d.path)
}

// finish waits for the end and reads the transcript in every way.
func (d *demoRun) finish(t *testing.T) {
	t.Helper()
	if code := d.ends(); code != 0 || d.errs.String() != "" {
		t.Fatalf("exit code %d: %s\n%s", code, d.errs, d.out)
	}
	wants(t, d.out.String(), "the transcript is in "+d.path+"; read it with\n  trunkline calls show "+d.id+" --store "+d.path+"\n")
	if code := d.follower.ends(); code != 0 {
		t.Errorf("follow: exit code %d: %s", code, d.follower.errs)
	}
	code, shown, errs := execute(t, "calls", "show", d.id, "--store", d.path)
	if code != 0 || !strings.HasSuffix(shown, d.follower.out.String()) {
		t.Errorf("show: %d %s\n%s\nis not what was followed:\n%s", code, errs, shown, d.follower.out)
	}
	wants(t, shown, "came in", "answered by frontdesk ("+d.law+")", "  end     by ")
}

// liveCall is the id of the one call that goes on, as "calls list" sees it.
func liveCall(t *testing.T, path string) string {
	t.Helper()
	code, out, errs := execute(t, "calls", "list", "--live", "--json", "--store", path)
	calls := decode[store.Call](t, out)
	if code != 0 || len(calls) != 1 {
		t.Fatalf("list --live: %d %s%s", code, out, errs)
	}
	return calls[0].ID
}

func checkDemo(t *testing.T, out, law string) {
	t.Helper()
	for _, pattern := range []string{
		`answering at sip:\+15551230001@127\.0\.0\.1:\d+, model: the simulator`,
		`phone   ringing`, `phone   answered`,
		`agent   Thank you for calling`,
		`caller  where is my order`,
		`agent   Sure, I can look that up`,
		`caller  my order number is four two seven one`,
		`tool    order_status \{"order":"4271"\} …`,
		`tool    order_status → \{.*"status":"shipped"\}  \(ok, \d+ ms\)`,
		`agent   Your order four two seven one`,
		`caller  ‹interrupts after \d\.\d s of the answer›`,
		`⌁ ‹not heard: .*›`,
		`caller  thank you goodbye`,
		`tool    hang_up → .*\(ok, \d+ ms\)`,
		`phone   ended by far`,
		`setup \d+ ms \(ringing after \d+ ms\), ` + law + `, \d+(\.\d)?s long`,
		`turn 1: agent's first sound \d+ ms after the caller's last`,
		`barge-in: agent silent \d+ ms after the caller began`,
		`frames from the caller \d{3,}, to the caller \d{3,}, lost \d+ \+ \d+; interruptions [1-9]`,
	} {
		if !regexp.MustCompile(pattern).MatchString(out) {
			t.Errorf("misses %s in:\n%s", pattern, out)
		}
	}
}

// An interrupted demonstration hangs up, closes the record and leaves nothing behind (TestMain sees to that).
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	demo := start(t, "demo", "--store", path)
	demo.waitFor("caller speaks")
	demo.interrupt()
	if code := demo.ends(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if errs := demo.errs.String(); errs != "" {
		t.Errorf("says %q", errs)
	}
	_, out, errs := execute(t, "calls", "list", "--store", path, "--json")
	calls := decode[store.Call](t, out)
	if len(calls) != 1 || calls[0].Ended.IsZero() || calls[0].EndedBy != "caller" {
		t.Errorf("record of the call: %s%s", out, errs)
	}
}

// Without --once the demonstration stays up for softphones, and Ctrl-C is then its regular end.
func TestDemoStaysUp(t *testing.T) {
	t.Parallel()
	demo := startFunc(t, func(ctx context.Context, out, errs io.Writer) int {
		d := &demo{dialect: "ga", law: "pcmu", path: filepath.Join(t.TempDir(), "demo.db"), script: []phone.Step{phone.WaitSpeech{}},
			out: out, errs: errs}
		if err := d.run(ctx); err != nil {
			fmt.Fprintln(errs, err)
			return exitFailed
		}
		return 0
	})
	out := demo.waitFor("still answering at sip:")
	address := regexp.MustCompile(`answering at (sip:\S+),`).FindStringSubmatch(out)[1]
	softphone := start(t, "call", address, "--from", "+15550100009")
	softphone.waitFor("heard")
	demo.interrupt()
	if code := demo.ends(); code != 0 {
		t.Errorf("exit code %d: %s", code, demo.errs)
	}
	if code := softphone.ends(); code != 0 {
		t.Errorf("phone: exit code %d: %s", code, softphone.errs)
	}
}

func TestDemoNeedsAllOfAzure(t *testing.T) {
	t.Setenv("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com")
	t.Setenv("AZURE_OPENAI_API_KEY", "key")
	t.Setenv("AZURE_OPENAI_DEPLOYMENT", "")
	code, out, errs := execute(t, "demo", "--once")
	if code != exitUsage || out != "" {
		t.Errorf("exit code %d, printed %q", code, out)
	}
	wants(t, errs, "AZURE_OPENAI_DEPLOYMENT is not")
}

// Each real service makes a configuration that the loader accepts, with the key where it belongs.
func TestDemoOfRealServices(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"openai":            {"OPENAI_API_KEY": "sk-1"},
		"openai, own model": {"OPENAI_API_KEY": "sk-1", "TRUNKLINE_DEMO_MODEL": "gpt-realtime-mini"},
		"azure":             {"AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com", "AZURE_OPENAI_API_KEY": "sk-1", "AZURE_OPENAI_DEPLOYMENT": "phone"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			d := &demo{dialect: "ga", law: "pcmu", path: filepath.Join(t.TempDir(), "demo.db"), out: newOutput(), errs: newOutput()}
			model, stop, err := d.model()
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			cfg, err := d.config(model)
			if err != nil {
				t.Fatal(err)
			}
			address, header, err := cfg.Service("demo").Endpoint()
			if err != nil {
				t.Fatal(err)
			}
			if got := header.Get("api-key") + header.Get("Authorization"); !strings.Contains(got, "sk-1") {
				t.Errorf("no key in the request to %s", address)
			}
			if want := env["TRUNKLINE_DEMO_MODEL"]; !strings.Contains(address, want) {
				t.Errorf("%s does not name %s", address, want)
			}
			if strings.Contains(model.described, "simulator") {
				t.Error("the simulator is used")
			}
		})
	}
}
