package sipua

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Short transaction timers, so that what RFC 3261 keeps for 32 s is seen to go away.
func TestMain(m *testing.M) {
	sip.SetTimers(50*time.Millisecond, 400*time.Millisecond, 100*time.Millisecond)
	code := m.Run()
	if code == 0 {
		if err := noStragglers(20 * time.Second); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// noStragglers waits until no goroutine of ours or sipgo's is left.
func noStragglers(limit time.Duration) error {
	var left string
	for end := time.Now().Add(limit); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if left = stragglers(); left == "" {
			return nil
		}
	}
	return errors.New("goroutines left behind:\n" + left)
}

func stragglers() string {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for _, g := range strings.Split(string(buf), "\n\n")[1:] { // the first one asks
		if strings.Contains(g, "telephony/sipua.(*") || strings.Contains(g, "emiago/sipgo") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

const testAnswer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=sendrecv\r\n"

// start runs a user agent on free loopback ports until the test ends.
func start(t *testing.T, cfg Config, tune ...func(*timing)) *UA {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	}
	if cfg.Invite == nil {
		cfg.Invite = func(_ context.Context, d *Dialog) { _ = d.Reject(404, "Not Found") }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	timing := defaultTiming()
	for _, f := range tune {
		f(&timing)
	}
	u, err := listen(cfg, timing)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- u.Serve(context.Background()) }()
	t.Cleanup(func() {
		_ = u.Close()
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return u
}

func (u *UA) listening(transport string) netip.AddrPort {
	for _, a := range u.Addrs() {
		if a.Transport == transport {
			return a.Addr
		}
	}
	panic("not listening on " + transport)
}

// answerAndWait is a handler that rings, answers and waits for the end of the call.
func answerAndWait(causes chan<- error) func(context.Context, *Dialog) {
	return func(ctx context.Context, d *Dialog) {
		_ = d.Ring()
		if err := d.Answer(ctx, []byte(testAnswer)); err != nil {
			causes <- err
			return
		}
		<-ctx.Done()
		causes <- context.Cause(ctx)
	}
}

// ringAndWait is a handler that never answers.
func ringAndWait(causes chan<- error) func(context.Context, *Dialog) {
	return func(ctx context.Context, d *Dialog) {
		_ = d.Ring()
		<-ctx.Done()
		causes <- context.Cause(ctx)
	}
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
