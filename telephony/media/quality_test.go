package media

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func near(got, want, off float64) bool { return math.Abs(got-want) <= off }

// Figures of the E-model that others publish too: R 93.2 is MOS 4.41, R 80 is 4.02, R 60
// is 3.10, R 50 is 2.58.
func TestMOS(t *testing.T) {
	for _, c := range []struct {
		loss, burst float64
		delay       time.Duration
		want        float64
	}{
		{0, 1, 0, 4.41},
		{0, 1, 177 * time.Millisecond, 4.33},
		{0.0406, 1, 0, 4.02},                 // Ie,eff 13.2
		{0, 1, 400 * time.Millisecond, 3.06}, // Id 9.6 + 24.5: R 59.1
		{0.1353, 1, 0, 3.10},                 // 33.2
		{0.2094, 1, 0, 2.58},                 // 43.2
		{1, 1, 0, 1.18},                      // 75.9
		{1, 2, 10 * time.Second, 1},
	} {
		if got := mosOf(c.loss, c.burst, c.delay); !near(got, c.want, 0.02) {
			t.Errorf("loss %v, burst %v, %v: MOS %.3f, want %.2f", c.loss, c.burst, c.delay, got, c.want)
		}
	}
	for loss, last := 0.0, 5.0; loss <= 1; loss += 0.01 {
		mos := mosOf(loss, 1, 50*time.Millisecond)
		if mos >= last || mos < 1 || mosOf(loss, 2, 0) > mosOf(loss, 1, 0) {
			t.Fatalf("MOS %v at a loss of %v", mos, loss)
		}
		last = mos
	}
}

// Losses in a row are worse than the same number of single ones.
func TestBurstRatio(t *testing.T) {
	for _, c := range []struct {
		lost, bursts uint64
		want         float64
	}{{0, 0, 1}, {50, 50, 1}, {75, 50, 1.425}, {50, 10, 2}} {
		q := StreamQuality{Packets: 1000, Lost: c.lost, Bursts: c.bursts, Loss: float64(c.lost) / 1000}
		if c.lost == 75 {
			q.Packets, q.Loss = 1500, 0.05
		}
		if got := burstRatio(q); !near(got, c.want, 0.001) {
			t.Errorf("%d lost in %d bursts: %v, want %v", c.lost, c.bursts, got, c.want)
		}
	}
	mos := func(bursts uint64) float64 {
		s := stillSession(nil)
		s.received = reception{known: true, max: 999, got: 950}
		s.stats.Lost, s.stats.LossBursts = 50, bursts
		return s.Quality().Caller.MOS
	}
	if single, rows := mos(50), mos(10); rows >= single-0.03 {
		t.Errorf("MOS %.2f with single losses, %.2f in a row", single, rows)
	}
}

func TestQualityOfTheCaller(t *testing.T) {
	if q := (&Session{}).Quality(); q != (Quality{}) {
		t.Errorf("before anything: %+v", q)
	}
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(10 * time.Second)
		clean := r.Quality().Caller
		if clean.Lost != 0 || clean.Bursts != 0 || !near(clean.MOS, 4.40, 0.02) || !near(clean.Worst, clean.MOS, 0.02) {
			t.Errorf("clean: %+v", clean)
		}
		for _, run := range []int{1, 4, 2} {
			ph.skip(run, 160)
			pass(time.Duration(run) * 20 * time.Millisecond)
			ph.talkFor(time.Second)
		}
		ph.talkFor(10 * time.Second)
		bad := r.Quality().Caller
		if bad.Lost != 7 || bad.Bursts != 3 || bad.Longest != 4 || bad.Packets != uint64(ph.seq) || !near(bad.Loss, 7/float64(ph.seq), 1e-9) {
			t.Errorf("%+v of %d packets", bad, ph.seq)
		}
		if bad.MOS >= clean.MOS || bad.Worst >= bad.MOS {
			t.Errorf("clean %.3f, with loss %.3f, at worst %.3f", clean.MOS, bad.MOS, bad.Worst)
		}
		r.Close()
		if after := r.Quality().Caller; after.Lost != 7 {
			t.Errorf("after the end: %+v", after)
		}
	})
}

// One packet lost of a few is no bad line.
func TestShortIntervalsAreNotRated(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.nextSR(ph)
		worst := r.Quality().Caller.Worst
		ph.skip(1, 160)
		ph.talkFor(100 * time.Millisecond)
		r.Close()
		if got := r.Quality().Caller; got.Worst != worst || got.Lost != 1 {
			t.Errorf("%+v, worst was %v", got, worst)
		}
	})
}

// A late packet is a lost one for who listens, but not for the network.
func TestLateIsLostToTheListener(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(time.Second)
		late, ts := ph.seq, ph.ts
		ph.skip(1, 160)
		ph.talkFor(200 * time.Millisecond)
		ph.sendAt(late, ts, voice(1, 160))
		ph.talkFor(8 * time.Second)
		if q := r.Quality().Caller; q.Lost != 1 || r.Stats().Late != 1 {
			t.Errorf("%+v", q)
		}
		got := r.link.takeControl()
		if sr, _ := report(got[len(got)-1]); sr.Reports[0].TotalLost != 0 {
			t.Errorf("%+v", sr.Reports[0])
		}
	})
}

func TestQualityOfTheAgent(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		if q := r.Quality().Agent; q != (StreamQuality{}) {
			t.Errorf("without a report: %+v", q)
		}
		ph.talkFor(20 * time.Second)
		sr := r.nextSR(ph)
		answer := answerTo(sr, ph.ssrc)
		answer.Reports[0].TotalLost, answer.Reports[0].Jitter = 50, 80
		r.injectControl(marshal(answer), rtcpOf(phoneAddr))
		q := r.Quality().Agent
		if q.Lost != 50 || q.Packets != uint64(r.out.made) || q.Jitter != 10*time.Millisecond || !near(q.Loss, 50/float64(q.Packets), 1e-9) || q.MOS > 4.2 || q.MOS < 3.8 {
			t.Errorf("%+v", q)
		}
		r.injectControl(append(marshal(answer), voipReport(sr.SSRC, 0, 25, 37)...), rtcpOf(phoneAddr))
		worse := r.Quality().Agent
		if worse.Claimed != 3.7 || worse.MOS >= q.MOS-0.2 {
			t.Errorf("with a tenth discarded: %+v", worse)
		}
		r.injectControl(append(marshal(answer), voipReport(sr.SSRC+1, 0, 255, 10)...), rtcpOf(phoneAddr))
		r.injectControl(append(marshal(answer), voipReport(sr.SSRC, 0, 0, 127)...), rtcpOf(phoneAddr))
		if again := r.Quality().Agent; again.Claimed != 3.7 || again.MOS != q.MOS {
			t.Errorf("%+v", again)
		}
		answer.Reports[0].TotalLost = 0xFFFFFF // -1: a packet came twice
		r.injectControl(marshal(answer), rtcpOf(phoneAddr))
		if q := r.Quality().Agent; q.Lost != 0 || q.Loss != 0 {
			t.Errorf("%+v", q)
		}
	})
}

// Somebody counts the loss of a long call in 24 bits, and we our packets: they agree.
func TestAgentLossIsClamped(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		sr := r.nextSR(ph)
		answer := answerTo(sr, ph.ssrc)
		answer.Reports[0].TotalLost = 1<<23 - 1
		r.injectControl(marshal(answer, &rtcp.Goodbye{Sources: []uint32{7}}), rtcpOf(phoneAddr))
		if q := r.Quality().Agent; q.Loss != 1 || q.MOS < 1 {
			t.Errorf("%+v", q)
		}
	})
}
