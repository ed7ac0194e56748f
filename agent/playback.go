package agent

import (
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// spoken is one content part of an assistant item that has audio.
type spoken struct {
	id           uint64 // of the player
	responseID   string
	itemID       string
	contentIndex int
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
	toCaller *[256]byte    // law of the session → law of the line; nil when they are the same
	scratch  []byte
	nextID   uint64
	parts    []*spoken // not yet over, in the order in which they play
	overflow int       // bytes there was no room for
}

// delta queues a piece of audio. It reports whether it is the first of its part.
func (p *playback) delta(d *realtime.AudioDelta) (part *spoken, began bool) {
	part = p.find(d.ItemID, d.ContentIndex)
	if part == nil {
		p.endParts()
		p.nextID++
		part = &spoken{id: p.nextID, responseID: d.ResponseID, itemID: d.ItemID, contentIndex: d.ContentIndex}
		p.parts = append(p.parts, part)
		began = true
	}
	audio := p.inLineLaw(d.Audio)
	took := p.player.Play(part.id, audio)
	if last := lastSound(p.law, audio[:took]); last >= 0 {
		part.voiced = part.received + last + 1
	}
	part.received += took
	p.overflow += len(d.Audio) - took
	return part, began
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

func (p *playback) inLineLaw(audio []byte) []byte {
	if p.toCaller == nil {
		return audio
	}
	p.scratch = p.scratch[:0]
	for _, b := range audio {
		p.scratch = append(p.scratch, p.toCaller[b])
	}
	return p.scratch
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
	return finished
}

// flush stops the agent's voice. It returns the parts that were heard to their last sound and those that were cut, each
// in playing order with what was heard of it.
func (p *playback) flush() (finished, cut []*spoken) {
	p.player.Flush()
	finished = p.progress()
	for _, part := range p.parts {
		if part.heardOut() {
			finished = append(finished, part)
		} else {
			cut = append(cut, part)
		}
	}
	p.parts = nil
	return finished, cut
}

// playing reports that something is still to be said.
func (p *playback) playing() bool { return len(p.parts) > 0 || p.player.Queued() > 0 }
