package media

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The ring behaves like a plain slice, whatever is done to it.
func TestRingAgainstASlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{10, 4096, 5000, 70_000} {
		r := ring{limit: limit}
		var model []byte
		for i := range 1000 {
			b := voice(i, rnd.IntN(limit/3+2))
			n := r.push(b)
			if want := min(len(b), limit-len(model)); n != want {
				t.Fatalf("limit %d: pushed %d, want %d", limit, n, want)
			}
			model = append(model, b[:n]...)
			if rnd.IntN(200) == 0 {
				r.clear()
				model = nil
			}
			out := make([]byte, rnd.IntN(len(model)+1))
			r.pop(out)
			if !bytes.Equal(out, model[:len(out)]) || r.n != len(model)-len(out) {
				t.Fatalf("limit %d: wrong bytes", limit)
			}
			model = model[len(out):]
		}
	}
}

func TestRingLetsGoOfLargeBuffers(t *testing.T) {
	r := ring{limit: 1 << 20}
	r.push(make([]byte, 500_000))
	r.pop(make([]byte, 500_000))
	if len(r.buf) != 0 {
		t.Errorf("%d bytes kept", len(r.buf))
	}
	r.push(make([]byte, 40_000))
	r.pop(make([]byte, 40_000))
	if len(r.buf) == 0 {
		t.Error("a usual buffer was not kept")
	}
}
