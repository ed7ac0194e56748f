package sipua

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// paper is a registration whose registrar is a function of the test, in fake time.
type paper struct {
	*Registration
	sent   list[time.Duration] // what each REGISTER asked for
	at     list[time.Time]
	pings  list[time.Time]
	states list[RegistrationState]
	gone   atomic.Bool // the connection
	end    context.CancelFunc
}

// list grows in one goroutine and is read in another.
type list[T any] struct {
	mu    sync.Mutex
	items []T
}

func (l *list[T]) add(item T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
}

func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

// onPaper runs a registration over a transport; answer gets the number of the REGISTER.
func onPaper(t *testing.T, transport string, answer func(ctx context.Context, n int) (*sip.Response, error)) *paper {
	t.Helper()
	life, end := context.WithCancel(t.Context())
	u := &UA{timing: defaultTiming(), log: slog.New(slog.DiscardHandler), life: life}
	p := &paper{end: end}
	r := &Registration{ua: u, user: "me", expires: time.Hour, left: make(chan struct{}), cfg: RegistrationConfig{
		Peer: "carrier", OnChange: func(s RegistrationState) { p.states.add(s) }}}
	r.active, r.leave = context.WithCancel(life)
	r.state = RegistrationState{Status: RegistrationTrying}
	r.link = link{
		send: func(ctx context.Context, expires time.Duration) (*sip.Response, flow, error) {
			p.sent.add(expires)
			p.at.add(time.Now())
			r.contact = "sip:me@192.0.2.1:5060"
			p.gone.Store(false)
			res, err := answer(ctx, len(p.sent.all()))
			return res, flow{transport: transport, source: "192.0.2.9:5060", host: "192.0.2.1"}, err
		},
		ping:  func(flow) error { p.pings.add(time.Now()); return nil },
		alive: func(flow) bool { return !p.gone.Load() },
	}
	p.Registration = r
	serves := make(chan struct{})
	close(serves)
	done := make(chan struct{})
	go func() { r.run(life, serves); close(done) }()
	t.Cleanup(func() { end(); <-done })
	return p
}

// after lets d pass and waits until everything has settled.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func ok200(headers ...Header) (*sip.Response, error) {
	res := sip.NewResponse(200, "OK")
	for _, h := range headers {
		res.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
	return res, nil
}

func TestRefreshBeforeTheBindingEnds(t *testing.T) {
	for name, c := range map[string]struct {
		headers []Header
		life    time.Duration
	}{
		"our contact":        {[]Header{{"Contact", "<sip:you@192.0.2.7>;expires=60, <sip:me@192.0.2.1:5060>;expires=600"}, {"Expires", "90"}}, 600 * time.Second},
		"expires header":     {[]Header{{"Contact", "<sip:me@192.0.2.1:5060>"}, {"Expires", "90"}}, 90 * time.Second},
		"what we asked for":  {[]Header{{"Contact", "<sip:me@192.0.2.1:5060>"}}, time.Hour},
		"no contact at all":  {nil, time.Hour},
		"rewritten contact":  {[]Header{{"Contact", "<sip:other@10.0.0.1>;expires=300"}}, 300 * time.Second},
		"older one of ours":  {[]Header{{"Contact", "<sip:me@198.51.100.1:5060>;expires=30"}, {"Contact", "<sip:me@192.0.2.1:5060>;expires=300"}}, 300 * time.Second},
		"more than a day":    {[]Header{{"Contact", "<sip:me@192.0.2.1:5060>;expires=4000000"}}, maxExpires},
		"shorter than asked": {[]Header{{"Contact", "<sip:me@192.0.2.1:5060>;expires=40"}}, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := onPaper(t, "udp", func(context.Context, int) (*sip.Response, error) { return ok200(c.headers...) })
				synctest.Wait()
				if s := p.State(); s.Status != RegistrationRegistered || time.Until(s.Expires) != c.life {
					t.Fatalf("state %+v, left %v", s, time.Until(s.Expires))
				}
				after(c.life * 76 / 100)
				if len(p.sent.all()) != 1 {
					t.Fatalf("refreshed too early")
				}
				after(c.life * 8 / 100)
				if len(p.sent.all()) != 2 || len(p.states.all()) != 1 {
					t.Errorf("%d REGISTERs, %d changes told", len(p.sent.all()), len(p.states.all()))
				}
			})
		})
	}
}

func TestNoBindingIsAFailure(t *testing.T) {
	for _, contact := range []string{"<sip:me@192.0.2.1:5060>;expires=0", "<sip:a@192.0.2.7>, <sip:b@192.0.2.7>"} {
		synctest.Test(t, func(t *testing.T) {
			p := onPaper(t, "udp", func(context.Context, int) (*sip.Response, error) { return ok200(Header{"Contact", contact}) })
			synctest.Wait()
			if s := p.State(); s.Status != RegistrationFailed || !errors.Is(s.Err, errNotBound) {
				t.Errorf("%s: %+v", contact, s)
			}
		})
	}
}

// Pauses grow from 2 s to 5 minutes, differ, and start anew after a success.
func TestRetriesBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(_ context.Context, n int) (*sip.Response, error) {
			if n == 20 {
				return ok200()
			}
			return nil, errDNSDown
		})
		after(3 * time.Hour)
		for i := 1; i < 20; i++ {
			most := min(firstRetry<<(i-1), lastRetry)
			if d := p.at.all()[i].Sub(p.at.all()[i-1]); d < most/2 || d > most {
				t.Errorf("pause %d is %v, at most %v was due", i, d, most)
			}
		}
		if len(p.at.all()) < 23 || p.at.all()[21].Sub(p.at.all()[20]) > firstRetry {
			t.Errorf("%d REGISTERs; the pause after a success that failed again is %v", len(p.at.all()), p.at.all()[21].Sub(p.at.all()[20]))
		}
		if len(p.states.all()) != 3 || p.states.all()[0].Status != RegistrationFailed || p.states.all()[1].Status != RegistrationRegistered || !errors.Is(p.states.all()[2].Err, errDNSDown) {
			t.Errorf("told %+v", p.states.all())
		}
		if p.states.all()[2].Expires.IsZero() {
			t.Error("a failed refresh forgets that the binding still holds")
		}
	})
}

// What only an operator can mend is not hammered at.
func TestRetriesThatAreInVain(t *testing.T) {
	refuse := func(status int) func(context.Context, int) (*sip.Response, error) {
		return func(context.Context, int) (*sip.Response, error) { return sip.NewResponse(status, "No"), nil }
	}
	for name, answer := range map[string]func(context.Context, int) (*sip.Response, error){
		"403": refuse(403), "404": refuse(404), "301": refuse(301), "302": refuse(302),
		"wrong password": func(context.Context, int) (*sip.Response, error) { return nil, ErrCredentials },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := onPaper(t, "udp", answer)
			after(time.Hour)
			if n := len(p.sent.all()); n < 6 || n > 13 || p.State().Status != RegistrationFailed {
				t.Errorf("%s: %d REGISTERs in an hour, %+v", name, n, p.State())
			}
			if name[0] == '3' && !errors.Is(p.State().Err, ErrMoved) {
				t.Errorf("%s: %v", name, p.State().Err)
			}
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(_ context.Context, n int) (*sip.Response, error) {
			res := sip.NewResponse(503, "Busy")
			res.AppendHeader(sip.NewHeader("Retry-After", map[int]string{1: "120 (maintenance);duration=60", 2: "999999"}[n]))
			return res, nil
		})
		after(time.Hour)
		if d := p.at.all()[1].Sub(p.at.all()[0]); d != 2*time.Minute {
			t.Errorf("asked to wait 120 s, waited %v", d)
		}
		if d := p.at.all()[2].Sub(p.at.all()[1]); d != vainRetry {
			t.Errorf("asked to wait for days, waited %v", d)
		}
		var status *StatusError
		if !errors.As(p.State().Err, &status) || status.Status != 503 {
			t.Errorf("state %+v", p.State())
		}
	})
}

// 423 raises what is asked for, for good and at once, and not for ever.
func TestIntervalTooBrief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(_ context.Context, n int) (*sip.Response, error) {
			if n == 1 {
				res := sip.NewResponse(423, "Interval Too Brief")
				res.AppendHeader(sip.NewHeader("Min-Expires", "7200"))
				return res, nil
			}
			return ok200()
		})
		after(2 * time.Hour)
		if len(p.sent.all()) != 3 || p.sent.all()[1] != 2*time.Hour || p.sent.all()[2] != 2*time.Hour || p.at.all()[1] != p.at.all()[0] {
			t.Errorf("asked for %v", p.sent.all())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(_ context.Context, n int) (*sip.Response, error) {
			res := sip.NewResponse(423, "Interval Too Brief")
			res.AppendHeader(sip.NewHeader("Min-Expires", []string{"3601", "3602", "3603", "3604", "3605", "3606"}[min(n-1, 5)]))
			return res, nil
		})
		synctest.Wait()
		if len(p.sent.all()) != 1+maxAgain || p.State().Status != RegistrationFailed {
			t.Errorf("asked for %v", p.sent.all())
		}
	})
}

func TestUnregister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(context.Context, int) (*sip.Response, error) { return ok200() })
		after(time.Minute)
		p.leave()
		<-p.left
		if p.sent.all()[len(p.sent.all())-1] != 0 || p.State().Status != RegistrationRemoved {
			t.Errorf("asked for %v, %+v", p.sent.all(), p.State())
		}
		n := len(p.pings.all())
		after(time.Hour)
		if len(p.sent.all()) != 2 || len(p.pings.all()) < n+100 {
			t.Errorf("%d REGISTERs; %d keep-alives for the calls that are left", len(p.sent.all()), len(p.pings.all())-n)
		}
	})
}

// A registrar that is gone does not hold the end up.
func TestUnregisterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "udp", func(ctx context.Context, n int) (*sip.Response, error) {
			if n == 1 {
				return ok200()
			}
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		after(50 * time.Minute) // in the middle of a refresh
		begin := time.Now()
		p.leave()
		<-p.left
		if d := time.Since(begin); d > defaultTiming().closeGrace || len(p.sent.all()) != 3 || p.sent.all()[2] != 0 {
			t.Errorf("took %v; asked for %v", d, p.sent.all())
		}
	})
}

func TestKeepAliveOfARegistration(t *testing.T) {
	for transport, bounds := range map[string][2]time.Duration{"udp": {24 * time.Second, 35 * time.Second}, "tcp": {95 * time.Second, 126 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			p := onPaper(t, transport, func(context.Context, int) (*sip.Response, error) { return ok200() })
			after(45 * time.Minute)
			if len(p.pings.all()) < 20 {
				t.Fatalf("%s: %d keep-alives", transport, len(p.pings.all()))
			}
			for i := 1; i < len(p.pings.all()); i++ {
				if d := p.pings.all()[i].Sub(p.pings.all()[i-1]); d < bounds[0] || d > bounds[1] {
					t.Errorf("%s: %v between two keep-alives", transport, d)
				}
			}
		})
	}
}

// A lost connection is replaced soon, but one that the registrar closes each time is not
// replaced in a hurry.
func TestLostConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onPaper(t, "tcp", func(context.Context, int) (*sip.Response, error) { return ok200() })
		after(10 * time.Minute)
		p.gone.Store(true)
		after(checkFlow)
		if len(p.sent.all()) != 2 {
			t.Fatalf("%d REGISTERs", len(p.sent.all()))
		}
		for range 600 {
			p.gone.Store(true)
			after(time.Second)
		}
		if n := len(p.sent.all()); n < 15 || n > 22 {
			t.Errorf("%d REGISTERs in ten minutes of lost connections", n)
		}
	})
}
