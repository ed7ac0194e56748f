package phone

import (
	"context"
	"fmt"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// Step is one line of a script. The steps are those of this package.
type Step interface {
	fmt.Stringer
	// run does the step. It returns errOver when the far end has hung up, or the
	// context's cause.
	run(ctx context.Context, c *call) error
}

type (
	// WaitSpeech waits until the agent speaks; if it does already, not at all.
	WaitSpeech struct{}
	// WaitQuiet waits until the agent has spoken, since the call began or since our
	// last clip ended, and has then been quiet for For (default 500 ms).
	WaitQuiet struct{ For time.Duration }
	// Say says a clip (linear samples, 8 kHz), to its end.
	Say struct{ Clip []int16 }
	// SayOver barges in: it waits until the agent has spoken for After (default
	// 500 ms), then says the clip to its end.
	SayOver struct {
		Clip  []int16
		After time.Duration
	}
	// Digits presses keys: 0–9, *, #, A–D, ! (RFC 4733).
	Digits struct{ Keys string }
	// Pause lets time pass.
	Pause struct{ For time.Duration }
	// Until waits until Done is closed, by whoever watches something else.
	Until struct{ Done <-chan struct{} }
	// Hangup ends the call; steps behind it are not reached.
	Hangup struct{}
	// WaitBye waits until the far end hangs up.
	WaitBye struct{}
	// Hold puts the far end on hold by a re-INVITE. Nothing is heard until Resume.
	Hold struct{ As HoldKind }
	// Resume ends the hold.
	Resume struct{}
	// TakeTransfer waits until the far end sends us elsewhere (REFER), accepts that and
	// reports what came of it: statuses, the last of which ends the reports. Without any
	// it says nothing more.
	TakeTransfer struct{ Reports []int }
	// RefuseTransfer waits for a REFER and refuses it (default 603). Without either step
	// in a script a REFER is refused with 603 at once.
	RefuseTransfer struct{ Status int }
)

const defaultWait = 500 * time.Millisecond

func (WaitSpeech) String() string  { return "wait for speech" }
func (s WaitQuiet) String() string { return fmt.Sprintf("wait for %v of quiet", orDefault(s.For)) }
func (s Say) String() string       { return fmt.Sprintf("say %v", clipLength(s.Clip)) }
func (s SayOver) String() string {
	return fmt.Sprintf("say %v over %v of speech", clipLength(s.Clip), orDefault(s.After))
}
func (s Digits) String() string         { return fmt.Sprintf("press %d keys", len(s.Keys)) }
func (s Pause) String() string          { return fmt.Sprintf("pause %v", s.For) }
func (Until) String() string            { return "wait for something else" }
func (Hangup) String() string           { return "hang up" }
func (WaitBye) String() string          { return "wait for BYE" }
func (s Hold) String() string           { return "hold: " + s.As.String() }
func (Resume) String() string           { return "resume" }
func (s TakeTransfer) String() string   { return fmt.Sprintf("take a transfer and report %v", s.Reports) }
func (s RefuseTransfer) String() string { return fmt.Sprintf("refuse a transfer with %d", s.status()) }

func orDefault(d time.Duration) time.Duration {
	if d == 0 {
		return defaultWait
	}
	return d
}

func clipLength(clip []int16) time.Duration {
	return time.Duration(len(clip)) * time.Second / transcode.SampleRate
}

func (WaitSpeech) run(ctx context.Context, c *call) error {
	return c.wait(ctx, func(h hearing) bool { return h.Speaking })
}

// An answer that meets our last frame counts: an echo ends with us, or a millisecond
// before us.
func (s WaitQuiet) run(ctx context.Context, c *call) error {
	return c.wait(ctx, func(h hearing) bool {
		return !h.Last.IsZero() && h.Last.After(c.spoke.Add(-frame)) && time.Since(h.Last) >= orDefault(s.For)
	})
}

func (s Say) run(ctx context.Context, c *call) error { return c.say(ctx, s.Clip, false) }

func (s SayOver) run(ctx context.Context, c *call) error {
	err := c.wait(ctx, func(h hearing) bool {
		return h.Speaking && h.Last.Sub(h.Onset) >= orDefault(s.After)
	})
	if err != nil {
		return err
	}
	return c.say(ctx, s.Clip, true)
}

func (s Digits) run(ctx context.Context, c *call) error {
	if err := c.media.SendDigits(s.Keys); err != nil {
		return err
	}
	err := c.wait(ctx, func(hearing) bool { return c.media.DigitsQueued() == 0 })
	c.spoke = time.Now()
	c.event(Pressed, s.Keys)
	return err
}

func (s Pause) run(ctx context.Context, c *call) error {
	end := time.NewTimer(s.For)
	defer end.Stop()
	passed := false
	return c.waitOr(ctx, end.C, &passed, func(hearing) bool { return passed })
}

func (s Until) run(ctx context.Context, c *call) error {
	return c.wait(ctx, func(hearing) bool {
		select {
		case <-s.Done:
			return true
		default:
			return false
		}
	})
}

func (Hangup) run(context.Context, *call) error { return errHangup }

func (WaitBye) run(ctx context.Context, c *call) error {
	if err := c.wait(ctx, func(hearing) bool { return false }); err != errOver {
		return err
	}
	return nil
}
