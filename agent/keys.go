package agent

import (
	"context"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

// keys collects what the caller presses. Keys go to the tool that asks for them; otherwise the model reads them as text
// when the caller pauses or presses #: it never hears the tones.
//
// Owned by the conversation loop.
type keys struct {
	pressed strings.Builder
	last    time.Time
	takers  []*taker // the first has the keys
}

// taker is a tool that takes the keys.
type taker struct {
	ctx    context.Context
	out    chan rune
	secret bool // nobody else may learn which keys
}

// mostKeys bounds what one message to the model and one taker hold; more keys are no number anybody dials.
const mostKeys = 64

// Digits gives the caller's keys to a tool until ctx ends (tools.Control).
func (c *Conversation) Digits(ctx context.Context, secret bool) <-chan rune {
	t := &taker{ctx, make(chan rune, mostKeys), secret}
	select {
	case c.takers <- t:
	case <-ctx.Done():
		close(t.out)
	case <-c.work.Done():
		close(t.out)
	}
	return t.out
}

func (c *Conversation) takeKeys(t *taker) {
	c.keys.takers = append(c.keys.takers, t)
	context.AfterFunc(t.ctx, func() {
		select {
		case c.wake <- struct{}{}:
		default: // it is awake already
		}
	})
}

// release takes the keys from tools that do not want them any more.
func (k *keys) release(all bool) {
	kept := k.takers[:0]
	for _, t := range k.takers {
		if all || t.ctx.Err() != nil {
			close(t.out)
		} else {
			kept = append(kept, t)
		}
	}
	clear(k.takers[len(kept):])
	k.takers = kept
}

// press handles one key. Like speech it stops the agent, and takes its farewell back.
func (c *Conversation) press(key rune, now time.Time) {
	k := &c.keys
	k.release(false)
	c.idle.callerActs()
	c.responses.dropIdle()
	e := store.Entry{Kind: store.KindDTMF, Role: store.RoleCaller, Text: string(key)}
	if len(k.takers) > 0 && k.takers[0].secret {
		e.Text, e.Status = "", keySecret
	}
	c.scribe.add(e, now)
	c.stay(now)
	if len(k.takers) > 0 {
		select {
		case k.takers[0].out <- key:
		default:
			c.figures.KeysLost++
		}
		return
	}
	if c.desk.Profile.Keys.Ignore {
		return
	}
	if (c.playback.playing() || !c.responses.free()) && !c.protected() {
		c.interrupt(now)
	}
	if k.pressed.Len() >= mostKeys {
		c.figures.KeysLost++
		return
	}
	k.pressed.WriteRune(key)
	k.last = now
	if key == '#' {
		k.last = now.Add(-c.desk.Profile.Keys.Pause)
	}
}

// keySecret is the status of a key that only the tool that asked for it knows.
const keySecret = "secret"

// typing reports that the caller is in the middle of a number.
func (k *keys) typing() bool { return k.pressed.Len() > 0 }

// tell gives the model what was typed, once the caller has finished.
func (c *Conversation) tell(now time.Time) {
	k := &c.keys
	k.release(false)
	if !k.typing() || now.Before(k.deadline(c)) || c.link == nil {
		return
	}
	spaced := strings.Join(strings.Split(k.pressed.String(), ""), " ")
	k.pressed.Reset()
	c.send(&realtime.ItemCreate{EventID: c.responses.eventID("keys-"),
		Item: c.ownItem("keys", "user", "(The caller pressed these telephone keys: "+spaced+")")})
	c.responses.want(wish{kind: wishReply})
}

func (k *keys) deadline(c *Conversation) time.Time {
	if !k.typing() || c.link == nil {
		return time.Time{}
	}
	return k.last.Add(c.desk.Profile.Keys.Pause)
}
