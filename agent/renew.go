package agent

import (
	"context"
	"errors"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

const (
	redialFirst  = 250 * time.Millisecond // pause after the first attempt, which follows the loss at once; doubled after each
	redialMost   = 2 * time.Second
	rotatePause  = 5 * time.Second // between attempts to open the next connection early
	preroll      = 400 * time.Millisecond
	longestRenew = 24 * time.Hour // an expiry beyond that is no expiry
)

// renewal keeps the call connected. A connection that is lost is dialled again; one that will end is replaced before, at a
// moment when nobody speaks:
//
//	                 ┌── lost ──► dial, again, … ──────────────► adopt ──┐
//	link that counts ┤                                                   ├─► link that counts
//	                 └── due ───► dial ──► warm ──[at rest, or must]─────┘        the old one: closed
//
// Owned by the conversation loop; each dial runs in a goroutine that hands its outcome to results and ends.
type renewal struct {
	results  chan dialled // has room for the one dial that may be under way
	dialling bool

	lostAt time.Time // zero: connected
	tries  int
	next   time.Time // no dial before
	told   bool      // the caller has heard the clip

	warm *link     // open, and waits for its moment
	due  time.Time // when it should be opened; zero: never
	must time.Time // when it takes over whatever is being said
	old  []retired
}

// dialled is the outcome of one dial.
type dialled struct {
	link *link
	desk *Desk
	err  error
}

// retired is a connection that has been replaced. It stays for a moment: the caller's last words may be on their way.
type retired struct {
	link *link
	till time.Time
}

// dial opens a connection for a desk.
func (c *Conversation) dial(desk *Desk) {
	r := &c.renewal
	r.dialling = true
	r.tries++
	c.crew.Go(func() {
		l, err := c.connect(c.tasks, desk)
		r.results <- dialled{l, desk, err}
	})
}

// connect opens a session for a desk and checks it. It is safe in any goroutine.
func (c *Conversation) connect(ctx context.Context, desk *Desk) (*link, error) {
	definitions, err := desk.definitions()
	if err != nil {
		return nil, err
	}
	p := &desk.Profile
	model, session, err := desk.Dial(ctx, p.session(c.setup.Law, definitions, p.Instructions))
	if err != nil {
		return nil, err
	}
	l, err := newLink(model, session, desk, c.setup.Law)
	if err != nil {
		model.Close("wrong audio format")
		return nil, err
	}
	c.setup.Observer.Session(p.Name, +1)
	return l, nil
}

// dialled takes the outcome of a dial.
func (c *Conversation) dialled(d dialled, now time.Time) {
	r := &c.renewal
	r.dialling = false
	switch {
	case d.err != nil:
		c.notDialled(d, now)
	case d.desk != c.wanted() || c.end != nil || c.falling != "": // the need has changed meanwhile
		c.start(d.link)
		c.retire(d.link, now)
	case c.handover != nil:
		c.start(d.link)
		c.handedOver(d.link, now)
	case c.link == nil:
		c.start(d.link)
		c.adopt(d.link, Reconnected, now)
	default:
		c.start(d.link)
		r.warm = d.link
	}
}

// start lets the reader of a new connection begin: it answers the server's pings from now on.
func (c *Conversation) start(l *link) {
	c.links++
	l.number, l.inbox = c.links, c.inbox
	c.readers.Go(func() { l.read(c.work) })
}

func (c *Conversation) notDialled(d dialled, now time.Time) {
	r := &c.renewal
	c.setup.Observer.RealtimeError("dial")
	c.log.Warn("model cannot be reached", "err", d.err, "attempt", r.tries)
	var dial *realtime.DialError
	pause := min(redialFirst<<min(r.tries-1, 8), redialMost)
	if errors.As(d.err, &dial) {
		pause = max(pause, dial.RetryAfter)
	}
	switch {
	case c.handover != nil && c.handover.desk == d.desk:
		c.notHandedOver("the other agent cannot be reached", now)
	case c.link != nil:
		r.next = now.Add(rotatePause)
	case realtime.IsFatal(d.err) || wrongFormat(d.err):
		c.giveUp("model connection lost", now)
	default:
		r.next = now.Add(pause)
	}
}

func wrongFormat(err error) bool {
	var format *FormatError
	return errors.As(err, &format)
}

// renew does what is due. The loop calls it after every event.
func (c *Conversation) renew(now time.Time) {
	r := &c.renewal
	switch {
	case c.end != nil || c.falling != "":
	case c.link == nil && r.warm != nil:
		c.adopt(r.warm, Reconnected, now)
	case c.link == nil:
		c.redial(now)
	case r.warm != nil && (c.atRest() && !c.scribe.waiting() || !now.Before(r.must)):
		c.leave(now)
		c.adopt(r.warm, Rotated, now)
	case r.warm == nil && !r.dialling && c.handover == nil && !r.due.IsZero() && !now.Before(r.due) && !now.Before(r.next):
		c.dial(c.desk)
	}
	c.closeOld(now)
}

// redial tries again as long as the profile allows. The caller hears the clip when it takes long.
func (c *Conversation) redial(now time.Time) {
	r, manners := &c.renewal, &c.desk.Profile.Renewal
	switch {
	case now.Sub(r.lostAt) >= manners.Within:
		c.giveUp("model connection lost", now)
		return
	case !r.dialling && !now.Before(r.next):
		c.dial(c.wanted())
	}
	if !r.told && manners.Clip != nil && now.Sub(r.lostAt) >= manners.ClipAfter && !c.playback.playing() && !c.held {
		r.told = true
		c.playback.clip(manners.Clip)
	}
}

func (c *Conversation) renewDeadline() time.Time {
	r := &c.renewal
	var d deadline
	switch {
	case c.end != nil || c.falling != "":
	case c.link == nil:
		manners := &c.desk.Profile.Renewal
		d.at(r.lostAt.Add(manners.Within))
		if !r.dialling {
			d.at(r.next)
		}
		if !r.told && manners.Clip != nil && !c.playback.playing() && !c.held {
			d.at(r.lostAt.Add(manners.ClipAfter))
		}
	case r.warm != nil:
		d.at(r.must)
	case !r.due.IsZero() && !r.dialling && c.handover == nil:
		d.at(r.due)
		if r.next.After(r.due) {
			d = deadline{r.next}
		}
	}
	for _, o := range r.old {
		d.at(o.till)
	}
	return d.earliest
}

// lost handles the end of a connection.
func (c *Conversation) lost(l *link, err error, now time.Time) {
	r := &c.renewal
	switch {
	case l == r.warm:
		r.warm, r.next = nil, now.Add(rotatePause)
		c.retire(l, now)
	case l != c.link: // a retired one; it is closed at its time
	default:
		c.leave(now)
		r.lostAt, r.tries, r.next, r.told = now, 0, now, false
		if c.handover != nil {
			c.handover.event = "" // nobody will answer it
		}
		c.lostModel(err, now)
	}
}

// lostModel decides whether there will be another connection.
func (c *Conversation) lostModel(err error, now time.Time) {
	if c.end != nil {
		return // nobody is waiting for it
	}
	c.setup.Observer.RealtimeError("connection")
	c.log.Warn("model connection lost", "err", err)
	c.scribe.add(store.Entry{Kind: store.KindSession, Role: store.RoleSystem, Status: "lost"}, now)
	if realtime.IsFatal(err) || c.desk.Profile.Renewal.Within < 0 {
		c.giveUp("model connection lost", now)
	}
}

// leave closes the books of the connection that counts: what was under way on it is wished for again or was heard.
func (c *Conversation) leave(now time.Time) {
	if c.barge.state != bargeNone {
		c.interrupt(now) // the caller is speaking, and what the agent said is cut already
		c.responses.want(wish{kind: wishReply})
	}
	c.barge = bargein{past: c.barge.suspects}
	c.playback.endParts()
	c.responses.forget(now)
	c.unfinished = nil
	c.scribe.linkOver()
	c.up.turnTo(nil, 0)
	l := c.link
	c.link = nil
	c.retire(l, now.Add(lateTranscript))
}

// adopt makes l the connection that counts: the model is told what was said, and hears the caller's last sounds again.
func (c *Conversation) adopt(l *link, what Occurrence, now time.Time) {
	r := &c.renewal
	replay := preroll
	if !r.lostAt.IsZero() {
		replay += now.Sub(r.lostAt)
	}
	c.link, r.warm = l, nil
	r.lostAt, r.tries, r.told = time.Time{}, 0, false
	c.voice = newVoice(l.law, c.setup.Law)
	c.schedule(now)
	if text := c.scribe.history(c.pendingTools(), what == Reconnected); text != "" {
		c.send(&realtime.ItemCreate{EventID: c.responses.eventID("past-"), Item: c.ownItem("past", "system", text)})
	}
	c.up.turnTo(l, replay)
	c.happened(what)
	status := "reconnected"
	switch what {
	case Rotated:
		status = "rotated"
		c.figures.Rotations++
	case Reconnected:
		c.figures.Reconnects++
	}
	if what != HandedOff {
		c.scribe.add(store.Entry{Kind: store.KindSession, Role: store.RoleSystem, Status: status}, now)
	}
}

// schedule plans the next rotation from what the server said of the session's end, and from the age that the operator
// allows. A server whose clock is wrong must not make it rotate for ever: a third of the life is the most lead.
func (c *Conversation) schedule(now time.Time) {
	r, manners := &c.renewal, &c.desk.Profile.Renewal
	r.due, r.must, r.next = time.Time{}, time.Time{}, time.Time{}
	if life := c.link.session.ExpiresAt.Sub(now); life > 0 && life < longestRenew {
		lead := min(manners.Lead, life/3)
		r.due, r.must = now.Add(life-lead), now.Add(life-lead/4)
	}
	if age := manners.Age; age > 0 && (r.due.IsZero() || now.Add(age).Before(r.due)) {
		r.due, r.must = now.Add(age), now.Add(age+manners.Lead)
	}
}

// retire keeps a connection until then for the caller's last words.
func (c *Conversation) retire(l *link, till time.Time) {
	c.renewal.old = append(c.renewal.old, retired{l, till})
}

// closeOld closes the connections whose time is up. Closing waits for the server and is not the loop's business.
func (c *Conversation) closeOld(now time.Time) {
	kept := c.renewal.old[:0]
	for _, o := range c.renewal.old {
		if now.Before(o.till) && c.scribe.waiting() {
			kept = append(kept, o)
			continue
		}
		c.close(o.link, "replaced")
	}
	clear(c.renewal.old[len(kept):])
	c.renewal.old = kept
}

func (c *Conversation) close(l *link, why string) {
	c.setup.Observer.Session(l.desk.Profile.Name, -1)
	c.crew.Go(func() { _ = l.model.Close(why) }) // its end is known
}
