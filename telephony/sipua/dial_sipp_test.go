package sipua

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dialSipp calls sipp, which runs a scenario of testdata as the other end, and returns
// what Dial returned. keys are words of the scenario and what replaces them. sipp may need a moment to listen.
func dialSipp(t *testing.T, u *UA, scenario, transport string, r DialRequest, keys ...string) (err error) {
	t.Helper()
	var failed string
	for range 10 { // the free port it found may be taken by somebody else meanwhile
		err, failed = dialSippOnce(t, u, scenario, transport, r, keys...)
		if !strings.Contains(failed, "Unable to bind") {
			break
		}
	}
	if failed != "" {
		t.Errorf("sipp %s over %s: %s", scenario, transport, failed)
	}
	return err
}

func dialSippOnce(t *testing.T, u *UA, scenario, transport string, r DialRequest, keys ...string) (err error, failed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	port, dir := freePort(t), t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	text, err := os.ReadFile(filepath.Join("testdata", scenario+".xml"))
	if err == nil {
		err = os.WriteFile(file, []byte(strings.NewReplacer(keys...).Replace(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "sipp", "-sf", file, "-t", map[string]string{"udp": "u1", "tcp": "t1"}[transport], "-m", "1", "-nostdin",
		"-i", "127.0.0.1", "-p", port, "-mp", freePort(t), "-timeout", "15", "-timeout_error", "-trace_err",
		"-error_file", filepath.Join(dir, "errors.log"))
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.URI = "sip:+4930123@127.0.0.1:" + port + ";transport=" + transport
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for err = ErrNoResponse; errors.Is(err, ErrNoResponse) && len(ended) == 0 && pause(ctx, nil, 20*time.Millisecond); {
		err = <-placeUntil(ctx, u, r)
	}
	if e := <-ended; e != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
		said := out.String()
		failed = e.Error() + "\n" + said[max(0, len(said)-1500):] + "\n" + string(log)
	}
	return err, failed
}

func TestSippDial(t *testing.T) {
	u := start(t, Config{})
	var answer string
	r := DialRequest{Credentials: Credentials{"u", "secret"},
		Accept: func(_ *Dialog, body []byte) error { answer = string(body); return nil },
		Serve:  func(context.Context, *Dialog) {}}
	for _, transport := range transports {
		for _, tc := range []struct {
			scenario string
			keys     []string
		}{
			{"dial_challenge", []string{"[status]", "401", "[ask]", "WWW-Authenticate"}},
			{"dial_challenge", []string{"[status]", "407", "[ask]", "Proxy-Authenticate"}},
			{"dial_early", nil}, {"dial_routes", nil}, {"dial_100rel", nil},
		} {
			answer = ""
			if err := dialSipp(t, u, tc.scenario, transport, r, tc.keys...); err != nil || !strings.Contains(answer, "m=audio") {
				t.Errorf("%s over %s: %v, answer %q", tc.scenario, transport, err, answer)
			}
		}
	}
}

func TestSippDialIsRefused(t *testing.T) {
	u := start(t, Config{})
	for status, want := range map[string]error{"486": ErrBusy, "302": ErrRedirected} {
		for _, transport := range transports {
			if err := dialSipp(t, u, "dial_refused", transport, DialRequest{}, "[status]", status); !errors.Is(err, want) {
				t.Errorf("%s over %s: %v", status, transport, err)
			}
		}
	}
}

func TestSippDialRingsInVain(t *testing.T) {
	u := start(t, Config{})
	for _, transport := range transports {
		rang := make(chan struct{}, 1)
		r := DialRequest{RingTimeout: 5 * time.Second, Progress: func(Progress) { rang <- struct{}{} },
			Offer: func(netip.Addr) ([]byte, error) { return []byte(testOffer), nil }}
		if err := dialSipp(t, u, "dial_cancel", transport, r); !errors.Is(err, ErrNoAnswer) || len(rang) != 1 {
			t.Errorf("%s: %v, rang %d", transport, err, len(rang))
		}
	}
}
