package phone

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

// answer takes the next call of p.
func answer(t *testing.T, p *Phone, opt AnswerOptions) <-chan result {
	t.Helper()
	ch := make(chan result, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		r, err := p.Answer(ctx, opt)
		ch <- result{r, err}
	}()
	return ch
}

type result struct {
	Report
	err error
}

// Two phones call each other.
func TestAnswer(t *testing.T) {
	hello, bye := clip(300, 300), clip(700, 300)
	for _, transport := range []string{"udp", "tcp"} {
		for name, opt := range map[string]AnswerOptions{"at once": {}, "after ringing": {Ring: 100 * time.Millisecond}, "early": {Ring: 100 * time.Millisecond, Early: true}} {
			if transport == "tcp" && opt.Ring > 0 {
				continue
			}
			t.Run(transport+", "+name, func(t *testing.T) {
				t.Parallel()
				opt.Laws = []transcode.Law{transcode.PCMA}
				opt.Script = []Step{WaitSpeech{}, WaitQuiet{}, Say{Clip: bye}, Pause{For: 100 * time.Millisecond}, Hangup{}}
				a, b := newPhone(t, transport), newPhone(t, transport)
				taken := answer(t, b, opt)
				r, err := place(t, a, CallOptions{To: b.URI("4930"), Script: []Step{Say{Clip: hello}, WaitBye{}}})
				got := <-taken
				if err != nil || got.err != nil || r.EndedBy != Far || got.EndedBy != Us || got.Asked != "4930" || got.Law != transcode.PCMA || got.StepsDone != 5 {
					t.Errorf("%s, %s: %v, %v, %+v", transport, name, err, got.err, got.Report.StepsDone)
				}
				if !heard(r, bye) || !heard(got.Report, hello) {
					t.Errorf("%s, %s: they did not hear each other", transport, name)
				}
				if (r.Ringing > 0) != (opt.Ring > 0) {
					t.Errorf("%s, %s: rang after %v", transport, name, r.Ringing)
				}
			})
		}
	}
}

func TestAnswerHoldsAndIsHungUp(t *testing.T) {
	a, b := newPhone(t, "udp"), newPhone(t, "udp")
	taken := answer(t, b, AnswerOptions{CallOptions: CallOptions{Script: []Step{Hold{}}}})
	_, err := place(t, a, CallOptions{To: b.URI("x"), Script: []Step{WaitBye{}}})
	got := <-taken
	var refused *CallError
	if err != nil || !errors.As(got.err, &refused) || refused.Status != 488 { // a phone does not take offers
		t.Errorf("%v, %v", err, got.err)
	}
}

func TestAnswerRefuses(t *testing.T) {
	a, b := newPhone(t, "udp"), newPhone(t, "udp")
	for _, opt := range []AnswerOptions{{Refuse: 486}, {Refuse: 603, Ring: 50 * time.Millisecond}, {Refuse: 302, Redirect: "sip:x@127.0.0.1"}} {
		taken := answer(t, b, opt)
		_, err := place(t, a, CallOptions{To: b.URI("x")})
		got := <-taken
		var refused, refuses *CallError
		if !errors.As(err, &refused) || refused.Status != opt.Refuse || !errors.As(got.err, &refuses) || refuses.Status != opt.Refuse {
			t.Errorf("%d: %v, %v", opt.Refuse, err, got.err)
		}
	}
}

func TestAnswerInVain(t *testing.T) {
	a, b := newPhone(t, "udp"), newPhone(t, "udp")
	taken := answer(t, b, AnswerOptions{NoAnswer: true})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = a.Call(ctx, CallOptions{To: b.URI("x"), OnEvent: func(e Event) {
			if e.Kind == Ringing {
				cancel()
			}
		}})
	}()
	got := <-taken
	<-over
	var gone *CallError
	if !errors.As(got.err, &gone) || gone.Status != 487 {
		t.Errorf("%v", got.err)
	}
	nobody, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	if _, err := b.Answer(nobody, AnswerOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody called: %v", err)
	}
}

// The phone answers with one of its own laws, whatever the order of the offer.
func TestAnswerNamesTheLaw(t *testing.T) {
	c := &call{phone: newPhone(t, "udp"), opt: CallOptions{Laws: []transcode.Law{transcode.PCMU, transcode.PCMA}, PTime: frame}}
	var err error
	if c, err = c.phone.newCall(c.opt); err != nil {
		t.Fatal(err)
	}
	defer c.media.Close()
	c.describe(sdp.Negotiated{Law: transcode.PCMA})
	if len(c.offer.laws) != 1 || c.offer.laws[0] != transcode.PCMA || len(c.opt.Laws) != 2 {
		t.Errorf("laws %v of %v", c.offer.laws, c.opt.Laws)
	}
}
