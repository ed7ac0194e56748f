package trunkline

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/trunkline/trunkline/store/sound"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/transcode"
)

// recorder keeps the sound of one call, from the moment when the agent first allows it. It listens to the call by a tap,
// which never holds the call up: what it is too slow for is lost and counted.
//
//	media.Session ── tap ──► write ──► sound.Recorder
//	agent ── Record(on) ──────^ mute while off: what was heard then, whenever it is written
type recorder struct {
	// Static.
	keep keeper
	call *telephony.Call
	log  *slog.Logger

	begin sync.Once
	crew  sync.WaitGroup

	mu  sync.Mutex
	tap *media.Tap // nil: nothing was allowed yet, or it could not be begun

	file *sound.Recorder // nil: it could not be begun; owned by write, and by finish when that has ended
}

// keeper is what a recorder needs of a [sound.Keep].
type keeper interface {
	Begin(callID string, law transcode.Law) (*sound.Recorder, error)
}

// tapFrames is what may wait for a slow disk: five seconds of both directions.
const tapFrames = 500

// Record allows or forbids to keep what is heard from now on (agent.Line). It waits for no disk.
func (r *recorder) Record(on bool) {
	if on {
		r.begin.Do(r.start)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tap != nil {
		r.tap.Mute(!on)
	}
}

func (r *recorder) start() {
	tap, err := r.call.Media().Tap(tapFrames)
	if err != nil {
		r.log.Error("call is not recorded", "err", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tap = tap
	r.crew.Go(func() { r.write(tap) })
}

// write begins the file, and takes frames until the tap is closed and empty.
func (r *recorder) write(tap *media.Tap) {
	var err error
	if r.file, err = r.keep.Begin(r.call.Info().ID, r.call.Info().Law); err != nil {
		r.log.Error("call is not recorded", "err", err)
		tap.Close()
		return
	}
	var f media.TapFrame
	whole := true
	for tap.Next(context.Background(), &f) != io.EOF {
		channel := sound.Caller
		if f.Direction == media.FromAgent {
			channel = sound.Agent
		}
		if ok := r.file.Frame(channel, f.Position, f.Audio(), f.Muted); !ok && whole {
			whole = false
			r.log.Error("recording stops: it cannot be written; the call goes on")
		}
	}
}

// stop ends the recording, with what has been heard so far. It may be called twice.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tap != nil {
		r.tap.Close()
	}
}

// finish completes the recording and returns its name, "" when there is none.
func (r *recorder) finish(expires time.Time) string {
	r.begin.Do(func() {}) // it begins no more
	r.stop()
	r.crew.Wait()
	if r.file == nil {
		return ""
	}
	name, err := r.file.Finish(expires)
	if err != nil {
		r.log.Error("recording is not complete", "err", err)
	}
	if lost := r.tap.Dropped(); lost > 0 || r.file.Late() > 0 {
		r.log.Warn("recording has holes", "frames_lost", lost, "samples_late", r.file.Late())
	}
	return name
}
