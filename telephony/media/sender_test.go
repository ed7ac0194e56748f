package media

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// checkStream checks what every stream must be: one SSRC, no hole in the sequence,
// timestamps that advance by samples sent, markers just where speech follows
// silence, and never more than one frame ahead of the clock.
func checkStream(t *testing.T, packets []sent, law transcode.Law, frame int, ptime time.Duration) {
	t.Helper()
	origin := packets[0]
	silent := true
	for i, p := range packets {
		if p.SSRC != origin.SSRC || p.SequenceNumber != origin.SequenceNumber+uint16(i) {
			t.Fatalf("packet %d: ssrc %x, sequence %d", i, p.SSRC, p.SequenceNumber)
		}
		if want := origin.Timestamp + uint32(i*frame); p.Timestamp != want {
			t.Fatalf("packet %d: timestamp %d, want %d", i, p.Timestamp, want)
		}
		speech := !isSilence(p.Payload, law)
		if p.Marker != (speech && silent) {
			t.Fatalf("packet %d: marker %v", i, p.Marker)
		}
		silent = !speech
		ahead := time.Duration(i)*ptime - p.at.Sub(origin.at)
		if ahead > ptime+slotTime || ahead < -slotTime {
			t.Fatalf("packet %d is %v ahead of the clock", i, ahead)
		}
	}
}

func TestIdleStreamIsSilenceOnTheGrid(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		inBubble(t, Config{}, func(r *rig) {
			r.start(Params{Law: law, PayloadType: law.PayloadType()})
			pass(time.Second)
			got := r.link.take()
			checkStream(t, got, law, 160, 20*time.Millisecond)
			if len(got) != 51 || len(audioOf(got, law)) != 0 || got[0].to != phoneAddr || got[0].PayloadType != law.PayloadType() {
				t.Errorf("%d packets to %v", len(got), got[0].to)
			}
		})
	}
}

// An answer starts in the call to Play, its frames follow in exact steps, and the
// grid is where it was when it is over.
func TestSpurtStartsAtOnce(t *testing.T) {
	for lead := time.Millisecond; lead < 20*time.Millisecond; lead += 3 * time.Millisecond {
		started(t, Params{}, func(r *rig, _ *phone) {
			pass(lead)
			r.link.take()
			start := time.Now()
			r.Play(1, voice(1, 1600))
			if got := r.link.take(); len(got) != 1 || !got[0].at.Equal(start) {
				t.Fatalf("lead %v: %d packets at once", lead, len(got))
			}
			if first := r.Status(1).First; !first.Equal(start) {
				t.Errorf("first at %v, want %v", first, start)
			}
			r.End(1)
			pass(400 * time.Millisecond)
			rest := r.link.take()
			for k := 1; k < 10; k++ {
				want := start.Add(time.Duration(k) * 20 * time.Millisecond)
				if early := want.Sub(rest[k-1].at); early < 0 || early >= slotTime {
					t.Errorf("lead %v: frame %d is %v early", lead, k, early)
				}
			}
			silence := rest[9].at.Sub(start)
			if want := 220*time.Millisecond - lead; silence != want {
				t.Errorf("lead %v: silence after %v, want %v", lead, silence, want)
			}
		})
	}
}

// An hour of answers at odd moments: no frame is late, no timestamp drifts.
func TestNoDriftInAnHour(t *testing.T) {
	inBubble(t, Config{MediaTimeout: -1, UnprovenFor: -1}, func(r *rig) {
		r.start(Params{})
		rnd := rand.New(rand.NewPCG(3, 4))
		var all []sent
		id := uint64(0)
		for begin := time.Now(); time.Since(begin) < time.Hour; {
			id++
			start := time.Now()
			bytes := 1 + rnd.IntN(12000)
			r.Play(id, voice(1, bytes))
			r.End(id)
			mine := (bytes + 159) / 160
			pass(time.Duration(mine)*20*time.Millisecond + time.Duration(rnd.IntN(200_000))*time.Microsecond)
			got := r.link.take()
			k := 0
			for _, p := range got {
				if isSilence(p.Payload, transcode.PCMU) {
					continue
				}
				late := p.at.Sub(start) - time.Duration(k)*20*time.Millisecond
				// An answer may meet the last frame of the one before: it follows that.
				if late < -slotTime || late > 20*time.Millisecond {
					t.Fatalf("item %d, frame %d: off by %v", id, k, late)
				}
				k++
			}
			if k != mine {
				t.Fatalf("item %d: %d frames of %d", id, k, mine)
			}
			all = append(all, got...)
		}
		checkStream(t, all, transcode.PCMU, 160, 20*time.Millisecond)
	})
}

// The next answer arrives while the stream still pays back what it borrowed, or
// right behind the last frame: never two frames closer than one ptime, never
// further ahead.
func TestSpurtsInQuickSuccession(t *testing.T) {
	inBubble(t, Config{UnprovenFor: -1}, func(r *rig) {
		r.start(Params{})
		rnd := rand.New(rand.NewPCG(5, 6))
		for id := range uint64(2000) {
			r.Play(id, voice(1, 160))
			pass(time.Duration(rnd.IntN(45_000)) * time.Microsecond)
		}
		pass(10 * time.Second)
		got := r.link.take()
		checkStream(t, got, transcode.PCMU, 160, 20*time.Millisecond)
		for i := 1; i < len(got); i++ {
			gap := got[i].at.Sub(got[i-1].at)
			speech := !isSilence(got[i].Payload, 0) && !isSilence(got[i-1].Payload, 0)
			if speech && gap < 20*time.Millisecond-slotTime {
				t.Fatalf("packets %d and %d are %v apart", i-1, i, gap)
			}
			if gap > 40*time.Millisecond {
				t.Fatalf("a hole of %v before packet %d", gap, i)
			}
		}
	})
}

// A stall of the machine: up to three frames are caught up, more are skipped.
func TestStall(t *testing.T) {
	for _, c := range []struct {
		stall   time.Duration
		burst   int // packets at the moment it ends
		skipped uint64
	}{{35 * time.Millisecond, 2, 0}, {65 * time.Millisecond, 3, 0}, {time.Second, 1, 49}} {
		started(t, Params{}, func(r *rig, _ *phone) {
			r.Play(1, voice(1, 32000))
			pass(10 * time.Millisecond)
			before := r.link.take()
			r.pacer.remove(&r.place) // the pacer does not come by
			pass(c.stall)
			r.pacer.add(&r.place, r.out.due)
			pass(0)
			got := r.link.take()
			if len(got) != c.burst {
				t.Errorf("stall %v: %d packets in a burst, want %d", c.stall, len(got), c.burst)
			}
			last := before[len(before)-1]
			step := got[0].Timestamp - last.Timestamp
			st := r.Stats()
			if step != uint32(1+st.SkippedFrames)*160 || got[0].Marker != (c.skipped > 0) || st.SkippedFrames != c.skipped {
				t.Errorf("stall %v: step %d, marker %v, skipped %d", c.stall, step, got[0].Marker, st.SkippedFrames)
			}
			if got[0].SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("stall %v: a hole in the sequence", c.stall)
			}
			pass(10 * time.Second)
			all := append(append(before, got...), r.link.take()...)
			if audio := audioOf(all, transcode.PCMU); len(audio) != 32000 {
				t.Errorf("stall %v: %d bytes of 32000", c.stall, len(audio))
			}
		})
	}
}

// What came in while we stood still waits in the socket; it must not be filled
// with silence on top.
func TestStallOfOursIsNoSilenceOfTheirs(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(10 * time.Millisecond)
		r.pacer.remove(&r.place)
		pass(3 * time.Second)
		r.pacer.add(&r.place, r.out.due)
		pass(0)
		ph.send(voice(2, 160))
		if st := r.Stats(); st.Filled != 0 {
			t.Errorf("filled %v", st.Filled)
		}
	})
}

// An address that never answers is not sent to for long, and nothing is lost
// meanwhile.
func TestUnprovenAddressIsSpared(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		want := voice(1, 32000)
		r.Play(1, want)
		pass(3 * time.Second)
		first := r.link.take()
		if n := len(first); n < 100 || n > 102 {
			t.Errorf("%d packets to an address that never answered", n)
		}
		sent := r.Status(1).Sent
		pass(time.Second)
		if n := len(r.link.take()); n != 0 || r.Status(1).Sent != sent {
			t.Errorf("%d packets, %+v", n, r.Status(1))
		}
		r.prove()
		got := r.link.take()
		if len(got) != 1 || !got[0].Marker {
			t.Fatalf("%d packets when the phone is heard at last", len(got))
		}
		pass(4 * time.Second)
		all := append(append(audioOf(first, 0), audioOf(got, 0)...), audioOf(r.link.take(), 0)...)
		if string(all) != string(want) {
			t.Error("audio was lost")
		}
		if st := r.Stats(); st.MutedFrames < 90 {
			t.Errorf("%d muted frames", st.MutedFrames)
		}
	})
}

func TestSentToWhereTheCallerIs(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		to := func() any {
			pass(20 * time.Millisecond)
			got := r.link.take()
			return got[len(got)-1].to
		}
		if got := to(); got != phoneAddr {
			t.Errorf("before proof: %v", got)
		}
		nat := &phone{r: r, addr: sameIP, ssrc: 5}
		for i := range 3 {
			if got := to(); got != phoneAddr {
				t.Errorf("after %d packets from elsewhere: %v", i, got)
			}
			nat.send(voice(i, 160))
		}
		if got := to(); got != sameIP {
			t.Errorf("after proof: %v", got)
		}
		bad := &phone{r: r, addr: strangerAddr, ssrc: 6}
		for i := range 10 {
			bad.send(voice(i, 160))
		}
		if got := to(); got != sameIP {
			t.Errorf("after a stranger: %v", got)
		}
		if st := r.Stats(); st.Foreign != 10 || st.SourceProof != "same address" || st.Probation != 3 || st.PacketsIn != 3 {
			t.Errorf("%+v", st)
		}
	})
}

// A re-INVITE moves the media: the old source is forgotten, the stream goes on.
func TestStartAgain(t *testing.T) {
	started(t, Params{}, func(r *rig, old *phone) {
		pass(100 * time.Millisecond)
		r.start(Params{Remote: samePort, PayloadType: 0, EventPT: 97, PTime: 30 * time.Millisecond})
		pass(time.Second)
		got := r.link.take()
		last := got[len(got)-1]
		if last.to != samePort || len(last.Payload) != 240 || last.SSRC != got[0].SSRC {
			t.Errorf("%d bytes to %v", len(last.Payload), last.to)
		}
		r.take()
		moved := &phone{r: r, addr: samePort, ssrc: 50, seq: 900}
		for i := range 4 {
			moved.send(voice(i, 160))
		}
		if got := r.take(); len(got) != 640 {
			t.Errorf("%d bytes from the new address", len(got))
		}
	})
}
