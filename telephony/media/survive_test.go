package media

import (
	"testing"
	"time"
)

// A sink that panics, in the pacer or in a reader, costs its own call. The pacer goes on
// with the others, and the session can be closed.
func TestPanicCostsOneSession(t *testing.T) {
	for name, breaks := range map[string]func(r *rig){
		"pacer": func(*rig) { pass(time.Second) },
		"reader": func(r *rig) {
			r.mu.Lock()
			r.line.sink = nil // only from here on
			r.mu.Unlock()
			p := r.prove()
			r.Attach(func([]byte) { panic("sink") })
			p.send(voice(1, 160)) // and no more: nobody reads any longer
			pass(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{}, func(r *rig) {
				other := newBeat(r.pacer, r.pacer.now(), 20*time.Millisecond)
				defer r.pacer.remove(&other.place)
				r.start(Params{})
				r.Attach(func([]byte) { panic("sink") })
				breaks(r)
				if n := r.Stats().Panics; n == 0 || !r.isLost() {
					t.Errorf("%d panics, lost: %v", n, r.isLost())
				}
				other.take()
				if pass(time.Second); len(other.take()) < 49 {
					t.Error("the pacer stands still")
				}
			})
		})
	}
}
