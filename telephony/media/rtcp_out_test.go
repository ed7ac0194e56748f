package media

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// talkFor lets the phone talk for a time, a packet every 20 ms.
func (p *phone) talkFor(d time.Duration) {
	for i := 0; time.Duration(i)*20*time.Millisecond < d; i++ {
		p.send(voice(i, 160))
		pass(20 * time.Millisecond)
	}
}

func report(c sentControl) (*rtcp.SenderReport, *rtcp.ReceiverReport) {
	sr, _ := c.packets[0].(*rtcp.SenderReport)
	rr, _ := c.packets[0].(*rtcp.ReceiverReport)
	return sr, rr
}

func TestReportsComeInTime(t *testing.T) {
	var all []time.Duration
	for range 3 {
		inBubble(t, Config{}, func(r *rig) {
			r.start(Params{})
			last := time.Now()
			r.prove().talkFor(2 * time.Minute)
			for i, c := range r.link.takeControl() {
				gap, nominal := c.at.Sub(last), reportEvery
				if i == 0 {
					nominal = firstReport
				}
				if gap < nominal/2-slotTime || gap > nominal*3/2+20*time.Millisecond+slotTime {
					t.Errorf("report %d after %v", i, gap)
				}
				if i > 0 {
					all = append(all, gap)
				}
				last = c.at
			}
		})
	}
	if len(all) < 3*15 || len(all) > 3*48 {
		t.Errorf("%d reports in 6 minutes", len(all))
	}
	shortest, longest := all[0], all[0]
	for _, d := range all {
		shortest, longest = min(shortest, d), max(longest, d)
	}
	if longest-shortest < time.Second {
		t.Errorf("all gaps are between %v and %v: nothing random", shortest, longest)
	}
}

// What a sender report says must agree with the stream that it is about.
func TestSenderReportAgreesWithTheStream(t *testing.T) {
	for _, ptime := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond} {
		started(t, Params{PTime: ptime}, func(r *rig, ph *phone) {
			for i := range 20 { // answers at odd moments borrow time from the grid
				r.Play(uint64(i), voice(i, 1234))
				r.End(uint64(i))
				ph.talkFor(time.Second)
				pass(7 * time.Millisecond)
			}
			stream, reports := r.link.take(), r.link.takeControl()
			if len(reports) < 2 {
				t.Fatalf("%d reports", len(reports))
			}
			for _, c := range reports {
				sr, _ := report(c)
				if sr == nil || c.to != netip.AddrPortFrom(phoneAddr.Addr(), phoneAddr.Port()+1) || c.muxed {
					t.Fatalf("%T to %v, muxed %v", c.packets[0], c.to, c.muxed)
				}
				count, octets := uint32(0), uint32(0)
				for _, p := range stream {
					if !p.at.After(c.at) {
						count++
						octets += uint32(len(p.Payload))
					}
				}
				if d := int(sr.PacketCount) - int(count); d < -1 || d > 1 || sr.SSRC != stream[0].SSRC {
					t.Errorf("%d packets reported, %d sent; ssrc %x", sr.PacketCount, count, sr.SSRC)
				}
				if sr.OctetCount != sr.PacketCount*uint32(bytesOf(ptime)) {
					t.Errorf("%d octets in %d packets", sr.OctetCount, sr.PacketCount)
				}
				origin := stream[0]
				want := origin.Timestamp + uint32(c.at.Sub(origin.at)/tickOfSample)
				if d := int32(sr.RTPTime - want); d < -8 || d > 8 {
					t.Errorf("RTP time is %d samples off", d)
				}
				sec := int64(sr.NTPTime>>32) - ntpEpoch
				at := time.Unix(sec, int64(sr.NTPTime&0xFFFFFFFF)*int64(time.Second)>>32)
				if d := at.Sub(c.at).Abs(); d > time.Millisecond {
					t.Errorf("NTP time is %v off", d)
				}
			}
		})
	}
}

func TestNameIsRandomAndOfTheCall(t *testing.T) {
	names := map[string]bool{}
	for range 5 {
		started(t, Params{}, func(r *rig, ph *phone) {
			ph.talkFor(20 * time.Second)
			for _, c := range r.link.takeControl() {
				sdes, ok := c.packets[1].(*rtcp.SourceDescription)
				if !ok || len(sdes.Chunks) != 1 || len(sdes.Chunks[0].Items) != 1 {
					t.Fatalf("%+v", c.packets)
				}
				item := sdes.Chunks[0].Items[0]
				if item.Type != rtcp.SDESCNAME || len(item.Text) != cnameBytes || sdes.Chunks[0].Source != r.out.ssrc {
					t.Errorf("%+v", sdes)
				}
				names[item.Text] = true
			}
		})
	}
	if len(names) != 5 {
		t.Errorf("%d names in 5 calls", len(names))
	}
}

func TestReportBlockSaysWhatCame(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.nextSR(ph)
		base := r.received.highest()
		expected, missing := uint32(0), uint32(0)
		for len(r.link.rtcp) == 0 {
			if expected%10 == 3 {
				ph.skip(1, 160)
				missing++
				expected++
			}
			ph.send(voice(1, 160))
			expected++
			pass(20 * time.Millisecond)
		}
		c := r.link.takeControl()[0]
		sr, _ := report(c)
		if sr == nil || len(sr.Reports) != 1 {
			t.Fatalf("%+v", c.packets)
		}
		b := sr.Reports[0]
		if b.SSRC != ph.ssrc || b.TotalLost != missing || b.LastSenderReport != 0 || b.Delay != 0 {
			t.Errorf("%+v, %d missing", b, missing)
		}
		if d := int(base+expected) - int(b.LastSequenceNumber); d < 0 || d > 1 {
			t.Errorf("highest %d, want %d", b.LastSequenceNumber, base+expected)
		}
		if share := float64(b.FractionLost) / 256; share < 0.05 || share > 0.13 {
			t.Errorf("fraction lost %v", share)
		}
	})
}

// The far end computes its round trip out of LSR and DLSR.
func TestAnswersSenderReports(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(time.Second)
		r.link.takeControl()
		ntp := uint64(0x1122334455667788)
		r.injectControl(marshal(&rtcp.SenderReport{SSRC: ph.ssrc, NTPTime: ntp}), rtcpOf(phoneAddr))
		since := time.Now()
		ph.talkFor(8 * time.Second)
		c := r.link.takeControl()[0]
		sr, _ := report(c)
		if b := sr.Reports[0]; b.LastSenderReport != 0x33445566 || (ofShortNTP(b.Delay)-c.at.Sub(since)).Abs() > time.Millisecond {
			t.Errorf("%+v, want a delay of %v", b, c.at.Sub(since))
		}
		r.injectControl(marshal(&rtcp.SenderReport{SSRC: ph.ssrc + 1, NTPTime: 1 << 40}), rtcpOf(phoneAddr))
		ph.talkFor(8 * time.Second)
		sr, _ = report(r.link.takeControl()[0])
		if b := sr.Reports[0]; b.LastSenderReport != 0x33445566 {
			t.Errorf("another stream's report was answered: %+v", b)
		}
	})
}

// On hold nothing is said, and the reports say just that; they go on for as long as it
// takes.
func TestReportsGoOnOnHold(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(10 * time.Second)
		r.again(onHold)
		pass(15 * time.Second) // two intervals: the first reports still tell of what was sent before
		r.link.takeControl()
		pass(5 * time.Minute)
		got := r.link.takeControl()
		if len(got) < 40 || len(got) > 120 {
			t.Errorf("%d reports in 5 minutes of hold", len(got))
		}
		for _, c := range got {
			if _, rr := report(c); rr == nil || len(rr.Reports) != 0 {
				t.Fatalf("%+v on hold", c.packets)
			}
		}
		r.again(resumed)
		ph.talkFor(8 * time.Second)
		if sr, _ := report(r.link.takeControl()[0]); sr == nil || len(sr.Reports) != 1 {
			t.Error("no sender report after the hold")
		}
	})
}

// Packets on hold are received like others: no loss is reported after it.
func TestMusicOnHoldIsReported(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.again(onHold)
		ph.talkFor(30 * time.Second)
		for _, c := range r.link.takeControl()[2:] {
			_, rr := report(c)
			if rr == nil || len(rr.Reports) != 1 || rr.Reports[0].TotalLost != 0 {
				t.Fatalf("%+v", c.packets)
			}
		}
	})
}

func TestByeAtTheEnd(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(time.Second)
		r.link.takeControl()
		r.Close()
		got := r.link.takeControl()
		if len(got) != 1 || len(got[0].packets) != 3 {
			t.Fatalf("%+v", got)
		}
		bye, ok := got[0].packets[2].(*rtcp.Goodbye)
		if sr, _ := report(got[0]); sr == nil || !ok || len(bye.Sources) != 1 || bye.Sources[0] != sr.SSRC {
			t.Errorf("%+v", got[0].packets)
		}
		r.Close()
		if pass(time.Minute); len(r.link.takeControl()) != 0 {
			t.Error("reports after the goodbye")
		}
	})
	inBubble(t, Config{}, func(r *rig) {
		r.Close()
		if len(r.link.takeControl()) != 0 {
			t.Error("goodbye to nobody")
		}
	})
}

// An address that never said anything hears nothing from us after two seconds: no
// reports and no goodbye either.
func TestNoReportsToTheUnproven(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		pass(2 * time.Second)
		r.link.takeControl()
		pass(time.Minute)
		r.Close()
		if got := r.link.takeControl(); len(got) != 0 {
			t.Errorf("%d reports", len(got))
		}
	})
}

func TestReportsGoWhereTheSDPSays(t *testing.T) {
	named := netip.AddrPortFrom(phoneAddr.Addr(), 7777)
	started(t, Params{RTCP: named}, func(r *rig, ph *phone) {
		ph.talkFor(10 * time.Second)
		if got := r.link.takeControl(); got[0].to != named {
			t.Errorf("to %v", got[0].to)
		}
	})
	inBubble(t, Config{}, func(r *rig) { // behind a NAT: the port as named, at the address that is true
		r.start(Params{Remote: netip.MustParseAddrPort("10.0.0.1:4000"), RTCP: netip.MustParseAddrPort("10.0.0.1:7777")})
		ph := &phone{r: r, addr: strangerAddr, ssrc: 7}
		ph.talkFor(10 * time.Second)
		if got := r.link.takeControl(); got[len(got)-1].to != netip.AddrPortFrom(strangerAddr.Addr(), 7777) {
			t.Errorf("to %v", got[0].to)
		}
	})
}

// Another host than that of the audio may be a victim's: unless it answers, a few
// reports are all that it gets.
func TestReportsToAnotherHost(t *testing.T) {
	other := netip.MustParseAddrPort("203.0.113.99:5005")
	started(t, Params{RTCP: other}, func(r *rig, ph *phone) {
		ph.talkFor(2 * time.Minute)
		got := r.link.takeControl()
		if len(got) != unansweredReports || got[0].to != other {
			t.Errorf("%d reports to %v", len(got), got[0].to)
		}
		r.injectControl(marshal(&rtcp.ReceiverReport{SSRC: 5}), other)
		ph.talkFor(10 * time.Second)
		if got := r.link.takeControl(); len(got) == 0 || got[0].to != other || r.Stats().Control.In != 1 {
			t.Errorf("%d reports after an answer", len(got))
		}
	})
}

func TestForbiddenRTCPAddressesAreIgnored(t *testing.T) {
	allow := func(a netip.Addr) bool { return a == phoneAddr.Addr() }
	for _, bad := range []string{"203.0.113.99:5005", "239.0.0.1:5005", "0.0.0.0:5005", "192.0.2.1:0", "[2001:db8::1]:5005"} {
		inBubble(t, Config{AllowRemote: allow}, func(r *rig) {
			r.start(Params{RTCP: netip.MustParseAddrPort(bad)})
			r.prove().talkFor(10 * time.Second)
			for _, c := range r.link.takeControl() {
				if c.to != rtcpOf(phoneAddr) {
					t.Errorf("%s: a report to %v", bad, c.to)
				}
			}
		})
	}
}

func TestMux(t *testing.T) {
	started(t, Params{RTCPMux: true, RTCP: rtcpOf(phoneAddr)}, func(r *rig, ph *phone) {
		ph.talkFor(10 * time.Second)
		got := r.link.takeControl()
		if len(got) == 0 || !got[0].muxed || got[0].to != phoneAddr {
			t.Fatalf("%+v", got)
		}
		sr, _ := report(got[len(got)-1])
		r.inject(marshal(answerTo(sr, ph.ssrc)), phoneAddr)
		r.inject(marshal(answerTo(sr, ph.ssrc)), strangerAddr)
		r.inject(marshal(answerTo(sr, ph.ssrc)), rtcpOf(phoneAddr))
		if st := r.Stats(); st.Control.In != 1 || st.Bad.RTCP != 0 || st.Foreign != 2 {
			t.Errorf("%+v, %d foreign", st.Control, st.Foreign)
		}
		if r.control.listening {
			t.Error("the RTCP port has a reader")
		}
		r.again(func(p *Params) { p.RTCPMux = false })
		ph.talkFor(8 * time.Second)
		if got := r.link.takeControl(); got[0].muxed || got[0].to != rtcpOf(phoneAddr) {
			t.Errorf("after the end of mux: %+v", got[0])
		}
		r.injectControl(marshal(&rtcp.ReceiverReport{SSRC: ph.ssrc}), rtcpOf(phoneAddr))
		if st := r.Stats(); st.Control.In != 2 {
			t.Errorf("%+v", st.Control)
		}
	})
}

func TestRTCPOnTheRTPPortWithoutMux(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.inject(marshal(&rtcp.SenderReport{SSRC: ph.ssrc}), phoneAddr)
		if st := r.Stats(); st.Bad.RTCP != 1 || st.Control.In != 0 {
			t.Errorf("%+v", st)
		}
	})
}
