package agent

import (
	"context"
	"time"

	"github.com/trunkline/trunkline/tools"
)

// What the caller hears of tools that are at work: the lines of their policy, at the start and when it takes longer, and
// what their handlers have to say. A line is said only when neither side speaks, and not any more when its tool is done.

// mostSayings is how many lines of one tool may wait.
const mostSayings = 4

// Say has the agent say something for a tool that runs (tools.Control). It may be called while Run runs.
func (c *Conversation) Say(ctx context.Context, callID, text string) error {
	taken := make(chan bool, 1)
	if !c.order(func(time.Time) { taken <- c.tools.say(callID, text) }) {
		return tools.ErrSayings
	}
	select {
	case ok := <-taken:
		if !ok {
			return tools.ErrSayings
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.work.Done():
		return tools.ErrSayings
	}
}

// say keeps a line for the run of a function call until somebody has the time to hear it.
func (t *toolcalls) say(callID, text string) bool {
	r := t.open[callID]
	for b := range t.background {
		if b.item.CallID == callID {
			r = b
		}
	}
	if r == nil || len(r.lines) == mostSayings {
		return false
	}
	r.lines = append(r.lines, text)
	return true
}

// sayOwn says the next of a tool's own lines, when nobody speaks.
func (c *Conversation) sayOwn(r *running) {
	if len(r.lines) > 0 && c.quiet() {
		c.sayLine(tools.Line{Text: r.lines[0]})
		r.lines = r.lines[1:]
	}
}

// nextLine is what the caller should hear next while the tool runs, and from when on; zero when there is nothing more.
func (r *running) nextLine() (tools.Line, time.Time) {
	say := &r.policy.Say
	if r.began.IsZero() {
		return tools.Line{}, time.Time{}
	}
	if r.said == 0 && !say.Start.Empty() {
		return say.Start, r.began
	}
	if say.After > 0 && (r.said == 0 || r.said == 1 && !say.Start.Empty()) {
		return say.Slow, r.began.Add(say.After)
	}
	return tools.Line{}, time.Time{}
}

// sayLine says something while a tool runs.
func (c *Conversation) sayLine(l tools.Line) {
	if len(l.Clip) > 0 {
		c.playback.line(NewClip(l.Clip))
		return
	}
	c.responses.want(wish{kind: wishLine, instructions: c.desk.Profile.also(
		"A tool is still at work. Say exactly these words and nothing else: " + l.Text)})
}

// sayLineDeadline is when the next line is due; zero while somebody speaks, whose end is an event.
func (c *Conversation) sayLineDeadline() (earliest time.Time) {
	var d deadline
	if !c.quiet() {
		return d.earliest
	}
	for _, r := range c.tools.open {
		if _, at := r.nextLine(); !at.IsZero() {
			d.at(at)
		}
	}
	return d.earliest
}
