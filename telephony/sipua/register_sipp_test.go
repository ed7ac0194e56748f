package sipua

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// sippServer runs a scenario of testdata that waits for our requests, and returns its
// address and what waits for it to end well. Over UDP nobody has to wait until it
// listens: requests are repeated.
func sippServer(t *testing.T, scenario string) (netip.AddrPort, func()) {
	t.Helper()
	dir := t.TempDir()
	file, err := filepath.Abs(filepath.Join("testdata", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	port := freePort(t)
	cmd := exec.CommandContext(ctx, "sipp", "-sf", file, "-t", "u1", "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", port,
		"-timeout", "30", "-timeout_error", "-trace_err", "-error_file", filepath.Join(dir, "errors.log"))
	cmd.Dir = dir
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(cancel)
	return netip.MustParseAddrPort("127.0.0.1:" + port), func() {
		t.Helper()
		if err := <-done; err != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
			out := text.String()
			t.Errorf("sipp %s: %v\n%s\n%s", scenario, err, out[max(0, len(out)-1500):], log)
		}
	}
}

func TestSippRegistrar(t *testing.T) {
	for scenario, want := range map[string]RegistrationStatus{
		"registrar_401": RegistrationRegistered, "registrar_423": RegistrationRegistered, "registrar_403": RegistrationFailed,
	} {
		addr, finished := sippServer(t, scenario)
		u := start(t, Config{Admit: strict})
		r := u.mustRegister(t, RegistrationConfig{Registrar: "sip:" + addr.String(), Credentials: alice})
		s := awaitStatus(t, r, want)
		var status *StatusError
		if want == RegistrationFailed && (!errors.As(s.Err, &status) || status.Status != 403) {
			t.Errorf("%s: %+v", scenario, s)
		}
		u.Unregister()
		finished()
	}
}
