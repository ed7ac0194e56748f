package sipua

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// server is a SIP server of the test's own that our user agent connects to.
type server struct {
	t *testing.T
	net.Listener
	transport string
}

// newServer listens on addr, over TLS with the certificate of cfg.
func newServer(t *testing.T, transport, addr string, cfg *tls.Config) *server {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if transport == "tls" {
		l = tls.NewListener(l, cfg)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &server{t, l, transport}
}

// certified is a server's configuration with a certificate for those names.
func (a *authority) certified(names ...string) *tls.Config {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue("peer", names...))
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// take accepts a connection.
func (s *server) take() *peer {
	s.t.Helper()
	if l, ok := s.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		_ = l.SetDeadline(time.Now().Add(20 * time.Second))
	}
	c, err := s.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return peerOn(s.t, c, s.transport)
}

func (s *server) uri(host string) sip.Uri {
	return sip.Uri{Scheme: "sip", Host: host, Port: int(addrPort(s.Addr()).Port()), UriParams: sip.HeaderParams{{K: "transport", V: s.transport}}}
}

// probe sends an OPTIONS to uri and returns the final status.
func (u *UA) probe(ctx context.Context, uri sip.Uri) (int, error) {
	hops, err := u.hops(ctx, uri)
	if err != nil {
		return 0, err
	}
	f, err := u.flowTo(hops[0])
	if err != nil {
		return 0, err
	}
	req := sip.NewRequest(sip.OPTIONS, uri)
	req.AppendHeader(f.via())
	id, forwards := sip.CallIDHeader(newCallID()), sip.MaxForwardsHeader(70)
	req.AppendHeader(&sip.FromHeader{Address: f.contact(), Params: sip.HeaderParams{{K: "tag", V: "1"}}})
	req.AppendHeader(&sip.ToHeader{Address: uri})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS})
	req.AppendHeader(&forwards)
	req.SetBody(nil)
	tx, err := u.begin(ctx, req, f)
	if err != nil {
		return 0, err
	}
	defer tx.Terminate()
	var refused *StatusError
	if _, err := finalResponse(ctx, tx, req); errors.As(err, &refused) {
		return refused.Status, nil
	} else if err != nil {
		return 0, err
	}
	return 200, nil
}

// Requests of ours to one server share one connection, even when they are made at once,
// and the server may send requests on it.
func TestConnectionsOfOurs(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for _, transport := range []string{"tcp", "tls"} {
		u := start(t, Config{Listen: []string{transport + "://127.0.0.1:0"}, TLS: ca.server(), Invite: answerAndWait(make(chan error, 1))})
		s := newServer(t, transport, "127.0.0.1:0", ca.certified("127.0.0.1"))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if status, err := u.probe(t.Context(), s.uri("127.0.0.1")); status != 200 {
					t.Errorf("%s: status %d, %v", transport, status, err)
				}
			})
		}
		p := s.take()
		for range 5 {
			m := p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" })
			if via := m.headers.Get("Via"); !strings.HasPrefix(via, "SIP/2.0/"+strings.ToUpper(transport)+" "+u.listening(transport).String()+";") {
				t.Errorf("Via %q", via)
			}
			p.send(responseFor(m, "200 OK"))
		}
		all.Wait()
		if n := u.Stats().Conns; n != 1 {
			t.Errorf("%s: %d connections, want one", transport, n)
		}
		m := p.call()
		if contact := m.headers.Get("Contact"); !strings.Contains(contact, u.listening(transport).String()+";transport="+transport) {
			t.Errorf("Contact %q of a call on a connection that we opened, want the listener", contact)
		}
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
		_ = u.Close()
		if _, err := io.ReadAll(p.in); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("after Close: %v", err)
		}
	}
}

// Over TLS the server must prove the name that it was looked up under, to an authority
// that we know; we show our own certificate when asked.
func TestServersAreVerified(t *testing.T) {
	t.Parallel()
	ca, foreign := newAuthority(t), newAuthority(t)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server()})
	good := ca.certified("localhost")
	good.ClientAuth = tls.RequireAnyClientCert
	hellos := make(chan string, 9)
	good.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		hellos <- hello.ServerName
		return nil, nil
	}
	s := newServer(t, "tls", "127.0.0.1:0", good)
	done := make(chan error, 1)
	go func() {
		_, err := u.probe(t.Context(), s.uri("localhost"))
		done <- err
	}()
	p := s.take()
	p.send(responseFor(p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" }), "200 OK"))
	if err := recv(t, done); err != nil {
		t.Error(err)
	}
	if name := recv(t, hellos); name != "localhost" {
		t.Errorf("server name %q", name)
	}
	if certs := p.conn.(*tls.Conn).ConnectionState().PeerCertificates; len(certs) != 1 || certs[0].Subject.CommonName != "server" {
		t.Errorf("we showed %d certificates", len(certs))
	}
	var unknown x509.UnknownAuthorityError
	var mismatch x509.HostnameError
	for name, tc := range map[string]struct {
		cfg  *tls.Config
		want any
	}{
		"unknown authority": {foreign.certified("localhost"), &unknown},
		"another name":      {ca.certified("example.test"), &mismatch},
	} {
		s := newServer(t, "tls", "127.0.0.1:0", tc.cfg)
		go func() {
			if c, err := s.Accept(); err == nil {
				_ = c.(*tls.Conn).Handshake()
				_ = c.Close()
			}
		}()
		if _, err := u.probe(t.Context(), s.uri("localhost")); !errors.As(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := u.Stats().HandshakesFailed; n != 2 {
		t.Errorf("%d failed handshakes, want 2", n)
	}
}

// Servers that do not shake hands, or are silent, or are not there, end in time.
func TestConnectionsOfOursAreWatched(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"tcp://127.0.0.1:0", "tls://127.0.0.1:0"}, TLS: ca.server()},
		func(t *timing) { t.handshake, t.idleConn = 300*time.Millisecond, 300*time.Millisecond })
	deaf := newServer(t, "tcp", "127.0.0.1:0", nil)
	uri := deaf.uri("127.0.0.1")
	uri.UriParams = sip.HeaderParams{{K: "transport", V: "tls"}}
	if _, err := u.probe(t.Context(), uri); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no handshake: %v", err)
	}
	_ = deaf.take().conn.Close()
	_ = deaf.Close()
	if _, err := u.probe(t.Context(), deaf.uri("127.0.0.1")); err == nil || !strings.Contains(err.Error(), "connect to "+deaf.Addr().String()+" over tcp") {
		t.Errorf("nobody there: %v", err)
	}
	s := newServer(t, "tcp", "127.0.0.1:0", nil)
	done := make(chan int, 1)
	go func() {
		status, _ := u.probe(t.Context(), s.uri("127.0.0.1"))
		done <- status
	}()
	p := s.take()
	p.send(responseFor(p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" }), "404 Not Found"))
	if status := recv(t, done); status != 404 {
		t.Errorf("status %d", status)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := p.in.ReadByte(); err != io.EOF {
		t.Errorf("idle: %v", err)
	}
	eventually(t, "nothing is open", func() bool { return u.Stats().Conns == 0 && u.Stats().ConnsTimedOut == 1 })
}

// When the connection of a call over TLS is gone, the BYE goes to the next hop over TLS,
// which must prove its address, and that connection does not stay.
func TestByeAfterTheTLSConnectionIsGone(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for name, tc := range map[string]struct {
		cfg    *tls.Config
		scheme string
		ok     bool
	}{
		"SIP URI":    {ca.certified("127.0.0.1"), "sip", true},
		"SIPS URI":   {ca.certified("127.0.0.1"), "sips", true},
		"unknown CA": {newAuthority(t).certified("127.0.0.1"), "sip", false},
	} {
		release, said := make(chan struct{}), make(chan error, 1)
		u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server(), Invite: func(ctx context.Context, d *Dialog) {
			_ = d.Answer(ctx, []byte(testAnswer))
			<-release
			said <- d.Bye(context.Background(), Reason{})
		}}, func(t *timing) { t.idleBrief = 100 * time.Millisecond })
		s := newServer(t, "tls", "127.0.0.1:0", tc.cfg)
		p := mustDialTLS(t, u.listening("tls"), ca.client(""))
		p.contact = tc.scheme + ":caller@" + s.Addr().String()
		p.call()
		d := u.onlyDialog(t)
		eventually(t, "ACK seen", func() bool { return len(d.waiting()) == 0 })
		_ = p.conn.Close()
		eventually(t, "connection gone", func() bool { return u.Stats().Conns == 0 })
		close(release)
		q := s.take()
		if !tc.ok {
			_ = q.conn.(*tls.Conn).Handshake()
			_ = q.conn.Close()
			if err := recv(t, said); err == nil || !strings.Contains(err.Error(), "TLS handshake") {
				t.Errorf("%s: Bye: %v", name, err)
			}
			continue
		}
		q.send(q.okFor(q.until("BYE", func(m message) bool { return m.method() == "BYE" })))
		if err := recv(t, said); err != nil {
			t.Errorf("%s: Bye: %v", name, err)
		}
		eventually(t, "the connection is closed, long before it is idle", func() bool { return u.Stats().Conns == 0 })
	}
}
