package phone

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/transcode"
)

// office is the service's own phone side as the far end.
type office struct {
	*telephony.Server
	network string
}

func newOffice(t *testing.T, network string, serve func(context.Context, *telephony.Call)) *office {
	t.Helper()
	o := &office{network: network}
	s, err := telephony.Listen(telephony.Config{
		SIP: telephony.SIP{Listen: []string{network + "://127.0.0.1:0"}},
		Trunks: []telephony.Trunk{{Name: "phone", Sources: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Transfers: []string{"+4930*", "sip:desk@pbx.test"}}},
	}, telephony.HandlerFunc(serve))
	if err != nil {
		t.Fatal(err)
	}
	o.Server = s
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(context.Background()) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
		if st := s.Stats(); st.Active != 0 || st.PortsInUse != 0 || st.Panics != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
	return o
}

func (o *office) uri() string {
	uri := "sip:+15551230001@" + o.Addrs()[0].Addr.String()
	if o.network == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// listener keeps what the caller said.
type listener struct {
	mu    sync.Mutex
	audio []byte
}

func (l *listener) hear(f []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.audio = append(l.audio, f...)
}

func (l *listener) heard(law transcode.Law, clip []int16) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return heard(Report{Law: law, ReceivedAudio: l.audio}, clip)
}

// On hold the agent stops in mid-word and goes on with it afterwards; music is not heard.
func TestHoldAndResume(t *testing.T) {
	speech, music, thanks := clip(300, 2500), clip(900, 400), clip(500, 300)
	for i, kind := range []HoldKind{SendOnly, Inactive, Nowhere} {
		network := []string{"udp", "tcp", "udp"}[i]
		t.Run(kind.String(), func(t *testing.T) {
			var ear listener
			told := make(chan bool, 10)
			o := newOffice(t, network, func(ctx context.Context, c *telephony.Call) {
				c.Media().Attach(ear.hear)
				_ = c.Answer(ctx)
				for c.Media().Stats().PacketsIn == 0 && ctx.Err() == nil { // until the phone listens
					<-time.After(5 * time.Millisecond)
				}
				c.Media().Play(1, lawBytes(c.Info().Law, speech))
				c.Media().End(1)
				for ctx.Err() == nil {
					select {
					case on := <-c.Held():
						told <- on
					case <-ctx.Done():
					}
				}
			})
			script := []Step{WaitSpeech{}, Pause{For: 300 * time.Millisecond}, Hold{As: kind}, Pause{For: time.Second}}
			if kind == SendOnly {
				script = append(script, Say{Clip: music})
			}
			script = append(script, Resume{}, WaitSpeech{}, WaitQuiet{}, Say{Clip: thanks}, Pause{For: 200 * time.Millisecond}, Hangup{})
			r, err := place(t, newPhone(t, network), CallOptions{To: o.uri(), Laws: []transcode.Law{transcode.PCMA}, Script: script})
			if err != nil || r.StepsDone != len(script) || r.EndedBy != Us {
				t.Fatalf("%v after %d steps, ended by %q", err, r.StepsDone, r.EndedBy)
			}
			if !heard(r, speech) {
				t.Errorf("the speech was torn: %+v", r.Media)
			}
			if r.Media.OnHold > 3 { // a packet may still be on its way
				t.Errorf("%d packets came on hold", r.Media.OnHold)
			}
			if ear.heard(r.Law, music[:800]) || !ear.heard(r.Law, thanks) {
				t.Error("the agent heard the music, or not what was said after it")
			}
			if on, off := <-told, <-told; !on || off || len(told) != 0 {
				t.Errorf("told %v, %v", on, off)
			}
		})
	}
}

// The phone takes the transfer, and the far end ends the call.
func TestTakeTransfer(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for target, want := range map[string]string{"+4930123": "sip:+4930123@127.0.0.1:", "sip:desk@pbx.test": "sip:desk@pbx.test"} {
			ends := make(chan *telephony.Ended, 1)
			o := newOffice(t, network, func(ctx context.Context, c *telephony.Call) {
				_ = c.Answer(ctx)
				if err := c.Transfer(ctx, target); err != nil {
					t.Error(err)
				}
				ends <- c.Ended()
			})
			r, err := place(t, newPhone(t, network), CallOptions{To: o.uri(), Script: []Step{TakeTransfer{Reports: []int{100, 180, 200}}, WaitBye{}}})
			if err != nil || r.EndedBy != Far || r.StepsDone != 2 || !strings.Contains(r.ByeReason, "transferred") ||
				len(r.Transfers) != 1 || !strings.HasPrefix(r.Transfers[0], want) {
				t.Errorf("%v, %+v", err, r)
			}
			if e := <-ends; e == nil || e.By != telephony.Agent || !errors.Is(e, telephony.ErrTransferred) {
				t.Errorf("ended %+v", e)
			}
		}
	}
}

// The phone may also hang up itself once it has reported.
func TestTakeTransferAndHangUp(t *testing.T) {
	ends := make(chan *telephony.Ended, 1)
	o := newOffice(t, "udp", func(ctx context.Context, c *telephony.Call) {
		_ = c.Answer(ctx)
		if err := c.Transfer(ctx, "+4930123"); err != nil {
			t.Error(err)
		}
		ends <- c.Ended()
	})
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), Script: []Step{TakeTransfer{Reports: []int{200}}, Hangup{}}})
	if err != nil || r.EndedBy != Us {
		t.Errorf("%v, ended by %q", err, r.EndedBy)
	}
	if e := <-ends; !errors.Is(e, telephony.ErrTransferred) {
		t.Errorf("ended %+v", e)
	}
}

// When a transfer fails the agent has the caller back, on hold or not.
func TestTransferFails(t *testing.T) {
	sorry := clip(300, 400)
	for name, c := range map[string]struct {
		script []Step
		status int
	}{
		"refused":        {[]Step{RefuseTransfer{}}, 603},
		"not understood": {[]Step{RefuseTransfer{Status: 405}}, 405},
		"busy":           {[]Step{TakeTransfer{Reports: []int{100, 486}}}, 486},
		"on hold":        {[]Step{Hold{}, TakeTransfer{Reports: []int{100, 404}}, Resume{}}, 404},
		"unexpected":     {nil, 603},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "udp", func(ctx context.Context, call *telephony.Call) {
				_ = call.Answer(ctx)
				var failed *telephony.TransferError
				if err := call.Transfer(ctx, "+4930123"); !errors.As(err, &failed) || failed.Status != c.status {
					t.Errorf("%v, want %d", err, c.status)
				}
				call.Media().Play(1, lawBytes(call.Info().Law, sorry))
				call.Media().End(1)
				<-ctx.Done()
			})
			r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), Script: append(c.script, WaitQuiet{}, Hangup{})})
			if err != nil || !heard(r, sorry) || r.EndedBy != Us {
				t.Errorf("%v, ended by %q, %d bytes heard", err, r.EndedBy, len(bytes.Trim(r.ReceivedAudio, "\xff")))
			}
		})
	}
}

// A far end that refuses the hold ends the script.
func TestHoldRefused(t *testing.T) {
	a := newAgent(t, "udp", nil)
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: a.uri(), Script: []Step{Hold{}}})
	var refused *CallError
	if !errors.As(err, &refused) || refused.Status != 488 || !strings.Contains(err.Error(), "step 1 (hold: sendonly)") || r.EndedBy != Us {
		t.Errorf("%v, ended by %q", err, r.EndedBy)
	}
}
