package sipua

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

func TestListenRefusesBadConfigurations(t *testing.T) {
	busy, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	handler := ringAndWait(make(chan error, 1))
	for name, cfg := range map[string]Config{
		"no handler":       {Listen: []string{"udp://127.0.0.1:0"}},
		"no address":       {Invite: handler},
		"no scheme":        {Invite: handler, Listen: []string{"127.0.0.1:0"}},
		"unknown scheme":   {Invite: handler, Listen: []string{"sctp://127.0.0.1:0"}},
		"no port":          {Invite: handler, Listen: []string{"udp://127.0.0.1"}},
		"a path":           {Invite: handler, Listen: []string{"udp://127.0.0.1:0/x"}},
		"port in use":      {Invite: handler, Listen: []string{"tcp://127.0.0.1:0", "udp://" + busy.LocalAddr().String()}},
		"unknown own name": {Invite: handler, Listen: []string{"udp://127.0.0.1:0"}, Advertise: "no such name.invalid"},
	} {
		if u, err := Listen(cfg); err == nil {
			_ = u.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

// What is wrong with an address, and what to write, is in the error.
func TestListenErrorsHelp(t *testing.T) {
	for listen, want := range map[string]string{
		"udp://127.0.0.1":        `sip: listen[1] "udp://127.0.0.1": the port is missing: append :5060`,
		"tls://127.0.0.1":        `sip: listen[1] "tls://127.0.0.1": the port is missing: append :5061`,
		"sctp://127.0.0.1:5060":  `sip: listen[1] "sctp://127.0.0.1:5060": transport "sctp" is not served: write udp, tcp or tls`,
		"127.0.0.1:5060":         `write transport://host:port, such as udp://0.0.0.0:5060 or tls://[::]:5061`,
		"udp://127.0.0.1:5060#x": `write transport://host:port`,
		"udp://2001:db8::1:5060": `write`,
		"tls://127.0.0.1:0":      `sip: listen[1] "tls://127.0.0.1:0": TLS needs a certificate: set tls.certificate and tls.key`,
	} {
		u, err := Listen(Config{Listen: []string{"udp://127.0.0.1:0", listen}, Invite: ringAndWait(nil)})
		if err == nil {
			_ = u.Close()
			t.Errorf("%s: accepted", listen)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", listen, err, want)
		}
	}
}

func TestCloseWithoutServe(t *testing.T) {
	u, err := Listen(Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, Invite: ringAndWait(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	}
	if c, err := net.Dial("tcp", u.listening("tcp").String()); err == nil {
		_ = c.Close()
		t.Error("still listening")
	}
}

// A source that sends from ever new ports may not grow sipgo's table for ever, and
// calls in progress must not notice when the table is emptied.
func TestManySourcesOverUDP(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))}, func(t *timing) { t.maxSources = 10 })
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	for range 45 {
		q := dial(t, "udp", u.listening("udp"))
		q.want(200, "1 OPTIONS", q.request("OPTIONS", 1, "", ""))
	}
	if n := u.transport.Pool("udp").Size(); n > 21 {
		t.Errorf("%d sources kept, want at most twice 10 and the listener", n)
	}
	closed := make(chan error, 1)
	go func() { closed <- u.Close() }()
	p.send(p.okFor(p.until("BYE", func(m message) bool { return m.method() == "BYE" })))
	recv(t, closed)
}

// A caller that is gone before its request is handled may not make us connect to the
// host in its Via.
func TestNoConnectionsForResponses(t *testing.T) {
	u := start(t, Config{Invite: ringAndWait(make(chan error, 1))})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: "sip", Host: "x"})
	addr := addrPort(l.Addr())
	req.AppendHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TCP", Host: addr.Addr().String(), Port: int(addr.Port()),
		Params: sip.HeaderParams{{K: "branch", V: "z9hG4bK1"}}})
	req.SetTransport("TCP")
	req.SetDestination(l.Addr().String())
	if _, err := u.transport.ClientRequestConnection(t.Context(), req); !errors.Is(err, errNoDial) {
		t.Errorf("err = %v", err)
	}
}

func TestTCPConnectionsAreLimited(t *testing.T) {
	u := start(t, Config{MaxConns: 8}) // 2 for one source
	var open []*peer
	for range 2 {
		p := dial(t, "tcp", u.listening("tcp"))
		p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
		open = append(open, p)
	}
	third := dial(t, "tcp", u.listening("tcp"))
	if _, err := io.ReadAll(third.conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("third connection: %v", err)
	}
	if s := u.Stats(); s.ConnsRefused != 1 || s.Conns != 2 {
		t.Errorf("stats %+v", s)
	}
	_ = open[0].conn.Close()
	eventually(t, "room again", func() bool { return u.Stats().Conns == 1 })
	p := dial(t, "tcp", u.listening("tcp"))
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
}

func TestStrangersAreAnsweredSparingly(t *testing.T) {
	u := start(t, Config{Admit: func(Source) Admission { return Admission{Verdict: Forbid} }})
	p := dial(t, "udp", u.listening("udp"))
	p.send(p.request("ACK", 1, "", "")) // never answered
	for i := range 3 * forbidBurst {
		p.send(p.request("INVITE", i+1, "", testOffer))
	}
	answers := 0
	for {
		m, ok := p.next(300 * time.Millisecond)
		if !ok {
			break
		}
		if m.status() != 403 || m.method() == "ACK" {
			t.Fatalf("got %q", m.start)
		}
		answers++
	}
	if answers == 0 || answers > 2*forbidBurst {
		t.Errorf("%d answers to %d requests", answers, 3*forbidBurst)
	}
}

func TestDialogLimit(t *testing.T) {
	u := start(t, Config{MaxDialogs: 1, Invite: answerAndWait(make(chan error, 1))})
	p, q := dial(t, "udp", u.listening("udp")), dial(t, "udp", u.listening("udp"))
	p.call()
	if m := q.want(503, "1 INVITE", q.request("INVITE", 1, "", testOffer)); m.headers.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

// A call of ours is not placed when nobody could find it afterwards; and one that is answered when the last place has
// gone is hung up.
func TestDialWithoutRoom(t *testing.T) {
	u := start(t, Config{MaxDialogs: 1, Invite: answerAndWait(make(chan error, 1))})
	c := newCallee(t, u)
	request := DialRequest{URI: c.uri(), Offer: func(netip.Addr) ([]byte, error) { return []byte(testOffer), nil }, RingTimeout: time.Second,
		Serve: func(context.Context, *Dialog) { t.Error("a call that nobody can find was served") }}
	got := make(chan error, 1)
	go func() { got <- u.Dial(t.Context(), request) }()
	invite := c.expect("INVITE")
	p := dial(t, "udp", u.listening("udp"))
	p.call() // takes the last place
	c.send(c.reply(invite, 200, "end", testAnswer))
	c.expect("ACK")
	c.send(c.reply(c.expect("BYE"), 200, "end", ""))
	if err := recv(t, got); err == nil {
		t.Error("the call came about")
	}
	if err := u.Dial(t.Context(), request); !errors.Is(err, ErrNoRoom) {
		t.Errorf("without room: %v", err)
	}
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}
