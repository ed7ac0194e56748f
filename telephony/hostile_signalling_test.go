package telephony

import (
	"log/slog"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Who is on no trunk's list gets one cheap answer or none, whatever it claims in its
// headers, and reaches no handler.
func TestStrangersReachNobody(t *testing.T) {
	for _, strangers := range []Strangers{Refuse, Silent} {
		e := &ear{}
		s := start(t, Config{Trunks: twoTrunks(), Strangers: strangers}, e.serve)
		for _, transport := range transports {
			for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "MESSAGE", "REFER"} {
				w := newWire(t, s, transport, strangerHost)
				w.say(w.request(method, 1, description("127.0.0.1:4000"), "P-Asserted-Identity: <sip:boss@carrier.test>", "X-Forwarded-For: "+trunkHost))
				switch got := w.hear(map[Strangers]time.Duration{Refuse: 20 * time.Second, Silent: 100 * time.Millisecond}[strangers]); {
				case strangers == Silent && got != "":
					t.Errorf("%s over %s: %q", method, transport, got)
				case strangers == Refuse && !strings.HasPrefix(got, "SIP/2.0 403 "):
					t.Errorf("%s over %s: %q", method, transport, got)
				default:
					namesNothing(t, got)
				}
			}
		}
		w := newWire(t, s, "udp", trunkHost)
		w.call("127.0.0.1:4000")
		w.want(200, w.request("BYE", 2, ""))
		if st := s.Stats(); e.calls.Load() != 1 || st.Accepted != 1 || st.SIP.Refused < 10 {
			t.Errorf("%d calls, stats %+v", e.calls.Load(), st)
		}
	}
}

// Whoever knows every tag of a call, but is not its trunk, cannot touch it; nor can the
// trunk with a wrong tag.
func TestForgedRequestsEndNoCall(t *testing.T) {
	e := &ear{up: make(chan *Call, 1)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "udp", trunkHost)
	w.call("127.0.0.1:4000")
	c := recv(t, e.up)
	rival, stranger, wrong := w.as(newWire(t, s, "udp", rivalHost)), w.as(newWire(t, s, "udp", strangerHost)), w.as(newWire(t, s, "udp", trunkHost))
	wrong.toTag = strings.Repeat("0", len(wrong.toTag))
	for i, method := range []string{"BYE", "INVITE", "UPDATE", "INFO", "NOTIFY"} {
		body := ""
		if method == "INVITE" || method == "UPDATE" {
			body = description("127.0.0.1:4002")
		}
		rival.want(481, rival.request(method, 10+i, body))
		stranger.want(403, stranger.request(method, 10+i, body))
		if method != "INFO" && method != "NOTIFY" {
			wrong.want(481, wrong.request(method, 10+i, body))
		}
	}
	rival.toTag = ""
	rival.want(481, rival.request("CANCEL", 1, ""))
	if c.Ended() != nil || c.Media().Stats().HeldFrames != 0 {
		t.Fatalf("the call was touched: %+v", c.Ended())
	}
	w.want(200, w.request("BYE", 2, ""))
}

// REFER would make us call: outside of a call it is refused, inside too.
func TestReferIsRefused(t *testing.T) {
	e := &ear{}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "udp", trunkHost)
	for range 2 {
		w.say(w.request("REFER", 5+w.branches, "", "Refer-To: <sip:+1900123456@test>"))
		got := w.hear(20 * time.Second)
		if !strings.HasPrefix(got, "SIP/2.0 4") && !strings.HasPrefix(got, "SIP/2.0 603") {
			t.Errorf("%q", got)
		}
		if w.toTag == "" {
			w.call("127.0.0.1:4000")
		}
	}
	w.want(200, w.request("BYE", 50, ""))
}

// A stranger's flood costs a running call nothing, and new calls get through.
func TestStrangersFlood(t *testing.T) {
	e := &ear{up: make(chan *Call, 2)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "udp", trunkHost)
	w.call("127.0.0.1:4000")
	first := recv(t, e.up)
	var wg sync.WaitGroup
	for range 4 {
		flood := newWire(t, s, "udp", strangerHost)
		wg.Go(func() {
			for i := range 500 {
				_, _ = flood.Write([]byte(flood.request("INVITE", i+1, description("127.0.0.1:4000"))))
			}
		})
	}
	second := newWire(t, s, "tcp", trunkHost)
	second.call("127.0.0.1:4002")
	wg.Wait()
	recv(t, e.up)
	if first.Ended() != nil || e.calls.Load() != 2 || s.Stats().SIP.Dialogs != 2 || s.Stats().SIP.Refused == 0 {
		t.Errorf("%v, %d calls, %+v", first.Ended(), e.calls.Load(), s.Stats())
	}
	second.want(200, second.request("BYE", 2, ""))
	w.want(200, w.request("BYE", 2, ""))
}

// A flood from the trunk itself: what is beyond the limit is told to come back later, the
// running calls stay, and everything that was taken for the others is given back.
func TestTrunkFloods(t *testing.T) {
	e := &ear{}
	s := start(t, Config{Trunks: twoTrunks(), Limits: Limits{Calls: 2, CallsPerSecond: 1000}}, e.serve)
	kept := []*wire{newWire(t, s, "udp", trunkHost), newWire(t, s, "tcp", trunkHost)}
	for _, w := range kept {
		w.call("127.0.0.1:4000")
	}
	for range 200 {
		w := newWire(t, s, "udp", trunkHost)
		got := w.want(503, w.request("INVITE", 1, description("127.0.0.1:4000")))
		if n, err := strconv.Atoi(headerOf(got, "Retry-After")); err != nil || n < 1 {
			t.Fatalf("Retry-After in %q", got)
		}
		w.say(w.request("ACK", 1, ""))
		_ = w.Close()
	}
	if st := s.Stats(); st.Active != 2 || st.PortsInUse != 2 || e.calls.Load() != 2 {
		t.Errorf("%+v", st)
	}
	for _, w := range kept {
		w.want(200, w.request("BYE", 2, ""))
	}
	eventually(t, "all over", func() bool { st := s.Stats(); return st.Active == 0 && st.PortsInUse == 0 && st.SIP.Dialogs == 0 })
}

// Streams that never come to an end are cut, while a call on another connection goes on.
func TestEndlessStreams(t *testing.T) {
	e := &ear{}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "tcp", trunkHost)
	w.call("127.0.0.1:4000")
	for name, raw := range map[string]string{
		"a header without end": "OPTIONS sip:a SIP/2.0\r\nX: " + strings.Repeat("x", 200_000),
		"headers without end":  "OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 40_000),
		"a body without end":   strings.Replace(w.request("OPTIONS", 1, ""), "Content-Length: 0", "Content-Length: 4000000000", 1) + strings.Repeat("x", 200_000),
		"no SIP":               strings.Repeat("GET / HTTP/1.1\r\n\r\n", 10_000),
	} {
		evil := newWire(t, s, "tcp", rivalHost)
		_ = evil.SetWriteDeadline(time.Now().Add(20 * time.Second))
		_, _ = evil.Write([]byte(raw))
		eventually(t, name+" is cut", func() bool {
			_, err := evil.Write([]byte("xxxxxxxx"))
			return err != nil
		})
	}
	w.want(200, w.request("OPTIONS", 2, ""))
	w.want(200, w.request("BYE", 3, ""))
	if st := s.Stats(); st.SIP.Panics != 0 {
		t.Errorf("%+v", st)
	}
}

// One rival's connections fill its own share and nobody else's.
func TestManyConnections(t *testing.T) {
	e := &ear{}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	for range 300 {
		newWire(t, s, "tcp", rivalHost)
	}
	eventually(t, "the rest was refused", func() bool { st := s.Stats().SIP; return st.Conns <= 256 && st.ConnsRefused >= 44 })
	w := newWire(t, s, "tcp", trunkHost)
	w.call("127.0.0.1:4000")
	w.want(200, w.request("BYE", 2, ""))
}

// Nothing that a caller writes gets into the log, at any level, whole or in parts.
func TestLogHoldsNothingOfTheCaller(t *testing.T) {
	var mu sync.Mutex
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := &ear{}
	s := start(t, Config{Trunks: twoTrunks(), Log: log}, e.serve)
	for _, transport := range transports {
		w := newWire(t, s, transport, trunkHost)
		w.from = "\"Mallory \x1b[31m\x07 %n level=ERROR msg=pwned\r\n\tfolded\" <sip:+15557654321@secret.test>"
		w.call("127.0.0.1:4000")
		w.want(200, w.request("BYE", 2, "", "Reason: Q.850;cause=16;text=\"pwned reason\"", "Authorization: Digest response=\"pwnedsecret\""))
		w.say("INVITE sip:pwned@secret.test\r\nX-Pwned: 1\r\n\r\n")
		newWire(t, s, transport, strangerHost).say(w.request("INVITE", 9, description("127.0.0.1:4000"), "X-Pwned: 1"))
	}
	eventually(t, "both calls are logged", func() bool { mu.Lock(); defer mu.Unlock(); return strings.Count(text.String(), "call ended") == 2 })
	mu.Lock()
	defer mu.Unlock()
	for _, word := range []string{"Mallory", "pwned", "Pwned", "folded", "secret", "5557654321", "555123000", "\x1b", "\x07", "%n", "m=audio", "Digest"} {
		if strings.Contains(text.String(), word) {
			t.Errorf("%q is in the log:\n%s", word, text.String())
		}
	}
}

// Short calls one after another leave nothing behind.
func TestManyShortCalls(t *testing.T) {
	n := 10_000
	if testing.Short() || raceDetector {
		n = 1000
	}
	e := &ear{}
	s := start(t, Config{SIP: SIP{MessagesPerSecond: -1}, Trunks: twoTrunks(), Limits: Limits{CallsPerSecond: 1 << 20}, Log: slog.New(slog.DiscardHandler)}, e.serve)
	base := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for range 4 {
		w := newWire(t, s, "udp", trunkHost)
		callID := w.callID
		wg.Go(func() {
			for i := range n / 4 {
				w.callID, w.toTag = callID+"-"+strconv.Itoa(i), ""
				w.call("127.0.0.1:4000")
				w.want(200, w.request("BYE", 2, ""))
			}
		})
	}
	wg.Wait()
	eventually(t, "all over", func() bool { st := s.Stats(); return st.Active == 0 && st.PortsInUse == 0 && st.SIP.Dialogs == 0 })
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= base+8 })
	if st := s.Stats(); st.Accepted != uint64(n) || st.SIP.Remembered > n || st.SIP.Panics+st.Panics != 0 {
		t.Errorf("%+v", st)
	}
}

// Offers that would make us a weapon, or talk to ourselves, are refused; in a call too,
// which goes on.
func TestMediaMayNotPointAnywhere(t *testing.T) {
	e := &ear{up: make(chan *Call, 1)}
	s := start(t, Config{Trunks: twoTrunks()}, e.serve)
	w := newWire(t, s, "udp", trunkHost)
	w.call("127.0.0.1:4000")
	c := recv(t, e.up)
	sipPort := netip.MustParseAddrPort(s.addr("udp")).Port()
	for i, media := range []string{"224.0.0.1:4000", "239.1.1.1:4000", "255.255.255.255:4000", "127.0.0.1:" + strconv.Itoa(int(sipPort)),
		"127.0.0.1:" + strconv.Itoa(c.Media().Port()), "127.0.0.7:" + strconv.Itoa(c.Media().Port()+1)} {
		other := newWire(t, s, "udp", trunkHost)
		other.want(488, other.request("INVITE", 1, description(media)))
		other.say(other.request("ACK", 1, ""))
		w.want(488, w.request("INVITE", 10+i, description(media)))
		w.say(w.request("ACK", 10+i, ""))
	}
	if c.Ended() != nil || e.calls.Load() != 1 {
		t.Errorf("%v, %d calls", c.Ended(), e.calls.Load())
	}
	w.want(200, w.request("BYE", 90, ""))

	zero := newWire(t, s, "udp", trunkHost) // no address at all is a call that begins on hold
	zero.call("0.0.0.0:4000")
	c = recv(t, e.up)
	if !c.OnHold() || c.Media().Stats().PacketsOut != 0 {
		t.Errorf("on hold: %v, %d packets sent", c.OnHold(), c.Media().Stats().PacketsOut)
	}
	zero.want(200, zero.request("BYE", 2, ""))
}
