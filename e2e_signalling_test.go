package trunkline_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// refused calls a number and wants a refusal in which a pattern is found.
func refused(t *testing.T, s *service, transport, number string, payloadType, status int, pattern string, args ...string) {
	t.Helper()
	file := scenario(t, "refused", map[string]any{"Number": number, "PayloadType": payloadType, "Status": status, "Wants": pattern})
	succeed(t, file, transport, s.sip[transport].String(), args...)
}

// request sends something outside of a call and wants an answer in which a pattern is found.
func request(t *testing.T, s *service, transport, method string, status int, pattern string) {
	t.Helper()
	file := scenario(t, "request", map[string]any{"Method": method, "Status": status, "Wants": pattern})
	succeed(t, file, transport, s.sip[transport].String())
}

// What needs no model: wrong numbers, codecs and methods, and callers nobody knows.
func testRefusals(t *testing.T) {
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": deadURL(t), "E2E_REDIS": redis.URL(), "E2E_STRANGERS": "forbid"})
	for _, transport := range []string{"udp", "tcp"} {
		refused(t, s, transport, "+15550000000", 0, 404, "CSeq: 1 INVITE")
		refused(t, s, transport, dialledNumber, 18, 488, "Warning: *[0-9]")
		refused(t, s, transport, dialledNumber, 0, 403, "CSeq: 1 INVITE", "-i", "127.0.0.2")
		request(t, s, transport, "OPTIONS", 200, "Allow: .*INVITE")
		for _, method := range []string{"SUBSCRIBE", "MESSAGE", "PUBLISH"} {
			request(t, s, transport, method, 405, "Allow: .*INVITE.*BYE")
		}
	}
	s.idle(t)
	if n := s.metric(t, "trunkline_calls_rejected_total"); n != 4 {
		t.Errorf("%v refused calls are counted, want 404 and 488 over each transport", n)
	}
}

// By default a source outside of every trunk gets no answer at all, not to any kind of packet.
func testStrangers(t *testing.T) {
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": deadURL(t), "E2E_REDIS": redis.URL()})
	stranger, friend := udpFrom(t, "127.0.0.2"), udpFrom(t, "127.0.0.1")
	for i, method := range []string{"OPTIONS", "INVITE", "REGISTER", "BYE", "ACK"} {
		sendSIP(t, stranger, s.sip["udp"], method, i)
	}
	_, _ = stranger.WriteToUDPAddrPort([]byte("nonsense\r\n\r\n"), s.sip["udp"])
	sendSIP(t, friend, s.sip["udp"], "OPTIONS", 99)
	buf := make([]byte, 4096)
	_ = friend.SetReadDeadline(time.Now().Add(patience))
	if n, err := friend.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 200 ") {
		t.Fatalf("the known source got %q, %v", buf[:n], err)
	}
	// The friend's request came last and is answered; what the stranger gets, it has.
	_ = stranger.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := stranger.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stranger got %q, %v", buf[:n], err)
	}
	s.idle(t)
}

func udpFrom(t *testing.T, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func sendSIP(t *testing.T, from *net.UDPConn, to netip.AddrPort, method string, n int) {
	t.Helper()
	if err := writeSIP(from, to, method, n); err != nil {
		t.Fatal(err)
	}
}

func writeSIP(from *net.UDPConn, to netip.AddrPort, method string, n int) error {
	own := from.LocalAddr()
	message := fmt.Sprintf("%[1]s sip:%[2]s@%[3]v SIP/2.0\r\nVia: SIP/2.0/UDP %[4]v;rport;branch=z9hG4bKs%[5]d\r\n"+
		"From: <sip:+15557654321@%[4]v>;tag=s%[5]d\r\nTo: <sip:%[2]s@%[3]v>\r\nCall-ID: s%[5]d@%[4]v\r\nCSeq: 1 %[1]s\r\n"+
		"Contact: <sip:+15557654321@%[4]v>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", method, dialledNumber, to, own, n)
	_, err := from.WriteToUDPAddrPort([]byte(message), to)
	return err
}

// deadURL is the address of a model that nobody serves.
func deadURL(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "ws://" + ln.Addr().String() + "/v1/realtime"
}

// The call limit and a model that cannot be reached are both 503 with a time to come back; and the first call goes on.
func testBusy(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08", answers("rms-c09", "a08"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_CALLS": "1"})
	yes := callerClip(t, "rms-c09")
	c := place(t, s, m, callPlan{law: transcode.PCMA, clips: []simulator.Clip{yes}, hangsUp: true})
	for _, transport := range []string{"udp", "tcp"} {
		refused(t, s, transport, dialledNumber, 0, 503, "Retry-After: *[1-9]")
	}
	c.heardAll(1)
	c.cue(t)
	c.heardAll(2)
	c.cue(t)
	rec := c.over()
	compareUplink(t, c.law, c.toService(), rec.Input)
	compareDownlink(t, c.law, &rec, c.toCaller())
	s.idle(t)
	// The limit is free again.
	if err := m.SetFaults(simulator.Faults{UpgradeStatus: 500}); err != nil {
		t.Fatal(err)
	}
	s.bad = []string{"model cannot be reached"}
	refused(t, s, "udp", dialledNumber, 0, 503, "Retry-After: *[1-9]")
	if status, body := s.get(t, "/readyz"); status != 503 || strings.Contains(body, modelKey) {
		t.Errorf("/readyz says %d %q while the model cannot be reached", status, body)
	}
	if n := s.metric(t, "trunkline_calls_rejected_total"); n != 3 {
		t.Errorf("%v refused calls are counted, want 3", n)
	}
	s.idle(t)
}

func testModelUnreachable(t *testing.T) {
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": deadURL(t), "E2E_REDIS": redis.URL()})
	s.bad = []string{"model cannot be reached"}
	for _, transport := range []string{"udp", "tcp"} {
		refused(t, s, transport, dialledNumber, 0, 503, "Retry-After: *[1-9]")
	}
	s.idle(t)
}

// A caller gives up while it rings, which it does until the model is ready: 487, and nothing is left, at the model neither.
func testCancel(t *testing.T) {
	m := startModel(t, simulator.Options{})
	if err := m.SetFaults(simulator.Faults{UpgradeDelay: 4 * time.Second}); err != nil {
		t.Fatal(err)
	}
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	for _, transport := range []string{"udp", "tcp"} {
		succeed(t, scenario(t, "cancel", nil), transport, s.sip[transport].String())
	}
	s.idle(t)
	if keys := mustRedis(t, redis.Addr, "KEYS", "tl:{*}:meta").([]any); len(keys) != 0 {
		t.Errorf("records of calls that were never answered: %v", keys)
	}
}
