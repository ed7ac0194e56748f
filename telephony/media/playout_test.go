package media

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Pieces of any size come out as they went in, bit for bit, only the last frame
// padded.
func TestPlayPiecesOfAnySize(t *testing.T) {
	for _, ptime := range []int{10, 20, 30, 60} {
		for _, piece := range []int{1, 159, 160, 161, 4000} {
			for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
				p := Params{Law: law, PayloadType: law.PayloadType(), PTime: time.Duration(ptime) * time.Millisecond}
				started(t, p, func(r *rig, _ *phone) {
					pass(5 * time.Millisecond)
					r.link.take()
					want := voice(3, 4000)
					for b := want; len(b) > 0; {
						n := min(piece, len(b))
						if r.Play(1, b[:n]) != n {
							t.Fatal("not accepted")
						}
						b = b[n:]
					}
					r.End(1)
					pass(600 * time.Millisecond)
					got := audioOf(r.link.take(), law)
					if !bytes.Equal(got[:4000], want) || !isSilence(got[4000:], law) || len(got)%(8*ptime) != 0 {
						t.Errorf("%v, %d ms, pieces of %d: wrong audio", law, ptime, piece)
					}
					st := r.Status(1)
					if st.Received != 4000 || st.Sent != 4000 || st.Queued != 0 || r.Queued() != 0 {
						t.Errorf("%v, %d ms, pieces of %d: %+v", law, ptime, piece, st)
					}
				})
			}
		}
	}
}

// A remainder waits for more audio of its item; silence goes out meanwhile.
func TestUnderrun(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 200))
		pass(200 * time.Millisecond)
		if st := r.Status(1); st.Sent != 160 || st.Queued != 40 {
			t.Fatalf("%+v", st)
		}
		if st := r.Stats(); st.Underruns != 1 {
			t.Errorf("%d underruns", st.Underruns)
		}
		r.link.take()
		r.Play(1, voice(1, 320)[200:])
		got := r.link.take()
		if len(got) != 1 || !got[0].Marker || !bytes.Equal(got[0].Payload, voice(1, 320)[160:]) {
			t.Errorf("the item went on with %d packets", len(got))
		}
		r.End(1)
		pass(time.Second)
		if st := r.Stats(); st.Underruns != 1 || st.Spurts != 2 {
			t.Errorf("%d underruns, %d spurts", st.Underruns, st.Spurts)
		}
	})
}

func TestEndPadsAtOnce(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 40))
		pass(100 * time.Millisecond)
		r.link.take()
		r.End(1)
		got := r.link.take()
		if len(got) != 1 || !bytes.Equal(got[0].Payload[:40], voice(1, 40)) || !isSilence(got[0].Payload[40:], transcode.PCMU) {
			t.Errorf("%d packets", len(got))
		}
		r.End(1)
		r.End(99) // never heard of
		if st := r.Status(1); st.Sent != 40 {
			t.Errorf("%+v", st)
		}
	})
}

// The next item's audio proves that the one before is complete.
func TestNextItemPadsTheOneBefore(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 200))
		r.Play(2, voice(2, 160))
		pass(100 * time.Millisecond)
		got := audioOf(r.link.take(), transcode.PCMU)
		want := append(append(voice(1, 200), silenceOf(0)[:120]...), voice(2, 160)...)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes", len(got))
		}
		if a, b := r.Status(1), r.Status(2); a.Sent != 200 || b.Sent != 160 || !b.First.After(a.First) {
			t.Errorf("%+v, %+v", a, b)
		}
	})
}

// Two content parts of one item may take turns: each keeps its own account.
func TestInterleavedIDs(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		for i := range 6 {
			r.Play(uint64(i%2), voice(i, 160))
		}
		pass(50 * time.Millisecond)
		if a, b := r.Status(0), r.Status(1); a.Sent+a.Queued != 480 || b.Sent+b.Queued != 480 {
			t.Errorf("%+v %+v", a, b)
		}
		pass(100 * time.Millisecond)
		var want []byte
		for i := range 6 {
			want = append(want, voice(i, 160)...)
		}
		if got := audioOf(r.link.take(), transcode.PCMU); !bytes.Equal(got, want) {
			t.Error("wrong order")
		}
	})
}

func TestPlayOverTheCap(t *testing.T) {
	inBubble(t, Config{MaxQueued: time.Second}, func(r *rig) {
		if n := r.Play(1, make([]byte, 7000)); n != 7000 {
			t.Errorf("accepted %d", n)
		}
		if n := r.Play(1, make([]byte, 7000)); n != 1000 {
			t.Errorf("accepted %d over the cap", n)
		}
		if n := r.Play(2, make([]byte, 10)); n != 0 {
			t.Errorf("accepted %d when full", n)
		}
		if st := r.Status(2); st != (PlayStatus{}) {
			t.Errorf("%+v of an item without audio", st)
		}
		if st := r.Stats(); st.DroppedBytes != 6010 || r.Queued() != 8000 {
			t.Errorf("%d dropped, %d queued", st.DroppedBytes, r.Queued())
		}
	})
}

func TestItemsAreForgotten(t *testing.T) {
	q := playout{frame: 160, queue: ring{limit: 1 << 20}}
	for id := range uint64(1000) {
		q.play(id, voice(1, 160))
		q.next(make([]byte, 160))
	}
	if len(q.items) != rememberedItems || q.find(999-rememberedItems) != nil || q.find(1000-rememberedItems) == nil {
		t.Errorf("%d items remembered", len(q.items))
	}
	for id := range uint64(5000) {
		q.play(10000+id, []byte{1})
	}
	if len(q.segs) != maxQueuedItems || len(q.items) > maxQueuedItems+rememberedItems {
		t.Errorf("%d segments of %d items", len(q.segs), len(q.items))
	}
	if it := q.find(10000); it == nil || it.Queued != 1 {
		t.Error("an item with audio was forgotten")
	}
}

func TestFlushIsAtomic(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 4000))
		r.Play(2, voice(2, 800))
		pass(90 * time.Millisecond)
		r.Flush()
		sentBefore := r.Status(1).Sent
		r.link.take()
		pass(time.Second)
		if got := audioOf(r.link.take(), transcode.PCMU); len(got) != 0 {
			t.Errorf("%d bytes left after the flush", len(got))
		}
		if st := r.Status(1); st.Sent != sentBefore || st.Queued != 0 || st.Received != 4000 || r.Queued() != 0 {
			t.Errorf("%+v, was %d", st, sentBefore)
		}
		if st := r.Stats(); int(st.FlushedBytes) != 4800-sentBefore || st.Underruns != 0 {
			t.Errorf("flushed %d, underruns %d", st.FlushedBytes, st.Underruns)
		}
		r.Play(3, voice(3, 160))
		if got := r.link.take(); len(got) != 1 || !bytes.Equal(got[0].Payload, voice(3, 160)) {
			t.Error("the next item does not start at once")
		}
	})
}

func TestHold(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		want := voice(1, 3200)
		r.Play(1, want)
		r.End(1)
		pass(105 * time.Millisecond)
		r.Hold(true)
		r.Hold(true)
		before := audioOf(r.link.take(), transcode.PCMU)
		pass(time.Second)
		held := r.link.take()
		if len(audioOf(held, transcode.PCMU)) != 0 || len(held) < 49 {
			t.Errorf("%d packets on hold", len(held))
		}
		r.Hold(false)
		if got := r.link.take(); len(got) != 1 || !got[0].Marker {
			t.Fatal("no frame at once")
		} else {
			before = append(before, got[0].Payload...)
		}
		pass(time.Second)
		if got := append(before, audioOf(r.link.take(), transcode.PCMU)...); !bytes.Equal(got, want) {
			t.Error("hold lost audio")
		}
		if st := r.Stats(); st.Underruns != 0 {
			t.Errorf("%d underruns", st.Underruns)
		}
	})
}

func TestChangedTellsOfFirstFramesAndOfTheEnd(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		changed := func() bool {
			select {
			case <-r.Changed():
				return true
			default:
				return false
			}
		}
		r.Play(1, voice(1, 1600))
		if !changed() {
			t.Error("no word of the first frame")
		}
		pass(170 * time.Millisecond)
		if changed() {
			t.Error("a word of nothing")
		}
		pass(20 * time.Millisecond)
		if !changed() || r.Queued() != 0 {
			t.Error("no word of the end")
		}
		pass(20 * time.Millisecond)
		r.Play(1, voice(1, 160)) // empty again with each frame
		if !changed() {
			t.Error("no word of the end of a short piece")
		}
		r.Play(2, voice(1, 320))
		pass(5 * time.Millisecond)
		changed()
		r.Flush()
		if !changed() {
			t.Error("no word of the flush")
		}
	})
}

func TestFailedSendsAreNotHeard(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.link.failWith(errors.New("network is unreachable"))
		r.Play(1, voice(1, 320))
		pass(100 * time.Millisecond)
		if st := r.Status(1); st.Sent != 0 || st.Queued != 0 || !st.First.IsZero() {
			t.Errorf("%+v", st)
		}
		r.link.failWith(nil)
		pass(100 * time.Millisecond)
		if st := r.Stats(); st.SendErrors < 5 || st.SendErrors > 7 {
			t.Errorf("%d send errors", st.SendErrors)
		}
	})
}

func TestPlayBeforeStart(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.Play(1, voice(1, 320))
		pass(time.Second)
		if got := r.link.take(); len(got) != 0 {
			t.Fatal("sent before Start")
		}
		r.start(Params{})
		if got := r.link.take(); len(got) != 1 || !bytes.Equal(got[0].Payload, voice(1, 320)[:160]) {
			t.Errorf("%d packets at Start", len(got))
		}
	})
}
