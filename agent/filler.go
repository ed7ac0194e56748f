package agent

import (
	"math"
	"sync"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// filler plays something while a tool runs and nobody speaks: callers hang up after a few seconds of dead air. It goes on
// until the first sound of the answer, which takes its place, or until the caller speaks.
//
// Owned by the conversation loop.
type filler struct {
	since time.Time // it has been quiet, and a tool at work, since
	at    int       // of the clip, in bytes
	next  time.Time // when more of it has to be queued
}

const (
	fillAhead = time.Second
	fillEvery = 400 * time.Millisecond
)

// fill keeps the filler going. The loop calls it after every event.
func (c *Conversation) fill(now time.Time) {
	f, manners := &c.filler, &c.desk.Profile.Filler
	working := len(c.tools.open) > 0 || c.playback.filler != 0 && !c.responses.atRest()
	switch {
	case manners.After <= 0 || !working || c.playback.playing() || c.responses.callerSpeaks || c.held || c.responses.off || c.end != nil:
		*f = filler{}
		c.playback.stopFiller()
	case f.since.IsZero():
		f.since = now
	case now.Sub(f.since) >= manners.After && !now.Before(f.next):
		if c.playback.filler == 0 {
			c.happened(Filled)
		}
		c.fillMore(now)
	}
}

func (c *Conversation) fillMore(now time.Time) {
	f := &c.filler
	clip := c.desk.Profile.Filler.Clip
	if clip == nil || len(clip.in(c.setup.Law)) == 0 {
		clip = softTone()
	}
	audio := clip.in(c.setup.Law)
	for missing := int(fillAhead/time.Millisecond)*transcode.BytesPerMS - c.playback.player.Queued(); missing > 0; {
		piece := audio[f.at:min(f.at+missing, len(audio))]
		c.playback.fill(piece)
		missing -= len(piece)
		f.at = (f.at + len(piece)) % len(audio)
	}
	f.next = now.Add(fillEvery)
}

func (c *Conversation) fillDeadline() time.Time {
	f, manners := &c.filler, &c.desk.Profile.Filler
	if f.since.IsZero() {
		return time.Time{}
	}
	at := f.since.Add(manners.After)
	if f.next.After(at) {
		return f.next
	}
	return at
}

// softTone is heard where a profile names no clip: two short soft notes every two seconds.
var softTone = sync.OnceValue(func() *Clip {
	samples := make([]int16, 2*transcode.SampleRate)
	for note, pitch := range []float64{523.25, 659.26} {
		const length = transcode.SampleRate / 4
		for i := range length {
			swell := math.Sin(math.Pi * float64(i) / length)
			samples[note*length+i] = int16(900 * swell * swell * math.Sin(2*math.Pi*pitch*float64(i)/transcode.SampleRate))
		}
	}
	return NewClip(samples)
})
