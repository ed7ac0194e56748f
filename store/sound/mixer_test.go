package sound

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/trunkline/trunkline/transcode"
)

// Frames of both directions, late, early, mute and with gaps, leave as if they had been written to their places.
func TestMixerPutsEverythingInItsPlace(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var out bytes.Buffer
		m := newMixer(&out, transcode.PCMU.Silence())
		const length = 10 * 8000
		want := bytes.Repeat([]byte{transcode.PCMU.Silence()}, 2*(length+2*160))
		var at [2]int64
		for at[0] < length || at[1] < length {
			channel := rng.IntN(2)
			if at[channel] >= length || at[channel] > at[1-channel]+window-400 { // one side may be ahead, within the window
				channel = 1 - channel
			}
			frame := make([]byte, 1+rng.IntN(160))
			for i := range frame {
				frame[i] = byte(rng.Uint32())
			}
			mute := rng.IntN(10) == 0
			if err := m.put(channel, at[channel], frame, mute); err != nil {
				t.Fatal(err)
			}
			for i, b := range frame {
				if !mute {
					want[2*(at[channel]+int64(i))+int64(channel)] = b
				}
			}
			at[channel] += int64(len(frame))
			if rng.IntN(20) == 0 {
				at[channel] += int64(rng.IntN(300))
			}
		}
		if err := m.close(); err != nil {
			t.Fatal(err)
		}
		if m.late != 0 || int64(out.Len()) != 2*m.top || !bytes.Equal(out.Bytes(), want[:out.Len()]) {
			t.Fatalf("seed %d: %d bytes, %d late, equal: %v", seed, out.Len(), m.late, bytes.Equal(out.Bytes(), want[:out.Len()]))
		}
	}
}

// What comes after its place was written is left out and counted; nothing moves.
func TestMixerCountsWhatIsTooLate(t *testing.T) {
	var out bytes.Buffer
	m := newMixer(&out, 0xFF)
	frame := bytes.Repeat([]byte{1}, 160)
	must(t, m.put(Agent, 2*window, frame, false))
	must(t, m.put(Caller, 0, frame, false))             // all too late
	must(t, m.put(Caller, window+160-80, frame, false)) // half
	must(t, m.close())
	if m.late != 240 || out.Len() != 2*(2*window+160) {
		t.Errorf("late %d, %d bytes", m.late, out.Len())
	}
	if n := bytes.Count(out.Bytes(), []byte{1}); n != 240 {
		t.Errorf("%d samples are there, want the agent's 160 and 80 of the caller", n)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
