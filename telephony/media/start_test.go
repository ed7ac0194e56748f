package media

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// again changes what is in force.
func (r *rig) again(edit func(*Params)) {
	r.t.Helper()
	p := r.params
	edit(&p)
	if err := r.Start(p); err != nil {
		r.t.Fatal(err)
	}
}

func onHold(p *Params)  { p.NoSend, p.NoListen = true, true }
func resumed(p *Params) { p.NoSend, p.NoListen = false, false }

func (r *rig) isLost() bool {
	select {
	case <-r.Lost():
		return true
	default:
		return false
	}
}

// On hold not one packet leaves; what was queued goes on with the very next byte.
func TestHoldKeepsTheQueue(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		want := voice(1, 3200)
		r.Play(1, want)
		pass(105 * time.Millisecond)
		r.again(onHold)
		before := r.link.take()
		r.End(1)
		r.Play(2, voice(2, 160))
		if pass(time.Minute); len(r.link.take()) != 0 {
			t.Error("packets left on hold")
		}
		if st := r.Stats(); st.HeldFrames < 2999 || st.MutedFrames != 0 || st.Underruns != 0 {
			t.Errorf("%+v", st)
		}
		r.again(resumed)
		first := r.link.take()
		if len(first) != 1 || !first[0].Marker {
			t.Fatalf("%d packets at once after the hold", len(first))
		}
		if gap, last := first[0].Timestamp-before[len(before)-1].Timestamp, 8*uint32(time.Minute/time.Millisecond); gap < last || gap > last+800 {
			t.Errorf("the timestamp went on by %d in a minute", gap)
		}
		pass(time.Second)
		want = append(want, voice(2, 160)...)
		if got := audioOf(append(append(before, first...), r.link.take()...), transcode.PCMU); !bytes.Equal(got, want) {
			t.Errorf("%d bytes said, want %d", len(got), len(want))
		}
	})
}

// Two that pause for reasons of their own do not undo each other.
func TestHoldOfTheCallAndOfTheAgent(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 1600))
		r.Hold(true)
		r.again(onHold)
		r.Hold(false)
		r.link.take()
		if pass(time.Second); len(r.link.take()) != 0 {
			t.Error("the agent's going on broke the hold")
		}
		r.Hold(true)
		r.again(resumed)
		if pass(time.Second); len(audioOf(r.link.take(), transcode.PCMU)) != 0 {
			t.Error("the end of the hold broke the agent's pause")
		}
	})
}

func TestKeysWaitOnHold(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.again(onHold)
		r.link.take()
		if err := r.SendDigits("12"); err != nil {
			t.Fatal(err)
		}
		if pass(time.Second); len(r.link.take()) != 0 || r.DigitsQueued() != 2 {
			t.Errorf("%d keys left", r.DigitsQueued())
		}
		r.again(resumed)
		if pass(time.Second); r.DigitsQueued() != 0 {
			t.Error("the keys were forgotten")
		}
		_ = r.SendDigits("34")
		r.link.take()
		r.again(func(p *Params) { p.EventPT = -1 })
		if st := r.Stats(); st.KeysDropped != 2 || r.DigitsQueued() != 0 {
			t.Errorf("%d keys dropped, %d left", st.KeysDropped, r.DigitsQueued())
		}
		if pass(time.Second); !isSilence(r.link.take()[0].Payload, transcode.PCMU) {
			t.Error("no silence after the keys")
		}
	})
}

// Music on hold is not the caller speaking: the sink hears silence, and no gap; what
// is said after it is heard in full, however far the sequence went on.
func TestMusicOnHoldIsNotHeard(t *testing.T) {
	for _, packets := range []int{1, 30, 200, 5000} {
		started(t, Params{}, func(r *rig, ph *phone) {
			r.again(onHold)
			start := time.Now()
			for i := range packets {
				ph.send(voice(i, 160))
				pass(20 * time.Millisecond)
			}
			pass(time.Second)
			got := r.take()
			if !isSilence(got, transcode.PCMU) || len(got) < bytesOf(time.Since(start))-400 || len(got) > bytesOf(time.Since(start))+160 {
				t.Errorf("%d bytes heard in %v", len(got), time.Since(start))
			}
			r.again(resumed)
			ph.ts += 1 << 20 // another phone at the same address
			var want []byte
			for i := range 10 {
				ph.send(voice(i, 160))
				want = append(want, voice(i, 160)...)
			}
			if got := r.take(); !bytes.Equal(got, want) {
				t.Errorf("after %d packets of music: %d bytes heard, want %d", packets, len(got), len(want))
			}
			if st := r.Stats(); st.OnHold != uint64(packets) || st.Lost+st.Late+st.Resets != 0 || st.Concealed != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A sender whose clock stands still on hold has no jitter.
func TestHoldIsNoJitter(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(20 * time.Millisecond)
		ph.send(voice(1, 160))
		before := r.Stats().Jitter
		r.again(onHold)
		pass(500 * time.Millisecond)
		r.again(resumed)
		ph.send(voice(2, 160))
		if j := r.Stats().Jitter; j != before {
			t.Errorf("jitter %v after a hold, %v before", j, before)
		}
	})
}

// What waits for a missing packet when the hold comes was said, and is heard.
func TestHoldReleasesWhatWaits(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.skip(1, 160)
		ph.send(voice(3, 160))
		r.again(onHold)
		if got := r.take(); len(got) != 320 || !bytes.Equal(got[160:], voice(3, 160)) {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func TestTimeoutsWaitOnHold(t *testing.T) {
	for _, heard := range []bool{true, false} {
		inBubble(t, Config{FirstMediaTimeout: 5 * time.Second, MediaTimeout: 3 * time.Second}, func(r *rig) {
			r.start(Params{NoListen: !heard})
			limit := 5 * time.Second
			if heard {
				r.prove()
				limit = 3 * time.Second
			}
			r.again(onHold)
			if pass(5 * time.Minute); r.isLost() {
				t.Fatal("lost on hold")
			}
			r.again(resumed)
			if pass(limit - 100*time.Millisecond); r.isLost() {
				t.Error("the time on hold was counted")
			}
			if pass(200 * time.Millisecond); !r.isLost() {
				t.Error("the timeout was not armed again")
			}
		})
	}
}

// A phone that was put on hold before it was heard gets the stream when the hold ends,
// for as long as any new address does.
func TestUnprovenTimeBeginsAfterTheHold(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{NoSend: true, NoListen: true})
		pass(time.Minute)
		r.again(resumed)
		pass(10 * time.Second)
		if n := len(r.link.take()); n < 98 || n > 102 {
			t.Errorf("%d packets to an address that never answered, want 2 s", n)
		}
	})
}

// The wire's law changes; what we hear and say does not.
func TestLawChangesOnTheWireOnly(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		other := transcode.PCMU + transcode.PCMA - law
		started(t, Params{Law: law, PayloadType: law.PayloadType()}, func(r *rig, ph *phone) {
			ph.send(voice(1, 80)) // half a frame is in the old law
			r.again(func(p *Params) { p.Law, p.PayloadType = other, other.PayloadType() })
			ph.send(voice(2, 160)) // sent before our answer arrived
			ph.pt = other.PayloadType()
			ph.send(voice(3, 160))
			ph.skip(1, 160)
			ph.send(voice(3, 160))
			pass(70 * time.Millisecond)
			ph.send(voice(4, 160))
			got := r.take()
			want := append(append(voice(1, 80), voice(2, 160)...), converted(voice(3, 160), other, law)...)
			if len(got) != 800 || !bytes.Equal(got[:400], want) || !bytes.Equal(got[560:720], converted(voice(3, 160), other, law)) {
				t.Errorf("%v to %v: %d bytes heard", law, other, len(got))
			}
			bad := r.Stats().Bad.PayloadType
			ph.pt = law.PayloadType()
			ph.send(voice(5, 160))
			if st := r.Stats(); st.Bad.PayloadType != bad+1 {
				t.Error("the old payload type is heard for good")
			}
			r.link.take()
			r.Play(1, voice(6, 200))
			r.End(1)
			pass(100 * time.Millisecond)
			sent := r.link.take()
			said := append(voice(6, 200), silenceOf(law)[:120]...)
			if audio := audioOf(sent, other); !bytes.Equal(audio, converted(said, law, other)) {
				t.Errorf("%v to %v: % x said, want % x", law, other, audio, said)
			}
			for _, p := range sent {
				if p.PayloadType != other.PayloadType() {
					t.Errorf("payload type %d", p.PayloadType)
				}
			}
			if st := r.Status(1); st.Sent != 200 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func converted(b []byte, from, to transcode.Law) []byte {
	b = bytes.Clone(b)
	transcode.Convert(b, from, to)
	return b
}

// After a move the new address is heard, and what is still in flight from the old one
// is not, whatever its rank was and however soon it comes.
func TestMoveForgetsTheOldSource(t *testing.T) {
	for _, old := range []netip.AddrPort{phoneAddr, sameIP} {
		for _, moved := range []netip.AddrPort{strangerAddr, netip.AddrPortFrom(phoneAddr.Addr(), 4002)} {
			inBubble(t, Config{}, func(r *rig) {
				r.start(Params{})
				ph := &phone{r: r, addr: old, ssrc: 7}
				for i := range 4 {
					ph.send(voice(i, 160))
				}
				r.take()
				r.again(func(p *Params) { p.Remote = moved })
				if r.Stats().SourceProof != "none" {
					t.Error("the move kept the proof")
				}
				r.link.take()
				pass(100 * time.Millisecond)
				for i := range 20 {
					ph.send(voice(i, 160))
				}
				for _, p := range r.link.take() {
					if p.to != moved {
						t.Errorf("a packet to %v after the move", p.to)
					}
				}
				somebody := &phone{r: r, addr: netip.MustParseAddrPort("203.0.113.5:4000"), ssrc: 9}
				for i := range 8 {
					somebody.send(voice(i, 160))
				}
				if st := r.Stats(); !isSilence(r.take(), transcode.PCMU) || st.Foreign != 28 {
					t.Errorf("the old source, or somebody else, is heard: %d packets foreign", st.Foreign)
				}
				next := &phone{r: r, addr: moved, ssrc: 8}
				var want []byte
				for i := range 6 {
					next.send(voice(i, 160))
					want = append(want, voice(i, 160)...)
				}
				if got := r.take(); !bytes.HasSuffix(got, want) {
					t.Errorf("%d bytes heard from the new address", len(got))
				}
			})
		}
	}
}

// There and back again, as hold to a music server does.
func TestMoveAndBack(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.again(func(p *Params) { onHold(p); p.Remote = strangerAddr })
		music := &phone{r: r, addr: strangerAddr, ssrc: 8}
		for i := range 10 {
			music.send(voice(i, 160))
		}
		r.again(func(p *Params) { resumed(p); p.Remote = phoneAddr })
		r.take()
		music.send(voice(3, 160))
		for i := range 4 {
			ph.send(voice(i, 160))
		}
		if got := r.take(); !bytes.Equal(got, bytes.Join([][]byte{voice(0, 160), voice(1, 160), voice(2, 160), voice(3, 160)}, nil)) {
			t.Errorf("%d bytes heard", len(got))
		}
	})
}

// Behind a NAT the SDP says nothing: the phone that moves is learnt like the first time.
func TestMoveBehindNAT(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{Remote: netip.MustParseAddrPort("10.0.0.1:4000")})
		ph := &phone{r: r, addr: strangerAddr, ssrc: 7}
		for i := range 4 {
			ph.send(voice(i, 160))
		}
		r.again(func(p *Params) { p.Remote = netip.MustParseAddrPort("10.0.0.1:4002") })
		r.take()
		moved := &phone{r: r, addr: netip.AddrPortFrom(strangerAddr.Addr(), 1234), ssrc: 8}
		for i := range 4 {
			ph.send(voice(i, 160))
			moved.send(voice(i+10, 160))
		}
		if got := r.take(); len(got) != 640 || !bytes.Equal(got[:160], voice(10, 160)) {
			t.Errorf("%d bytes heard", len(got))
		}
	})
}

// A NAT may forget its mapping in a long hold without a packet.
func TestResumeFromAnotherPortOfTheNAT(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		ph := &phone{r: r, addr: sameIP, ssrc: 7}
		for i := range 3 {
			ph.send(voice(i, 160))
		}
		r.again(onHold)
		pass(5 * time.Minute)
		r.again(resumed)
		r.take()
		r.link.take()
		r.Play(1, voice(1, 160))
		if got := r.link.take(); len(got) != 1 || got[0].to != sameIP {
			t.Error("the stream does not go on to where it went")
		}
		ph.addr = netip.AddrPortFrom(sameIP.Addr(), 6666)
		for i := range 3 {
			ph.send(voice(i, 160))
		}
		if got := r.take(); len(got) != 480 || r.dest != ph.addr {
			t.Errorf("%d bytes heard, sending to %v", len(got), r.dest)
		}
	})
}

// The trust in one address does not pass to the next.
func TestUnprovenTimePerAddress(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{UnprovenFor: -1})
		if pass(5 * time.Second); len(r.link.take()) < 240 {
			t.Error("the trusted address had to prove itself")
		}
		r.again(func(p *Params) { p.Remote, p.UnprovenFor = strangerAddr, 0 })
		pass(10 * time.Second)
		if n := len(r.link.take()); n > 102 {
			t.Errorf("%d packets to an address that never answered", n)
		}
	})
}

func TestRefusedChangeLeavesAllAsItWas(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		before := r.params
		p := before
		p.Remote, p.NoSend = netip.MustParseAddrPort("0.0.0.0:4000"), true
		if err := r.Start(p); !errors.Is(err, ErrRemote) || r.params != before {
			t.Errorf("%v, %+v", err, r.params)
		}
		ph.send(voice(2, 160))
		if got := r.take(); len(got) != 160 {
			t.Errorf("%d bytes heard", len(got))
		}
	})
}
