package trunkline_test

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	dialledNumber = "+15551230001"
	callerNumber  = "+15557654321"
	modelKey      = "sk-e2e-secret-key"
	webhookSecret = "whsec_ZTJlLXNlY3JldC1vZi10aGUtdGVzdHM="
)

// service is a running `trunkline serve`.
type service struct {
	*process
	sip   map[string]netip.AddrPort // by transport
	admin string                    // URL without the last slash
	vars  map[string]string         // of its environment
	log   lockedBuffer
	bad   []string // pieces of log lines at level ERROR that the test provokes

	crashed bool // the test killed it
}

// serve runs the service with testdata/e2e/service.yaml and these variables, until the test ends. Its end must be an
// orderly one: exit code 0, no error and no secret in the log.
func serve(t *testing.T, vars map[string]string) *service {
	t.Helper()
	return serveConfig(t, "service.yaml", vars)
}

// serveConfig does the same with another file of testdata/e2e.
func serveConfig(t *testing.T, name string, vars map[string]string) *service {
	t.Helper()
	all := map[string]string{"E2E_WEBHOOK": "http://127.0.0.1:1/unused"}
	maps.Copy(all, vars)
	config, err := filepath.Abs(filepath.Join("testdata/e2e", name))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{sip: map[string]netip.AddrPort{}, vars: all}
	cmd := exec.Command(program, "serve", "--config", config)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, assignments(all)...)
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.process = start(t, cmd)
	t.Cleanup(func() { s.finish(t) })
	s.readAddresses(t, stdout)
	return s
}

func assignments(vars map[string]string) (env []string) {
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	return env
}

var (
	sipLine   = regexp.MustCompile(`^answering calls on sip:(\S+);transport=(\w+)$`)
	adminLine = regexp.MustCompile(`^health and metrics on (\S+)/$`)
)

// readAddresses learns from the first lines of output where the service listens.
func (s *service) readAddresses(t *testing.T, stdout io.Reader) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for s.admin == "" && lines.Scan() {
		if m := sipLine.FindStringSubmatch(lines.Text()); m != nil {
			s.sip[m[2]] = netip.MustParseAddrPort(m[1])
		}
		if m := adminLine.FindStringSubmatch(lines.Text()); m != nil {
			s.admin = m[1]
		}
	}
	if s.admin == "" || len(s.sip) != 2 {
		t.Fatalf("the service did not start: %v\n%s", s.wait(), s.log.tail())
	}
}

// finish ends the service and looks at what it leaves.
func (s *service) finish(t *testing.T) {
	if s.running() {
		s.terminate(t)
	}
	select {
	case <-s.exited:
		if s.err != nil && !s.crashed {
			t.Errorf("the service ended with %v, want exit code 0", s.err)
		}
	case <-time.After(patience):
		t.Error("the service does not end after SIGTERM")
		s.kill()
	}
	s.checkLog(t)
	if t.Failed() {
		t.Logf("log of the service:\n%s", s.log.String())
	}
}

// crash ends the service without a chance to do anything (SIGKILL).
func (s *service) crash() {
	s.crashed = true
	s.kill()
}

func (s *service) terminate(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// checkLog wants no crash, no unexpected error, no secret and no whole number.
func (s *service) checkLog(t *testing.T) {
	t.Helper()
	text := s.log.String()
	for _, secret := range []string{modelKey, webhookSecret, callerNumber[1:], dialledNumber[1:]} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	for line := range strings.Lines(text) {
		crash := strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic:") || strings.Contains(line, "panicked")
		if crash || strings.Contains(line, `"level":"ERROR"`) && !containsAny(line, s.bad) {
			t.Errorf("in the log: %s", line)
		}
	}
}

func containsAny(s string, pieces []string) bool {
	for _, p := range pieces {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// get fetches from the operator's listener.
func (s *service) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // no connection of ours may count among the service's descriptors later
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// metric is the sum over all labels of one metric, 0 when there is none.
func (s *service) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	_, body := s.get(t, "/metrics")
	for line := range strings.Lines(body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(series, "{"); base == name {
			v, err := strconv.ParseFloat(value[strings.LastIndex(value, " ")+1:], 64)
			if err != nil {
				t.Fatalf("metric %q: %v", line, err)
			}
			sum += v
		}
	}
	return sum
}

// idle waits until no call has left anything open.
func (s *service) idle(t *testing.T) {
	t.Helper()
	eventually(t, "no call, port or session is in use", func() bool {
		return s.metric(t, "trunkline_calls_active")+s.metric(t, "trunkline_rtp_ports_in_use")+
			s.metric(t, "trunkline_realtime_sessions_active")+s.metric(t, "trunkline_store_backlog_events") == 0
	})
}
