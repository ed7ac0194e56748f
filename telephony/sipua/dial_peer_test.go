package sipua

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// callee is a raw end that our calls go to: every byte of its answers is the test's own.
type callee struct {
	*peer
	addr   netip.AddrPort
	invite message // the last one
}

// newCallee waits on a free port; see callTCP for TCP.
func newCallee(t *testing.T, u *UA) *callee {
	t.Helper()
	p := dial(t, "udp", u.listening("udp"))
	return &callee{peer: p, addr: addrPort(p.conn.LocalAddr())}
}

// callTCP starts a call over TCP and returns its other end.
func callTCP(t *testing.T, u *UA, r DialRequest) (*callee, <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.URI = "sip:+4930123@" + l.Addr().String() + ";transport=tcp"
	done := place(t, u, r)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &callee{peer: &peer{t: t, conn: conn, in: bufio.NewReader(conn), transport: "tcp"}, addr: addrPort(conn.LocalAddr())}, done
}

// place runs Dial.
func place(t *testing.T, u *UA, r DialRequest) <-chan error {
	t.Helper()
	return placeUntil(t.Context(), u, r)
}

func placeUntil(ctx context.Context, u *UA, r DialRequest) <-chan error {
	if r.Offer == nil {
		r.Offer = func(netip.Addr) ([]byte, error) { return []byte(testOffer), nil }
	}
	if r.Serve == nil {
		r.Serve = func(ctx context.Context, _ *Dialog) { <-ctx.Done() }
	}
	done := make(chan error, 1)
	go func() { done <- u.Dial(ctx, r) }()
	return done
}

func (c *callee) uri() string { return "sip:+4930123@" + c.addr.String() }

// expect reads until a request of that method.
func (c *callee) expect(method string) message {
	c.t.Helper()
	m := c.until(method, func(m message) bool { return m.method() == method })
	if method == "INVITE" {
		c.invite = m
	}
	return m
}

// reply is a response to m; extra are whole header lines.
func (c *callee) reply(m message, status int, tag, body string, extra ...string) string {
	lines := []string{fmt.Sprintf("SIP/2.0 %d Text", status)}
	for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
		for _, v := range m.headers[name] {
			if name == "To" && tag != "" && !strings.Contains(v, ";tag=") {
				v += ";tag=" + tag
			}
			lines = append(lines, name+": "+v)
		}
	}
	if m.method() == "INVITE" && status > 100 && status < 300 {
		lines = append(lines, "Contact: <sip:end@"+c.addr.String()+">")
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, extra...)
	lines = append(lines, "Content-Length: "+strconv.Itoa(len(body)))
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// own is a request of the callee inside the call.
func (c *callee) own(method string, cseq int, tag, body string, extra ...string) string {
	c.branches++
	to := c.invite.headers.Get("From")
	lines := []string{
		method + " sip:us@host SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK-own-%d-%d;rport", strings.ToUpper(c.transport), c.addr, time.Now().UnixNano(), c.branches),
		"From: " + c.invite.headers.Get("To") + ";tag=" + tag, "To: " + to,
		"Call-ID: " + c.invite.headers.Get("Call-Id"), fmt.Sprintf("CSeq: %d %s", cseq, method), "Max-Forwards: 70",
		"Contact: <sip:end@" + c.addr.String() + ">",
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, extra...)
	return strings.Join(append(lines, "Content-Length: "+strconv.Itoa(len(body))), "\r\n") + "\r\n\r\n" + body
}

// answer takes the call: INVITE, 200, ACK.
func (c *callee) answer() (ack message) {
	c.t.Helper()
	invite := c.expect("INVITE")
	c.send(c.reply(invite, 200, "end", testAnswer))
	return c.expect("ACK")
}
