package sipua

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// The connection that we opened carries further requests, keep-alives and answers, and
// ends with the user agent.
func TestDialledConnection(t *testing.T) {
	far := newFarEnd(t, func(req *sip.Request) *sip.Response { return confirm(req, time.Hour) })
	u := start(t, Config{Admit: strict})
	r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri("tcp"), Credentials: alice})
	awaitStatus(t, r, RegistrationRegistered)
	f, err := u.flowTo(hop{transport: "tcp", addr: far.addr})
	if err != nil {
		t.Fatal(err)
	}
	if !u.reaches(f) || u.Stats().Conns != 1 {
		t.Errorf("reaches %v, %+v", u.reaches(f), u.Stats())
	}
	if err := u.ping(f); err != nil {
		t.Fatal(err)
	}
	if got := recv(t, far.other); got != "" {
		t.Errorf("the keep-alive reads %q", got)
	}
	if err := u.connect(t.Context(), f.hop(), false); err != nil || u.Stats().Conns != 1 {
		t.Errorf("connected again: %v, %+v", err, u.Stats())
	}
	far.cut()
	eventually(t, "the loss is seen", func() bool { return !u.reaches(f) && u.Stats().Conns == 0 })
	if err := u.ping(f); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ping on a lost connection: %v", err)
	}
}

func TestPingOverUDP(t *testing.T) {
	far := newFarEnd(t, nil)
	u := start(t, Config{})
	f, err := u.flowTo(hop{transport: "udp", addr: far.addr})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.ping(f); err != nil {
		t.Fatal(err)
	}
	if got := recv(t, far.other); got != "\r\n\r\n" {
		t.Errorf("the keep-alive reads %q", got)
	}
}

func TestConnectToNobody(t *testing.T) {
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), refusingPort(t))
	u := start(t, Config{})
	f, err := u.flowTo(hop{transport: "tcp", addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.connect(t.Context(), f.hop(), false); err == nil || u.Stats().Conns != 0 {
		t.Errorf("connected to nobody: %v, %+v", err, u.Stats())
	}
	_ = u.Close()
	far := newFarEnd(t, nil)
	if f, err = u.flowTo(hop{transport: "tcp", addr: far.addr}); err != nil {
		t.Fatal(err)
	}
	if err := u.connect(t.Context(), f.hop(), false); !errors.Is(err, ErrClosed) {
		t.Errorf("connected after Close: %v", err)
	}
}
