package tools

import (
	"errors"
	"fmt"
	"time"
)

// Duplicate is what happens to a call of a tool while the same call, same tool and same arguments, is still running.
type Duplicate int

const (
	// Allow runs it too. It is the default, right for look-ups.
	Allow Duplicate = iota
	// Reject does not run it; the model is told that it is being done.
	Reject
	// Join does not run it either; both calls get the one outcome.
	Join
)

// String implements fmt.Stringer.
func (d Duplicate) String() string {
	if names := [...]string{"allow", "reject", "join"}; d >= 0 && int(d) < len(names) {
		return names[d]
	}
	return fmt.Sprintf("Duplicate(%d)", int(d))
}

// OnDuplicate says what happens to the same call while it is still running. The agent acts on it, see [Info].
func OnDuplicate(d Duplicate) Option {
	return func(s *settings) error {
		if d < Allow || d > Join {
			return fmt.Errorf("%s is none of allow, reject and join", d)
		}
		s.effects.Duplicate = d
		return nil
	}
}

// Once lets the same call, same tool and same arguments, succeed once in a phone call. A later one gets the first
// outcome: a model that was interrupted, or whose connection was replaced, asks again for what is done. It implies
// [Join].
func Once() Option {
	return func(s *settings) error {
		s.effects.Once, s.effects.Duplicate = true, Join
		return nil
	}
}

// AfterTurn starts the tool only when the caller has heard what the agent said before it, to the end. If the caller cuts
// in before, nothing is done and the model is told so. It is for what cannot be undone: the caller had the chance to say
// no.
func AfterTurn() Option {
	return func(s *settings) error {
		s.effects.AfterTurn = true
		return nil
	}
}

// Background answers the model at once, so that the conversation goes on, and tells it the result when there is one. The
// tool runs on when the caller cuts in.
func Background() Option {
	return func(s *settings) error {
		s.effects.Background, s.interrupt = true, Finish
		return nil
	}
}

// Line is something to say while a tool runs. Text has the model say it, in its own voice; Clip, 8 kHz samples, is played
// instead, which costs nothing and is there at once.
type Line struct {
	Text string
	Clip []int16
}

// longestLine bounds a line: the caller waits for an answer and not for a speech.
const longestLine = 300

func (l Line) check() error {
	if l.Empty() {
		return errors.New("there is nothing to say")
	}
	if len(l.Text) > longestLine || len(l.Clip) > 8000*30 {
		return fmt.Errorf("what is said while a tool runs has at most %d bytes, or 30 s", longestLine)
	}
	return nil
}

// Empty reports that there is nothing to say.
func (l Line) Empty() bool { return l.Text == "" && len(l.Clip) == 0 }

// Say is what the caller hears because of a running tool. A line is said only when neither side speaks.
type Say struct {
	Start  Line          // said when a run begins
	After  time.Duration // of the run, Slow is said
	Slow   Line
	Failed Line // said instead of what the model would make of the failure
}

// SayAtStart has the agent say text as soon as a run begins and nobody speaks: for work that always takes a while.
func SayAtStart(text string) Option { return SayLineAtStart(Line{Text: text}) }

// SayLineAtStart is SayAtStart for any line.
func SayLineAtStart(l Line) Option {
	return func(s *settings) error {
		s.effects.Say.Start = l
		return l.check()
	}
}

// SayAfter has the agent say text when a run takes longer than d, 200 ms to 1 min, and nobody speaks.
func SayAfter(d time.Duration, text string) Option { return SayLineAfter(d, Line{Text: text}) }

// SayLineAfter is SayAfter for any line.
func SayLineAfter(d time.Duration, l Line) Option {
	return func(s *settings) error {
		if d < 200*time.Millisecond || d > time.Minute {
			return fmt.Errorf("saying something after %s is not within 200ms to 1m", d)
		}
		s.effects.Say.After, s.effects.Say.Slow = d, l
		return l.check()
	}
}

// SayOnFailure has the agent say text when a run fails.
func SayOnFailure(text string) Option {
	return func(s *settings) error {
		s.effects.Say.Failed = Line{Text: text}
		return s.effects.Say.Failed.check()
	}
}

// Effects is how the agent has to run a tool that does something in the world.
type Effects struct {
	Duplicate  Duplicate
	Once       bool
	AfterTurn  bool
	Background bool
	Say        Say
}
