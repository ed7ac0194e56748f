package telephony

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The world of the attack tests: a trunk, a second trunk, and everybody else.
const (
	trunkHost    = "127.0.0.1"
	rivalHost    = "127.0.0.3"
	strangerHost = "127.0.0.2"
)

func twoTrunks() []Trunk {
	return []Trunk{{Name: "carrier", Sources: prefixes(trunkHost + "/32")}, {Name: "rival", Sources: prefixes(rivalHost + "/32")}}
}

// ear is a handler that answers every call and counts them: each would be a paid session.
type ear struct {
	calls atomic.Int64
	up    chan *Call
}

func (e *ear) serve(ctx context.Context, c *Call) {
	e.calls.Add(1)
	if c.Answer(ctx) == nil {
		if e.up != nil {
			e.up <- c
		}
		<-ctx.Done()
	}
}

// wire is one SIP socket in the test's hands, bound to an address of its choice.
type wire struct {
	net.Conn
	t         *testing.T
	transport string
	callID    string
	toTag     string
	from      string // the whole From value, without tag
	branches  int
	rest      []byte // TCP: read, not yet looked at
}

var wires atomic.Int64

func newWire(t *testing.T, s *Server, transport, host string) *wire {
	t.Helper()
	var d net.Dialer
	d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(host)}
	if transport == "udp" {
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(host)}
	}
	c, err := d.DialContext(t.Context(), transport, s.addr(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wire{Conn: c, t: t, transport: transport, callID: fmt.Sprintf("w%d-%d", time.Now().UnixNano(), wires.Add(1)), from: `"Caller" <sip:+15557654321@test>`}
}

// as is the same call seen from another socket: an eavesdropper that knows every tag.
func (w *wire) as(other *wire) *wire {
	other.callID, other.toTag, other.branches = w.callID, w.toTag, 1000
	return other
}

func (w *wire) request(method string, cseq int, body string, extra ...string) string {
	w.branches++
	to := "<sip:+15551230001@trunkline.test>"
	if w.toTag != "" {
		to += ";tag=" + w.toTag
	}
	lines := append([]string{
		method + " sip:+15551230001@trunkline.test SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s-%d;rport", strings.ToUpper(w.transport), w.LocalAddr(), w.callID, w.branches),
		"From: " + w.from + ";tag=f1", "To: " + to, "Call-ID: " + w.callID, fmt.Sprintf("CSeq: %d %s", cseq, method), "Max-Forwards: 70",
		"Contact: <sip:caller@" + w.LocalAddr().String() + ">",
	}, extra...)
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return strings.Join(append(lines, "Content-Length: "+strconv.Itoa(len(body))), "\r\n") + "\r\n\r\n" + body
}

func (w *wire) say(raw string) {
	w.t.Helper()
	if _, err := io.WriteString(w, raw); err != nil {
		w.t.Fatal(err)
	}
}

// hear returns the head of the next final response; "" when none comes within limit.
func (w *wire) hear(limit time.Duration) string {
	_ = w.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, 65536)
	for {
		for {
			head, rest, whole := bytes.Cut(w.rest, []byte("\r\n\r\n"))
			if !whole {
				break
			}
			n, _ := strconv.Atoi(headerOf(string(head), "Content-Length"))
			if len(rest) < n {
				break
			}
			w.rest = rest[n:]
			if bytes.HasPrefix(head, []byte("SIP/2.0 ")) && !bytes.HasPrefix(head, []byte("SIP/2.0 1")) {
				return string(head)
			}
		}
		n, err := w.Read(buf)
		if err != nil {
			return ""
		}
		w.rest = append(w.rest, buf[:n]...)
	}
}

func headerOf(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// want sends raw and checks the status of the final response to cseq.
func (w *wire) want(status int, raw string) string {
	w.t.Helper()
	w.say(raw)
	cseq := headerOf(raw, "CSeq")
	for {
		got := w.hear(20 * time.Second)
		if got == "" {
			w.t.Fatalf("%s: no answer", cseq)
		}
		if headerOf(got, "CSeq") != cseq {
			continue
		}
		if !strings.HasPrefix(got, "SIP/2.0 "+strconv.Itoa(status)+" ") {
			w.t.Errorf("%s: got %q, want %d", cseq, got, status)
		}
		namesNothing(w.t, got)
		return got
	}
}

// namesNothing fails the test when a message tells what we are.
func namesNothing(t *testing.T, msg string) {
	t.Helper()
	low := strings.ToLower(strings.ReplaceAll(msg, "trunkline.test", ""))
	for _, word := range []string{"\r\nserver:", "\r\nuser-agent:", "trunkline", "sipgo", "golang"} {
		if strings.Contains(low, word) {
			t.Errorf("%q is in %q", word, msg)
		}
	}
}

// call sets up a call whose audio is to go to media.
func (w *wire) call(media string) {
	w.t.Helper()
	ok := w.want(200, w.request("INVITE", 1, description(media)))
	_, w.toTag, _ = strings.Cut(headerOf(ok, "To"), ";tag=")
	w.say(w.request("ACK", 1, ""))
}

func description(media string) string {
	a := netip.MustParseAddrPort(media)
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n", a.Addr(), a.Addr(), a.Port())
}
