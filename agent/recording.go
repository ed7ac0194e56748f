package agent

import (
	"slices"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Recording says that the calls of a profile are recorded.
type Recording struct {
	// Notice is heard to its end before anything is recorded; nil: the caller is told by other means.
	Notice *Clip
}

// recording says when the line may keep what it hears: not before the caller has heard the notice, not while a profile
// serves that does not record, and not while the caller presses a number that nobody may know.
//
//	profile records? ──► notice played ──► heard to its end ──► on ◄──► paused: secret keys, and a second after them
//	                                   └─► cut: not in this call
//
// Owned by the conversation loop.
type recording struct {
	notice  *spoken   // being played
	noticed bool      // it was heard, or need not be
	missed  bool      // it was cut off: nothing may be recorded
	begun   bool      // something was recorded
	on      bool      // as the line was told
	private time.Time // until then nothing is recorded
}

// privateAfter is how long after the last secret key nothing is recorded: its tone may still be heard.
const privateAfter = time.Second

// Status of lines about the recording.
const (
	recordingBegun   = "begun"
	recordingPaused  = "paused"
	recordingResumed = "resumed"
	recordingMissed  = "not begun" // the notice was not heard to its end
)

// record follows what the recording depends on. The loop calls it after every event.
func (c *Conversation) record(now time.Time) {
	r, manners := &c.recording, c.desk.Profile.Recording
	c.giveNotice(now)
	if len(c.keys.takers) > 0 && c.keys.takers[0].secret {
		r.private = now.Add(privateAfter)
	}
	on := manners != nil && r.noticed && !now.Before(r.private)
	if on == r.on {
		return
	}
	r.on = on
	c.line.Record(on)
	e := store.Entry{Kind: store.KindRecording, Role: store.RoleSystem, Status: recordingPaused}
	if on {
		e.Status = recordingResumed
		if !r.begun {
			r.begun, e.Status = true, recordingBegun
		}
	}
	c.scribe.add(e, now)
}

// giveNotice tells the caller, once.
func (c *Conversation) giveNotice(now time.Time) {
	r, manners := &c.recording, c.desk.Profile.Recording
	switch {
	case manners == nil || r.noticed || r.missed:
	case manners.Notice == nil:
		r.noticed = true
	case r.notice == nil && c.end == nil:
		r.notice = c.playback.clip(manners.Notice)
	case r.notice == nil || slices.Contains(c.playback.parts, r.notice):
	case r.notice.over():
		r.noticed = true
	default:
		r.missed = true
		c.scribe.add(store.Entry{Kind: store.KindRecording, Role: store.RoleSystem, Status: recordingMissed}, now)
	}
}

func (r *recording) deadline(now time.Time) time.Time {
	if r.on || !r.private.After(now) {
		return time.Time{}
	}
	return r.private
}
