package media

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

func TestTimelineIsExactWithoutLoss(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		for _, size := range []int{80, 160, 240, 480, 1, 159, 161, 1600} {
			started(t, Params{Law: law, PayloadType: law.PayloadType()}, func(r *rig, ph *phone) {
				ph.seq, ph.ts = 65530, 1<<32-1000 // both wrap; and this is a new start
				ph.ssrc = 8
				var want []byte
				for i := range 40 {
					p := voice(i, size)
					ph.send(p)
					want = append(want, p...)
				}
				whole := len(want) / 160 * 160
				if got := r.take(); !bytes.Equal(got, want[:whole]) {
					t.Errorf("%v in packets of %d: %d bytes, want %d", law, size, len(got), whole)
				}
				if st := r.Stats(); st.Lost+st.Late+st.Duplicate+st.Strays != 0 || st.Concealed+st.Silence != 0 {
					t.Errorf("%v in packets of %d: %+v", law, size, st)
				}
			})
		}
	}
}

func TestTimelineSizesMayChange(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		var want []byte
		for i := range 200 {
			p := voice(i, 1+rand.IntN(480))
			ph.send(p)
			want = append(want, p...)
		}
		if got := r.take(); !bytes.Equal(got, want[:len(got)]) || len(want)-len(got) >= 160 {
			t.Error("the audio changed")
		}
	})
}

// Whatever is lost, the timeline is as long as the timestamps say; speech that
// did come is in its place.
func TestLossKeepsTheLength(t *testing.T) {
	for _, lost := range []int{1, 2, 3, 5, 20} {
		for _, size := range []int{80, 160, 240} {
			if lost*size > 4000 {
				continue
			}
			started(t, Params{}, func(r *rig, ph *phone) {
				before := voice(9, 480)
				for i := 0; i < 480; i += size {
					ph.send(before[i : i+size])
				}
				ph.skip(lost, size)
				after := voice(5, 4800)
				for i := 0; i < len(after); i += size {
					ph.send(after[i : i+size])
				}
				got, gap := r.take(), lost*size
				whole := (480 + gap + 4800) / 160 * 160
				if len(got) != whole {
					t.Fatalf("%d lost of %d: %d bytes, want %d", lost, size, len(got), whole)
				}
				if !bytes.Equal(got[:480], before) || !bytes.Equal(got[480+gap:], after[:whole-480-gap]) {
					t.Errorf("%d lost of %d: speech moved", lost, size)
				}
				st := r.Stats()
				if int(st.Lost) != lost || st.Concealed != durationOf(min(gap, 480)) || st.Silence != durationOf(max(0, gap-480)) {
					t.Errorf("%d lost of %d: lost %d, concealed %v, silence %v", lost, size, st.Lost, st.Concealed, st.Silence)
				}
				if quiet := got[480+min(gap, 480) : 480+gap]; !isSilence(quiet, transcode.PCMU) {
					t.Errorf("%d lost of %d: no silence after concealment", lost, size)
				}
			})
		}
	}
}

func TestSilenceSuppression(t *testing.T) {
	for _, c := range []struct {
		gap     int
		want    int
		resets  uint64
		comfort bool
	}{{1, 1, 0, false}, {160, 160, 0, false}, {4000, 4000, 0, false}, {4001, 0, 1, false}, {-160, 0, 1, false}, {1 << 30, 0, 1, false}, {800, 800, 0, true}} {
		started(t, Params{}, func(r *rig, ph *phone) {
			ph.send(voice(2, 160))
			if c.comfort { // RFC 3389: says that silence begins
				r.inject(rtpBytes(13, ph.seq, ph.ts, ph.ssrc, []byte{60}), ph.addr)
				ph.seq++
			}
			ph.ts += uint32(c.gap)
			ph.send(voice(3, 320))
			ph.send(voice(4, 320))
			got, st := r.take(), r.Stats()
			if st.Silence != durationOf(c.want) || st.Resets != c.resets || st.Lost != 0 {
				t.Errorf("gap %d: silence %v, resets %d", c.gap, st.Silence, st.Resets)
			}
			want := append(voice(2, 160), bytes.Repeat([]byte{0xFF}, c.want)...)
			want = append(append(want, voice(3, 320)...), voice(4, 320)...)
			if !bytes.Equal(got, want[:len(want)/160*160]) {
				t.Errorf("gap %d: wrong audio", c.gap)
			}
		})
	}
}

func TestFillWhileNothingComes(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(199 * time.Millisecond)
		if got := r.take(); len(got) != 0 {
			t.Fatalf("%d bytes before 200 ms", len(got))
		}
		pass(21 * time.Millisecond)
		got := r.take()
		if len(got) != 1600 && len(got) != 1760 || !isSilence(got, transcode.PCMU) {
			t.Fatalf("%d bytes after 220 ms", len(got))
		}
		pass(time.Second)
		if more := r.take(); len(more) != 8000 {
			t.Errorf("%d bytes in the next second", len(more))
		}
		if st := r.Stats(); st.Filled != durationOf(len(got)+8000) {
			t.Errorf("filled %v", st.Filled)
		}
	})
}

func TestFillBeforeTheFirstPacket(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{})
		pass(time.Second)
		if got := r.take(); len(got) < 7840 || len(got) > 8000 {
			t.Errorf("%d bytes in a second without a packet", len(got))
		}
	})
}

// The network stood still, and then everything comes: nothing of it is lost, and
// nothing comes twice.
func TestLateSpeechAfterAFillIsKept(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(600 * time.Millisecond)
		if got := r.take(); !isSilence(got, transcode.PCMU) || len(got) < 4640 {
			t.Fatal("no fill")
		}
		var want []byte
		for i := range 30 {
			ph.send(voice(i, 160))
			want = append(want, voice(i, 160)...)
		}
		if got := r.take(); !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d", len(got), len(want))
		}
	})
}

// Silence suppression, or an outage: the timestamps jump by what the clock has
// filled already. It must not be filled again.
func TestFilledTimeIsNotFilledTwice(t *testing.T) {
	for _, outage := range []bool{false, true} {
		started(t, Params{}, func(r *rig, ph *phone) {
			pass(time.Second)
			filled := len(r.take())
			if outage {
				ph.skip(50, 160)
			} else {
				ph.ts += 8000
			}
			for i := range 4 {
				ph.send(voice(i, 160))
			}
			got := r.take()
			if total := filled + len(got); total < 8640-160 || total > 8640 {
				t.Errorf("outage %v: %d bytes, want 8640", outage, total)
			}
			if st := r.Stats(); st.Resets != 0 || st.Concealed != 0 {
				t.Errorf("outage %v: %+v", outage, st)
			}
		})
	}
}

// The packets behind an outage come at their pace and wait for what is lost before them:
// that the clock has filled it must not be forgotten meanwhile, whenever in their time
// they come.
func TestFilledTimeIsNotFilledTwiceAtPace(t *testing.T) {
	for _, outage := range []time.Duration{240 * time.Millisecond, 460 * time.Millisecond, 3 * time.Second} {
		for _, late := range []time.Duration{-9 * time.Millisecond, 0, 15 * time.Millisecond} {
			started(t, Params{}, func(r *rig, ph *phone) {
				ph.talkFor(time.Second)
				r.take()
				ph.skip(int(outage/(20*time.Millisecond)), 160)
				pass(outage + late)
				ph.talkFor(time.Second)
				want := bytesOf(outage + time.Second)
				if d := len(r.take()) - want; d < -160 || d > 160 {
					t.Errorf("outage of %v, %v late: %d bytes too many", outage, late, d)
				}
				if st := r.Stats(); st.Concealed != 0 || st.Resets != 0 {
					t.Errorf("outage of %v, %v late: %+v", outage, late, st)
				}
			})
		}
	}
}

// What jitter made the clock fill too much comes back from the next gap.
func TestFillingTooMuchIsRepaid(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(time.Second)
		r.take()
		ph.skip(15, 160)
		pass(345 * time.Millisecond) // 45 ms late, and so are the others
		ph.talkFor(time.Second)
		if got := len(r.take()); got != bytesOf(1300*time.Millisecond)+320 {
			t.Fatalf("%d bytes", got)
		}
		ph.ts += 800 // a pause of 100 ms
		ph.talkFor(time.Second)
		if got := len(r.take()); got != bytesOf(1100*time.Millisecond)-320 {
			t.Errorf("%d bytes: the pause is not 40 ms shorter", got)
		}
		ph.ts += 800
		ph.talkFor(time.Second)
		if got := len(r.take()); got != bytesOf(1100*time.Millisecond) {
			t.Errorf("%d bytes: paid twice", got)
		}
	})
}

// Credit from an old fill must not swallow a real gap later.
func TestCreditExpires(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		pass(400 * time.Millisecond)
		for i := range 10 { // paced again: the sender had stopped its clock
			ph.send(voice(i, 160))
			pass(20 * time.Millisecond)
		}
		r.take()
		ph.ts += 800
		ph.send(voice(3, 160))
		if got := r.take(); len(got) != 960 {
			t.Errorf("%d bytes, want 800 of silence and 160", len(got))
		}
	})
}

// Packets that wait for a missing one do not wait for ever.
func TestFillReleasesWhatWaits(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		lost := ph.seq
		ph.skip(1, 160)
		ph.send(voice(3, 160))
		pass(230 * time.Millisecond)
		got := r.take()
		if len(got) < 320 || !bytes.Equal(got[160:320], voice(3, 160)) {
			t.Fatalf("%d bytes", len(got))
		}
		ph.sendAt(lost, 320, voice(2, 160))
		if st := r.Stats(); st.Lost != 1 || st.Late != 1 {
			t.Errorf("%+v", st)
		}
	})
}
