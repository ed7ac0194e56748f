package telephony

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
)

var transferring = []Trunk{{Name: "carrier", Sources: prefixes("127.0.0.0/8"), Transfers: []string{"+4930*", "112", "sip:desk@pbx.test", "tel:+49*"}}}

// transfer runs a scenario against a handler that transfers the caller, and returns what
// Transfer and then the call ended with.
func transfer(t *testing.T, scenario, transport, target string, cfg Config, keys map[string]string) (error, *Ended) {
	t.Helper()
	errs, ends := make(chan error, 1), make(chan *Ended, 1)
	cfg.Trunks = transferring
	s := start(t, cfg, func(ctx context.Context, c *Call) {
		_ = c.Answer(ctx)
		err := c.Transfer(ctx, target)
		errs <- err
		if err == nil && ctx.Err() == nil {
			t.Error("Transfer succeeded and the call goes on")
		}
		<-ctx.Done()
		ends <- c.Ended()
	})
	sipp(t, scenario, transport, s, keys)
	return recv(t, errs), recv(t, ends)
}

func TestSippTransfer(t *testing.T) {
	for scenario, target := range map[string]string{"transfer_we_hang_up": "+4930123456", "transfer_they_hang_up": "sip:desk@pbx.test"} {
		for _, transport := range transports {
			want := ".sip:desk@pbx.test."
			if target[0] == '+' {
				want = ".sip:.4930123456@127.0.0.1:[0-9]*."
			}
			err, end := transfer(t, scenario, transport, target, Config{}, map[string]string{"refer": want})
			if err != nil || end.By != Agent || end.Text != "transferred" || end.Q850 != 16 || !errors.Is(end, ErrTransferred) {
				t.Errorf("%s over %s: %v, ended %+v", scenario, transport, err, end)
			}
		}
	}
}

// The call goes on with the agent until the caller hangs up.
func TestSippTransferFails(t *testing.T) {
	for scenario, want := range map[string]*TransferError{
		"transfer_refused": {Status: 603, Reason: "Decline"}, "transfer_fails": {Status: 486, Reason: "Busy Here"},
	} {
		for _, transport := range transports {
			err, end := transfer(t, scenario, transport, "tel:+4930123456", Config{}, map[string]string{"refer": ".tel:.4930123456."})
			var failed *TransferError
			if !errors.As(err, &failed) || *failed != *want || !errors.Is(end, ErrHungUp) {
				t.Errorf("%s over %s: %v, ended %+v", scenario, transport, err, end)
			}
		}
	}
}

func TestSippTransferWithoutReport(t *testing.T) {
	errs := make(chan error, 1)
	s := start(t, Config{Trunks: transferring, Limits: Limits{TransferReport: 100 * time.Millisecond}}, func(ctx context.Context, c *Call) {
		_ = c.Answer(ctx)
		errs <- c.Transfer(ctx, "112")
		if e := c.Ended(); e != nil {
			t.Errorf("the call did not go on: %v", e)
		}
	})
	sipp(t, "transfer_unreported", "udp", s, map[string]string{"refer": ".sip:112@"})
	if err := recv(t, errs); !errors.Is(err, ErrTransferTimeout) {
		t.Errorf("Transfer: %v", err)
	}
}

func TestSippTransferMeetsBye(t *testing.T) {
	err, end := transfer(t, "transfer_bye", "tcp", "112", Config{}, map[string]string{"refer": ".sip:112@"})
	var ended *Ended
	if !errors.As(err, &ended) || !errors.Is(err, ErrHungUp) || end.By != Caller {
		t.Errorf("%v, ended %+v", err, end)
	}
}

// What the agent may not do leaves no trace on the wire, and no number anywhere.
func TestTransferIsRefused(t *testing.T) {
	var mu sync.Mutex
	var text strings.Builder
	errs := make(chan error, 20)
	targets := map[string]error{
		"+4940123456": ErrTransferNotAllowed, "49301": ErrTransferNotAllowed, "1120": ErrTransferNotAllowed, "sip:desk@pbx.test.evil.test": ErrTransferNotAllowed,
		"sip:desk2@pbx.test": ErrTransferNotAllowed, "tel:+1900123456": ErrTransferNotAllowed, "SIP:desk@pbx.test": ErrTransferNotAllowed,
		"": ErrTransferTarget, "desk": ErrTransferTarget, "+4930x": ErrTransferTarget, "+4930\r\nX: y": ErrTransferTarget, "+49 30 1": ErrTransferTarget,
		"sip:desk@pbx.test>;x": ErrTransferTarget, "tel:+4930?X=y": ErrTransferTarget,
	}
	s := start(t, Config{Trunks: transferring, Log: slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, &slog.HandlerOptions{Level: slog.LevelDebug}))},
		func(ctx context.Context, c *Call) {
			errs <- c.Transfer(ctx, "112")
			_ = c.Answer(ctx)
			for target, want := range targets {
				err := c.Transfer(ctx, target)
				if !errors.Is(err, want) || strings.Contains(err.Error(), "123456") {
					t.Errorf("%q: %v, want %v", target, err, want)
				}
			}
			close(errs)
			<-ctx.Done()
		})
	sipp(t, "caller_bye", "udp", s, map[string]string{"hold": "300"})
	if err := recv(t, errs); !errors.Is(err, ErrState) {
		t.Errorf("while ringing: %v", err)
	}
	<-errs
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(text.String(), "123456") {
		t.Errorf("a number is in the log:\n%s", text.String())
	}
}

func TestTransferIsOffByDefault(t *testing.T) {
	for _, target := range []string{"112", "+4930123456", "sip:a@b", ""} {
		if (&Trunk{}).allowsTransfer(target) {
			t.Errorf("%q is allowed", target)
		}
	}
	if !(&Trunk{Transfers: []string{"*"}}).allowsTransfer("112") {
		t.Error("a star does not allow all")
	}
}

func TestMaskTarget(t *testing.T) {
	for target, want := range map[string]string{
		"+4930123456": "*******3456", "112": "***", "tel:+4930123456;ext=99": "tel:*******3456", "sip:+4930123456@pbx.test": "sip:*******3456@pbx.test",
		"sip:bob.smith@pbx.test;x=y": "sip:(name)@pbx.test", "sip:bob@pbx.test": "sip:***@pbx.test", "sip:pbx.example.com": "sip:(name)",
	} {
		if got := maskTarget(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestTransferredEnd(t *testing.T) {
	e := endedBy(&sipua.ByeError{Transferred: true})
	if e.By != Agent || e.Text != "transferred" || !errors.Is(e, ErrTransferred) {
		t.Errorf("%+v", e)
	}
}
