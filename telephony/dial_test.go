package telephony

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// human is a phone that our calls go to.
func human(t *testing.T, transport string) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Config{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

type report struct {
	phone.Report
	err error
}

// answer takes the next call of p.
func answer(t *testing.T, p *phone.Phone, opt phone.AnswerOptions) <-chan report {
	t.Helper()
	ch := make(chan report, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		r, err := p.Answer(ctx, opt)
		ch <- report{r, err}
	}()
	return ch
}

// dialling is a server that may call anybody at p.
func dialling(t *testing.T, p *phone.Phone, cfg Config, h HandlerFunc) *Server {
	t.Helper()
	cfg.Trunks = []Trunk{{Name: "carrier", Sources: prefixes("127.0.0.0/8"), Dials: []string{"+4930*", "sip:desk@127.0.0.1*"},
		Server: p.URI("trunk"), CallerID: "+4940555", Credentials: Credentials{Username: "u", Password: "secret"}}}
	if h == nil {
		h = func(context.Context, *Call) { t.Error("somebody called") }
	}
	return start(t, cfg, h)
}

func tone(hz float64, ms int) []int16 {
	out := make([]int16, ms*8)
	for i := range out {
		out[i] = transcode.PCMU.Decode(transcode.PCMU.Encode(int16(9000 * math.Sin(2*math.Pi*hz*float64(i)/8000))))
	}
	return out
}

func TestDial(t *testing.T) {
	hello := tone(300, 400)
	for _, transport := range transports {
		for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
			p := human(t, transport)
			s := dialling(t, p, Config{}, nil)
			taken := answer(t, p, phone.AnswerOptions{Ring: 50 * time.Millisecond, Login: &phone.Login{Username: "u", Password: "secret", Proxy: transport == "tcp"},
				CallOptions: phone.CallOptions{Laws: []transcode.Law{law}, Script: []phone.Step{phone.WaitSpeech{}, phone.WaitQuiet{For: 200 * time.Millisecond}, phone.Digits{Keys: "1"}, phone.WaitBye{}}}})
			rang := 0
			err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456", CallerName: "Agent", Progress: func(status int) { rang = status }},
				HandlerFunc(func(ctx context.Context, c *Call) {
					info := c.Info()
					if !info.Outbound || info.Dialled != "+4930123456" || info.Caller != "+4940555" || info.Law != law || info.Trunk != "carrier" ||
						info.SIPCallID == "" || len(info.ID) != 24 || info.Transport != transport || !info.Source.IsValid() {
						t.Errorf("info %+v", info)
					}
					for _, err := range []error{c.Ring(), c.Answer(ctx), c.Reject(486, "Busy Here", 0)} {
						if !errors.Is(err, ErrState) {
							t.Errorf("%v, want ErrState", err)
						}
					}
					if st := s.Stats(); st.Active != 1 || st.PortsInUse != 1 || st.Dialled != 1 {
						t.Errorf("stats %+v", st)
					}
					audio := make([]byte, len(hello))
					law.EncodeTo(audio, hello)
					c.Media().Play(1, audio)
					c.Media().End(1)
					select { // the human has heard all
					case <-c.Digits():
					case <-ctx.Done():
						t.Errorf("ended: %v", c.Ended())
					}
				}))
			r := <-taken
			if err != nil || r.err != nil || r.EndedBy != phone.Far || r.Asked != "+4930123456" || rang != 180 || !strings.Contains(r.ByeReason, "done") {
				t.Errorf("%v; %v, %+v, rang %d", err, r.err, r.EndedBy, rang)
			}
			want := make([]byte, len(hello))
			law.EncodeTo(want, hello)
			if !soundsLike(r.ReceivedAudio, want, law) {
				t.Error("the human did not hear it")
			}
		}
	}
}

// soundsLike reports whether all of want was heard in order; a busy machine may have put
// silence in between.
func soundsLike(got, want []byte, law transcode.Law) bool {
	strip := func(b []byte) string {
		quiet := [2]byte{law.Silence(), transcode.Table(1-law, law)[(1 - law).Silence()]}
		return strings.Map(func(r rune) rune {
			if byte(r) == quiet[0] || byte(r) == quiet[1] {
				return -1
			}
			return r
		}, string(latin(b)))
	}
	return strings.Contains(strip(got), strip(want))
}

// latin is bytes as one rune each.
func latin(b []byte) []rune {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return r
}

func TestDialFails(t *testing.T) {
	p := human(t, "udp")
	var mu sync.Mutex
	var text strings.Builder
	s := dialling(t, p, Config{Log: slog.New(slog.NewTextHandler(lockedWriter{&mu, &text}, &slog.HandlerOptions{Level: slog.LevelDebug}))}, nil)
	h := HandlerFunc(func(context.Context, *Call) { t.Error("served") })
	for status, want := range map[int]error{486: ErrBusy, 600: ErrBusy, 480: ErrNoAnswer, 302: ErrRedirected, 404: nil} {
		taken := answer(t, p, phone.AnswerOptions{Refuse: status, Redirect: "sip:+1900666@127.0.0.1:5060"})
		err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456"}, h)
		<-taken
		var refused *DialError
		if !errors.As(err, &refused) || refused.Status != status || want != nil && !errors.Is(err, want) || strings.Contains(err.Error(), "123456") {
			t.Errorf("%d: %v", status, err)
		}
	}
	taken := answer(t, p, phone.AnswerOptions{NoAnswer: true})
	if err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456", RingTimeout: 100 * time.Millisecond}, h); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("no answer: %v", err)
	}
	var gone *phone.CallError
	if r := <-taken; !errors.As(r.err, &gone) || gone.Status != 487 {
		t.Errorf("the phone rings on: %v", r.err)
	}
	if st := s.Stats(); st.Active != 0 || st.PortsInUse != 0 || st.Dialled != 0 {
		t.Errorf("stats %+v", st)
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(text.String(), "123456") || strings.Contains(text.String(), "secret") {
		t.Errorf("a number or a password is in the log:\n%s", text.String())
	}
}

func TestDialIsNotAllowed(t *testing.T) {
	p := human(t, "udp")
	s := dialling(t, p, Config{}, nil)
	for out, want := range map[Outbound2]error{
		{"carrier", "+4940123456"}: ErrDialNotAllowed, {"carrier", "sip:desk@192.0.2.1"}: ErrDialNotAllowed, {"carrier", "+1900123456"}: ErrDialNotAllowed,
		{"carrier", ""}: ErrDialTarget, {"carrier", "desk"}: ErrDialTarget, {"carrier", "sip:desk@127.0.0.1>"}: ErrDialTarget, {"none", "+4930123456"}: ErrNoTrunk,
	} {
		err := s.Dial(t.Context(), Outbound{Trunk: out.trunk, To: out.to}, HandlerFunc(func(context.Context, *Call) { t.Error("served") }))
		if !errors.Is(err, want) || strings.Contains(err.Error(), "123456") {
			t.Errorf("%v: %v, want %v", out, err, want)
		}
	}
	if _, _, err := (&Server{trunks: newTrunks([]Trunk{{Name: "a", Dials: []string{"*"}}})}).route(Outbound{Trunk: "a", To: "112"}); !errors.Is(err, ErrNoServer) {
		t.Errorf("no server: %v", err)
	}
	if _, _, err := (&Server{trunks: newTrunks([]Trunk{{Name: "a", Server: "sip:h"}})}).route(Outbound{Trunk: "a", To: "112"}); !errors.Is(err, ErrDialNotAllowed) {
		t.Errorf("empty list: %v", err)
	}
	s.Drain()
	if err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456"}, HandlerFunc(func(context.Context, *Call) {})); !errors.Is(err, ErrShutdown) {
		t.Errorf("draining: %v", err)
	}
}

// Outbound2 is the part of Outbound that can be a map's key.
type Outbound2 struct{ trunk, to string }

func TestDialHasLimits(t *testing.T) {
	p := human(t, "udp")
	s := dialling(t, p, Config{Limits: Limits{Calls: 1}}, nil)
	taken := answer(t, p, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitBye{}}}})
	nothing := HandlerFunc(func(context.Context, *Call) { t.Error("served") })
	err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456"}, HandlerFunc(func(ctx context.Context, c *Call) {
		if err := s.Dial(ctx, Outbound{Trunk: "carrier", To: "+4930123456"}, nothing); !errors.Is(err, ErrLimit) {
			t.Errorf("a second call: %v", err)
		}
	}))
	if r := <-taken; err != nil || r.err != nil {
		t.Errorf("%v, %v", err, r.err)
	}
}

// All the ways in which a call of ours ends.
func TestDialEnds(t *testing.T) {
	errEnough := errors.New("enough")
	for name, tc := range map[string]struct {
		script []phone.Step
		h      func(ctx context.Context, cancel func(error), c *Call)
		by     Party
		want   error
	}{
		"the far end hangs up": {[]phone.Step{phone.Hangup{}}, func(ctx context.Context, _ func(error), _ *Call) { <-ctx.Done() }, Caller, ErrHungUp},
		"the owner is gone": {[]phone.Step{phone.WaitBye{}}, func(ctx context.Context, cancel func(error), _ *Call) { cancel(errEnough); <-ctx.Done() },
			System, errEnough},
		"Hangup": {[]phone.Step{phone.WaitBye{}}, func(ctx context.Context, _ func(error), c *Call) {
			if err := c.Hangup(context.Background(), Agent, "goodbye"); err != nil || ctx.Err() == nil {
				t.Errorf("%v, %v", err, ctx.Err())
			}
		}, Agent, nil},
		"a panic": {[]phone.Step{phone.WaitBye{}}, func(context.Context, func(error), *Call) { panic("boom") }, System, ErrPanic},
		"hold":    {[]phone.Step{phone.Hold{}}, func(ctx context.Context, _ func(error), c *Call) { <-c.Held(); <-ctx.Done() }, Caller, ErrHungUp},
	} {
		t.Run(name, func(t *testing.T) {
			p := human(t, "udp")
			s := dialling(t, p, Config{}, nil)
			taken := answer(t, p, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: tc.script}})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var call *Call
			err := s.Dial(ctx, Outbound{Trunk: "carrier", To: "+4930123456"}, HandlerFunc(func(ctx context.Context, c *Call) {
				call = c
				tc.h(ctx, cancel, c)
			}))
			if r := <-taken; err != nil || r.err != nil {
				t.Errorf("%v, %v", err, r.err)
			}
			if e := call.Ended(); e == nil || e.By != tc.by || tc.want != nil && !errors.Is(e, tc.want) {
				t.Errorf("ended %+v", e)
			}
		})
	}
}

// An answer that names an address where media must not go is hung up.
func TestDialBadAnswer(t *testing.T) {
	p := human(t, "udp")
	s := start(t, Config{Trunks: []Trunk{{Name: "carrier", Sources: prefixes("127.0.0.0/8"), MediaNetworks: prefixes("192.0.2.0/24"),
		Dials: []string{"*"}, Server: p.URI("trunk")}}}, nil)
	taken := answer(t, p, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitBye{}}}})
	err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "112"}, HandlerFunc(func(context.Context, *Call) { t.Error("served") }))
	if r := <-taken; !errors.Is(err, ErrBadAnswer) || r.err != nil || !strings.Contains(r.ByeReason, "488") {
		t.Errorf("%v; %v, %q", err, r.err, r.ByeReason)
	}
}
