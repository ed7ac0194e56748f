package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// tape is a stereo recording made from a tap: frames where they belong.
type tape struct {
	t     *testing.T
	tap   *Tap
	side  [2][]byte  // FromCaller, FromAgent; 0 where there is nothing
	next  [2]int64   // where the last frame of each ended
	gaps  [2][]int64 // lengths of what was left out
	ahead [2]int64   // most that Position ran ahead of Clock, by the end of the frame
}

func newTape(t *testing.T, s *Session) *tape {
	t.Helper()
	tap, err := s.Tap(10000)
	if err != nil {
		t.Fatal(err)
	}
	return &tape{t: t, tap: tap}
}

// wind records all that waits.
func (r *tape) wind() *tape {
	r.t.Helper()
	var f TapFrame
	for {
		ok, _ := r.tap.take(&f)
		if !ok {
			return r
		}
		d := f.Direction
		if f.Position < r.next[d] {
			r.t.Fatalf("direction %d: a frame at %d after one that ended at %d", d, f.Position, r.next[d])
		}
		if gap := f.Position - r.next[d]; gap > 0 {
			r.gaps[d] = append(r.gaps[d], gap)
		}
		r.side[d] = append(append(r.side[d], make([]byte, f.Position-r.next[d])...), f.Audio()...)
		r.next[d] = f.Position + int64(len(f.Audio()))
		r.ahead[d] = max(r.ahead[d], r.next[d]-f.Clock)
	}
}

func (r *tape) find(d Direction, audio []byte) time.Duration {
	r.t.Helper()
	i := bytes.Index(r.side[d], audio)
	if i < 0 {
		r.t.Fatalf("direction %d: not on the tape", d)
	}
	return durationOf(i)
}

// What was said when, in both directions, to a frame; and all of it.
func TestTapMakesAStereoRecording(t *testing.T) {
	for _, ptime := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond} {
		inBubble(t, Config{}, func(r *rig) {
			rec := newTape(t, r.Session)
			r.start(Params{PTime: ptime, Law: transcode.PCMA, PayloadType: 8})
			began := time.Now()
			pass(777 * time.Millisecond)
			callerAt := time.Since(began)
			ph := r.prove()
			ph.talkFor(time.Second)
			agentAt := time.Since(began)
			r.Play(1, voice(50, 1603))
			r.End(1)
			ph.talkFor(2 * time.Second)
			rec.wind()
			heard := r.take()
			if !bytes.Equal(rec.side[FromCaller], heard) || len(rec.gaps[FromCaller]) != 0 {
				t.Errorf("ptime %v: %d bytes of the caller on the tape, %d heard, gaps %v", ptime, len(rec.side[FromCaller]), len(heard), rec.gaps[FromCaller])
			}
			var sent []byte
			for _, p := range r.link.take() {
				sent = append(sent, p.Payload...)
			}
			if !bytes.Equal(rec.side[FromAgent], sent) {
				t.Errorf("ptime %v: %d bytes of the agent on the tape, %d sent", ptime, len(rec.side[FromAgent]), len(sent))
			}
			if d := rec.find(FromAgent, voice(50, 1603)) - agentAt; d < 0 || d > ptime {
				t.Errorf("ptime %v: the agent is %v off", ptime, d)
			}
			// Silence before speech is filled in whole frames, at our ticks.
			if d := rec.find(FromCaller, voice(0, 160)) - callerAt; d > 0 || d < -ptime-20*time.Millisecond {
				t.Errorf("ptime %v: the caller is %v off", ptime, d)
			}
		})
	}
}

// A caller that comes soon is not moved to the beginning.
func TestTapBeginsWithTheFirstPacket(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		rec := newTape(t, r.Session)
		r.start(Params{})
		pass(150 * time.Millisecond)
		r.prove().talkFor(time.Second)
		if at := rec.wind().find(FromCaller, voice(0, 160)); at != 130*time.Millisecond || len(rec.gaps[FromCaller]) != 1 {
			t.Errorf("at %v, gaps %v", at, rec.gaps[FromCaller])
		}
	})
}

func TestTapLeavesOutTheHold(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		rec := newTape(t, r.Session)
		ph.talkFor(time.Second)
		r.again(onHold)
		pass(time.Minute)
		r.again(resumed)
		ph.talkFor(time.Second)
		rec.wind()
		gaps := rec.gaps[FromAgent]
		if len(gaps) != 2 || durationOf(int(gaps[1])) < 59*time.Second || durationOf(int(gaps[1])) > 61*time.Second {
			t.Errorf("the agent's gaps: %v", gaps)
		}
		if d := rec.next[FromAgent] - rec.next[FromCaller]; d > 400 || d < -400 {
			t.Errorf("the sides are %d samples apart after it", d)
		}
	})
}

// Frames are in the law of the call, whatever is on the wire.
func TestTapKeepsTheLaw(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		r.again(func(p *Params) { p.Law, p.PayloadType = transcode.PCMA, 8 })
		rec := newTape(t, r.Session)
		ph.pt = 8
		ph.talkFor(time.Second)
		said := voice(77, 1600)
		r.Play(1, said)
		ph.talkFor(time.Second)
		rec.wind().find(FromAgent, said)
		rec.find(FromCaller, converted(voice(3, 160), transcode.PCMA, transcode.PCMU))
		if silence := rec.side[FromAgent][len(rec.side[FromAgent])-160:]; !isSilence(silence, transcode.PCMU) {
			t.Error("silence of the other law")
		}
	})
}

// A far end whose clock is slow stays in step; one whose packets come late and all at
// once is not torn apart.
func TestTapStaysInStep(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		rec := newTape(t, r.Session)
		for range 3000 { // a minute, 2 % slow
			ph.send(voice(1, 160))
			pass(20400 * time.Microsecond)
		}
		behind := rec.wind().next[FromAgent] - rec.next[FromCaller]
		if behind > tapSlack+1000 || behind < -400 || len(rec.gaps[FromCaller]) < 3 {
			t.Errorf("%d samples behind after a minute, gaps %v", behind, rec.gaps[FromCaller])
		}
	})
	s := stillSession(nil)
	s.line.lastAudio = s.armedAt
	rec := newTape(t, s)
	next := talkPacket(s)
	for range 10 {
		next()
	}
	late := s.taps.now + 400*time.Millisecond // our own stall: the clock filled nothing
	for i := range 20 {
		s.receive(rtpBytes(0, uint16(10+i), uint32(1600+160*i), 1, voice(i, 160)), phoneAddr, late)
	}
	if rec.wind(); len(rec.gaps[FromCaller]) != 0 || len(rec.side[FromCaller]) != 4800 {
		t.Errorf("gaps %v in %d bytes", rec.gaps[FromCaller], len(rec.side[FromCaller]))
	}
}

func TestSlowTapLosesTheOldest(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		slow, err := r.Tap(4)
		if err != nil {
			t.Fatal(err)
		}
		quick := newTape(t, r.Session)
		ph.talkFor(time.Second)
		var f TapFrame
		frames := 0
		for ok, _ := slow.take(&f); ok; ok, _ = slow.take(&f) {
			frames++
		}
		quick.wind()
		if all := (len(quick.side[0]) + len(quick.side[1]) - int(quick.gaps[0][0]) - int(quick.gaps[1][0])) / 160; frames != 4 || int(slow.Dropped()) != all-4 || quick.tap.Dropped() != 0 {
			t.Errorf("%d frames read, %d of %d dropped; %d by the other", frames, slow.Dropped(), all, quick.tap.Dropped())
		}
		if end := f.Position + int64(len(f.Audio())); end != quick.next[f.Direction] {
			t.Error("the newest frame was lost")
		}
	})
}

// What is heard while a tap is mute is marked when it comes, however late it is read; another tap hears it.
func TestMuteHoldsForWhatWaits(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		tap, err := r.Tap(1000)
		if err != nil {
			t.Fatal(err)
		}
		other := newTape(t, r.Session)
		hears := func(from, to int) {
			for i := from; i < to; i++ {
				ph.send(voice(i, 160))
				pass(20 * time.Millisecond)
			}
		}
		hears(0, 10)
		tap.Mute(true)
		hears(10, 20)
		tap.Mute(false)
		hears(20, 30)
		var f TapFrame
		muted, after := 0, false
		for ok, _ := tap.take(&f); ok; ok, _ = tap.take(&f) {
			if f.Muted {
				muted++
				if after = true; f.Direction == FromCaller && len(f.Audio()) != 160 {
					t.Errorf("a muted frame of %d bytes: its time is lost", len(f.Audio()))
				}
			}
			for i := range 30 {
				if f.Direction == FromCaller && bytes.Equal(f.Audio(), voice(i, 160)) && f.Muted != (i >= 10 && i < 20) {
					t.Errorf("packet %d: muted %v", i, f.Muted)
				}
			}
		}
		if !after || muted < 18 || f.Muted {
			t.Errorf("%d frames are muted; the last: %v", muted, f.Muted)
		}
		for ok, _ := other.tap.take(&f); ok; ok, _ = other.tap.take(&f) {
			if f.Muted {
				t.Fatal("another tap is mute too")
			}
		}
	})
}

func TestTapsComeAndGo(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		var open []*Tap
		for range maxTaps {
			tap, err := r.Tap(0)
			if err != nil || len(tap.ring) != defaultTapFrames {
				t.Fatal(err)
			}
			open = append(open, tap)
		}
		if _, err := r.Tap(0); !errors.Is(err, ErrTaps) {
			t.Errorf("one too many: %v", err)
		}
		open[1].Close()
		open[1].Close()
		if again, err := r.Tap(0); err != nil {
			t.Error(err)
		} else {
			open[1] = again
		}
		var f TapFrame
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := open[0].Next(ctx, &f); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context gone: %v", err)
		}
		got := make(chan error)
		go func() { got <- open[0].Next(context.Background(), &f) }()
		ph.send(voice(9, 160))
		if err := <-got; err != nil || !bytes.Equal(f.Audio(), voice(9, 160)) || f.Direction != FromCaller {
			t.Errorf("%v, %+v", err, f)
		}
		go func() {
			for open[0].Next(context.Background(), &f) == nil {
			}
			got <- open[0].Next(context.Background(), &f)
		}()
		pass(time.Second)
		r.Close()
		if err := <-got; !errors.Is(err, io.EOF) {
			t.Errorf("at the end of the call: %v", err)
		}
		if err := open[2].Next(context.Background(), &f); err != nil {
			t.Errorf("what waited was lost: %v", err)
		}
		open[2].Close()
		if _, err := r.Tap(0); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Calls longer than the 6 days that an RTP timestamp counts.
func TestTapCountsPastTheTimestamp(t *testing.T) {
	var ts taps
	ts.start(transcode.PCMU, 0, 1000)
	tap, _ := ts.add(1)
	var f TapFrame
	for _, c := range []struct {
		clock int64
		ts    uint32
		want  int64
	}{{0, 1000, 0}, {0, 1160, 160}, {160, 1000, 0}, {1 << 32, 1000, 1 << 32}, {1<<32 - 80, 1080, 1<<32 + 80}, {3<<32 + 80, 840, 3<<32 - 160}} {
		ts.now = time.Duration(c.clock) * tickOfSample
		ts.said(c.ts, voice(1, 160))
		if tap.take(&f); f.Position != c.want || f.Clock != c.clock {
			t.Errorf("timestamp %d at %d: position %d, want %d", c.ts, c.clock, f.Position, c.want)
		}
	}
}

func TestNoAllocationPerTappedFrame(t *testing.T) {
	for readers := range 3 {
		s := stillSession(func([]byte) {})
		for range readers {
			if _, err := s.Tap(50); err != nil {
				t.Fatal(err)
			}
		}
		next, play := talkPacket(s), playDelta(s)
		play()
		for range 10 {
			next()
		}
		if n := testing.AllocsPerRun(500, func() { next(); play() }); n != 0 {
			t.Errorf("%v allocations with %d taps", n, readers)
		}
	}
}

func BenchmarkTappedPacketIn(b *testing.B) {
	s := stillSession(func([]byte) {})
	tap, err := s.Tap(0)
	if err != nil {
		b.Fatal(err)
	}
	next := talkPacket(s)
	var f TapFrame
	b.ReportAllocs()
	for b.Loop() {
		next()
		tap.take(&f)
	}
}
