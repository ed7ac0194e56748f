package sipua

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sipp runs a scenario of testdata against addr and fails the test if it fails.
func sipp(t *testing.T, scenario string, transport string, addr netip.AddrPort, args ...string) {
	t.Helper()
	if out, err := runSipp(t, scenario, transport, addr, args...); err != nil {
		t.Errorf("sipp %s over %s: %v\n%s", scenario, transport, err, out)
	}
}

// runSipp tries again when the free port it found was taken by somebody else meanwhile.
func runSipp(t *testing.T, scenario, transport string, addr netip.AddrPort, args ...string) (out string, err error) {
	t.Helper()
	for range 10 {
		out, err = runSippOnce(t, scenario, transport, addr, args...)
		if err == nil || !strings.Contains(out, "Unable to bind") {
			break
		}
	}
	return out, err
}

func runSippOnce(t *testing.T, scenario, transport string, addr netip.AddrPort, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	dir := t.TempDir()
	file, err := filepath.Abs(filepath.Join("testdata", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	mode := map[string]string{"udp": "u1", "tcp": "t1"}[transport]
	cmd := exec.CommandContext(ctx, "sipp", append([]string{
		addr.String(), "-sf", file, "-t", mode, "-m", "1", "-nostdin",
		"-i", "127.0.0.1", "-p", freePort(t), "-mp", freePort(t),
		"-timeout", "40", "-timeout_error", "-trace_err", "-error_file", filepath.Join(dir, "errors.log"),
	}, args...)...)
	cmd.Dir = dir
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
		out := text.String()
		return out[max(0, len(out)-1500):] + "\n" + string(log), err
	}
	return "", nil
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

var transports = []string{"udp", "tcp"}

func TestSippCallerHangsUp(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: answerAndWait(causes)})
		sipp(t, "caller_bye", transport, u.listening(transport))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) || bye.Reason != (Reason{"Q.850", 16, "Terminated"}) {
			t.Errorf("cause = %v (%+v)", cause, bye)
		}
	}
}

func TestSippCalleeHangsUp(t *testing.T) {
	for _, transport := range transports {
		errs := make(chan error, 1)
		u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Ring()
			if err := d.Answer(ctx, []byte(testAnswer)); err != nil {
				errs <- err
				return
			}
			errs <- d.Bye(context.Background(), Reason{"Q.850", 16, "Normal"})
		}})
		sipp(t, "callee_bye", transport, u.listening(transport))
		if err := recv(t, errs); err != nil {
			t.Errorf("%s: Bye: %v", transport, err)
		}
	}
}

func TestSippCancelWhileRinging(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: ringAndWait(causes)})
		sipp(t, "cancel", transport, u.listening(transport))
		if cause := recv(t, causes); !errors.Is(cause, ErrCancelled) {
			t.Errorf("cause = %v", cause)
		}
	}
}

func TestSippCancelAfterAnswer(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: answerAndWait(causes)})
		sipp(t, "cancel_late", transport, u.listening(transport))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("the late CANCEL ended the call: %v", cause)
		}
	}
}

func TestSippRequestsWithoutACall(t *testing.T) {
	u := start(t, Config{})
	for _, transport := range transports {
		sipp(t, "no_call", transport, u.listening(transport))
		sipp(t, "methods", transport, u.listening(transport))
	}
	if s := u.Stats(); s.Dialogs != 0 || s.Remembered != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestSippOptionsWhileDraining(t *testing.T) {
	u := start(t, Config{Draining: func() bool { return true }})
	sipp(t, "options_draining", "udp", u.listening("udp"))
}

func TestSippRecordRoutes(t *testing.T) {
	for _, transport := range transports {
		u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Ring()
			_ = d.Answer(ctx, []byte(testAnswer)) // returning hangs up
		}})
		sipp(t, "record_routes", transport, u.listening(transport))
	}
}

func TestSippReinvite(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: answerAndWait(causes)})
		sipp(t, "reinvite", transport, u.listening(transport))
		recv(t, causes)
	}
}

func TestSippRefusedSource(t *testing.T) {
	u := start(t, Config{Admit: func(Source) Admission { return Admission{Verdict: Forbid} }})
	for _, transport := range transports {
		sipp(t, "refused", transport, u.listening(transport))
	}
	if s := u.Stats(); s.Refused == 0 || s.Dialogs+s.Remembered+s.Conns != 0 {
		t.Errorf("stats %+v", s)
	}
	if n := u.transport.Pool("udp").Size(); n > 1 {
		t.Errorf("%d entries in the UDP pool, want the listener only", n)
	}
}

func TestSippIgnoredSource(t *testing.T) {
	u := start(t, Config{Admit: func(Source) Admission { return Admission{} }})
	for _, transport := range transports {
		if _, err := runSipp(t, "refused", transport, u.listening(transport), "-timeout", "1"); err == nil {
			t.Errorf("%s: a stranger was answered", transport)
		}
	}
}

// Many calls at once leave nothing behind: no dialog, no transaction, no goroutine.
func TestSippLoad(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 100)
		u := start(t, Config{Invite: answerAndWait(causes)}, func(t *timing) { t.grave = 200 * time.Millisecond })
		sipp(t, "caller_bye", transport, u.listening(transport), "-m", "100", "-r", "50", "-l", "100")
		for range 100 {
			var bye *ByeError
			if cause := recv(t, causes); !errors.As(cause, &bye) {
				t.Errorf("cause = %v", cause)
			}
		}
		eventually(t, "all dialogs forgotten", func() bool {
			s := u.Stats()
			return s.Dialogs == 0 && s.Remembered == 0
		})
	}
}

func TestSippReliableRinging(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Ring()
			eventually(t, "the PRACK came", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.ringer.proof.open() })
			if err := d.Answer(ctx, []byte(testAnswer)); err != nil {
				causes <- err
				return
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
		}})
		sipp(t, "prack", transport, u.listening(transport))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("%s: cause %v", transport, cause)
		}
	}
}

func TestSippRefresh(t *testing.T) {
	for _, transport := range transports {
		causes := make(chan error, 1)
		u := start(t, Config{Invite: answerAndWait(causes)}, quick)
		sipp(t, "refresh", transport, u.listening(transport))
		var bye *ByeError
		if cause := recv(t, causes); !errors.As(cause, &bye) {
			t.Errorf("%s: cause %v", transport, cause)
		}
	}
}
