package sipua

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A whole call over TLS, with the addresses that make the peer come back over TLS.
func TestCallOverTLS(t *testing.T) {
	ca, causes := newAuthority(t), make(chan error, 1)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server(), Invite: answerAndWait(causes)})
	p := mustDialTLS(t, u.listening("tls"), ca.client(""))
	m := p.call()
	if want := "<sip:+15551230001@" + u.listening("tls").String() + ";transport=tls>"; m.headers.Get("Contact") != want {
		t.Errorf("Contact %q, want %q", m.headers.Get("Contact"), want)
	}
	if d := u.onlyDialog(t); d.Request().Transport != "tls" {
		t.Errorf("transport %q", d.Request().Transport)
	}
	p.want(200, "2 OPTIONS", p.request("OPTIONS", 2, "", ""))
	p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
	var bye *ByeError
	if cause := recv(t, causes); !errors.As(cause, &bye) {
		t.Errorf("cause %v", cause)
	}
}

// The BYE of ours goes on the connection of the INVITE.
func TestByeOnTheTLSConnection(t *testing.T) {
	ca, said := newAuthority(t), make(chan error, 1)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server(), Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		said <- d.Bye(context.Background(), Reason{})
	}})
	p := mustDialTLS(t, u.listening("tls"), ca.client(""))
	p.contact = "sip:caller@192.0.2.1;transport=tls" // nobody can go there
	p.call()
	bye := p.until("BYE", func(m message) bool { return m.method() == "BYE" })
	if via := bye.headers.Get("Via"); !strings.HasPrefix(via, "SIP/2.0/TLS "+u.listening("tls").String()+";") {
		t.Errorf("Via %q", via)
	}
	p.send(p.okFor(bye))
	if err := recv(t, said); err != nil {
		t.Errorf("Bye: %v", err)
	}
}

// SIPS wants TLS on the last hop too, and a Contact that is SIPS.
func TestSIPS(t *testing.T) {
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0", "tcp://127.0.0.1:0"}, TLS: ca.server(), Invite: answerAndWait(make(chan error, 9))})
	edits := map[string]func(string) string{
		"Request-URI":  replace("INVITE sip:", "INVITE sips:"),
		"Record-Route": replace("Max-Forwards", "Record-Route: <sips:127.0.0.1;lr>\r\nMax-Forwards"),
		"Contact":      replace("Contact: <sip:", "Contact: <sips:"),
	}
	for name, edit := range edits {
		p := mustDialTLS(t, u.listening("tls"), ca.client(""))
		m := p.want(200, "1 INVITE", edit(p.request("INVITE", 1, "", testOffer)))
		if want := "<sips:+15551230001@" + u.listening("tls").String() + ">"; m.headers.Get("Contact") != want {
			t.Errorf("%s: Contact %q, want %q", name, m.headers.Get("Contact"), want)
		}
		p.toTag = m.toTag()
		p.send(p.request("ACK", 1, "", ""))
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	}
	p := dial(t, "tcp", u.listening("tcp"))
	p.want(416, "1 INVITE", edits["Request-URI"](p.request("INVITE", 1, "", testOffer)))
}

// A peer is known by its certificate: for the call, for each request in it, and for the
// BYE that it sends on its way out.
func TestPeersAreKnownByCertificate(t *testing.T) {
	t.Parallel()
	ca, causes := newAuthority(t), make(chan error, 9)
	files := ca.server()
	files.ClientCAFile = ca.file
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: files, MaxConns: 128, Invite: answerAndWait(causes), Admit: func(s Source) Admission {
		for _, name := range s.TLSNames {
			if strings.HasSuffix(name, ".carrier.test") {
				return Admission{Allow, name}
			}
		}
		return Admission{Verdict: Forbid}
	}})
	p := mustDialTLS(t, u.listening("tls"), ca.client("a", "SBC1.carrier.test"))
	p.call()
	if peer := u.onlyDialog(t).Request().Peer; peer != "sbc1.carrier.test" {
		t.Errorf("peer %q", peer)
	}
	other := mustDialTLS(t, u.listening("tls"), ca.client("b", "sbc2.carrier.test"))
	other.callID, other.toTag = p.callID, p.toTag
	other.want(481, "2 BYE", other.request("BYE", 2, "", ""))
	p.want(200, "2 OPTIONS", p.request("OPTIONS", 2, "", ""))
	p.send(p.request("BYE", 3, "", ""))
	_ = p.conn.Close()
	var bye *ByeError
	if cause := recv(t, causes); !errors.As(cause, &bye) {
		t.Errorf("cause %v", cause)
	}
	ca.usage = x509.ExtKeyUsageClientAuth
	client := mustDialTLS(t, u.listening("tls"), ca.client("e", "sbc3.carrier.test"))
	client.want(200, "1 OPTIONS", client.request("OPTIONS", 1, "", ""))
	_ = client.conn.Close()
	nameless := mustDialTLS(t, u.listening("tls"), ca.client(""))
	nameless.want(403, "1 INVITE", nameless.request("INVITE", 1, "", testOffer))
	wrong := mustDialTLS(t, u.listening("tls"), ca.client("c", "sbc.other.test"))
	wrong.want(403, "1 INVITE", wrong.request("INVITE", 1, "", testOffer))
	foreign := newAuthority(t)
	forged := ca.client("")
	forged.GetClientCertificate = foreign.client("d", "sbc1.carrier.test").GetClientCertificate
	if q, err := dialTLS(t, u.listening("tls"), forged); err == nil { // TLS 1.3: the verdict comes later
		if _, err := io.ReadAll(q.conn); err == nil {
			t.Error("a certificate of an unknown authority was accepted")
		}
	}
	eventually(t, "failed handshake counted", func() bool { return u.Stats().HandshakesFailed == 1 })
	eventually(t, "nobody but the second peer is connected", func() bool {
		s := u.Stats()
		return s.Conns == 1 && s.Refused == 2
	})
}

// Peers that must prove a name first cannot take the places of those that are known.
func TestDoubtfulPeersGetFewPlaces(t *testing.T) {
	ca := newAuthority(t)
	files := ca.server()
	files.ClientCAFile = ca.file
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: files, MaxConns: 64, Admit: func(s Source) Admission {
		if len(s.TLSNames) > 0 {
			return Admission{Allow, "carrier"}
		}
		return Admission{}
	}}) // 2 for one source
	var silent []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", u.listening("tls").String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	eventually(t, "the third is refused", func() bool { return u.Stats().ConnsRefused == 1 })
	_ = silent[0].Close()
	eventually(t, "room again", func() bool { return u.Stats().Conns == 1 })
	for range 4 { // those that have proved their name do not count
		p := mustDialTLS(t, u.listening("tls"), ca.client("a", "carrier.test"))
		p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
	}
}

func TestStrangersOverTLS(t *testing.T) {
	ca := newAuthority(t)
	verdict := Forbid
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server(), Admit: func(Source) Admission { return Admission{Verdict: verdict} }})
	p := mustDialTLS(t, u.listening("tls"), ca.client(""))
	p.want(403, "1 INVITE", p.request("INVITE", 1, "", testOffer))
	if s := u.Stats(); s.Refused != 1 || s.Conns != 0 {
		t.Errorf("stats %+v", s)
	}
}

// Handshakes that never come, or come late, keep nobody else waiting and end.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server()}, func(t *timing) { t.handshake = time.Second })
	var slow []net.Conn
	for range 5 {
		c, err := net.Dial("tcp", u.listening("tls").String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		slow = append(slow, c)
	}
	_, _ = slow[0].Write([]byte{22, 3, 1, 0, 200, 1}) // the beginning of a hello
	p := mustDialTLS(t, u.listening("tls"), ca.client(""))
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
	for _, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("not closed")
		}
	}
	eventually(t, "handshakes counted", func() bool { return u.Stats().HandshakesFailed == 5 && u.Stats().Conns == 1 })
}

func TestCloseDuringHandshakes(t *testing.T) {
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server()})
	c, err := net.Dial("tcp", u.listening("tls").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "accepted", func() bool { return u.Stats().Conns == 1 })
	closed := make(chan error, 1)
	go func() { closed <- u.Close() }()
	recv(t, closed)
}

func TestOldTLSIsRefused(t *testing.T) {
	ca := newAuthority(t)
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server()})
	old := ca.client("")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := dialTLS(t, u.listening("tls"), old); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	weak := ca.client("")
	weak.MaxVersion, weak.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	if _, err := dialTLS(t, u.listening("tls"), weak); err == nil {
		t.Error("a CBC suite was accepted")
	}
	twelve := ca.client("")
	twelve.MaxVersion = tls.VersionTLS12
	p := mustDialTLS(t, u.listening("tls"), twelve)
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
}

// flaky is a listener that fails before every connection that it accepts.
type flaky struct {
	net.Listener
	failed bool
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.failed = !l.failed; l.failed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestListenersSurviveErrors(t *testing.T) {
	ca := newAuthority(t)
	u, err := Listen(Config{Listen: []string{"tcp://127.0.0.1:0", "tls://127.0.0.1:0"}, TLS: ca.server(), Invite: ringAndWait(nil)})
	if err != nil {
		t.Fatal(err)
	}
	u.tcp[0].Listener = &flaky{Listener: u.tcp[0].Listener}
	u.secure[0].Listener = &flaky{Listener: u.secure[0].Listener}
	served := make(chan error, 1)
	go func() { served <- u.Serve(t.Context()) }()
	for range 3 {
		for _, p := range []*peer{dial(t, "tcp", u.listening("tcp")), mustDialTLS(t, u.listening("tls"), ca.client(""))} {
			p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
		}
	}
	if n := u.Stats().ListenErrors; n < 6 {
		t.Errorf("%d errors of listeners, want 6 or more", n)
	}
	_ = u.Close()
	recv(t, served)
}

func TestCertificateNames(t *testing.T) {
	ca := newAuthority(t)
	for want, alternatives := range map[string][]string{
		"common.test":           nil,
		"a.test b.test":         {"A.test", "b.test."},
		"carrier.test sbc.test": {"sip:Carrier.test", "sip:user@carrier.test", "sbc.test"},
		"":                      {"192.0.2.1"},
		"*.sip.test":            {"*.sip.test"},
	} {
		pair, err := tls.LoadX509KeyPair(ca.issue("Common.test", alternatives...))
		if err != nil {
			t.Fatal(err)
		}
		if got := certificateNames(pair.Leaf); !reflect.DeepEqual(got, strings.Fields(want)) && len(got)+len(want) > 0 {
			t.Errorf("%v: names %q, want %q", alternatives, got, want)
		}
	}
}

// Handshakes with strangers are rare enough not to be a weapon; known peers get theirs.
func TestHandshakesWithStrangersAreLimited(t *testing.T) {
	ca := newAuthority(t)
	var known atomic.Bool
	u, err := Listen(Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: ca.server(), Invite: ringAndWait(nil), Admit: func(Source) Admission {
		if known.Load() {
			return Admission{Allow, "carrier"}
		}
		return Admission{Verdict: Forbid}
	}})
	if err != nil {
		t.Fatal(err)
	}
	u.greetings = newBucket(1e-9, 2)
	served := make(chan error, 1)
	go func() { served <- u.Serve(t.Context()) }()
	for i := range 4 {
		p, err := dialTLS(t, u.listening("tls"), ca.client(""))
		if (err == nil) != (i < 2) {
			t.Errorf("handshake %d: %v", i, err)
		}
		if err == nil {
			p.want(403, "1 INVITE", p.request("INVITE", 1, "", testOffer))
		}
	}
	known.Store(true)
	p := mustDialTLS(t, u.listening("tls"), ca.client(""))
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
	_ = u.Close()
	recv(t, served)
}
