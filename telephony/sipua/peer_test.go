package sipua

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peer is a raw SIP client for what sipp cannot do: every byte is the test's own.
type peer struct {
	t         *testing.T
	conn      net.Conn
	in        *bufio.Reader // TCP only
	transport string
	callID    string
	toTag     string
	contact   string // our Contact, its URI
	branches  int
}

// message is one received SIP message.
type message struct {
	start   string
	headers textproto.MIMEHeader
	body    string
	at      time.Time
}

func (m message) status() int {
	if f := strings.Fields(m.start); len(f) > 1 && f[0] == "SIP/2.0" {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

func (m message) method() string {
	if m.status() != 0 {
		return ""
	}
	return strings.Fields(m.start)[0]
}

func (m message) cseq() string { return m.headers.Get("CSeq") }

func (m message) toTag() string {
	_, tag, _ := strings.Cut(m.headers.Get("To"), ";tag=")
	return tag
}

var callIDs = make(chan int, 1)

func init() { callIDs <- 0 }

func newCallID() string {
	n := <-callIDs + 1
	callIDs <- n
	return fmt.Sprintf("call-%d-%d@test", time.Now().UnixNano(), n)
}

func dial(t *testing.T, transport string, to netip.AddrPort) *peer {
	t.Helper()
	conn, err := net.Dial(transport, to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, conn: conn, in: bufio.NewReader(conn), transport: transport, callID: newCallID(),
		contact: "sip:caller@" + conn.LocalAddr().String() + ";transport=" + transport}
}

// dialFrom is dial over UDP from another loopback address.
func dialFrom(t *testing.T, local string, to netip.AddrPort) *peer {
	t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(local)}, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, conn: conn, transport: "udp", callID: newCallID(), contact: "sip:caller@" + conn.LocalAddr().String()}
}

func (p *peer) branch() string {
	p.branches++
	return fmt.Sprintf("z9hG4bK-%s-%d", p.callID[:len(p.callID)-5], p.branches)
}

// request builds a message. branch "" draws a new one; extra are whole header lines.
func (p *peer) request(method string, cseq int, branch, body string, extra ...string) string {
	if branch == "" {
		branch = p.branch()
	}
	to := "<sip:+15551230001@trunkline.test>"
	if p.toTag != "" {
		to += ";tag=" + p.toTag
	}
	lines := []string{
		method + " sip:+15551230001@trunkline.test SIP/2.0",
		"Via: SIP/2.0/" + strings.ToUpper(p.transport) + " " + p.conn.LocalAddr().String() + ";branch=" + branch + ";rport",
		"From: \"Caller\" <sip:+15557654321@test>;tag=from-1",
		"To: " + to,
		"Call-ID: " + p.callID,
		fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Max-Forwards: 70",
	}
	if method == "INVITE" {
		lines = append(lines, "Contact: <"+p.contact+">")
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, extra...)
	lines = append(lines, "Content-Length: "+strconv.Itoa(len(body)))
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

const testOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 50000 RTP/AVP 0\r\n"

func (p *peer) send(raw string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, raw); err != nil {
		p.t.Fatal(err)
	}
}

// next reads one message, or returns false after limit.
func (p *peer) next(limit time.Duration) (message, bool) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(limit))
	r := p.in
	if p.transport == "udp" {
		buf := make([]byte, 65536)
		n, err := p.conn.Read(buf)
		if err != nil {
			return message{}, false
		}
		r = bufio.NewReader(strings.NewReader(string(buf[:n])))
	}
	tp := textproto.NewReader(r)
	start, err := tp.ReadLine()
	if err != nil {
		return message{}, false
	}
	headers, err := tp.ReadMIMEHeader()
	if err != nil {
		p.t.Fatalf("unreadable message %q: %v", start, err)
	}
	n, _ := strconv.Atoi(headers.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		p.t.Fatalf("body of %q: %v", start, err)
	}
	return message{start, headers, string(body), time.Now()}, true
}

// final reads until a final response to cseq ("2 BYE") arrives.
func (p *peer) final(cseq string) message {
	p.t.Helper()
	return p.until("a final response to "+cseq, func(m message) bool { return m.status() >= 200 && m.cseq() == cseq })
}

func (p *peer) until(what string, ok func(message) bool) message {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		m, received := p.next(time.Until(end))
		if received && ok(m) {
			return m
		}
	}
	p.t.Fatalf("never received: %s", what)
	panic("unreachable")
}

// want sends raw and checks the status of the final response.
func (p *peer) want(status int, cseq, raw string) message {
	p.t.Helper()
	p.send(raw)
	m := p.final(cseq)
	if m.status() != status {
		p.t.Errorf("%s: got %q, want %d", strings.SplitN(raw, " ", 2)[0], m.start, status)
	}
	return m
}

// call sets a call up, up to the ACK, and returns the 200.
func (p *peer) call() message {
	p.t.Helper()
	m := p.want(200, "1 INVITE", p.request("INVITE", 1, "", testOffer))
	p.toTag = m.toTag()
	p.send(p.request("ACK", 1, "", ""))
	return m
}

// connTo is an unconnected UDP socket that talks to one address.
type connTo struct {
	*net.UDPConn
	to netip.AddrPort
}

func (c connTo) Write(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, c.to) }
