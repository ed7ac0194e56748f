package sipua

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// torture is one message of testdata/torture.
type torture struct {
	name   string
	raw    []byte
	answer map[string]string // transport → status, "-" for silence
}

func tortures(tb testing.TB) (all []torture) {
	tb.Helper()
	index, err := os.ReadFile("testdata/torture/index.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(index)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("testdata/torture", f[0]+".dat"))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, torture{f[0], raw, map[string]string{"udp": f[2], "tcp": f[3]}})
	}
	if len(all) != 62 {
		tb.Fatalf("%d messages, want 49 of RFC 4475, one of its archive, and 12 of RFC 5118", len(all))
	}
	return all
}

// tormentor is a raw connection. Over UDP it has an address of its own: what names no
// rport is answered at the port of its Via (RFC 3261 §18.2.2), which is not for us to choose.
func tormentor(t *testing.T, transport string, u *UA, n int, raw []byte) net.Conn {
	t.Helper()
	var d net.Dialer
	port := 5060
	if transport == "udp" {
		if bytes.Contains(raw, []byte("192.0.2.59:5050")) {
			port = 5050
		}
		for _, other := range []int{6050, 19823} {
			if via, _, _ := bytes.Cut(raw, []byte(";branch")); bytes.HasSuffix(via, []byte(fmt.Sprintf("]:%d", other))) {
				port = other
			}
		}
	}
	var c net.Conn
	var err error
	for range 10 { // somebody else may have drawn the same address
		if transport == "udp" {
			d.LocalAddr = &net.UDPAddr{IP: net.IPv4(127, byte(1+rand.IntN(250)), byte(rand.IntN(250)), byte(n+1)), Port: port}
		}
		if c, err = d.DialContext(t.Context(), transport, u.listening(transport).String()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// firstFinal reads until a final response is whole; "" when none comes within limit.
func firstFinal(c net.Conn, limit time.Duration) string {
	_ = c.SetReadDeadline(time.Now().Add(limit))
	var all []byte
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		for {
			one, rest, whole := bytes.Cut(all, []byte("\r\n\r\n"))
			if !whole {
				break
			}
			if !bytes.HasPrefix(one, []byte("SIP/2.0 1")) {
				return string(one)
			}
			all = rest
		}
		if err != nil {
			return ""
		}
	}
}

// Every message gets the answer that the index says, over both transports, and the user
// agent lives on: it answers an OPTIONS after each and keeps nothing.
func TestTorture(t *testing.T) {
	var wg sync.WaitGroup
	for i, tc := range tortures(t) {
		for _, transport := range transports {
			// One user agent each: the same branch over two transports is one transaction.
			u := start(t, Config{Log: discardLogger(), Invite: func(_ context.Context, d *Dialog) { _ = d.Reject(486, "Busy Here") }})
			c, p := tormentor(t, transport, u, i, tc.raw), dial(t, transport, u.listening(transport))
			wg.Go(func() {
				where, want := tc.name+" over "+transport, tc.answer[transport]
				if _, err := c.Write(tc.raw); err != nil {
					t.Error(err)
				}
				got := ""
				switch want {
				case "-":
				case "4xx?":
					got = firstFinal(c, time.Second)
				default:
					got = firstFinal(c, 20*time.Second)
				}
				p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
				if want == "-" {
					got = firstFinal(c, 100*time.Millisecond)
				}
				checkTorture(t, where, want, got, tc)
				if s := u.Stats(); s.Panics != 0 || s.Dialogs != 0 {
					t.Errorf("%s: %+v", where, s)
				}
			})
		}
	}
	wg.Wait()
}

func checkTorture(t *testing.T, where, want, got string, tc torture) {
	t.Helper()
	if want == "4xx?" {
		if got != "" && !strings.HasPrefix(got, "SIP/2.0 4") {
			t.Errorf("%s: %q, want a refusal or nothing", where, got)
		}
		return
	}
	if want == "-" {
		if got != "" {
			t.Errorf("%s: %q, want silence", where, got)
		}
		return
	}
	if !strings.HasPrefix(got, "SIP/2.0 "+want+" ") {
		t.Errorf("%s: %q, want %s", where, got, want)
		return
	}
	lower := "\r\n" + strings.ToLower(got) + "\r\n"
	needs := []string{"\r\nvia", "\r\ncseq"}
	if tc.name != "insuf" {
		needs = append(needs, "\r\nfrom", "\r\nto", "\r\ncall-id", "tag")
	}
	needs = append(needs, map[string][]string{"405": {"\r\nallow: "}, "420": {"\r\nunsupported: "}, "415": {"\r\naccept: "}}[want]...)
	for _, need := range needs {
		if !strings.Contains(lower, need) && !(strings.HasPrefix(need, "\r\n") && strings.Contains(lower, need[:3]+":")) {
			t.Errorf("%s: no %q in %q", where, need, got)
		}
	}
	if strings.Contains(lower, "\r\nserver:") || strings.Contains(lower, "\r\nuser-agent:") {
		t.Errorf("%s: says what we are: %q", where, got)
	}
}

// The answer to what cannot be parsed holds what the RFC wants in it, and nothing that
// could be a header of somebody's choice.
func TestReplyToTheUnreadable(t *testing.T) {
	src := netip.MustParseAddrPort("192.0.2.7:1234")
	const head = "Via: SIP/2.0/UDP a:5070;branch=z9hG4bK1\r\nv: SIP/2.0/UDP b\r\nFrom: <sip:a@b>;tag=1\r\nt : \"x <sip:b@c>\r\n ; tag = 2\r\ni: 1@a\r\nCSeq: x INVITE\r\n"
	for name, tc := range map[string]struct {
		raw, status, to string
	}{
		"broken":        {"INVITE  sip:a SIP/2.0\r\n" + head + "\r\n", "400", "192.0.2.7:5070"},
		"rport":         {"INVITE  sip:a SIP/2.0\r\n" + strings.Replace(head, ";branch", ";rport;branch", 1) + "\r\n", "400", "192.0.2.7:1234"},
		"scheme":        {"INVITE a.b://c SIP/2.0\r\n" + head + "\r\n", "416", "192.0.2.7:5070"},
		"bad Via":       {"INVITE sip:a SIP/2.0\r\n" + strings.Replace(head, "a:5070", ";;,", 1) + "\r\n", "400", "192.0.2.7:1234"},
		"port 0":        {"INVITE sip:a SIP/2.0\r\n" + strings.Replace(head, ":5070", ":99999", 1) + "\r\n", "400", "192.0.2.7:5060"},
		"ACK":           {"ACK sip:a SIP/2.0\r\n" + head + "\r\n", "", ""},
		"response":      {"SIP/2.0 200 OK\r\n" + head + "\r\n", "", ""},
		"no Call-ID":    {"INVITE sip:a SIP/2.0\r\n" + strings.Replace(head, "i: 1@a\r\n", "", 1) + "\r\n", "", ""},
		"NUL":           {"INVITE sip:a SIP/2.0\r\n" + strings.Replace(head, "1@a", "1\x00a", 1) + "\r\n", "", ""},
		"bare LF":       {"INVITE sip:a SIP/2.0\r\n" + strings.Replace(head, "1@a", "1@a\nX-Evil: 1", 1) + "\r\n", "", ""},
		"empty":         {"", "", ""},
		"no SIP at all": {"GET / HTTP/1.1\r\n\r\n", "", ""},
	} {
		to, res, ok := reply([]byte(tc.raw), src)
		if ok != (tc.status != "") || ok && (to.String() != tc.to || !strings.HasPrefix(res, "SIP/2.0 "+tc.status+" ")) {
			t.Errorf("%s: %v to %v: %q", name, ok, to, res)
		}
		if ok && (strings.Count(res, "SIP/2.0/UDP") != 2 || strings.Count(strings.ToLower(res), "tag") != 2) {
			t.Errorf("%s: %q", name, res)
		}
	}
}

// White space around the marks of parameters goes, inside quotes it stays.
func TestTidyParams(t *testing.T) {
	for in, want := range map[string]string{
		`"a ; b = \" ; c" <sip:a> ; tag = 1`: `"a ; b = \" ; c" <sip:a>;tag=1`, "sip:a@b": "sip:a@b", "A B <sip:c>": "A B <sip:c>", " ; ": ";", "": "",
	} {
		if got := tidyParams(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Two values that disagree, headers smuggled into the Request-URI, and an Accept that
// leaves us nothing to say.
func TestScreenValues(t *testing.T) {
	u := start(t, Config{})
	for i, tc := range []struct {
		status int
		line   string
	}{
		{400, "Max-Forwards: 69"}, {400, "Content-Type: text/plain"}, {406, "Accept: text/plain, text/html;level=1"}, {406, "Accept: "},
		{404, "Accept: text/plain, application/sdp;q=0.1"}, {404, "Accept: */*"}, {404, "Accept: application/*"},
	} {
		p := dial(t, "udp", u.listening("udp"))
		p.want(tc.status, fmt.Sprintf("%d INVITE", i+1), p.request("INVITE", i+1, "", testOffer, tc.line))
	}
}

// Short calls leave nothing in the registry once they are forgotten.
func TestRegistryForgetsManyCalls(t *testing.T) {
	u := start(t, Config{Log: discardLogger(), Invite: func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		<-ctx.Done()
	}}, func(t *timing) { t.grave = 100 * time.Millisecond })
	p := dial(t, "udp", u.listening("udp"))
	for range 300 {
		p.callID, p.toTag = newCallID(), ""
		p.call()
		p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
	}
	eventually(t, "all forgotten", func() bool {
		u.registry.mu.Lock()
		defer u.registry.mu.Unlock()
		return len(u.registry.dialogs) == 0 && len(u.registry.invites) == 0 && len(u.registry.graves) == 0
	})
}
