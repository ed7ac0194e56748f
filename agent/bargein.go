package agent

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

// wordsWithin is how long a held agent waits for the words of a short sound before it goes on.
const wordsWithin = 1500 * time.Millisecond

// confirmSlack is added to the time after which a caller who still speaks is an interruption: the news of the end of a
// short sound must have had the time to arrive.
const confirmSlack = 150 * time.Millisecond

// bargein decides what the caller's voice does to the agent's.
//
//	speech_started ──► protected? nothing ── echo guard? wait ── confirm? hold ──► interrupt
//	                                           │                   │  ▲
//	                             over meanwhile: noise    short: are there words? ──► no: go on, the noise is deleted
//
// Owned by the conversation loop.
type bargein struct {
	state    bargeState
	until    time.Time // of the state
	started  int       // audio_start_ms of the speech
	suspects []suspect // sounds that may have been noise
	past     []suspect // the same, of the connection before
}

type bargeState uint8

const (
	bargeNone    bargeState = iota
	bargeGuarded            // the caller speaks, but it may be the agent's echo
	bargeHeld               // the caller speaks and the agent is held
	bargeDoubt              // the caller has stopped and the agent is still held
)

// suspect is the item of a sound that was too short to interrupt.
type suspect struct {
	itemID string
	known  bool // its words are, and there are none
	echo   bool // it ended within the echo guard: its words do not count
}

// mayBeNoise reports whether the item is a suspect: nobody answers it.
func (b *bargein) mayBeNoise(itemID string) *suspect {
	for i := range b.suspects {
		if b.suspects[i].itemID == itemID {
			return &b.suspects[i]
		}
	}
	return nil
}

func (b *bargein) deadline() time.Time {
	if b.state == bargeNone {
		return time.Time{}
	}
	return b.until
}

// speechStarted is the caller's voice. What it does to the agent's depends on the manners of the profile.
func (c *Conversation) speechStarted(ev *realtime.SpeechStarted, now time.Time) {
	c.responses.speechStarted()
	c.turn.reset()
	c.idle.callerActs()
	c.barge.started = ev.AudioStartMS
	manners := &c.desk.Profile.Interruption
	switch since := c.playback.utterance(now); {
	case !c.speaking():
		c.interrupt(now)
	case c.protected():
		c.stay(now)
	case c.playback.playing() && since < manners.EchoGuard && c.barge.state == bargeNone:
		c.barge.state, c.barge.until = bargeGuarded, now.Add(manners.EchoGuard-since)
	default:
		c.mayInterrupt(now)
	}
}

// speaking reports whether there is anything to interrupt.
func (c *Conversation) speaking() bool {
	return c.playback.playing() || !c.responses.free() || len(c.tools.open) > 0
}

// protected reports whether what is being said must be heard to its end.
func (c *Conversation) protected() bool {
	if c.playback.playing() {
		return c.playback.parts[0].protected
	}
	return c.responses.current != nil && c.protects(c.responses.current.kind)
}

func (c *Conversation) protects(kind wishKind) bool {
	manners := &c.desk.Profile.Interruption
	return manners.ProtectGreeting && kind == wishGreeting || manners.ProtectNotices && kind == wishNotice
}

// mayInterrupt holds the agent until the caller has spoken long enough, or interrupts at once.
func (c *Conversation) mayInterrupt(now time.Time) {
	confirm := c.desk.Profile.Interruption.Confirm
	if confirm == 0 {
		c.interrupt(now)
		return
	}
	c.playback.hold(true)
	c.responses.undecided = true
	silence, _ := c.detection()
	c.barge.state, c.barge.until = bargeHeld, now.Add(confirm+silence+confirmSlack)
}

// detection is the silence that ends a turn and the audio from before it that counts as part of it.
func (c *Conversation) detection() (silence, prefix time.Duration) {
	td, _ := c.desk.Profile.turnDetection().Get()
	return time.Duration(td.SilenceDurationMS.Or(500)) * time.Millisecond, time.Duration(td.PrefixPaddingMS.Or(300)) * time.Millisecond
}

// speechPaused looks at the length of what the caller said.
func (c *Conversation) speechPaused(ev *realtime.SpeechStopped, now time.Time) {
	b := &c.barge
	switch b.state {
	case bargeGuarded: // it was over before the guard was
		b.state = bargeNone
		b.suspects = append(b.suspects, suspect{itemID: ev.ItemID, echo: true})
	case bargeHeld:
		silence, prefix := c.detection()
		spoke := time.Duration(ev.AudioEndMS-b.started)*time.Millisecond - silence - prefix
		if spoke >= c.desk.Profile.Interruption.Confirm {
			c.interrupt(now)
			return
		}
		b.suspects = append(b.suspects, suspect{itemID: ev.ItemID})
		b.state, b.until = bargeDoubt, now
		if c.scribe.words {
			b.until = now.Add(wordsWithin)
		}
	}
}

// judge takes the words of a sound that may have been noise. Words that come when the agent has gone on already interrupt
// it then.
func (c *Conversation) judge(itemID, text string, now time.Time) {
	s := c.barge.mayBeNoise(itemID)
	switch {
	case s == nil:
	case s.echo || strings.TrimSpace(text) == "":
		s.known = true
	default:
		c.barge.suspects = slices.DeleteFunc(c.barge.suspects, func(s suspect) bool { return s.itemID == itemID })
		c.interrupt(now)
		c.responses.want(wish{kind: wishReply})
	}
}

// believe takes the sounds without known words for the beginning of what the caller says.
func (b *bargein) believe() {
	b.suspects = slices.DeleteFunc(b.suspects, func(s suspect) bool { return !s.echo && !s.known })
}

// settle ends what has been in doubt for long enough. The loop calls it after every event.
func (c *Conversation) settle(now time.Time) {
	b := &c.barge
	due := !now.Before(b.until)
	switch {
	case b.state == bargeGuarded && due:
		b.state = bargeNone
		c.mayInterrupt(now)
	case b.state == bargeHeld && due:
		c.interrupt(now)
	case b.state == bargeDoubt && (due || b.allKnown()):
		c.goOn(now)
	case b.state == bargeNone:
		c.dropNoise()
	}
}

func (b *bargein) allKnown() bool {
	for _, s := range b.suspects {
		if !s.known {
			return false
		}
	}
	return true
}

// goOn lets the held agent speak on with the very next sample, as if there had been no sound.
func (c *Conversation) goOn(now time.Time) {
	c.barge.state = bargeNone
	c.responses.undecided = false
	c.playback.hold(false)
	c.happened(Resumed)
	if c.cancelledWhileHeld {
		c.cancelledWhileHeld = false
		c.responses.want(wish{kind: wishReply, instructions: c.desk.Profile.also(
			"A noise on the line interrupted you. Continue your last answer exactly where it broke off, without repeating anything.")})
	}
	c.dropNoise()
}

// dropNoise removes from the conversation what is known to have been no words: the model would answer it.
func (c *Conversation) dropNoise() {
	c.barge.suspects = slices.DeleteFunc(c.barge.suspects, func(s suspect) bool {
		if !s.known && !s.echo || !c.scribe.noise(s.itemID) { // noise knows it when it has been committed
			return false
		}
		c.send(&realtime.ItemDelete{EventID: c.responses.eventID("noise-"), ItemID: s.itemID})
		return true
	})
}

// interrupt is the barge-in: the agent falls silent within a frame, the server is told what was heard, and a farewell is
// none any more.
func (c *Conversation) interrupt(now time.Time) {
	c.barge.believe()
	c.breakOff(store.RoleCaller, now)
	c.stay(now)
}

// breakOff stops the agent within a frame, whoever is the cause.
func (c *Conversation) breakOff(by store.Role, now time.Time) {
	c.barge.state, c.responses.undecided, c.cancelledWhileHeld = bargeNone, false, false
	c.voice.drop()
	finished, cut := c.playback.flush()
	c.playback.hold(false)
	c.heard(finished, false)
	c.responses.interrupted(c.responses.callerSpeaks && c.desk.Profile.serverInterrupts(), now)
	if len(cut) > 0 {
		c.cut(cut, by, now)
	}
	c.tools.interrupted()
	c.unsaid(now)
}

// cut tells the server how far each unfinished item was heard: the one being played is truncated, later ones that
// nobody heard are deleted. A clip of ours, or what came over a connection that is gone, is nothing the server knows.
func (c *Conversation) cut(parts []*spoken, by store.Role, now time.Time) {
	c.heard(parts, true)
	parts = slices.DeleteFunc(parts, func(p *spoken) bool { return p.itemID == "" })
	if len(parts) == 0 {
		return
	}
	if by == store.RoleCaller {
		c.figures.Interruptions++
		c.happened(Interrupted)
	}
	c.scribe.add(store.Entry{Kind: store.KindInterrupt, Role: by, ItemID: parts[0].itemID, CutMS: parts[0].heardMS()}, now)
	for _, p := range parts {
		switch {
		case p.link != c.link:
		case p.heardMS() > 0:
			c.send(&realtime.ItemTruncate{EventID: "cut-" + strconv.FormatUint(p.id, 10), ItemID: p.itemID,
				ContentIndex: p.contentIndex, AudioEndMS: p.heardMS()})
		default: // some came, perhaps too little to be understood yet
			c.send(&realtime.ItemDelete{EventID: "del-" + strconv.FormatUint(p.id, 10), ItemID: p.itemID})
		}
	}
}

// heard closes the transcript lines of parts whose audio is over.
func (c *Conversation) heard(parts []*spoken, cut bool) {
	for _, p := range parts {
		c.scribe.heard(p, cut)
	}
}
