package agent

import (
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// spoken is one content part of an assistant item that has audio, or a clip of ours.
type spoken struct {
	id           uint64 // of the player
	link         *link  // that it came over
	responseID   string
	itemID       string // "" for a clip
	contentIndex int
	protected    bool      // nothing interrupts it
	arrived      time.Time // first piece of it
	received     int       // bytes that came from the model and were queued
	voiced       int       // the same, up to the last sound: what follows is silence
	sent         int       // bytes on the wire
	first        time.Time // first frame on the wire
	complete     bool      // no more audio will come
}

func (s *spoken) over() bool { return s.complete && s.sent >= s.received }

// heardOut reports that only silence was left to be sent.
func (s *spoken) heardOut() bool { return s.complete && s.sent >= s.voiced }

// heardMS is how much of the item the caller was sent: counted in frames, never by a clock.
func (s *spoken) heardMS() int { return min(s.sent, s.received) / transcode.BytesPerMS }

// playback follows each item's audio from the model to the wire.
//
// Owned by the conversation loop.
type playback struct {
	player   Player
	law      transcode.Law // of the line
	nextID   uint64
	parts    []*spoken // not yet over, in the order in which they play
	filler   uint64    // id of the filler that plays; 0: none
	onHold   bool      // the player is held
	spurt    time.Time // when the utterance that is being heard began
	overflow int       // bytes there was no room for
}

// open begins a part behind all others.
func (p *playback) open(part *spoken) *spoken {
	p.endParts()
	p.stopFiller()
	p.nextID++
	part.id = p.nextID
	p.parts = append(p.parts, part)
	return part
}

// clip queues a sound of ours.
func (p *playback) clip(c *Clip) *spoken {
	part := p.open(&spoken{protected: true})
	p.queue(part, c.in(p.law))
	p.endPart(part)
	return part
}

// line queues a sound of ours that gives way to the caller's voice.
func (p *playback) line(c *Clip) {
	part := p.open(&spoken{})
	p.queue(part, c.in(p.law))
	p.endPart(part)
}

// fill queues a piece of the filler, which gives way to anything else.
func (p *playback) fill(audio []byte) {
	if p.filler == 0 {
		p.nextID++
		p.filler = p.nextID
	}
	p.player.Play(p.filler, audio)
}

func (p *playback) stopFiller() {
	if p.filler != 0 {
		p.filler = 0
		p.player.Flush()
	}
}

// hold stops the voice and keeps what is queued.
func (p *playback) hold(on bool) {
	if on != p.onHold {
		p.onHold = on
		p.player.Hold(on)
	}
}

// utterance is how long the agent has been heard without a pause.
func (p *playback) utterance(now time.Time) time.Duration {
	if p.spurt.IsZero() {
		return 0
	}
	return now.Sub(p.spurt)
}

// queue sends audio in the line's law to the player. It reports whether there was any sound in it.
func (p *playback) queue(part *spoken, audio []byte) (sound bool) {
	took := p.player.Play(part.id, audio)
	last := lastSound(p.law, audio[:took])
	if last >= 0 {
		part.voiced = part.received + last + 1
	}
	part.received += took
	p.overflow += len(audio) - took
	return last >= 0
}

// audible is the least amplitude that counts as sound, about -46 dBov: below speech, above the noise of a codec.
const audible = 160

// lastSound is the place of the last byte that is not silence, -1 when there is none.
func lastSound(law transcode.Law, audio []byte) int {
	for i := len(audio) - 1; i >= 0; i-- {
		if s := law.Decode(audio[i]); s > audible || s < -audible {
			return i
		}
	}
	return -1
}

func (p *playback) find(itemID string, contentIndex int) *spoken {
	for i := len(p.parts) - 1; i >= 0; i-- {
		if p.parts[i].itemID == itemID && p.parts[i].contentIndex == contentIndex {
			return p.parts[i]
		}
	}
	return nil
}

// endParts closes every open part: another part follows, or nothing will.
func (p *playback) endParts() {
	for _, part := range p.parts {
		p.endPart(part)
	}
}

// endResponse closes the open parts of a response that is done.
func (p *playback) endResponse(id string) {
	for _, part := range p.parts {
		if part.responseID == id {
			p.endPart(part)
		}
	}
}

func (p *playback) endPart(part *spoken) {
	if part != nil && !part.complete {
		part.complete = true
		p.player.End(part.id)
	}
}

// progress reads what has been written since, and takes out the parts that are over.
func (p *playback) progress() (finished []*spoken) {
	kept := p.parts[:0]
	for _, part := range p.parts {
		status := p.player.Status(part.id)
		part.sent, part.first = status.Sent, status.First
		if part.over() {
			finished = append(finished, part)
		} else {
			kept = append(kept, part)
		}
	}
	clear(p.parts[len(kept):])
	p.parts = kept
	switch {
	case len(kept) == 0:
		p.spurt = time.Time{}
	case p.spurt.IsZero():
		p.spurt = kept[0].first
	}
	return finished
}

// flush stops the agent's voice. It returns the parts that were heard to their last sound and those that were cut, each
// in playing order with what was heard of it.
func (p *playback) flush() (finished, cut []*spoken) {
	p.player.Flush()
	p.filler = 0
	finished = p.progress()
	for _, part := range p.parts {
		if part.heardOut() {
			finished = append(finished, part)
		} else {
			cut = append(cut, part)
		}
	}
	p.parts, p.spurt = nil, time.Time{}
	return finished, cut
}

// playing reports that something is still to be said. The filler says nothing.
func (p *playback) playing() bool { return len(p.parts) > 0 }
