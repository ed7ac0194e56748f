package media

import (
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// jitter estimates interarrival jitter as RFC 3550 §6.4.1 and A.8 do: the mean
// deviation of the difference between arrival and timestamp spacing, smoothed
// by 1/16.
type jitter struct {
	known   bool
	ssrc    uint32
	ts      uint32
	at      time.Duration
	sixteen int64 // the estimate in nanoseconds, times 16
}

const tickOfSample = time.Second / transcode.SampleRate

func (j *jitter) packet(p packet, now time.Duration) {
	if j.known && p.ssrc == j.ssrc {
		d := int64(now-j.at) - int64(int32(p.ts-j.ts))*int64(tickOfSample)
		if d < 0 {
			d = -d
		}
		if d < int64(time.Second) { // a new timestamp base is no jitter
			j.sixteen += d - (j.sixteen+8)>>4
		}
	}
	j.known, j.ssrc, j.ts, j.at = true, p.ssrc, p.ts, now
}

func (j *jitter) value() time.Duration { return time.Duration(j.sixteen >> 4) }
