package media

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
)

func rtcpOf(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }

func marshal(p ...rtcp.Packet) []byte {
	b, err := rtcp.Marshal(p)
	if err != nil {
		panic(err)
	}
	return b
}

// injectControl delivers one datagram to the RTCP port.
func (r *rig) injectControl(b []byte, from netip.AddrPort) {
	r.link.ctrl <- datagram{b, from}
	synctest.Wait()
}

// answerTo is the far end's report about our stream.
func answerTo(sr *rtcp.SenderReport, ssrc uint32) *rtcp.ReceiverReport {
	return &rtcp.ReceiverReport{SSRC: ssrc, Reports: []rtcp.ReceptionReport{{SSRC: sr.SSRC, LastSenderReport: middle(sr.NTPTime)}}}
}

// nextSR lets the phone talk until a report of ours is out.
func (r *rig) nextSR(ph *phone) *rtcp.SenderReport {
	r.t.Helper()
	r.link.takeControl()
	for range 500 {
		ph.talkFor(20 * time.Millisecond)
		if got := r.link.takeControl(); len(got) > 0 {
			sr, _ := report(got[0])
			return sr
		}
	}
	r.t.Fatal("no report in 10 s")
	return nil
}

func TestRoundTrip(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		sr := r.nextSR(ph)
		pass(3080 * time.Millisecond)
		answer := answerTo(sr, ph.ssrc)
		answer.Reports[0].Delay = shortNTP(3 * time.Second)
		r.injectControl(marshal(answer), rtcpOf(phoneAddr))
		q := r.Quality()
		if q.RTT < 79*time.Millisecond || q.RTT > 101*time.Millisecond || q.RTTMax != q.RTT {
			t.Errorf("round trip %v, want 80 to 100 ms", q.RTT)
		}
		r.again(func(*Params) {})
		sr = r.nextSR(ph)
		r.injectControl(marshal(answerTo(sr, ph.ssrc)), rtcpOf(phoneAddr))
		if after := r.Quality(); after.RTT > 21*time.Millisecond || after.RTTMax != q.RTT {
			t.Errorf("round trip %v, at most %v", after.RTT, after.RTTMax)
		}
	})
}

// A report that answers nothing we said, or came before we said it, gives no round trip.
func TestRoundTripIsNotInvented(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		sr := r.nextSR(ph)
		for _, edit := range []func(*rtcp.ReceptionReport){
			func(b *rtcp.ReceptionReport) { b.LastSenderReport = 0 },
			func(b *rtcp.ReceptionReport) { b.LastSenderReport++ },
			func(b *rtcp.ReceptionReport) { b.Delay = shortNTP(time.Minute) },
			func(b *rtcp.ReceptionReport) { b.SSRC++ },
		} {
			answer := answerTo(sr, ph.ssrc)
			edit(&answer.Reports[0])
			r.injectControl(marshal(answer), rtcpOf(phoneAddr))
		}
		if q := r.Quality(); q.RTT != 0 || r.Stats().Control.In != 4 {
			t.Errorf("%+v", q)
		}
	})
}

func TestReportersAreProven(t *testing.T) {
	rr := marshal(&rtcp.ReceiverReport{SSRC: 7}) // 7 is the phone's
	otherRR := marshal(&rtcp.ReceiverReport{SSRC: 8})
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		r.injectControl(rr, rtcpOf(phoneAddr))
		if st := r.Stats(); st.Control.Foreign != 1 || st.Control.In != 0 {
			t.Errorf("before the audio: %+v", st.Control)
		}
		ph := r.prove()
		translated := netip.AddrPortFrom(phoneAddr.Addr(), 61000)
		for _, c := range []struct {
			name  string
			b     []byte
			from  netip.AddrPort
			taken bool
		}{
			{"a stranger", rr, strangerAddr, false},
			{"a stranger on the port", rr, netip.AddrPortFrom(strangerAddr.Addr(), phoneAddr.Port()+1), false},
			{"another port, another stream", otherRR, translated, false},
			{"the port expected, another stream", otherRR, rtcpOf(phoneAddr), true},
			{"another port, the stream heard", rr, translated, true},
		} {
			before := r.Stats().Control
			r.injectControl(c.b, c.from)
			after := r.Stats().Control
			if (after.In > before.In) != c.taken || (after.Foreign > before.Foreign) == c.taken {
				t.Errorf("%s: %+v", c.name, after)
			}
		}
		r.link.takeControl()
		ph.talkFor(8 * time.Second)
		if got := r.link.takeControl(); got[0].to != translated {
			t.Errorf("reports go to %v, not through the NAT", got[0].to)
		}
		r.again(func(p *Params) { p.Remote = strangerAddr })
		r.injectControl(rr, translated)
		moved := &phone{r: r, addr: strangerAddr, ssrc: 9}
		moved.talkFor(8 * time.Second)
		got := r.link.takeControl()
		if last := got[len(got)-1]; last.to != rtcpOf(strangerAddr) || r.Stats().Control.Foreign != 5 {
			t.Errorf("after the move to %v, %+v", last.to, r.Stats().Control)
		}
	})
}

// Somebody was faster than the phone, with RTCP too. When the phone has proven itself, no
// report goes to the other any more.
func TestReportsLeaveAnAttacker(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		attacker := &phone{r: r, addr: strangerAddr, ssrc: 66}
		attacker.talkFor(100 * time.Millisecond)
		r.injectControl(marshal(&rtcp.ReceiverReport{SSRC: 66}), rtcpOf(strangerAddr))
		if r.control.source != rtcpOf(strangerAddr) {
			t.Fatal("the attacker is not believed: nothing to test")
		}
		r.prove().talkFor(20 * time.Second)
		got := r.link.takeControl()
		for _, c := range got {
			if c.to != rtcpOf(phoneAddr) {
				t.Errorf("a report to %v", c.to)
			}
		}
		if len(got) < 2 {
			t.Errorf("%d reports", len(got))
		}
	})
}

// BYE is what anybody can forge: it ends nothing.
func TestForgedBye(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.injectControl(marshal(&rtcp.ReceiverReport{SSRC: 7}, &rtcp.Goodbye{Sources: []uint32{7}}), rtcpOf(phoneAddr))
		r.injectControl(marshal(&rtcp.ReceiverReport{SSRC: 7}, &rtcp.Goodbye{Sources: []uint32{7}}), strangerAddr)
		ph.talkFor(time.Second)
		if got := r.take(); len(got) != 8000 || r.isLost() {
			t.Errorf("%d bytes heard after it", len(got))
		}
		if st := r.Stats().Control; st.Byes != 1 || st.Foreign != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestMalformedControl(t *testing.T) {
	good := marshal(&rtcp.ReceiverReport{SSRC: 7}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 7, Items: []rtcp.SourceDescriptionItem{{Type: 1, Text: "x"}}}}})
	padded := append(append([]byte(nil), good...), 0, 0, 0, 4)
	padded[8] |= 0x20
	binary.BigEndian.PutUint16(padded[10:], binary.BigEndian.Uint16(padded[10:])+1)
	if !checkControl(good) || !checkControl(padded) {
		t.Fatal("a good compound was refused")
	}
	started(t, Params{}, func(r *rig, ph *phone) {
		n := uint64(0)
		for name, edit := range map[string]func([]byte) []byte{
			"empty":              func([]byte) []byte { return nil },
			"short":              func(b []byte) []byte { return b[:7] },
			"cut":                func(b []byte) []byte { return b[:len(b)-4] },
			"odd":                func(b []byte) []byte { return append(b, 1) },
			"version":            func(b []byte) []byte { b[0] = 0x40; return b },
			"version of the 2nd": func(b []byte) []byte { b[8] &= 0x3F; return b },
			"no report first":    func(b []byte) []byte { return b[8:] },
			"padding first":      func(b []byte) []byte { b[0] |= 0x20; return b },
			"padding of 0":       func(b []byte) []byte { b[8] |= 0x20; b[len(b)-1] = 0; return b },
			"padding of 200":     func(b []byte) []byte { b[8] |= 0x20; b[len(b)-1] = 200; return b },
			"rtp":                func([]byte) []byte { return rtpBytes(0, 1, 1, 7, voice(1, 160)) },
		} {
			r.injectControl(edit(append([]byte(nil), good...)), rtcpOf(phoneAddr))
			if n++; r.Stats().Control.Malformed != n {
				t.Fatalf("%s was taken", name)
			}
		}
		// A report that claims more blocks than it has is read as far as it goes.
		b := marshal(&rtcp.ReceiverReport{SSRC: 7})
		b[0] |= 31
		r.injectControl(b, rtcpOf(phoneAddr))
		if st := r.Stats().Control; st.In != 1 || st.Malformed != n {
			t.Errorf("%+v", st)
		}
	})
}

// FuzzControl: whatever comes in RTCP, nothing panics, and the figures stay possible.
func FuzzControl(f *testing.F) {
	f.Add(marshal(&rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 9, TotalLost: 1 << 22, Jitter: 1 << 31}}}, &rtcp.Goodbye{Sources: []uint32{1}}))
	f.Add(append(marshal(&rtcp.ReceiverReport{SSRC: 1}), voipReport(9, 0, 255, 41)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := stillSession(nil)
		s.out.ssrc, s.out.made = 9, 100
		next := talkPacket(s)
		for range 3 {
			next()
		}
		s.receiveControl(b, rtcpOf(phoneAddr), s.armedAt+time.Second)
		if _, err := rtcp.Unmarshal(b); err == nil && s.stats.Control.Foreign > 0 {
			t.Fatal("the phone's own report is foreign")
		}
		q := s.Quality()
		for _, d := range []StreamQuality{q.Caller, q.Agent} {
			if d.Loss < 0 || d.Loss > 1 || d.MOS != 0 && (d.MOS < 1 || d.MOS > 4.5) || d.Claimed > 5 || d.Jitter < 0 {
				t.Fatalf("%+v", d)
			}
		}
		if q.RTT < 0 || q.RTT > maxRTT {
			t.Fatal(q.RTT)
		}
	})
}

// voipReport is an XR with one VoIP metrics block, made by hand (RFC 3611 §4.7).
func voipReport(ssrc uint32, loss, discard, mos byte) []byte {
	b := make([]byte, 8+voipBlockBytes)
	b[0], b[1] = 0x80, rtcpXR
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	block := b[8:]
	block[0] = xrVoIP
	binary.BigEndian.PutUint16(block[2:], 8)
	binary.BigEndian.PutUint32(block[4:], ssrc)
	block[8], block[9], block[27] = loss, discard, mos
	return b
}

// Two sessions with real sockets hear about each other.
func TestUDPReports(t *testing.T) {
	for _, mux := range []bool{false, true} {
		a, b := newUDPSession(t), newUDPSession(t)
		at := func(s *udpSession) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(s.Port())) }
		for s, far := range map[*udpSession]*udpSession{a: b, b: a} {
			if err := s.Start(Params{Remote: at(far), EventPT: -1, RTCPMux: mux}); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "each knows its round trip", func() bool {
			for _, s := range []*udpSession{a, b} { // reports now, not in a few seconds
				s.Session.mu.Lock()
				s.control.next = 0
				s.Session.mu.Unlock()
			}
			qa, qb := a.Quality(), b.Quality()
			return qa.RTT > 0 && qb.RTT > 0 && qa.Agent.MOS > 1 && qb.Caller.MOS > 1
		})
		byes := b.Stats().Control.Byes
		a.Close()
		eventually(t, "the goodbye came", func() bool { return b.Stats().Control.Byes == byes+1 })
		if st := b.Stats(); st.Control.Malformed+st.Bad.RTCP+st.Control.SendErrors != 0 {
			t.Errorf("mux %v: %+v", mux, st.Control)
		}
	}
}
