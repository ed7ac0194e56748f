package agent

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// simCall is a call against the simulator in fake time. The caller's telephone sends silence; when he speaks, the session
// that hears it is told.
type simCall struct {
	t       *testing.T
	srv     *simulator.Server
	line    *memoryLine
	journal *memoryJournal
	counts  counts
	box     *steadyTools
	conv    *Conversation
	hangUp  context.CancelCauseFunc
	ended   chan struct{} // closed when end is set
	end     End
	figures Figures
	tape    []int // bytes that each 20 ms frame put on the wire
	stalls  int   // frames that were late

	// Guarded by mu.
	mu        sync.Mutex
	links     []*simulator.Direct
	faults    []simulator.Faults // of each connection; the last one is that of all further ones
	hears     int                // the connection that gets the caller's audio
	down, up  []int              // events of each connection
	midword   int                // how often another one got it while the agent was being heard
	committed []string           // items of the caller's turns that the server told of
}

// simOptions say what is special about a call.
type simOptions struct {
	dialect string
	profile Profile
	model   func(simulator.Prompt) *simulator.Answer
	clips   []simulator.Clip
	life    time.Duration      // of each session; 0: an hour
	faults  []simulator.Faults // of each connection
}

// onCall runs scene on a call in a bubble of its own, hangs up, and leaves a call that is over. nil: it was never opened.
func onCall(t *testing.T, o simOptions, scene func(*simCall)) (c *simCall, failed error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c = &simCall{t: t, line: newMemoryLine(transcode.PCMU), journal: &memoryJournal{}, box: &steadyTools{took: time.Second},
			ended: make(chan struct{}), faults: o.faults}
		srv, err := simulator.New(simulator.Options{Dialect: o.dialect, Script: fuzzScript, AgentClips: o.clips, Answer: o.model,
			EvenDeltas: true, SessionLife: o.life})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		c.srv = srv
		if c.conv, failed = Open(t.Context(), c.setup(o.profile)); failed == nil {
			c.play(scene)
		}
	})
	return c, failed
}

func (c *simCall) setup(p Profile) Setup {
	return Setup{Info: CallInfo{ID: "call-1"}, Law: transcode.PCMU, Journal: c.journal, Observer: &c.counts,
		Desk: Desk{Profile: p, Dial: c.dial, Tools: c.box}}
}

func (c *simCall) play(scene func(*simCall)) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.hangUp = cancel
	pacer, stop := context.WithCancel(context.Background())
	var phone sync.WaitGroup
	phone.Go(func() { c.pace(pacer) })
	go func() {
		c.end = c.conv.Run(ctx, c.line)
		close(c.ended)
	}()
	scene(c)
	cancel(errCallerHungUp)
	<-c.ended
	c.figures = c.conv.Finish(FinalPatience)
	stop()
	phone.Wait()
}

// pace is the telephone: one frame from the caller and one to him every 20 ms, whatever happens behind them.
func (c *simCall) pace(ctx context.Context) {
	began := time.Now()
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	silence := bytes.Repeat([]byte{0xFF}, transcode.FrameBytes)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			before := c.heardBytes()
			c.line.speak(silence)
			c.line.player.frame()
			c.tape = append(c.tape, c.heardBytes()-before)
			if time.Since(began) != time.Duration(len(c.tape))*frameTime {
				c.stalls++
				began = time.Now().Add(-time.Duration(len(c.tape)) * frameTime)
			}
		}
	}
}

// heardBytes is how much of the agent has been on the wire.
func (c *simCall) heardBytes() int {
	c.line.player.mu.Lock()
	defer c.line.player.mu.Unlock()
	return len(c.line.player.wire)
}

func (c *simCall) dial(ctx context.Context, want realtime.Session) (Model, realtime.Session, error) {
	c.mu.Lock()
	n := len(c.down)
	c.down, c.up = append(c.down, 0), append(c.up, 0)
	c.mu.Unlock()
	faults := simulator.Faults{}
	if len(c.faults) > 0 {
		faults = c.faults[min(n, len(c.faults)-1)]
	}
	if err := c.srv.SetFaults(faults); err != nil {
		return nil, realtime.Session{}, err
	}
	d, err := c.srv.Direct(ctx, simulator.DirectOptions{Trace: func(m simulator.Message) { c.see(n, m) }})
	c.mu.Lock()
	c.links = append(c.links, d) // nil: refused
	c.mu.Unlock()
	if err != nil {
		return nil, realtime.Session{}, err
	}
	got, err := d.Open(ctx, want)
	if err != nil {
		d.Close("session refused")
		return nil, realtime.Session{}, err
	}
	return d, got, nil
}

// see follows the messages: how many there are, and who hears the caller.
func (c *simCall) see(link int, m simulator.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name := typeOf(m.Text); {
	case name == "input_audio_buffer.append":
		if link != c.hears && c.line.player.Queued() > 0 {
			c.midword++
		}
		c.hears = link
	case !m.FromServer:
		c.up[link]++
	case name == "input_audio_buffer.committed":
		c.committed = append(c.committed, member(string(m.Text), "item_id"))
		fallthrough
	default:
		c.down[link]++
	}
}

// session is the one that hears the caller; nil while there is none.
func (c *simCall) session() *simulator.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.links[c.hears]
	select {
	case <-d.Session().Ended():
		return nil
	default:
		return d.Session()
	}
}

// wait lets time pass, less when the call ends.
func (c *simCall) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-c.ended:
		return false
	}
}

// say speaks for a while. Whoever hears the caller meanwhile hears him; who hears the end has the words.
func (c *simCall) say(length time.Duration, words string) {
	var hearer *simulator.Session
	const silence = 500 * time.Millisecond
	for spoke := time.Duration(0); ; spoke += frameTime {
		if s := c.session(); s != hearer && s != nil {
			s.SpeechStart()
			hearer = s
		}
		if s := c.session(); s != nil && spoke >= length+silence {
			s.SpeechStop(words)
			return
		}
		if !c.wait(frameTime) {
			return
		}
	}
}

// hear waits until the agent says something new, at most so long, and reports whether it does.
func (c *simCall) hear(most time.Duration) bool {
	before := c.heardBytes()
	for t := time.Duration(0); t < most; t += frameTime {
		if !c.wait(frameTime) {
			return false
		}
		if c.heardBytes() > before {
			return true
		}
	}
	return false
}

// hearOut waits until the agent has not spoken for a second.
func (c *simCall) hearOut() {
	for quiet := time.Duration(0); quiet < time.Second; quiet += frameTime {
		before := c.heardBytes()
		if !c.wait(frameTime) {
			return
		}
		if c.heardBytes() > before {
			quiet = 0
		}
	}
}

// lines are the entries of a kind.
func (c *simCall) lines(kind string, role store.Role) (list []store.Entry) {
	for _, e := range c.journal.entries {
		if e.Kind == kind && (role == "" || e.Role == role) {
			list = append(list, e)
		}
	}
	return list
}

// check is what holds after every call.
func (c *simCall) check() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if c.stalls > 0 {
		bad("%d frames were late", c.stalls)
	}
	if n := c.line.player.Queued(); n > 0 {
		bad("%d bytes are still queued", n)
	}
	if c.counts.open != 0 {
		bad("%d connections are open", c.counts.open)
	}
	if c.box.running != 0 {
		bad("%d tools are running", c.box.running)
	}
	for _, d := range c.links {
		if d == nil {
			continue
		}
		r := d.Session().Record()
		if len(r.Errors) > 0 {
			bad("the server sent errors: %v, for %+v", r.Errors, r.Violations)
		}
		if r.Ended.IsZero() {
			bad("session %s is open", r.ID)
		}
	}
	var turns []string
	for _, e := range c.lines(store.KindTurn, store.RoleCaller) {
		turns = append(turns, e.ItemID)
	}
	if !slices.Equal(turns, c.committed) {
		bad("the transcript has the caller's turns %v, the server committed %v", turns, c.committed)
	}
	return problems
}

// steadyTools take always the same time.
type steadyTools struct {
	fuzzTools
	took          time.Duration
	mu            sync.Mutex
	runs, running int
}

func (b *steadyTools) count(runs, running int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.runs += runs
	b.running += running
}

func (b *steadyTools) Run(ctx context.Context, _ tools.Invocation) tools.Outcome {
	b.count(1, 1)
	defer b.count(0, -1)
	select {
	case <-time.After(b.took):
		return tools.Outcome{Status: tools.StatusOK, Output: `"it has been shipped"`}
	case <-ctx.Done():
		return tools.Outcome{Status: tools.StatusCancelled, Output: `{"error":"cancelled"}`}
	}
}

func (b *steadyTools) ran() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs
}
