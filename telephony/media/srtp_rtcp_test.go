package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func reportOf(ssrc uint32) []byte {
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}, rtcp.NewCNAMESourceDescription(ssrc, "x")})
	if err != nil {
		panic(err)
	}
	return b
}

// roomy has room for the tag, so that nothing is allocated.
func roomy(b []byte) []byte { return append(make([]byte, 0, len(b)+maxRTCPTag), b...) }

func TestSRTCPBothWays(t *testing.T) {
	for _, suite := range suites {
		s, err := shield{}.renewed(keys(suite, 2), 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.sealRTCP(roomy(reportOf(5)))
		if err != nil || bytes.Equal(out[8:20], reportOf(5)[8:20]) {
			t.Fatalf("%s: %v", suite, err)
		}
		if back, err := contextOf(suite, 1).DecryptRTCP(nil, out, nil); err != nil || !bytes.Equal(back, reportOf(5)) {
			t.Errorf("%s: %v", suite, err)
		}
		theirs := contextOf(suite, 2)
		for i := range 3 {
			in, _ := theirs.EncryptRTCP(nil, reportOf(9), nil)
			if got, bad := s.openRTCP(in, 0); bad != badNone || !bytes.Equal(got, reportOf(9)) {
				t.Errorf("%s: report %d: %v", suite, i, bad)
			}
			if _, bad := s.openRTCP(in, 0); bad != badReplay {
				t.Errorf("%s: a repeated report: %v", suite, bad)
			}
			in[9] ^= 1
			in[len(in)-1] ^= 1
			if _, bad := s.openRTCP(in, 0); bad == badNone {
				t.Errorf("%s: a forged report is taken", suite)
			}
		}
		for n := range 40 {
			if _, bad := s.openRTCP(bytes.Repeat([]byte{0x80}, n), 0); bad == badNone {
				t.Errorf("%s: %d bytes of nothing are taken", suite, n)
			}
		}
	}
}

func TestSRTCPOverARenewal(t *testing.T) {
	s, _ := shield{}.renewed(keys(cm80, 2), 0)
	before, after := contextOf(cm80, 2), contextOf(cm80, 3)
	in := func(c interface {
		EncryptRTCP([]byte, []byte, *rtcp.Header) ([]byte, error)
	}) []byte {
		b, _ := c.EncryptRTCP(nil, reportOf(9), nil)
		return b
	}
	s, _ = s.renewed(keys(cm80, 3), time.Second)
	for _, b := range [][]byte{in(after), in(before), in(after)} {
		if _, bad := s.openRTCP(b, 2*time.Second); bad != badNone {
			t.Errorf("after a renewal: %v", bad)
		}
	}
	if _, bad := s.openRTCP(in(before), time.Second+inFlight); bad == badNone {
		t.Errorf("long after: %v", bad)
	}
	s, _ = s.renewed(SRTP{}, 5*time.Second)
	if got, bad := s.openRTCP(in(after), 6*time.Second); bad != badNone || !bytes.Equal(got, reportOf(9)) {
		t.Errorf("in flight: %v", bad)
	}
	if got, bad := s.openRTCP(reportOf(9), 6*time.Second); bad != badNone || !bytes.Equal(got, reportOf(9)) {
		t.Errorf("plain at once: %v", bad)
	}
	if got, bad := s.openRTCP(reportOf(9), 9*time.Second); bad != badNone || !bytes.Equal(got, reportOf(9)) {
		t.Errorf("plain: %v", bad)
	}
	if got, err := s.sealRTCP(reportOf(9)); err != nil || !bytes.Equal(got, reportOf(9)) {
		t.Errorf("plain: %v", err)
	}
}

// Reports begin anew when the audio has, and not before.
func TestSRTCPBeginsAnew(t *testing.T) {
	shielded(t, cm80, func(r *rig, p *safePhone) {
		open := func(p *safePhone) badReason {
			b, _ := p.send.EncryptRTCP(nil, reportOf(p.ssrc), nil)
			r.Session.mu.Lock()
			defer r.Session.mu.Unlock()
			_, bad := r.shield.openRTCP(b, r.pacer.now())
			return bad
		}
		if open(p) != badNone {
			t.Error("the first report is refused")
		}
		p.turned()
		r.rekey(r.params.SRTP)
		again := newSafePhone(r, cm80, 2)
		again.seq = 30000
		if open(again) != badReplay {
			t.Error("a repeated number is taken before the audio began anew")
		}
		again.send = contextOf(cm80, 2)
		again.say(1)
		if bad := open(again); bad != badNone {
			t.Errorf("a report of the new beginning: %v", bad)
		}
	})
}

func TestSRTCPOfTooManySources(t *testing.T) {
	s, _ := shield{}.renewed(keys(cm80, 2), 0)
	theirs, refused := contextOf(cm80, 2), 0
	for ssrc := range uint32(maxSources + 10) {
		b, _ := theirs.EncryptRTCP(nil, reportOf(ssrc), nil)
		if _, bad := s.openRTCP(b, 0); bad != badNone {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d reports refused", refused)
	}
}

// Reports go out encrypted, over either port, and what comes in clear, or twice, is nobody's report.
func TestReportsAreEncrypted(t *testing.T) {
	for _, mux := range []bool{false, true} {
		inBubble(t, Config{}, func(r *rig) {
			r.start(Params{SRTP: keys(cm80, 2), RTCPMux: mux})
			r.link.open = contextOf(cm80, 1)
			p := newSafePhone(r, cm80, 2)
			var got []sentControl
			for range 500 {
				p.say(1)
				pass(20 * time.Millisecond)
				if got = r.link.takeControl(); len(got) > 0 {
					break
				}
			}
			if len(got) == 0 || got[0].muxed != mux {
				t.Fatalf("mux %v: %d reports in 10 s", mux, len(got))
			}
			sr, _ := report(got[0])
			clear := marshal(answerTo(sr, p.ssrc))
			sealed, err := p.send.EncryptRTCP(nil, clear, nil)
			if err != nil {
				t.Fatal(err)
			}
			pass(30 * time.Millisecond)
			for _, b := range [][]byte{clear, sealed, sealed} {
				if mux {
					r.inject(b, phoneAddr)
				} else {
					r.injectControl(b, rtcpOf(phoneAddr))
				}
			}
			st := r.Stats()
			if st.Control.In != 1 || st.Bad.Auth+st.Bad.Short != 1 || st.Bad.Replay != 1 || r.Quality().RTT < 30*time.Millisecond {
				t.Errorf("mux %v: %+v, bad %+v, round trip %v", mux, st.Control, st.Bad, r.Quality().RTT)
			}
		})
	}
}
