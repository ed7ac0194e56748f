package sipua

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// dialAny is dial over any transport, to a loopback address.
func dialAny(t *testing.T, transport string, u *UA, ca *authority) *peer {
	t.Helper()
	if transport == "tls" {
		return mustDialTLS(t, u.listening(transport), ca.client(""))
	}
	return dial(t, transport, u.listening(transport))
}

// Every address in the messages of a call over IPv6 has its brackets, ours and those
// that we repeat.
func TestCallOverIPv6(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for _, transport := range []string{"udp", "tcp", "tls"} {
		said := make(chan error, 1)
		u := start(t, Config{Listen: []string{transport + "://[::1]:0"}, TLS: ca.server(), Invite: func(ctx context.Context, d *Dialog) {
			if got := d.LocalHost().String(); got != "::1" {
				t.Errorf("%s: %s for SDP", transport, got)
			}
			if got := d.PeerURI("1"); got != "sip:1@[2001:db8::9]:5090" {
				t.Errorf("%s: peer's address %s", transport, got)
			}
			_ = d.Answer(ctx, []byte(testAnswer))
			said <- d.Bye(context.Background(), Reason{})
		}})
		p := dialAny(t, transport, u, ca)
		p.contact = "sip:caller@[2001:db8::9]:5090;transport=" + transport
		route := "<sip:[2001:db8::1]:5070;lr>"
		m := p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer, "Record-Route: "+route))
		own := u.listening(transport).String() // with brackets
		if contact := m.headers.Get("Contact"); !strings.HasPrefix(contact, "<sip:+15551230001@"+own) {
			t.Errorf("%s: Contact %q", transport, contact)
		}
		if got := m.headers.Get("Record-Route"); got != route {
			t.Errorf("%s: Record-Route %q", transport, got)
		}
		if via := m.headers.Get("Via"); !strings.HasPrefix(via, "SIP/2.0/"+strings.ToUpper(transport)+" "+p.conn.LocalAddr().String()+";") || !strings.Contains(via, ";received=::1") {
			t.Errorf("%s: Via %q", transport, via)
		}
		p.toTag = m.toTag()
		p.send(p.request("ACK", 1, "", ""))
		bye := p.until("BYE", func(m message) bool { return m.method() == "BYE" })
		if bye.start != "BYE "+p.contact+" SIP/2.0" || bye.headers.Get("Route") != route ||
			!strings.HasPrefix(bye.headers.Get("Via"), "SIP/2.0/"+strings.ToUpper(transport)+" "+own+";branch=") {
			t.Errorf("%s: %q, Route %q, Via %q", transport, bye.start, bye.headers.Get("Route"), bye.headers.Get("Via"))
		}
		p.send(p.okFor(bye))
		if err := recv(t, said); err != nil {
			t.Errorf("%s: Bye: %v", transport, err)
		}
	}
}

// Requests of ours to a literal IPv6 address.
func TestRequestsOverIPv6(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"udp://[::1]:0", "tcp://[::1]:0", "tls://[::1]:0"}, TLS: ca.server()})
	for _, transport := range []string{"udp", "tcp", "tls"} {
		var uri sip.Uri
		var take func() *peer
		if transport == "udp" {
			pc, err := net.ListenPacket("udp", "[::1]:0")
			if err != nil {
				t.Fatal(err)
			}
			defer pc.Close()
			uri = sip.Uri{Scheme: "sip", Host: "[::1]", Port: int(addrPort(pc.LocalAddr()).Port())}
			take = func() *peer {
				return &peer{t: t, conn: connTo{pc.(*net.UDPConn), u.listening("udp")}, transport: "udp"}
			}
		} else {
			s := newServer(t, transport, "[::1]:0", ca.certified("::1"))
			uri, take = s.uri("[::1]"), s.take
		}
		done := make(chan int, 1)
		go func() {
			status, err := u.probe(t.Context(), uri)
			if err != nil {
				t.Error(err)
			}
			done <- status
		}()
		p := take()
		m := p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" })
		if !strings.HasPrefix(m.start, "OPTIONS sip:[::1]:") || !strings.Contains(m.headers.Get("Via"), u.listening(transport).String()) {
			t.Errorf("%q, Via %q", m.start, m.headers.Get("Via"))
		}
		p.send(responseFor(m, "200 OK"))
		if status := recv(t, done); status != 200 {
			t.Errorf("%s: status %d", transport, status)
		}
	}
}

// Both families share the sockets of an empty host.
func TestBothFamilies(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"udp://:0", "tcp://:0", "tls://:0"}, TLS: ca.server(), Invite: answerAndWait(make(chan error, 9))})
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, transport := range []string{"udp", "tcp", "tls"} {
			to := net.JoinHostPort(host, portOf(u, transport))
			network := transport
			var conn net.Conn
			var err error
			if transport == "tls" {
				conn, err = tls.Dial("tcp", to, ca.client(""))
			} else {
				conn, err = net.Dial(network, to)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := peerOn(t, conn, transport)
			if contact := p.call().headers.Get("Contact"); !strings.HasPrefix(contact, "<sip:+15551230001@"+to) {
				t.Errorf("%s to %s: Contact %q", transport, to, contact)
			}
			p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
		}
	}
}

func portOf(u *UA, transport string) string {
	_, port, _ := net.SplitHostPort(u.listening(transport).String())
	return port
}
