package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestAim(t *testing.T) {
	target := sip.Uri{Scheme: "sip", User: "a", Host: "b"}
	for name, tc := range map[string]struct {
		routes, want []string
		uri          string
	}{
		"direct":        {nil, nil, "sip:a@b"},
		"loose routers": {[]string{"<sip:p1;lr>", "<sip:p2;lr>"}, []string{"<sip:p1;lr>", "<sip:p2;lr>"}, "sip:a@b"},
		"strict router": {[]string{"<sip:p1>", "<sip:p2;lr>"}, []string{"<sip:p2;lr>", "<sip:a@b>"}, "sip:p1"},
	} {
		uri, routes := aim(tc.routes, target)
		if uri.String() != tc.uri || !reflect.DeepEqual(routes, tc.want) {
			t.Errorf("%s: %s %q", name, uri.String(), routes)
		}
	}
}

func TestNextHop(t *testing.T) {
	u := &UA{}
	target := sip.Uri{Scheme: "sip", User: "a", Host: "192.0.2.1", Port: 5070}
	for want, routes := range map[string][]string{
		"192.0.2.1:5070": nil, "192.0.2.9:5061": {"<sip:192.0.2.9;lr>"}, "[2001:db8::1]:5062": {"<sip:[2001:db8::1]:5062;lr;transport=udp>"},
	} {
		uri := nextHop(routes, target)
		hops, err := u.hops(t.Context(), by("tls", uri))
		if err != nil || len(hops) != 1 || hops[0].addr.String() != want || hops[0].transport != "tls" {
			t.Errorf("next hop %+v, %v, want %s", hops, err, want)
		}
	}
}

func TestContact(t *testing.T) {
	f := flow{transport: "tcp", local: netip.MustParseAddrPort("127.0.0.1:5062"), host: "sip.example.com", user: contactUser("+1555")}
	if got := f.contactHeader().Value; got != "<sip:+1555@sip.example.com:5062;transport=tcp>" {
		t.Errorf("contact %s", got)
	}
	for user, want := range map[string]string{"bob": "", "+49;npdi": "", "#31#1": "%2331%231", strings.Repeat("1", 40): "", "": ""} {
		if got := contactUser(user); got != want {
			t.Errorf("contactUser(%q) = %q, want %q", user, got, want)
		}
	}
}

// When the caller's TCP connection is gone, the BYE goes to the Contact instead.
func TestByeAfterTheConnectionIsGone(t *testing.T) {
	release, said := make(chan struct{}), make(chan error, 1)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		<-release
		said <- d.Bye(context.Background(), Reason{})
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := dial(t, "tcp", u.listening("tcp"))
	p.contact = "sip:caller@" + l.Addr().String() + ";transport=tcp"
	p.call()
	d := u.onlyDialog(t)
	eventually(t, "ACK seen", func() bool { return len(d.waiting()) == 0 })
	_ = p.conn.Close()
	eventually(t, "connection gone", func() bool { return u.Stats().Conns == 0 })
	close(release)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q := &peer{t: t, conn: c, in: newReader(c), transport: "tcp"}
	q.send(q.okFor(q.until("BYE", func(m message) bool { return m.method() == "BYE" })))
	if err := recv(t, said); err != nil {
		t.Errorf("Bye: %v", err)
	}
	if _, open := q.next(0); open {
		t.Error("unexpected message")
	}
}

// A peer may not have us connect to whomever it names: what is not its own is not called.
func TestByeGoesToThePeerOnly(t *testing.T) {
	release, said := make(chan struct{}), make(chan error, 1)
	u := start(t, Config{Admit: func(src Source) Admission {
		if src.Addr.Addr() == netip.MustParseAddr("127.0.0.1") {
			return Admission{Allow, "carrier"}
		}
		return Admission{Verdict: Ignore}
	}, Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		<-release
		said <- d.Bye(context.Background(), Reason{})
	}})
	victim, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	p := dial(t, "tcp", u.listening("tcp"))
	p.contact = "sip:caller@" + victim.Addr().String() + ";transport=tcp"
	p.call()
	d := u.onlyDialog(t)
	eventually(t, "ACK seen", func() bool { return len(d.waiting()) == 0 })
	_ = p.conn.Close()
	eventually(t, "connection gone", func() bool { return u.Stats().Conns == 0 })
	close(release)
	if err := recv(t, said); !errors.Is(err, ErrNotPeer) {
		t.Errorf("Bye: %v", err)
	}
}

// Many Record-Routes make a 200 larger than any MTU; it must be sent all the same.
func TestLargeResponseOverUDP(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	var routes []string
	for i := range 30 {
		routes = append(routes, fmt.Sprintf("Record-Route: <sip:proxy-%d.example.com;lr;token=%s>", i, strings.Repeat("x", 100)))
	}
	m := p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer, routes...))
	if n := len(m.headers["Record-Route"]); n != 30 {
		t.Errorf("%d of 30 Record-Routes came back", n)
	}
	p.toTag = m.toTag()
	p.send(p.request("ACK", 1, "", ""))
	p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
}

func TestLocalHost(t *testing.T) {
	hosts := make(chan netip.Addr, 1)
	handler := func(_ context.Context, d *Dialog) { hosts <- d.LocalHost(); _ = d.Reject(486, "Busy Here") }
	for advertise, want := range map[string]string{"": "127.0.0.1", "192.0.2.55": "192.0.2.55", "localhost": "127.0.0.1"} {
		u := start(t, Config{Listen: []string{"udp://0.0.0.0:0"}, Advertise: advertise, Invite: handler})
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), u.listening("udp").Port())
		p := dial(t, "udp", to)
		p.want(486, "1 INVITE", p.request("INVITE", 1, "", testOffer))
		if got := recv(t, hosts); got.String() != want {
			t.Errorf("advertise %q: SDP address %s, want %s", advertise, got, want)
		}
	}
}
