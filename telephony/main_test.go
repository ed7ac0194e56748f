package telephony

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine of the telephony packages outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := stragglers(10 * time.Second); left != "" {
			fmt.Fprintln(os.Stderr, "goroutines left behind:\n"+left)
			code = 1
		}
	}
	os.Exit(code)
}

func stragglers(limit time.Duration) (left string) {
	for end := time.Now().Add(limit); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		left = ""
		buf := make([]byte, 4<<20)
		buf = buf[:runtime.Stack(buf, true)]
		for _, g := range strings.Split(string(buf), "\n\n")[1:] { // the first one asks
			if strings.Contains(g, "trunkline/telephony") || strings.Contains(g, "emiago/sipgo") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
	}
	return left
}

// start runs a server on free loopback ports until the test ends.
func start(t *testing.T, cfg Config, h HandlerFunc) *Server {
	t.Helper()
	if cfg.SIP.Listen == nil {
		cfg.SIP.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	}
	if cfg.Trunks == nil {
		cfg.Trunks = []Trunk{{Name: "carrier", Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := Listen(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if st := s.Stats(); st.Active != 0 || st.PortsInUse != 0 || st.SIP.Dialogs != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
	return s
}

func (s *Server) addr(transport string) string {
	for _, a := range s.Addrs() {
		if a.Transport == transport {
			return a.Addr.String()
		}
	}
	panic("not listening on " + transport)
}

// sipp runs a scenario of testdata. keys override the words in square brackets.
func sipp(t *testing.T, scenario, transport string, s *Server, keys map[string]string, args ...string) {
	t.Helper()
	if out, err := runSipp(t, scenario, transport, s, keys, args...); err != nil {
		t.Errorf("sipp %s over %s: %v\n%s", scenario, transport, err, out)
	}
}

// runSipp tries again when the free port it found was taken by somebody else meanwhile.
func runSipp(t *testing.T, scenario, transport string, s *Server, keys map[string]string, args ...string) (out string, err error) {
	t.Helper()
	for range 10 {
		out, err = runSippOnce(t, scenario, transport, s, keys, args...)
		if err == nil || !strings.Contains(out, "Unable to bind") {
			break
		}
	}
	return out, err
}

func runSippOnce(t *testing.T, scenario, transport string, s *Server, keys map[string]string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	fillIn(t, filepath.Join("testdata", scenario+".xml"), file, keys)
	cmd := exec.CommandContext(ctx, "sipp", append([]string{
		s.addr(transport), "-sf", file, "-t", map[string]string{"udp": "u1", "tcp": "t1"}[transport], "-m", "1", "-nostdin",
		"-i", "127.0.0.1", "-p", freePort(t), "-mp", freePort(t),
		"-timeout", "40", "-timeout_error", "-trace_err", "-error_file", filepath.Join(dir, "errors.log"),
	}, args...)...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
		text := out.String()
		return text[max(0, len(text)-1500):] + "\n" + string(log), err
	}
	return "", nil
}

// fillIn writes a scenario with its own words in square brackets replaced; sipp does
// that only in messages, not in pauses and checks.
func fillIn(t *testing.T, from, to string, keys map[string]string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"mediaaddr": "127.0.0.1", "mediaport": "6000", "codec": "0", "hold": "50", "reason": "16"}
	maps.Copy(all, keys)
	for k, v := range all {
		text = bytes.ReplaceAll(text, []byte("["+k+"]"), []byte(v))
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)
}

func recv[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}
