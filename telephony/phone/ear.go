package phone

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

const (
	// audibleLevel parts speech from quiet, in dBov: speech on a trunk lies 20 dB
	// above it, comfort noise below.
	audibleLevel = -50.0
	// settled is how long the agent must be quiet until its words are over, and not
	// only a word.
	settled = 200 * time.Millisecond
	frame   = 20 * time.Millisecond
)

// ear listens to the agent, frame by frame, and keeps the times that a script
// waits for. The sink writes it, the script reads it.
type ear struct {
	law     transcode.Law
	keep    bool
	changed chan struct{} // cap 1; a token per frame at most

	mu    sync.Mutex // guards the rest
	audio []byte
	hash  hash.Hash
	state hearing
	turns []openTurn
	barge *openBarge // the interruption under way
	done  []BargeIn
}

// hearing is what the ear knows now.
type hearing struct {
	Speaking bool      // audible now, or less than settled ago
	Onset    time.Time // when this speech began, or the last one
	Last     time.Time // end of the last audible frame; zero: never
	Spurts   int       // how often speech began
}

// openTurn is a turn whose answer is awaited, or was had.
type openTurn struct {
	Turn
	end   time.Time // of our last audible frame
	quiet bool      // the agent was quiet at some time since the beginning of the turn
}

type openBarge struct {
	BargeIn
	began time.Time
}

func newEar(law transcode.Law, keep bool) *ear {
	return &ear{law: law, keep: keep, changed: make(chan struct{}, 1), hash: sha256.New()}
}

// hear takes one frame. It is the session's sink.
func (e *ear) hear(f []byte) {
	now := time.Now()
	audible := transcode.Level(e.law, f) > audibleLevel
	e.mu.Lock()
	if e.keep {
		e.audio = append(e.audio, f...)
	}
	if !silent(e.law, f) {
		e.hash.Write(f)
	}
	if audible {
		e.loudLocked(now)
	} else if e.state.Speaking && now.Sub(e.state.Last) >= settled {
		e.state.Speaking = false
		e.quietLocked()
	}
	e.mu.Unlock()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// loudLocked notes an audible frame.
func (e *ear) loudLocked(now time.Time) {
	if !e.state.Speaking {
		e.state.Speaking, e.state.Onset = true, now
		e.state.Spurts++
	}
	e.state.Last = now.Add(frame)
	if n := len(e.turns); n > 0 {
		t := &e.turns[n-1]
		if t.quiet && !t.Answered && !t.end.IsZero() && now.After(t.end) {
			t.Answered, t.Latency = true, now.Sub(t.end)
		}
	}
}

// quietLocked notes that the agent's words are over.
func (e *ear) quietLocked() {
	if n := len(e.turns); n > 0 {
		e.turns[n-1].quiet = true
	}
	if e.barge != nil {
		e.closeBargeLocked(true)
	}
}

func (e *ear) closeBargeLocked(quiet bool) {
	b := e.barge.BargeIn
	b.Quiet = quiet
	if quiet {
		b.Silence = max(0, e.state.Last.Sub(e.barge.began))
	}
	e.done = append(e.done, b)
	e.barge = nil
}

// begin opens a turn; a barge-in too, if over is set.
func (e *ear) begin(length time.Duration, now time.Time, over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turns = append(e.turns, openTurn{Turn: Turn{Length: length}, quiet: !e.state.Speaking})
	if !over {
		return
	}
	if e.barge != nil {
		e.closeBargeLocked(false)
	}
	e.barge = &openBarge{BargeIn: BargeIn{Heard: now.Sub(e.state.Onset)}, began: now}
	if !e.state.Speaking {
		e.closeBargeLocked(true)
	}
}

// end says when the last audible frame of the turn was over.
func (e *ear) end(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.turns); n > 0 {
		e.turns[n-1].end = at
	}
}

func (e *ear) now() hearing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// report fills in what the ear has gathered.
func (e *ear) report(r *Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.barge != nil {
		e.closeBargeLocked(false)
	}
	for _, t := range e.turns {
		r.Turns = append(r.Turns, t.Turn)
	}
	r.BargeIns = e.done
	r.ReceivedAudio = e.audio
	r.ReceivedHash = hex.EncodeToString(e.hash.Sum(nil))
}

func silent(law transcode.Law, f []byte) bool {
	for _, b := range f {
		if b != law.Silence() {
			return false
		}
	}
	return true
}
