package media

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

func TestReorderedWithinTheWindow(t *testing.T) {
	for _, order := range [][]int{{1, 0, 2, 3}, {0, 2, 1, 3}, {2, 1, 0, 3}, {0, 2, 3, 1}} {
		started(t, Params{}, func(r *rig, ph *phone) {
			var want []byte
			for i := range order {
				want = append(want, voice(i, 160)...)
			}
			for _, i := range order {
				ph.sendAt(ph.seq+uint16(i), ph.ts+uint32(160*i), voice(i, 160))
			}
			if got := r.take(); !bytes.Equal(got, want) {
				t.Errorf("%v: wrong order", order)
			}
			if st := r.Stats(); st.Lost+st.Late != 0 || st.Reordered == 0 {
				t.Errorf("%v: %+v", order, st)
			}
		})
	}
}

func TestDuplicatesAndLatePackets(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.send(voice(2, 160))
		ph.sendAt(ph.seq-1, ph.ts-160, voice(2, 160)) // delivered already
		missing := ph.seq
		ph.skip(1, 160)
		ph.send(voice(4, 160))
		ph.sendAt(ph.seq-1, ph.ts-160, voice(4, 160)) // held already
		ph.send(voice(5, 160))
		ph.send(voice(6, 160))
		ph.send(voice(7, 160))
		r.take()
		ph.sendAt(missing, 0, voice(3, 160))
		if got := r.take(); len(got) != 0 {
			t.Errorf("a late packet was delivered")
		}
		if st := r.Stats(); st.Duplicate != 2 || st.Lost != 1 || st.Late != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestReorderWindowByTime(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.skip(1, 160)
		ph.send(voice(3, 160)) // waits
		pass(59 * time.Millisecond)
		if got := r.take(); len(got) != 0 {
			t.Fatal("given up before the window had passed")
		}
		pass(time.Millisecond)
		ph.send(voice(4, 160))
		if got := r.take(); len(got) != 480 {
			t.Errorf("%d bytes after the window", len(got))
		}
	})
}

func TestNoReorderWindow(t *testing.T) {
	inBubble(t, Config{ReorderWindow: -1}, func(r *rig) {
		r.start(Params{})
		ph := r.prove()
		r.take()
		ph.skip(1, 160)
		ph.send(voice(3, 160))
		if got := r.take(); len(got) != 320 {
			t.Errorf("%d bytes at once", len(got))
		}
	})
}

func TestNewSourceMakesNoSilence(t *testing.T) {
	for _, c := range []struct {
		name string
		ssrc uint32
		seq  uint16
		ts   uint32
	}{{"ssrc", 99, 40000, 12345}, {"same numbers, new ssrc", 99, 3, 480}, {"sequence", 7, 30000, 480}, {"both", 7, 30000, 1 << 31}, {"backwards", 7, 60000, 0}} {
		started(t, Params{}, func(r *rig, ph *phone) {
			ph.send(voice(2, 160))
			ph.ssrc, ph.seq, ph.ts = c.ssrc, c.seq, c.ts
			ph.send(voice(3, 160))
			ph.send(voice(4, 160))
			ph.send(voice(5, 160))
			want := append(append(voice(2, 160), voice(3, 160)...), append(voice(4, 160), voice(5, 160)...)...)
			if got := r.take(); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d", c.name, len(got), len(want))
			}
			if st := r.Stats(); st.Lost+st.Strays != 0 || st.Silence+st.Concealed != 0 {
				t.Errorf("%s: %+v", c.name, st)
			}
		})
	}
}

// Two streams mixed on one address (a media server that changes its mind) must
// not be heard both.
func TestStraysOfAnotherStreamAreDropped(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		other := &phone{r: r, addr: ph.addr, ssrc: 1234, seq: 77}
		var want []byte
		for i := range 10 {
			ph.send(voice(i, 160))
			other.send(voice(50+i, 160))
			want = append(want, voice(i, 160)...)
		}
		if got := r.take(); !bytes.Equal(got, want) {
			t.Error("the other stream was heard")
		}
		ph.send(voice(1, 160))
		if st := r.Stats(); st.Strays != 10 {
			t.Errorf("%d strays", st.Strays)
		}
	})
}

// A random network: the audio that comes out is as long as what went in, up to the
// packets still waiting, and every frame is either in its place or concealed.
func TestRandomNetwork(t *testing.T) {
	for seed := range uint64(20) {
		started(t, Params{}, func(r *rig, ph *phone) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			const packets = 300
			marker := func(i int) []byte { return bytes.Repeat([]byte{byte(i%120 + 1)}, 160) }
			type late struct{ i, after int }
			var delayed []late
			for i := range packets {
				switch x := rnd.IntN(100); {
				case x < 3 && i > 3: // lost
				case x < 6 && i > 3:
					delayed = append(delayed, late{i, i + 1 + rnd.IntN(2)})
				default:
					ph.sendAt(uint16(2+i), uint32(320+160*i), marker(i))
					if x > 97 {
						ph.sendAt(uint16(2+i), uint32(320+160*i), marker(i))
					}
				}
				for len(delayed) > 0 && delayed[0].after <= i {
					d := delayed[0].i
					delayed = delayed[1:]
					ph.sendAt(uint16(2+d), uint32(320+160*d), marker(d))
				}
				pass(20 * time.Millisecond)
			}
			got := r.take()
			if behind := packets - len(got)/160; behind < 0 || behind > 4 {
				t.Fatalf("seed %d: %d frames of %d", seed, len(got)/160, packets)
			}
			wrong := 0
			for i := range len(got) / 160 {
				if !bytes.Equal(got[160*i:160*i+160], marker(i)) {
					wrong++
				}
			}
			if lost := int(r.Stats().Lost); wrong > lost {
				t.Errorf("seed %d: %d wrong frames with %d lost", seed, wrong, lost)
			}
		})
	}
}
