package phone

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/transcode"
)

// clip is ms milliseconds of a tone whose samples survive both laws' round trip.
func clip(hz float64, ms int) []int16 {
	out := make([]int16, ms*8)
	for i := range out {
		s := int16(9000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
		out[i] = transcode.PCMU.Decode(transcode.PCMU.Encode(s))
	}
	return out
}

func lawBytes(law transcode.Law, s []int16) []byte {
	b := make([]byte, len(s))
	law.EncodeTo(b, s)
	return b
}

// heard reports that all of a clip was received, in order. A machine too busy to
// keep the pace puts silence between frames: bytes of silence do not count.
func heard(r Report, clip []int16) bool {
	sound := func(b []byte) []byte {
		return slices.DeleteFunc(slices.Clone(b), func(c byte) bool { return c == r.Law.Silence() })
	}
	return bytes.Contains(sound(r.ReceivedAudio), sound(lawBytes(r.Law, clip)))
}

func newPhone(t *testing.T, transport string) *Phone {
	t.Helper()
	p, err := New(Config{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close phone: %v", err)
		}
		if n := p.ports.InUse(); n != 0 {
			t.Errorf("the phone still has %d ports", n)
		}
	})
	return p
}

func place(t *testing.T, p *Phone, opt CallOptions) (Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return p.Call(ctx, opt)
}

// A whole conversation: greeting, a turn, a barge-in, and our hang-up, over both
// transports and both laws.
func TestConversation(t *testing.T) {
	greeting, question, answer := clip(300, 600), clip(500, 400), clip(700, 3000)
	for _, c := range []struct {
		transport string
		law       transcode.Law
	}{{"udp", transcode.PCMU}, {"tcp", transcode.PCMA}} {
		t.Run(c.transport+" "+c.law.String(), func(t *testing.T) {
			a := newAgent(t, c.transport, func(a *agent) {
				a.laws = []transcode.Law{c.law}
				a.talk = func(s *agentCall) {
					s.say(1, greeting)
					for id := uint64(2); s.hearTurn(s.Flush); id++ {
						s.say(id, answer)
					}
				}
			})
			var kinds []EventKind
			var wav bytes.Buffer
			r, err := place(t, newPhone(t, c.transport), CallOptions{
				To: a.uri(), From: "4930123456", Record: &wav,
				OnEvent: func(e Event) { kinds = append(kinds, e.Kind) },
				Script: []Step{
					WaitSpeech{}, WaitQuiet{For: 300 * time.Millisecond},
					Say{Clip: question}, WaitSpeech{},
					SayOver{Clip: question, After: 400 * time.Millisecond},
					WaitQuiet{For: 300 * time.Millisecond}, Hangup{},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			checkConversation(t, r, c.law, question, kinds)
			w, err := transcode.ReadWAV(&wav)
			if err != nil || len(w.Samples) != len(r.ReceivedAudio) {
				t.Errorf("record: %d samples, %v", len(w.Samples), err)
			}
			if !heard(r, greeting) {
				t.Errorf("the greeting was not received bit by bit: %+v", r.Media)
			}
		})
	}
}

func checkConversation(t *testing.T, r Report, law transcode.Law, question []int16, kinds []EventKind) {
	t.Helper()
	if r.Law != law || r.EndedBy != Us || r.StepsDone != 7 {
		t.Errorf("%v, ended by %q after %d steps", r.Law, r.EndedBy, r.StepsDone)
	}
	if r.Ringing <= 0 || r.Answered < r.Ringing || r.Ended < r.Answered {
		t.Errorf("ringing %v, answered %v, ended %v", r.Ringing, r.Answered, r.Ended)
	}
	if want := append(lawBytes(law, question), lawBytes(law, question)...); !bytes.Equal(r.SentAudio, want) {
		t.Errorf("%d bytes sent, want %d", len(r.SentAudio), len(want))
	}
	if len(r.Turns) != 2 || !r.Turns[0].Answered || !r.Turns[1].Answered {
		t.Fatalf("turns %+v", r.Turns)
	}
	if l := r.Turns[0].Latency; l <= 0 || l > 5*time.Second {
		t.Errorf("latency %v", l)
	}
	if len(r.BargeIns) != 1 || !r.BargeIns[0].Quiet || r.BargeIns[0].Silence > 2900*time.Millisecond || r.BargeIns[0].Heard < 300*time.Millisecond {
		t.Errorf("barge-ins %+v", r.BargeIns)
	}
	if r.Media.PacketsIn < 50 || r.Media.PacketsOut < 50 || r.Media.Bad.Total() != 0 || len(r.SentHash) != 64 || len(r.ReceivedHash) != 64 {
		t.Errorf("%+v", r.Media)
	}
	kinds = slices.DeleteFunc(kinds, func(k EventKind) bool { return k == Ringing })
	first := []EventKind{Answered, Heard, Silent, Saying, Said, Heard, Saying}
	if len(kinds) < len(first) || !slices.Equal(kinds[:len(first)], first) || kinds[len(kinds)-1] != Ended {
		t.Errorf("events %v", kinds)
	}
}

func TestDigitsArrive(t *testing.T) {
	keys := make(chan rune, 10)
	a := newAgent(t, "udp", func(a *agent) {
		a.talk = func(s *agentCall) {
			for {
				select {
				case d := <-s.Digits():
					if keys <- rune(d); d == '#' {
						return
					}
				case <-s.over:
					return
				}
			}
		}
	})
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri(), Script: []Step{Digits{"12*3#"}, WaitBye{}}})
	var got []rune
	for len(keys) > 0 {
		got = append(got, <-keys)
	}
	if err != nil || string(got) != "12*3#" || r.EndedBy != Far {
		t.Errorf("got %q, ended by %q, %v", string(got), r.EndedBy, err)
	}
}

// The far end hangs up in the middle of the script.
func TestFarEndHangsUp(t *testing.T) {
	a := newAgent(t, "udp", func(a *agent) { a.talk = func(*agentCall) {} })
	for _, script := range [][]Step{
		{Pause{For: time.Minute}}, {WaitSpeech{}, Hangup{}}, {Say{Clip: clip(300, 5000)}},
	} {
		r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri(), Script: script})
		if err != nil || r.EndedBy != Far || r.StepsDone != 0 {
			t.Errorf("%v: ended by %q after %d steps, %v", script[0], r.EndedBy, r.StepsDone, err)
		}
	}
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri(), Script: []Step{WaitBye{}}})
	if err != nil || r.EndedBy != Far || r.StepsDone != 1 {
		t.Errorf("ended by %q after %d steps, %v", r.EndedBy, r.StepsDone, err)
	}
}

func TestRefused(t *testing.T) {
	a := newAgent(t, "udp", func(a *agent) { a.refuse = 486 })
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri()})
	var refused *CallError
	if !errors.As(err, &refused) || refused.Status != 486 || r.EndedBy != Nobody || r.Answered != 0 || r.Ringing == 0 {
		t.Errorf("%v, %+v", err, r)
	}
}

// The caller gives up while it rings: CANCEL, and no call.
func TestCancelled(t *testing.T) {
	a := newAgent(t, "udp", func(a *agent) { a.ring = make(chan struct{}) })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := newPhone(t, "udp").Call(ctx, CallOptions{To: a.uri(), OnEvent: func(e Event) {
		if e.Kind == Ringing {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || r.EndedBy != Nobody {
		t.Errorf("%v, ended by %q", err, r.EndedBy)
	}
}

// The context ends in mid-call: the error names the step, and the call is hung up.
func TestContextEndsTheCall(t *testing.T) {
	a := newAgent(t, "udp", nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := newPhone(t, "udp").Call(ctx, CallOptions{To: a.uri(), Script: []Step{WaitSpeech{}}, OnEvent: func(e Event) {
		if e.Kind == Answered {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "step 1 (wait for speech)") || r.EndedBy != Us {
		t.Errorf("%v, ended by %q", err, r.EndedBy)
	}
}

func TestNobodyThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	silent := portOfNobody(t)
	_, err := newPhone(t, "udp").Call(ctx, CallOptions{To: silent})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("udp: %v", err)
	}
	_, err = place(t, newPhone(t, "tcp"), CallOptions{To: silent})
	var refused *CallError
	if !errors.As(err, &refused) || refused.Status != 503 || refused.Err == nil {
		t.Errorf("tcp: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	if _, err := New(Config{Transport: "smoke signals"}); err == nil {
		t.Error("any transport is accepted")
	}
	p := newPhone(t, "udp")
	for _, opt := range []CallOptions{{To: "::"}, {To: "sip:a@127.0.0.1", From: "sip:["}} {
		if _, err := place(t, p, opt); err == nil {
			t.Errorf("%+v was accepted", opt)
		}
	}
	a := newAgent(t, "udp", nil)
	_, err := place(t, p, CallOptions{To: a.uri(), Script: []Step{Digits{"x"}}})
	if !errors.Is(err, media.ErrDigits) {
		t.Errorf("a wrong key: %v", err)
	}
}

// Many calls at once on one phone keep apart: each hears its own tone.
func TestManyCalls(t *testing.T) {
	a := newAgent(t, "udp", func(a *agent) {
		a.talk = func(s *agentCall) { // an echo
			for {
				select {
				case f := <-s.frames:
					s.Play(1, f)
				case <-s.over:
					return
				}
			}
		}
	})
	p := newPhone(t, "udp")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			mine := clip(float64(300+50*i), 400)
			r, err := place(t, p, CallOptions{To: a.uri(), PTime: time.Duration(10+10*(i%3)) * time.Millisecond,
				Script: []Step{Pause{For: 100 * time.Millisecond}, Say{Clip: mine}, WaitQuiet{}, Hangup{}}})
			if err != nil || !heard(r, mine[160:3040]) {
				t.Errorf("call %d: %d bytes back, %v", i, len(r.ReceivedAudio), err)
			}
		})
	}
	wg.Wait()
}

func TestDropAudio(t *testing.T) {
	a := newAgent(t, "udp", func(a *agent) {
		a.talk = func(s *agentCall) { s.say(1, clip(300, 300)); <-s.over }
	})
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri(), DropAudio: true, Script: []Step{Say{Clip: clip(300, 100)}, WaitQuiet{}}})
	if err != nil || r.SentAudio != nil || r.ReceivedAudio != nil || r.SentHash == "" {
		t.Errorf("%v, %d and %d bytes", err, len(r.SentAudio), len(r.ReceivedAudio))
	}
}
