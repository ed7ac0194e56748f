package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// Setup is all a conversation needs. Info, Law, Profile, Dial and Journal are required.
type Setup struct {
	Info     CallInfo
	Law      transcode.Law // the caller's
	Profile  Profile
	Dial     Dialer
	Tools    Toolbox // nil: the profile has no tools
	Journal  Journal
	Observer Observer     // nil: nobody counts
	Log      *slog.Logger // nil: silent
}

// End says why a conversation is over.
type End struct {
	By    string // agent, system, caller
	Cause string
}

// Who ends a call.
const (
	ByCaller = "caller"
	ByAgent  = "agent"
	BySystem = "system"
)

// playoutLimit bounds how long last words may take after the conversation is over.
const playoutLimit = 30 * time.Second

// Conversation is one call's talk with the model. Open makes it, Run holds it, Finish closes it and tells the figures.
type Conversation struct {
	// Static after Open.
	setup   Setup
	log     *slog.Logger
	model   Model
	session realtime.Session
	digits  <-chan rune

	// Owned by the loop.
	responses  *responses
	playback   *playback
	tools      *toolcalls
	unfinished []unfinishedCall // function calls of responses that are not done
	posted     int              // outputs posted
	scribe     *scribe
	figures    Figures
	turn       turnClock
	end        *End
	endBy      time.Time // play out until then, then leave

	// Between the reader and the loop.
	inbox   chan received
	handled chan struct{}
	hangups chan string

	// Life of the reader and the tools.
	work     context.Context
	stop     context.CancelFunc
	readGone chan struct{}

	appended atomic.Int64 // bytes of caller audio sent to the model
}

// received is what the reader hands to the loop; exactly one of the two is set.
type received struct {
	ev  realtime.ServerEvent
	err error
}

// Open connects to the model and confirms the session. When it returns without error the phone may be answered.
// Errors are those of the Dialer, or *FormatError.
func Open(ctx context.Context, s Setup) (*Conversation, error) {
	c := &Conversation{setup: s, log: s.Log, inbox: make(chan received), handled: make(chan struct{}, 1),
		hangups: make(chan string, 1), readGone: make(chan struct{})}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.setup.Observer == nil {
		c.setup.Observer = nobody{}
	}
	definitions, err := c.definitions()
	if err != nil {
		return nil, fmt.Errorf("describe tools: %w", err)
	}
	c.model, c.session, err = s.Dial(ctx, s.Profile.session(s.Law, definitions))
	if err != nil {
		return nil, err
	}
	if err := c.checkFormats(); err != nil {
		c.model.Close("wrong audio format")
		return nil, err
	}
	c.build()
	return c, nil
}

func (c *Conversation) definitions() ([]realtime.Tool, error) {
	if len(c.setup.Profile.Tools) == 0 {
		return []realtime.Tool{}, nil
	}
	described, err := c.setup.Tools.Describe(c.setup.Profile.Tools)
	if err != nil {
		return nil, err
	}
	list := make([]realtime.Tool, 0, len(described))
	for _, d := range described {
		list = append(list, realtime.Tool{Name: d.Name, Description: d.Description, Parameters: d.Parameters})
	}
	return list, nil
}

// checkFormats refuses a session that would play noise: no audio flows before the server has confirmed G.711.
func (c *Conversation) checkFormats() error {
	_, in := lawOf(c.session.InputFormat)
	_, out := lawOf(c.session.OutputFormat)
	if !in || !out {
		return &FormatError{Input: c.session.InputFormat, Output: c.session.OutputFormat}
	}
	return nil
}

func (c *Conversation) build() {
	s := &c.setup
	c.work, c.stop = context.WithCancel(context.Background())
	c.responses = newResponses(s.Profile.autoReply(), c.send)
	c.playback = &playback{law: s.Law}
	if law, _ := lawOf(c.session.OutputFormat); law != s.Law {
		c.playback.toCaller = transcode.Table(law, s.Law)
	}
	c.scribe = &scribe{journal: s.Journal, callID: s.Info.ID, words: s.Profile.Transcription != nil,
		written: map[string]bool{}}
	c.tools = newToolcalls(s.Tools, c.work, c.toolCall())
}

func (c *Conversation) toolCall() *tools.Call {
	info := c.setup.Info
	return &tools.Call{ID: info.ID, Caller: info.Caller, Dialled: info.Dialled, Agent: c.setup.Profile.Name,
		Control: c, Log: c.log}
}

// autoReply reports whether turn detection answers the caller by itself.
func (p *Profile) autoReply() bool {
	td, ok := p.TurnDetection.Get()
	return !ok && !p.TurnDetection.IsNull() || ok && td.CreateResponse.Or(true)
}

// serverInterrupts reports whether the server cancels its response when the caller speaks.
func (p *Profile) serverInterrupts() bool {
	td, ok := p.TurnDetection.Get()
	return !ok && !p.TurnDetection.IsNull() || ok && td.InterruptResponse.Or(true)
}

// Hangup ends the conversation now, in the middle of a word (tools.Control). The polite way is the tool hang_up.
func (c *Conversation) Hangup(_ context.Context, reason string) error {
	select {
	case c.hangups <- reason:
	default: // one is enough
	}
	return nil
}

// Run talks until somebody ends it and says who did. The end of ctx is the end of the phone's side; its cause is the
// reason. Run returns with the last words played, so the caller of Run may hang up at once, and must call Finish.
func (c *Conversation) Run(ctx context.Context, line Line) End {
	c.playback.player, c.digits = line.Player(), line.Digits()
	go c.read()
	line.Attach(c.uplink())
	defer line.Attach(nil)
	if text := c.setup.Profile.Greeting; text != "" {
		c.responses.want(wish{kind: wishGreeting, instructions: c.setup.Profile.greet(text)})
	}
	if d := c.setup.Profile.MaxDuration; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errDuration)
		defer cancel()
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
}

// errDuration is the cause of a conversation that reached its profile's MaxDuration.
var errDuration = errors.New("maximum call duration reached")

// greet keeps the session's instructions: those of a response replace them.
func (p *Profile) greet(text string) string {
	return p.Instructions + "\n\nThe call has just been answered. Greet the caller now with exactly these words and nothing else: " + text
}

// read hands the model's events to the loop one by one and waits until each is handled: audio deltas are then valid
// without a copy.
func (c *Conversation) read() {
	defer close(c.readGone)
	for {
		ev, err := c.model.Recv(c.work)
		select {
		case c.inbox <- received{ev, err}:
		case <-c.work.Done():
			return
		}
		select {
		case <-c.handled:
		case <-c.work.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// uplink is the sink of the caller's audio. It runs on the line's goroutines, one at a time.
func (c *Conversation) uplink() func([]byte) {
	var table *[256]byte
	if law, _ := lawOf(c.session.InputFormat); law != c.setup.Law {
		table = transcode.Table(c.setup.Law, law)
	}
	var frame [4 * transcode.FrameBytes]byte
	event := &realtime.AudioAppend{}
	return func(audio []byte) {
		event.Audio = audio
		if table != nil {
			n := copy(frame[:], audio)
			for i, b := range frame[:n] {
				frame[i] = table[b]
			}
			event.Audio = frame[:n]
		}
		if c.model.Send(c.work, event) == nil {
			c.appended.Add(int64(len(audio)))
		}
	}
}

func (c *Conversation) send(ev realtime.ClientEvent) {
	if err := c.model.Send(c.work, ev); err != nil {
		c.log.Debug("event not sent", "err", err) // Recv reports the loss of the connection
	}
}

func (c *Conversation) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		c.step(now)
		if c.over(now) {
			return
		}
		timer.Reset(c.sleep(now))
		select {
		case <-ctx.Done():
			c.lineEnded(context.Cause(ctx))
		case m := <-c.inbox:
			c.receive(m, time.Now())
			c.handled <- struct{}{}
		case <-c.playback.player.Changed():
		case d := <-c.digits:
			c.scribe.add(store.Entry{Kind: store.KindDTMF, Role: store.RoleCaller, Text: string(d)}, time.Now())
		case r := <-c.tools.results:
			c.toolDone(r, time.Now())
		case reason := <-c.hangups:
			c.end, c.endBy = &End{By: ByAgent, Cause: reason}, time.Now()
		case <-timer.C:
		}
	}
}

// step brings every part up to date; it is cheap and runs after each event.
func (c *Conversation) step(now time.Time) {
	c.measure()
	c.heard(c.playback.progress(), false)
	if c.end == nil {
		c.responses.pump(now)
	}
	if why := c.responses.givenUp; why != "" {
		c.finishWith(End{By: BySystem, Cause: why}, now)
	}
	c.scribe.write(now)
}

// finishWith ends the conversation once what was begun is said. The first reason counts.
func (c *Conversation) finishWith(end End, now time.Time) {
	if c.end == nil {
		c.end, c.endBy = &end, now.Add(playoutLimit)
	}
}

// lineEnded ends the conversation at once: nobody listens any more.
func (c *Conversation) lineEnded(cause error) {
	c.end = &End{By: ByCaller, Cause: cause.Error()}
	if errors.Is(cause, errDuration) {
		c.end.By = BySystem
	}
	c.endBy = time.Time{}
}

// over reports that Run may return: the phone is gone, or the last word was played and none is being spoken.
func (c *Conversation) over(now time.Time) bool {
	if c.end == nil {
		return false
	}
	return !now.Before(c.endBy) || !c.playback.playing() && c.responses.active == ""
}

// sleep is how long the loop may wait for events.
func (c *Conversation) sleep(now time.Time) time.Duration {
	d := time.Hour
	deadlines := [...]time.Time{c.responses.deadline(), c.scribe.deadline(), c.endBy}
	for i, at := range deadlines {
		if at.IsZero() || i == 2 && c.end == nil {
			continue
		}
		d = min(d, max(at.Sub(now), 0))
	}
	return d
}
