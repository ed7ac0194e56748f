package sipua

import (
	"net"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// A request of ours leaves from the listener even when nothing is read from it yet.
func TestRequestsBeforeServe(t *testing.T) {
	u, err := Listen(Config{Listen: []string{"udp://127.0.0.1:0"}, Invite: ringAndWait(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	done := make(chan int, 1)
	go func() {
		status, _ := u.probe(t.Context(), sip.Uri{Scheme: "sip", Host: "127.0.0.1", Port: int(addrPort(pc.LocalAddr()).Port())})
		done <- status
	}()
	p := &peer{t: t, conn: connTo{pc.(*net.UDPConn), u.listening("udp")}, transport: "udp"}
	go func() { _ = u.Serve(t.Context()) }() // only then is the answer read, so only then it is asked for
	m := p.until("OPTIONS", func(m message) bool { return m.method() == "OPTIONS" })
	p.send(responseFor(m, "200 OK"))
	if status := recv(t, done); status != 200 {
		t.Errorf("status %d", status)
	}
}
