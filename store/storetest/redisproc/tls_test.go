package redisproc

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
)

func TestServerOverTLS(t *testing.T) {
	a := NewAuthority(t)
	s := StartTLS(t, a.Issue("server", "127.0.0.1", "redis.internal"))
	if got := s.Do("ECHO", "hello"); got != "hello" || !strings.HasPrefix(s.URL(), "rediss://") {
		t.Errorf("%s says %q", s.URL(), got)
	}
	if _, err := (&Server{t: t, Addr: s.Addr}).do(patience, "PING"); err == nil {
		t.Error("it speaks plainly too")
	}
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	shown := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // we only look at what it shows
	if err := shown.Handshake(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "redis.internal"} {
		if err := shown.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}
