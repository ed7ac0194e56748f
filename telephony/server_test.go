package telephony

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

var transports = []string{"udp", "tcp"}

// answerAndWait answers and reports how the call ended.
func answerAndWait(ends chan<- *Ended) HandlerFunc {
	return func(ctx context.Context, c *Call) {
		_ = c.Ring()
		if err := c.Answer(ctx); err == nil {
			<-ctx.Done()
		}
		ends <- c.Ended()
	}
}

func TestCallerHangsUp(t *testing.T) {
	for _, transport := range transports {
		for codec, law := range map[string]transcode.Law{"0": transcode.PCMU, "8": transcode.PCMA} {
			infos, causes := make(chan CallInfo, 1), make(chan error, 1)
			s := start(t, Config{}, func(ctx context.Context, c *Call) {
				infos <- c.Info()
				_ = c.Ring()
				if err := c.Answer(ctx); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				causes <- context.Cause(ctx)
			})
			sipp(t, "caller_bye", transport, s, map[string]string{"codec": codec})
			info := recv(t, infos)
			if info.Trunk != "carrier" || info.Caller != "+15557654321" || info.CallerName != "Caller" || info.Dialled != "+15551230001" ||
				info.Law != law || info.Transport != transport || len(info.ID) != 24 || info.SIPCallID == "" || info.Started.IsZero() {
				t.Errorf("info %+v", info)
			}
			var ended *Ended
			if cause := recv(t, causes); !errors.As(cause, &ended) || !errors.Is(cause, ErrHungUp) || ended.By != Caller || ended.Q850 != 16 {
				t.Errorf("cause %v %+v", cause, ended)
			}
			if st := s.Stats(); st.Accepted != 1 || len(st.Rejected) != 0 {
				t.Errorf("stats %+v", st)
			}
		}
	}
}

func TestAgentHangsUp(t *testing.T) {
	for name, how := range map[string]HandlerFunc{
		"by returning": func(ctx context.Context, c *Call) { _ = c.Answer(ctx) },
		"by Hangup": func(ctx context.Context, c *Call) {
			_ = c.Answer(ctx)
			if err := c.Hangup(context.Background(), Agent, "goodbye"); err != nil {
				t.Error(err)
			}
			if e := c.Ended(); e == nil || e.By != Agent || e.Text != "goodbye" || ctx.Err() == nil {
				t.Errorf("ended %+v", e)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, transport := range transports {
				sipp(t, "callee_bye", transport, start(t, Config{}, how), nil)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ends := make(chan *Ended, 1)
	s := start(t, Config{}, func(ctx context.Context, c *Call) {
		_ = c.Ring()
		<-ctx.Done()
		if err := c.Answer(context.Background()); !errors.Is(err, ErrCancelled) {
			t.Errorf("Answer after CANCEL: %v", err)
		}
		ends <- c.Ended()
	})
	sipp(t, "cancel", "udp", s, nil)
	if e := recv(t, ends); e.By != Caller || e.SIP != 487 || !errors.Is(e, ErrCancelled) {
		t.Errorf("ended %+v", e)
	}
}

func TestRefusals(t *testing.T) {
	never := func(context.Context, *Call) { t.Error("the handler was called") }
	for name, tc := range map[string]struct {
		status int
		keys   map[string]string
		cfg    Config
		h      HandlerFunc
		want   Rejection
	}{
		"by the handler": {404, nil, Config{}, func(_ context.Context, c *Call) {
			if err := c.Reject(404, "Not Found", 0); err != nil {
				t.Error(err)
			}
			if e := c.Ended(); e.By != System || e.SIP != 404 || e.Q850 != 1 {
				t.Errorf("ended %+v", e)
			}
		}, Rejection{404, "handler"}},
		"by the handler for a while": {503, nil, Config{}, func(_ context.Context, c *Call) { _ = c.Reject(503, "Model Unreachable", time.Second) }, Rejection{503, "handler"}},
		"no usable codec":            {488, map[string]string{"codec": "18"}, Config{}, never, Rejection{488, "no G.711 codec in common"}},
		"multicast media":            {488, map[string]string{"mediaaddr": "224.0.0.1"}, Config{}, never, Rejection{488, "media address not allowed"}},
		"foreign media": {488, nil, Config{Trunks: []Trunk{{Name: "carrier", Sources: prefixes("127.0.0.1/32"), MediaNetworks: prefixes("192.0.2.0/24")}}},
			never, Rejection{488, "media address not allowed"}},
		"rate limit": {503, nil, Config{Limits: Limits{CallsPerSecond: 1}}, never, Rejection{503, "call rate limit"}},
		"a panic":    {500, nil, Config{}, func(context.Context, *Call) { panic("boom") }, Rejection{}},
		"no answer":  {500, nil, Config{}, func(context.Context, *Call) {}, Rejection{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tc.cfg, tc.h)
			if tc.want.Reason == "call rate limit" {
				s.gate.mu.Lock()
				s.gate.tokens, s.gate.rate = 0, 1e-9
				s.gate.mu.Unlock()
			}
			sipp(t, "refused_"+strconv.Itoa(tc.status), "udp", s, tc.keys)
			if n := s.Stats().Rejected[tc.want]; n != 1 && tc.want != (Rejection{}) {
				t.Errorf("rejected %v", s.Stats().Rejected)
			}
			eventually(t, "ports free", func() bool { return s.Stats().PortsInUse == 0 })
		})
	}
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestStrangers(t *testing.T) {
	never := func(context.Context, *Call) { t.Error("the handler was called") }
	elsewhere := []Trunk{{Name: "carrier", Sources: prefixes("192.0.2.0/24")}}
	refusing := start(t, Config{Trunks: elsewhere}, never)
	silent := start(t, Config{Trunks: elsewhere, Strangers: Silent}, never)
	for _, transport := range transports {
		sipp(t, "refused_403", transport, refusing, nil)
		if _, err := runSipp(t, "refused_403", transport, silent, nil, "-timeout", "1"); err == nil {
			t.Errorf("%s: a stranger was answered", transport)
		}
	}
}

func TestCallLimit(t *testing.T) {
	ends := make(chan *Ended, 1)
	s := start(t, Config{Limits: Limits{Calls: 1}}, answerAndWait(ends))
	var wg sync.WaitGroup
	wg.Go(func() { sipp(t, "caller_bye", "udp", s, map[string]string{"hold": "1500"}) })
	eventually(t, "one call", func() bool { return s.Stats().Active == 1 })
	sipp(t, "refused_503", "tcp", s, nil)
	wg.Wait()
	recv(t, ends)
	if n := s.Stats().Rejected[Rejection{503, "call limit"}]; n != 1 {
		t.Errorf("rejected %v", s.Stats().Rejected)
	}
	eventually(t, "room again", func() bool { return s.Stats().Active == 0 })
	sipp(t, "caller_bye", "udp", s, nil)
}

func TestNoPortsLeft(t *testing.T) {
	even := 0
	for even == 0 || even%2 != 0 {
		even, _ = strconv.Atoi(freePort(t))
	}
	ends := make(chan *Ended, 1)
	s := start(t, Config{Media: Media{FirstPort: even, LastPort: even + 1}}, answerAndWait(ends))
	var wg sync.WaitGroup
	wg.Go(func() { sipp(t, "caller_bye", "udp", s, map[string]string{"hold": "1500"}) })
	eventually(t, "one call", func() bool { return s.Stats().PortsInUse == 1 })
	sipp(t, "refused_503", "udp", s, nil)
	wg.Wait()
	if n := s.Stats().Rejected[Rejection{503, "no media ports"}]; n != 1 {
		t.Errorf("rejected %v", s.Stats().Rejected)
	}
}

// The pair of an ended call rests, and goes to the next one if there is no other.
func TestPortsRestBetweenCalls(t *testing.T) {
	even := 0
	for even == 0 || even%2 != 0 {
		even, _ = strconv.Atoi(freePort(t))
	}
	ends := make(chan *Ended, 2)
	s := start(t, Config{Media: Media{FirstPort: even, LastPort: even + 1}}, answerAndWait(ends))
	for call := range 2 {
		sipp(t, "caller_bye", "udp", s, nil)
		recv(t, ends)
		eventually(t, "the pair rests", func() bool { st := s.Stats(); return st.PortsQuarantined == 1 && st.PortsInUse == 0 })
		if st := s.Stats(); st.PortsHurried != uint64(call) {
			t.Errorf("%d quarantines cut short at call %d", st.PortsHurried, call)
		}
	}
	if err := s.Close(); err != nil || s.Stats().PortsQuarantined != 0 {
		t.Errorf("%v, %+v", err, s.Stats())
	}
}

func TestSystemEndsCall(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg    Config
		reason string
		want   error
	}{
		"no audio": {Config{Media: Media{FirstTimeout: 100 * time.Millisecond}}, "41", ErrNoMedia},
		"no audio, by the trunk": {Config{Media: Media{FirstTimeout: -1}, Trunks: []Trunk{{Name: "carrier",
			Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, FirstMediaTimeout: 100 * time.Millisecond}}}, "41", ErrNoMedia},
		"too long": {Config{Limits: Limits{CallDuration: 100 * time.Millisecond}}, "16", ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			ends := make(chan *Ended, 1)
			s := start(t, tc.cfg, answerAndWait(ends))
			sipp(t, "callee_bye", "udp", s, map[string]string{"reason": tc.reason})
			if e := recv(t, ends); e.By != System || !errors.Is(e, tc.want) {
				t.Errorf("ended %+v", e)
			}
		})
	}
}

func TestPanicAfterAnswer(t *testing.T) {
	s := start(t, Config{}, func(ctx context.Context, c *Call) {
		_ = c.Answer(ctx)
		panic("boom")
	})
	sipp(t, "callee_bye", "udp", s, map[string]string{"reason": "41"})
	if st := s.Stats(); st.Panics != 1 || st.SIP.Panics != 0 {
		t.Errorf("stats %+v", st)
	}
}

// The caller's phone hears a continuous stream from the port that the answer named.
func TestAudioFlows(t *testing.T) {
	phone, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	ports := make(chan int, 1)
	s := start(t, Config{}, func(ctx context.Context, c *Call) {
		ports <- c.Media().Port()
		_ = c.Answer(ctx)
		<-ctx.Done()
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		sipp(t, "caller_bye", "udp", s, map[string]string{"codec": "8", "hold": "500", "mediaport": strconv.Itoa(phone.LocalAddr().(*net.UDPAddr).Port)})
	})
	buf := make([]byte, 2048)
	_ = phone.SetReadDeadline(time.Now().Add(20 * time.Second))
	port := recv(t, ports)
	for range 5 {
		n, from, err := phone.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n != 172 || buf[1]&0x7f != 8 || int(from.Port()) != port {
			t.Errorf("%d bytes of type %d from port %d, want 172 of 8 from %d", n, buf[1]&0x7f, from.Port(), port)
		}
	}
	wg.Wait()
}

func TestShutdown(t *testing.T) {
	ends := make(chan *Ended, 2)
	s := start(t, Config{}, answerAndWait(ends))
	var wg sync.WaitGroup
	wg.Go(func() { sipp(t, "caller_bye", "udp", s, map[string]string{"hold": "1000"}) })
	eventually(t, "one call", func() bool { return s.Stats().Accepted == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	eventually(t, "draining", func() bool { return s.Stats().Draining })
	sipp(t, "refused_503", "udp", s, nil)
	wg.Wait()
	if err := recv(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if e := recv(t, ends); !errors.Is(e, ErrHungUp) {
		t.Errorf("the running call was cut: %v", e)
	}
}

func TestShutdownCutsWhatIsLeft(t *testing.T) {
	ends := make(chan *Ended, 1)
	s := start(t, Config{}, answerAndWait(ends))
	var wg sync.WaitGroup
	wg.Go(func() { sipp(t, "callee_bye", "udp", s, map[string]string{"reason": "41"}) })
	eventually(t, "one call", func() bool { return s.Stats().Accepted == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if e := recv(t, ends); e.By != System || !errors.Is(e, ErrShutdown) {
		t.Errorf("ended %+v", e)
	}
	wg.Wait()
}

// Fifty calls, 25 a second, over each transport: all served, nothing left.
func TestLoad(t *testing.T) {
	for _, transport := range transports {
		ends := make(chan *Ended, 50)
		s := start(t, Config{}, answerAndWait(ends))
		sipp(t, "caller_bye", transport, s, map[string]string{"hold": "300"}, "-m", "50", "-r", "25", "-l", "50")
		for range 50 {
			if e := recv(t, ends); !errors.Is(e, ErrHungUp) {
				t.Errorf("ended %v", e)
			}
		}
		eventually(t, "all over", func() bool { st := s.Stats(); return st.Active == 0 && st.PortsInUse == 0 && st.SIP.Dialogs == 0 })
		if st := s.Stats(); st.Accepted != 50 || len(st.Rejected) != 0 {
			t.Errorf("stats %+v", st)
		}
	}
}

// What is logged at info names nobody.
func TestLogKeepsNumbersOut(t *testing.T) {
	var mu sync.Mutex
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, nil))
	ends := make(chan *Ended, 1)
	s := start(t, Config{Log: log}, answerAndWait(ends))
	sipp(t, "caller_bye", "udp", s, nil)
	recv(t, ends)
	eventually(t, "end logged", func() bool { mu.Lock(); defer mu.Unlock(); return strings.Contains(text.String(), "call ended") })
	for _, secret := range []string{"5557654321", "5551230001", "Caller\""} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, text.String())
		}
	}
	if !strings.Contains(text.String(), "4321") {
		t.Errorf("the last four digits are missing:\n%s", text.String())
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *strings.Builder
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}
