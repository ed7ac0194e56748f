package agent

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// giveUp ends what the model cannot go on with: the caller gets the fallback of the profile, which is a clip, a transfer,
// or both, and at least a call that ends instead of silence.
func (c *Conversation) giveUp(cause string, now time.Time) {
	if c.end != nil || c.falling != "" {
		return
	}
	c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Text: cause}, now)
	c.log.Warn("conversation given up", "cause", cause)
	c.falling = cause
	c.responses.paused = true
	f := &c.desk.Profile.Fallback
	if f.Clip == nil && f.Transfer == "" {
		return
	}
	c.happened(FellBack)
	if f.Clip != nil {
		c.scribe.add(store.Entry{Kind: store.KindNote, Role: store.RoleSystem, Text: "the fallback clip is played"}, now)
		c.playback.clip(f.Clip)
	}
}

// fall goes on with a fallback when its clip has been heard. The loop calls it after every event.
func (c *Conversation) fall(now time.Time) {
	f := &c.desk.Profile.Fallback
	switch {
	case c.falling == "" || c.end != nil || c.moving || c.playback.playing():
	case f.Transfer == "":
		c.finishWith(End{By: BySystem, Cause: c.falling}, now)
	default:
		c.moving = true
		c.scribe.add(store.Entry{Kind: store.KindNote, Role: store.RoleSystem, Text: "the caller is transferred"}, now)
		c.crew.Go(func() { c.moved <- c.line.Transfer(c.tasks, f.Transfer) })
	}
}

// hasMoved takes the outcome of the fallback's transfer.
func (c *Conversation) hasMoved(err error, now time.Time) {
	cause := c.falling + ", caller transferred"
	if err != nil {
		c.log.Warn("transfer failed", "err", err)
		c.scribe.add(store.Entry{Kind: store.KindError, Role: store.RoleSystem, Text: "the transfer failed"}, now)
		cause = c.falling
	}
	c.finishWith(End{By: BySystem, Cause: cause}, now)
}
