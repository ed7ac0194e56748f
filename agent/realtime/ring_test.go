package realtime

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestRingAgainstSlice does the same to a ring and to a plain slice.
func TestRingAgainstSlice(t *testing.T) {
	const limit, unit = 3200, 160
	random := rand.New(rand.NewPCG(1, 2))
	var r ring
	var model []byte
	next := byte(0)
	for step := range 20000 {
		if random.IntN(2) == 0 {
			p := make([]byte, random.IntN(4)*random.IntN(700))
			for i := range p {
				next++
				p[i] = next
			}
			dropped := r.push(p, limit, unit)
			model = append(model, p...)
			if over := len(model) - limit; over > 0 {
				want := min((over+unit-1)/unit*unit, len(model))
				if dropped != want {
					t.Fatalf("step %d: dropped %d, want %d", step, dropped, want)
				}
				model = model[want:]
			} else if dropped != 0 {
				t.Fatalf("step %d: dropped %d of %d bytes", step, dropped, len(model))
			}
		} else {
			most := random.IntN(1000)
			got := r.pop(nil, most)
			want := model[:min(most, len(model))]
			if !bytes.Equal(got, want) {
				t.Fatalf("step %d: popped %d bytes, want %d", step, len(got), len(want))
			}
			model = model[len(want):]
		}
		if r.n != len(model) || len(r.buf) > limit {
			t.Fatalf("step %d: %d bytes in a buffer of %d, want %d in at most %d", step, r.n, len(r.buf), len(model), limit)
		}
	}
}

func TestRingStaysSmall(t *testing.T) {
	var r ring
	for range 1000 {
		r.push(make([]byte, 160), 16000, 160)
		r.pop(nil, 800)
	}
	if len(r.buf) != firstRing {
		t.Errorf("a ring that is emptied every 20 ms takes %d bytes, want %d", len(r.buf), firstRing)
	}
}
