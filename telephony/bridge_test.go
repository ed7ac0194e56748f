package telephony

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// bridging is a service whose agent takes a call, brings in a human and bridges the two.
// What the agent does then is the test's.
func bridging(t *testing.T, p *phone.Phone, then func(ctx context.Context, c *Call, err error)) *Server {
	t.Helper()
	var s *Server
	s = dialling(t, p, Config{}, func(ctx context.Context, c *Call) {
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
			return
		}
		var bridged error
		err := s.Dial(ctx, Outbound{Trunk: "carrier", To: "+4930123456", From: c.Info().Caller}, HandlerFunc(func(ctx context.Context, human *Call) {
			bridged = Bridge(ctx, c, human)
		}))
		if err != nil {
			bridged = err
		}
		then(ctx, c, bridged)
	})
	return s
}

func callIn(t *testing.T, s *Server, opt phone.CallOptions) report {
	t.Helper()
	caller := human(t, "udp")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	opt.To = "sip:+15551230001@" + s.addr("udp")
	r, err := caller.Call(ctx, opt)
	return report{r, err}
}

func law(l transcode.Law, samples []int16) []byte {
	b := make([]byte, len(samples))
	l.EncodeTo(b, samples)
	return b
}

// Caller and human hear each other byte for byte, or by the tables of the two laws; keys
// pass; when the human hangs up the agent has the caller back. Where the machine stood still
// for a moment, which the phones notice, sounds have holes: that is worth another try.
func TestBridge(t *testing.T) {
	for name, tc := range map[string]struct{ caller, human phone.CallOptions }{
		"same law": {phone.CallOptions{Laws: []transcode.Law{transcode.PCMA}}, phone.CallOptions{Laws: []transcode.Law{transcode.PCMA}}},
		"laws and packet times differ": {phone.CallOptions{Laws: []transcode.Law{transcode.PCMU}, PTime: 30 * time.Millisecond},
			phone.CallOptions{Laws: []transcode.Law{transcode.PCMA}}},
	} {
		t.Run(name, func(t *testing.T) {
			for try := 1; ; try++ {
				caller, human, heard := bridged(t, tc.caller, tc.human)
				if heard {
					return
				}
				if try == 5 || !stoodStill(caller) && !stoodStill(human) {
					t.Fatalf("they did not hear each other bit by bit, in try %d\n%+v\n%+v", try, caller.Media, human.Media)
				}
			}
		})
	}
}

// stoodStill reports that a phone could not keep its pace, or missed that of the others.
func stoodStill(r report) bool {
	return r.Media.SkippedFrames > 0 || r.Media.Filled > 0 || r.Media.Concealed > 0
}

// bridged holds such a call. heard is false when sounds did not come across; all else fails the test.
func bridged(t *testing.T, callers, humans phone.CallOptions) (caller, colleague report, heard bool) {
	t.Helper()
	question, reply, sorry := tone(300, 600), tone(500, 600), tone(700, 300)
	p := human(t, "udp")
	ends := make(chan error, 1)
	s := bridging(t, p, func(ctx context.Context, c *Call, err error) {
		ends <- err
		c.Media().Play(9, law(c.Info().Law, sorry))
		c.Media().End(9)
		<-ctx.Done()
	})
	humans.Script = []phone.Step{phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Say{Clip: reply}, phone.Digits{Keys: "7#"}, phone.Pause{For: 300 * time.Millisecond}, phone.Hangup{}}
	callers.Script = []phone.Step{phone.Pause{For: 400 * time.Millisecond}, phone.Say{Clip: question}, phone.WaitSpeech{}, phone.WaitQuiet{For: time.Second}, phone.Hangup{}}
	taken := answer(t, p, phone.AnswerOptions{CallOptions: humans})
	caller = callIn(t, s, callers)
	colleague = <-taken
	if caller.err != nil || colleague.err != nil || colleague.EndedBy != phone.Us || caller.EndedBy != phone.Us {
		t.Fatalf("%v, %v, ended by %v and %v", caller.err, colleague.err, caller.EndedBy, colleague.EndedBy)
	}
	if caller.Media.EventPackets == 0 {
		t.Error("no key came across")
	}
	var ended *BridgeEnded
	if err := recv(t, ends); !errors.As(err, &ended) || !ended.Call.Info().Outbound || !errors.Is(err, ErrHungUp) || ended.Ended.By != Caller {
		t.Errorf("Bridge: %v", err)
	}
	cl, hl := caller.Law, colleague.Law
	heardByHuman, heardByCaller := law(cl, question), law(hl, reply)
	transcode.Convert(heardByHuman, cl, hl)
	transcode.Convert(heardByCaller, hl, cl)
	return caller, colleague, soundsLike(colleague.ReceivedAudio, heardByHuman, hl) && soundsLike(caller.ReceivedAudio, heardByCaller, cl) &&
		soundsLike(caller.ReceivedAudio, law(cl, sorry), cl)
}

// The caller hangs up: the human's call ends, too.
func TestBridgeEndsWithTheCaller(t *testing.T) {
	p := human(t, "udp")
	ends := make(chan error, 1)
	s := bridging(t, p, func(_ context.Context, _ *Call, err error) { ends <- err })
	taken := answer(t, p, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitSpeech{}, phone.WaitBye{}}}})
	caller := callIn(t, s, phone.CallOptions{Script: []phone.Step{phone.Pause{For: 300 * time.Millisecond}, phone.Say{Clip: tone(300, 300)}, phone.Hangup{}}})
	human := <-taken
	if caller.err != nil || human.err != nil || human.EndedBy != phone.Far || human.StepsDone != 2 {
		t.Errorf("%v, %v, human's call ended by %v", caller.err, human.err, human.EndedBy)
	}
	var ended *BridgeEnded
	if err := recv(t, ends); !errors.As(err, &ended) || ended.Call.Info().Outbound || !errors.Is(err, ErrHungUp) {
		t.Errorf("Bridge: %v", err)
	}
}

// Nobody answers: the caller is with the agent again.
func TestBridgeNotAnswered(t *testing.T) {
	sorry := tone(700, 300)
	p := human(t, "udp")
	ends := make(chan error, 1)
	s := bridging(t, p, func(ctx context.Context, c *Call, err error) {
		ends <- err
		for c.Media().Stats().PacketsIn == 0 && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
		}
		c.Media().Play(9, law(c.Info().Law, sorry))
		c.Media().End(9)
		<-ctx.Done()
	})
	taken := answer(t, p, phone.AnswerOptions{Refuse: 486})
	caller := callIn(t, s, phone.CallOptions{Script: []phone.Step{phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Hangup{}}})
	<-taken
	if caller.err != nil || !soundsLike(caller.ReceivedAudio, law(caller.Law, sorry), caller.Law) {
		t.Errorf("%v, the agent was not heard", caller.err)
	}
	if err := recv(t, ends); !errors.Is(err, ErrBusy) {
		t.Errorf("Dial: %v", err)
	}
}

func TestBridgeChecksItsCalls(t *testing.T) {
	p := human(t, "udp")
	s := dialling(t, p, Config{}, nil)
	taken := answer(t, p, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitBye{}}}})
	var over *Call
	err := s.Dial(t.Context(), Outbound{Trunk: "carrier", To: "+4930123456"}, HandlerFunc(func(ctx context.Context, c *Call) {
		over = c
		if err := Bridge(ctx, c, c); !errors.Is(err, ErrState) {
			t.Errorf("with itself: %v", err)
		}
		if err := Bridge(ctx, c, &Call{}); !errors.Is(err, ErrState) {
			t.Errorf("with a call that was not answered: %v", err)
		}
		if c.bridged {
			t.Error("a failed bridge keeps the call")
		}
		c.bridged = true
		if err := Bridge(ctx, &Call{answered: true}, c); !errors.Is(err, ErrBridged) {
			t.Errorf("in another bridge: %v", err)
		}
	}))
	if r := <-taken; err != nil || r.err != nil {
		t.Fatal(err, r.err)
	}
	var ended *BridgeEnded
	if err := Bridge(t.Context(), over, &Call{}); !errors.As(err, &ended) || ended.Call != over || !strings.Contains(err.Error(), "bridge") {
		t.Errorf("with a call that is over: %v", err)
	}
}
