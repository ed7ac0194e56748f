package realtime

import (
	"sync"
	"time"
)

const (
	frameMS   = 20  // the unit of dropping, one RTP packet
	messageMS = 100 // the most audio in one message when the writer is behind

	// stallAfter is how long audio may wait before the link is given up.
	stallAfter = 2 * time.Second
	// maxControl is more than a call sends in minutes.
	maxControl = 256
)

// outbox is what waits for the writer: control events in their order, and caller audio.
type outbox struct {
	queue time.Duration // static: how much audio may wait
	wake  chan struct{} // 1 slot; never closed

	mu sync.Mutex
	// guarded by mu
	control    []outgoing
	audio      ring
	bytesPerMS int
	behind     time.Time // since when audio has been waiting without a pause; zero when none waits
}

// outgoing is a control event, encoded.
type outgoing struct {
	text   []byte
	family Family
}

func newOutbox(queue time.Duration) *outbox {
	return &outbox{queue: queue, wake: make(chan struct{}, 1), bytesPerMS: FormatPCMU.BytesPerMS()}
}

// setFormat makes the audio queue count in milliseconds of f.
func (o *outbox) setFormat(f AudioFormat) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := f.BytesPerMS(); n > 0 {
		o.bytesPerMS = n
	}
}

// addControl queues an event. It does not fit only on a link that is dead.
func (o *outbox) addControl(m outgoing) error {
	o.mu.Lock()
	if len(o.control) >= maxControl {
		o.mu.Unlock()
		return ErrQueueFull
	}
	o.control = append(o.control, m)
	o.mu.Unlock()
	o.signal()
	return nil
}

// addAudio copies p into the queue and tells how many milliseconds of the oldest audio had to leave. When the queue runs
// over after stallAfter without a pause, the writer is not slow but stuck: ErrStalled.
func (o *outbox) addAudio(p []byte) (droppedMS int, err error) {
	o.mu.Lock()
	if o.audio.n > 0 && o.behind.IsZero() {
		o.behind = time.Now()
	}
	frame := frameMS * o.bytesPerMS
	limit := max(frame, int(o.queue.Milliseconds())*o.bytesPerMS)
	dropped := o.audio.push(p, limit, frame)
	if dropped > 0 && !o.behind.IsZero() && time.Since(o.behind) >= stallAfter {
		err = ErrStalled
	}
	droppedMS = dropped / o.bytesPerMS
	o.mu.Unlock()
	o.signal()
	return droppedMS, err
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // the writer has not looked yet, it will find this as well
	}
}

// take removes what is to be written next: a control event if there is one, else up to 100 ms of audio, appended to scratch.
// Up to date, that is the one packet that just came.
func (o *outbox) take(scratch []byte) (m outgoing, audio []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.control) > 0 {
		m = o.control[0]
		o.control[0] = outgoing{}
		if o.control = o.control[1:]; len(o.control) == 0 {
			o.control = nil
		}
		return m, nil
	}
	audio = o.audio.pop(scratch, messageMS*o.bytesPerMS)
	if o.audio.n == 0 {
		o.behind = time.Time{}
	}
	return m, audio
}
