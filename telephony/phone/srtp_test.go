package phone

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/transcode"
)

var suites = []string{"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32",
	"AEAD_AES_128_GCM", "AEAD_AES_256_GCM"}

// talker is an office that says a speech once the phone is heard, and listens.
func talker(t *testing.T, speech []int16, ear *listener, calls chan<- *telephony.Call) *office {
	return newOffice(t, "udp", func(ctx context.Context, c *telephony.Call) {
		c.Media().Attach(ear.hear)
		_ = c.Answer(ctx)
		for c.Media().Stats().PacketsIn == 0 && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
		}
		c.Media().Play(1, lawBytes(c.Info().Law, speech))
		c.Media().End(1)
		if calls != nil {
			calls <- c
		}
		<-ctx.Done()
	})
}

// Both ends hear each other byte for byte, under each suite and both profiles.
func TestEncryptedCall(t *testing.T) {
	speech, thanks := clip(300, 600), clip(500, 300)
	for i, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			var ear listener
			calls := make(chan *telephony.Call, 1)
			o := talker(t, speech, &ear, calls)
			r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), SRTP: SRTP{Suites: []string{suite}, Opportunistic: i%2 == 1},
				Script: []Step{WaitSpeech{}, WaitQuiet{}, Say{Clip: thanks}, Pause{For: 200 * time.Millisecond}, Hangup{}}})
			if err != nil || !heard(r, speech) || !ear.heard(r.Law, thanks) {
				t.Errorf("%v, %+v", err, r.Media)
			}
			c := <-calls
			if st := c.Media().Stats(); c.Info().SRTP != suite || c.SRTP() != suite || r.Media.SRTP != suite || st.Bad.Total()+r.Media.Bad.Total() != 0 {
				t.Errorf("%q, %q, %q: %+v, %+v", c.Info().SRTP, c.SRTP(), r.Media.SRTP, st.Bad, r.Media.Bad)
			}
			if st := o.Stats(); st.Encrypted != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// The phone's first choice that both know is taken, and a plain call stays one.
func TestEncryptionIsAgreedOn(t *testing.T) {
	for want, offered := range map[string]SRTP{
		"":                        {},
		"AEAD_AES_128_GCM":        {Suites: []string{"F8_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"}, Opportunistic: true},
		"AES_CM_128_HMAC_SHA1_32": {Suites: []string{"AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"}},
	} {
		var ear listener
		o := talker(t, clip(300, 200), &ear, nil)
		r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), SRTP: offered, Script: []Step{WaitSpeech{}, Hangup{}}})
		if err != nil || r.Media.SRTP != want {
			t.Errorf("%v: %v, %q", offered, err, r.Media.SRTP)
		}
	}
	o := newOffice(t, "udp", func(context.Context, *telephony.Call) { t.Error("a call reached the agent") })
	var refused *CallError
	if _, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), SRTP: SRTP{Suites: []string{"F8_128_HMAC_SHA1_80"}}}); !errors.As(err, &refused) || refused.Status != 488 {
		t.Errorf("%v", err)
	}
}

// Renewed keys, another suite, hold and resume in mid-speech: every byte arrives, and
// nothing of it was refused but what crossed the change of suites.
func TestRenewedKeys(t *testing.T) {
	speech, thanks := clip(300, 3000), clip(500, 300)
	for name, c := range map[string]struct {
		steps []Step
		suite string
		exact bool // no packet may be lost: what was sent under the keys before is still opened
	}{
		"the same suite": {[]Step{Rekey{}, Pause{For: 200 * time.Millisecond}, Say{Clip: thanks}, Rekey{}}, suites[0], true},
		"another suite":  {[]Step{Rekey{Suites: suites[4:]}, Pause{For: 200 * time.Millisecond}, Say{Clip: thanks}}, suites[4], false},
		"a hold":         {[]Step{Hold{}, Pause{For: 200 * time.Millisecond}, Resume{}, Say{Clip: thanks}}, suites[0], true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ear listener
			calls := make(chan *telephony.Call, 1)
			o := talker(t, speech, &ear, calls)
			script := append(append([]Step{WaitSpeech{}, Pause{For: 300 * time.Millisecond}}, c.steps...), WaitQuiet{}, Hangup{})
			r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), SRTP: SRTP{Suites: suites[:1]}, Script: script})
			if err != nil || r.StepsDone != len(script) || r.Media.SRTP != c.suite {
				t.Fatalf("%v after %d steps, %q", err, r.StepsDone, r.Media.SRTP)
			}
			call := <-calls
			st := call.Media().Stats()
			if call.SRTP() != c.suite || call.Info().SRTP != suites[0] || !ear.heard(r.Law, thanks) {
				t.Errorf("%q: %+v", call.SRTP(), st)
			}
			if c.exact && (!heard(r, speech) || st.Bad.Total()+r.Media.Bad.Total() != 0) {
				t.Errorf("torn: %+v, %+v", st, r.Media)
			}
			if !c.exact && r.Media.PacketsIn < 100 {
				t.Errorf("%+v", r.Media)
			}
		})
	}
}

// Who floods an encrypted call from the phone's own address range, before and while it is
// up, is not heard, and the call goes on.
func TestEncryptedCallUnderAttack(t *testing.T) {
	speech, thanks := clip(300, 1000), clip(500, 300)
	var ear listener
	ports := make(chan int, 1)
	o := newOffice(t, "udp", func(ctx context.Context, c *telephony.Call) {
		c.Media().Attach(ear.hear)
		ports <- c.Media().Port()
		_ = c.Answer(ctx)
		for c.Media().Stats().Bad.Auth+c.Media().Stats().Foreign < 20 && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
		}
		c.Media().Play(1, lawBytes(c.Info().Law, speech))
		c.Media().End(1)
		<-ctx.Done()
	})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		flood(t, <-ports, stop)
	}()
	r, err := place(t, newPhone(t, "udp"), CallOptions{To: o.uri(), SRTP: SRTP{Suites: suites[:1]},
		Script: []Step{WaitSpeech{}, WaitQuiet{}, Say{Clip: thanks}, Pause{For: 200 * time.Millisecond}, Hangup{}}})
	close(stop)
	<-stopped
	if err != nil || !heard(r, speech) || !ear.heard(r.Law, thanks) {
		t.Errorf("%v, %+v", err, r.Media)
	}
	if ear.heard(r.Law, intruder[:160]) {
		t.Error("the intruder was heard")
	}
}

// intruder is what an attacker would have the agent hear.
var intruder = clip(1100, 20)

// flood sends plausible RTP in the clear, with no key.
func flood(t *testing.T, port int, stop <-chan struct{}) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, uint16(port))))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for seq := uint16(0); ; seq++ {
		header := []byte{0x80, 0, byte(seq >> 8), byte(seq), 0, 0, byte(seq * 160 >> 8), byte(seq * 160), 0, 0, 0, 9}
		_, _ = c.Write(append(header, lawBytes(transcode.PCMU, intruder)...))
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestRekeySaysWhatItDoes(t *testing.T) {
	if s := (Rekey{Suites: suites[4:5]}).String(); !strings.Contains(s, "AEAD_AES_128_GCM") {
		t.Error(s)
	}
}
