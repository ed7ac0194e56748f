package sipua

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// streams are the transports with connections.
var streams = []string{"tcp", "tls"}

func startStreams(t *testing.T, cfg Config, tune ...func(*timing)) (*UA, *authority) {
	t.Helper()
	ca := newAuthority(t)
	cfg.Listen, cfg.TLS = []string{"tcp://127.0.0.1:0", "tls://127.0.0.1:0"}, ca.server()
	return start(t, cfg, tune...), ca
}

// ends fails the test unless the user agent closes the connection.
func (p *peer) ends(what string) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(p.in); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("%s: not closed", what)
	}
}

// Connections that are of no use are closed: silent ones, idle ones, those of peers that
// send half a message or a byte now and then. One with a call is kept.
func TestSlowAndIdleConnections(t *testing.T) {
	t.Parallel()
	for _, transport := range streams {
		const limit = time.Second
		u, ca := startStreams(t, Config{Invite: answerAndWait(make(chan error, 1))}, func(t *timing) {
			t.firstMessage, t.wholeMessage, t.idleConn = limit, limit/2, limit
		})
		silent, idle, half := dialAny(t, transport, u, ca), dialAny(t, transport, u, ca), dialAny(t, transport, u, ca)
		dribbling, talking := dialAny(t, transport, u, ca), dialAny(t, transport, u, ca)
		half.send("OPTIONS sip:x")
		talking.call()
		idle.want(200, "1 OPTIONS", idle.request("OPTIONS", 1, "", ""))
		dribbled := make(chan struct{})
		go func() { // whole header lines, for ever
			defer close(dribbled)
			for line := "OPTIONS sip:x SIP/2.0\r\n"; ; line = "X: y\r\n" {
				if _, err := io.WriteString(dribbling.conn, line); err != nil {
					return
				}
				<-time.After(10 * time.Millisecond)
			}
		}()
		silent.ends("silent from the start")
		idle.ends("idle")
		half.ends("half a message")
		dribbling.ends("dribbling")
		recv(t, dribbled)
		eventually(t, "the talking one was spared", func() bool { return u.counters.connsSpared.Load() > 0 })
		if n := u.Stats().ConnsTimedOut; n != 4 {
			t.Errorf("%s: %d connections timed out, want 4", transport, n)
		}
		talking.want(200, "2 BYE", talking.request("BYE", 2, "", ""))
	}
}

// A peer that asks and does not read loses the connection, and nobody waits for it.
func TestPeersThatDoNotRead(t *testing.T) {
	t.Parallel()
	for _, transport := range streams {
		u, ca := startStreams(t, Config{MessagesPerSecond: -1}, func(t *timing) { t.write = 200 * time.Millisecond })
		p := dialAny(t, transport, u, ca)
		raw := strings.Repeat(p.request("OPTIONS", 1, "z9hG4bK-same", ""), 20)
		_ = p.conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		for { // the same transaction: a repeated answer each, no state
			if _, err := io.WriteString(p.conn, raw); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%s: not closed", transport)
			} else if err != nil {
				break
			}
		}
		eventually(t, "closed and counted", func() bool { s := u.Stats(); return s.Conns == 0 && s.ConnsTimedOut == 1 })
		q := dialAny(t, transport, u, ca)
		q.want(200, "1 OPTIONS", q.request("OPTIONS", 1, "", ""))
	}
}

// RFC 5626 §4.4.1: two CRLF are answered with one, one is only a sign of life.
func TestKeepAlive(t *testing.T) {
	for _, transport := range streams {
		u, ca := startStreams(t, Config{})
		p := dialAny(t, transport, u, ca)
		p.send("\r\n")
		p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
		p.send("\r\n\r\n")
		pong := make([]byte, 2)
		_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(p.in, pong); err != nil || string(pong) != "\r\n" {
			t.Errorf("%s: pong %q, %v", transport, pong, err)
		}
		p.want(200, "2 OPTIONS", p.request("OPTIONS", 2, "", ""))
	}
}

// A peer may hang up the connection right behind its BYE, or end its half of it and wait
// for the answer.
func TestByeAndGone(t *testing.T) {
	t.Parallel()
	for _, transport := range streams {
		causes := make(chan error, 1)
		u, ca := startStreams(t, Config{Invite: answerAndWait(causes)})
		for i := range 6 {
			p := dialAny(t, transport, u, ca)
			p.call()
			p.send(p.request("BYE", 2, "", ""))
			if i%2 == 0 {
				_ = p.conn.Close()
			} else {
				_ = p.conn.(interface{ CloseWrite() error }).CloseWrite()
				if m := p.final("2 BYE"); m.status() != 200 {
					t.Errorf("%s: %q", transport, m.start)
				}
			}
			var bye *ByeError
			if cause := recv(t, causes); !errors.As(cause, &bye) {
				t.Errorf("%s: cause %v", transport, cause)
			}
		}
	}
}

// A connection whose address is taken, as sipgo sees it, is not let in.
func TestOneConnectionForAnAddress(t *testing.T) {
	u := start(t, Config{Listen: []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, Control: reuse}
	var peers []*peer
	for i, a := range u.Addrs() {
		c, err := d.Dial("tcp", a.Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		d.LocalAddr, peers = c.LocalAddr(), append(peers, peerOn(t, c, "tcp"))
		if i == 0 {
			peers[0].want(200, "1 OPTIONS", peers[0].request("OPTIONS", 1, "", ""))
		}
	}
	peers[1].ends("the second of an address")
	peers[0].want(200, "2 OPTIONS", peers[0].request("OPTIONS", 2, "", ""))
}

// What cannot be framed ends the connection, and is counted; an end of it is not.
func TestJunkOnConnections(t *testing.T) {
	for _, transport := range streams {
		u, ca := startStreams(t, Config{})
		p := dialAny(t, transport, u, ca)
		p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
		_ = p.conn.Close()
		eventually(t, "connection gone", func() bool { return u.Stats().Conns == 0 })
		q := dialAny(t, transport, u, ca)
		q.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		q.ends("junk")
		eventually(t, "connection gone", func() bool { return u.Stats().Conns == 0 })
		if s := u.Stats(); s.Malformed != 1 || s.ConnsTimedOut != 0 {
			t.Errorf("%s: stats %+v", transport, s)
		}
	}
}

// A server that closes its connection after each answer, and at once is asked again.
func TestServerThatHangsUp(t *testing.T) {
	u := start(t, Config{})
	s := newServer(t, "tcp", "127.0.0.1:0", nil)
	for range 3 {
		done := make(chan error, 1)
		go func() {
			_, err := u.probe(t.Context(), s.uri("127.0.0.1"))
			done <- err
		}()
		p := s.take()
		p.send(responseFor(p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" }), "200 OK"))
		_ = p.conn.Close()
		if err := recv(t, done); err != nil {
			t.Fatal(err)
		}
		w := u.conns.find(connKey{"tcp", s.Addr().String()})
		eventually(t, "the end was seen", func() bool { return w == nil || w.ending.Load() })
	}
}
