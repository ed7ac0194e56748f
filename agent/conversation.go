package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// Setup is all a conversation needs. Info, Law, Desk and Journal are required.
type Setup struct {
	Info CallInfo
	Law  transcode.Law // the caller's
	Desk Desk          // who answers
	// Colleague finds whom a hand-off names; nil, or false: there is nobody of that name.
	Colleague func(name string) (Desk, bool)
	Journal   Journal
	Observer  Observer     // nil: nobody counts
	Log       *slog.Logger // nil: silent
}

// Desk is a profile with the connection and the tools it works with.
type Desk struct {
	Profile Profile
	Dial    Dialer
	Tools   Toolbox // nil: the profile has no tools
	Service string  // name of the model service: a session can only become a profile's of the same one
}

// definitions are the tools of the profile, as a session is told.
func (d *Desk) definitions() ([]realtime.Tool, error) {
	if len(d.Profile.Tools) == 0 {
		return []realtime.Tool{}, nil
	}
	described, err := d.Tools.Describe(d.Profile.Tools)
	if err != nil {
		return nil, fmt.Errorf("describe tools: %w", err)
	}
	list := make([]realtime.Tool, 0, len(described))
	for _, t := range described {
		list = append(list, realtime.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return list, nil
}

// End says why a conversation is over.
type End struct {
	By    string // agent, system, caller, supervisor
	Cause string
}

// Who ends a call.
const (
	ByCaller     = "caller"
	ByAgent      = "agent"
	BySystem     = "system"
	BySupervisor = "supervisor"
)

// playoutLimit bounds how long last words may take after the conversation is over.
const playoutLimit = 30 * time.Second

// Conversation is one call's talk with the model. Open makes it, Run holds it, Finish closes it and tells the figures.
type Conversation struct {
	// Static after Open.
	setup Setup
	log   *slog.Logger
	line  Line // static after Run began
	up    *uplink

	// Owned by the loop.
	desk               *Desk // who speaks; its texts are expanded
	link               *link // the connection that counts; nil while there is none
	links              int   // connections so far
	responses          *responses
	playback           *playback
	voice              voice
	barge              bargein
	cancelledWhileHeld bool // the answer that is held was cut off by the server
	tools              *toolcalls
	unfinished         []unfinishedCall // function calls of responses that are not done
	doneID             string           // the last response whose response.done came
	scribe             *scribe
	figures            Figures
	turn               turnClock
	idle               idle
	limits             limits
	filler             filler
	keys               keys
	renewal            renewal
	recording          recording
	handover           *handover // nil: none is under way
	held               bool      // the caller has us on hold
	falling            string    // why the model is given up; "": it is not
	moving             bool      // the fallback's transfer is under way
	ran                bool      // Run was called
	end                *End
	endBy              time.Time // play out until then, then leave
	farewell           bool      // the caller can still prevent the end

	// Between other goroutines and the loop.
	inbox   chan received
	hangups chan string
	orders  chan func(now time.Time)
	takers  chan *taker
	moved   chan error
	wake    chan struct{}
	offCall atomic.Bool // responses.off, for others to read

	// Life of the goroutines; tools have their own.
	work     context.Context
	stop     context.CancelFunc
	readers  sync.WaitGroup
	crew     sync.WaitGroup  // closings, and the tasks: dials and the fallback's transfer
	tasks    context.Context // ends before work, which the connections need for their close
	endTasks context.CancelFunc
}

// Open connects to the model and confirms the session. When it returns without error the phone may be answered.
// Errors are those of the Dialer, or *FormatError.
func Open(ctx context.Context, s Setup) (*Conversation, error) {
	c := &Conversation{setup: s, log: s.Log, inbox: make(chan received), hangups: make(chan string, 1),
		orders: make(chan func(time.Time), mostOrders), takers: make(chan *taker), moved: make(chan error, 1), wake: make(chan struct{}, 1)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.setup.Observer == nil {
		c.setup.Observer = nobody{}
	}
	desk := s.Desk
	desk.Profile = desk.Profile.filled(&s.Info, time.Now())
	c.desk = &desk
	l, err := c.connect(ctx, c.desk)
	if err != nil {
		return nil, err
	}
	c.build(l)
	return c, nil
}

func (c *Conversation) build(l *link) {
	c.work, c.stop = context.WithCancel(context.Background())
	c.tasks, c.endTasks = context.WithCancel(c.work)
	c.up = &uplink{work: c.work}
	c.link, c.voice = l, newVoice(l.law, c.setup.Law)
	c.links, l.number, l.inbox = 1, 1, c.inbox
	c.renewal.results = make(chan dialled, 1)
	c.responses = newResponses(&c.desk.Profile, c.send, c.muted)
	c.playback = &playback{law: c.setup.Law}
	c.scribe = &scribe{journal: c.setup.Journal, callID: c.setup.Info.ID, written: map[string]bool{}}
	info := &c.setup.Info
	call := &tools.Call{ID: info.ID, Caller: info.Caller, Dialled: info.Dialled, Control: c, Log: c.log}
	c.tools = newToolcalls(c.work, call, func(e store.Entry) { c.setup.Journal.Append(c.setup.Info.ID, e) })
	c.serve()
}

// serve lets the profile at the desk take over its tools and manners.
func (c *Conversation) serve() {
	p := &c.desk.Profile
	c.scribe.words = p.Transcription != nil
	c.responses.serve(p)
	c.tools.serve(c.desk.Tools, p)
}

// Hangup ends the conversation now, in the middle of a word (tools.Control). The polite way is the tool hang_up.
func (c *Conversation) Hangup(_ context.Context, reason string) error {
	select {
	case c.hangups <- reason:
	default: // one is enough
	}
	return nil
}

// Transfer sends the caller elsewhere (tools.Control). It may be called while Run runs.
func (c *Conversation) Transfer(ctx context.Context, target string) error {
	return c.line.Transfer(ctx, target)
}

// SendDigits presses keys (tools.Control). It may be called while Run runs.
func (c *Conversation) SendDigits(ctx context.Context, keys string) error {
	return c.line.SendDigits(ctx, keys)
}

// Consult asks somebody whether they take the caller (tools.Control). It may be called while Run runs.
func (c *Conversation) Consult(ctx context.Context, q tools.Consultation) error {
	return c.line.Consult(ctx, q)
}

var _ tools.Control = (*Conversation)(nil)

// Run talks until somebody ends it and says who did. The end of ctx is the end of the phone's side; its cause is the
// reason. Run returns with the last words played, so the caller of Run may hang up at once, and must call Finish.
func (c *Conversation) Run(ctx context.Context, line Line) End {
	c.line, c.playback.player, c.ran = line, line.Player(), true
	c.limits.began = time.Now()
	c.schedule(c.limits.began)
	l := c.link
	c.readers.Go(func() { l.read(c.work) })
	c.up.turnTo(c.link, 0)
	line.Attach(c.up.hear)
	defer line.Attach(nil)
	if c.desk.Profile.Greeting != "" {
		c.responses.want(wish{kind: wishGreeting, instructions: c.desk.Profile.greet()})
	}
	c.loop(ctx)
	c.fallSilent()
	return *c.end
}

// fallSilent stops the agent's voice when the call is over: what is still queued is not said any more, and the transcript
// must not claim that it was heard.
func (c *Conversation) fallSilent() {
	finished, cut := c.playback.flush()
	c.heard(finished, false)
	c.heard(cut, true)
	c.keys.release(true)
}

func (c *Conversation) send(ev realtime.ClientEvent) {
	if c.link == nil {
		return // what there is to say is part of what the next connection is told
	}
	if err := c.link.model.Send(c.work, ev); err != nil {
		c.log.Debug("event not sent", "err", err) // Recv reports the loss of the connection
	}
}

// muted counts an answer that brought no sound.
func (c *Conversation) muted() {
	c.happened(Muted)
	c.scribe.add(store.Entry{Kind: store.KindNote, Role: store.RoleSystem, Text: "the model's answer had no sound"}, time.Now())
}

func (c *Conversation) happened(what Occurrence) {
	c.setup.Observer.Happened(c.desk.Profile.Name, what)
}

// ownItem is a message of our own. Its id tells its echo from the caller's turns.
func (c *Conversation) ownItem(prefix, role, text string) realtime.Item {
	c.responses.events++
	id := fmt.Sprintf("tl_%s_%d_%d", prefix, c.links, c.responses.events)
	c.scribe.own(id)
	return realtime.Item{ID: id, Type: realtime.ItemMessage, Role: role,
		Content: []realtime.Part{{Kind: realtime.PartInputText, Text: text}}}
}

// finishWith ends the conversation once what was begun is said, and for good. The first such reason counts.
func (c *Conversation) finishWith(end End, now time.Time) {
	if c.end == nil || c.farewell {
		c.end, c.endBy, c.farewell = &end, now.Add(playoutLimit), false
	}
}

// lineEnded ends the conversation at once: nobody listens any more.
func (c *Conversation) lineEnded(cause error) {
	c.end, c.endBy = &End{By: ByCaller, Cause: cause.Error()}, time.Time{}
}

// hold follows the caller's side putting us on hold and coming back.
func (c *Conversation) hold(on bool, now time.Time) {
	if on == c.held {
		return
	}
	c.held = on
	c.idle.callerActs()
	c.up.mute(on, c.setup.Law.Silence())
	status := "off"
	if on {
		status = "on"
	}
	c.scribe.add(store.Entry{Kind: store.KindHold, Role: store.RoleCaller, Status: status}, now)
}
