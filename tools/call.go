package tools

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Control is what a tool may do to the phone line. The agent's line implements it.
type Control interface {
	// Hangup ends the phone call now, cutting off what is being said. reason goes to the call's record.
	Hangup(ctx context.Context, reason string) error
	// Transfer sends the caller to target, a number or a SIP URI that the trunk allows, and returns when the other side
	// has taken the call, which then ends, or with the reason why not. What a caller may be told of it is a *TellError.
	Transfer(ctx context.Context, target string) error
	// Consult calls somebody while the caller is still with the agent, tells them what it is about and returns nil when
	// they want the caller, who is connected to them once the tool returns [PutThrough]. Otherwise the error says why not,
	// in a *TellError where the caller may be told.
	Consult(ctx context.Context, c Consultation) error
	// Say has the agent say text while the function call runs, at the next moment when neither side speaks. It returns when
	// the line waits to be said.
	Say(ctx context.Context, callID, text string) error
	// SendDigits presses keys: 0-9 * # A-D. It returns when they wait to be sent.
	SendDigits(ctx context.Context, keys string) error
	// Digits gives the keys that the caller presses from now until ctx ends to this tool instead of the model. The channel
	// is closed then. One tool at a time has them: a later one waits for them until then. Keys that are secret are in the
	// record as a key, without saying which.
	Digits(ctx context.Context, secret bool) <-chan rune
}

// Consultation is a question to somebody whether they take a caller.
type Consultation struct {
	Agent   string        // profile that asks
	Name    string        // of the destination, for the record
	To      string        // number or SIP URI that the trunk allows
	Ring    time.Duration // how long it may ring; zero: 25 s
	Summary string        // who calls and what about, in the agent's words
}

// ErrNoLine is what [Control] answers when a tool runs without a phone line, as in a unit test.
var ErrNoLine = errors.New("no phone line")

// Call is a phone call as one run of a tool sees it. The zero value is usable, which keeps tests of handlers short.
//
// The agent makes one Call for the phone call, derives one for each profile that serves it with [Call.As] and from that
// one for each function call with [Call.For]. The fields must not be changed after that; Set and Get may be used by tools that run at the same time.
type Call struct {
	// Static.

	ID      string // of the phone call, as in its record
	Caller  string // number as the trunk claims it: never proof of who is calling
	Dialled string // number that was called
	Agent   string // name of the agent profile
	// TimeZone is that of the agent; nil is UTC.
	TimeZone *time.Location
	// CallID is the Realtime call_id of the function call; empty before For.
	CallID string
	// Invocation is the idempotency key of this run. It depends only on ID and CallID, so a run that is repeated after
	// a reconnect has the same key, and a back end that stores it cannot act twice.
	Invocation string
	// Control acts on the phone line. Inside a handler it is never nil: without a line it answers ErrNoLine.
	Control Control
	// Log is the logger of the phone call; nil discards. Handlers use Logger.
	Log *slog.Logger

	tool string // set by Run

	// Guarded by itself; shared by all Calls of one phone call.

	shared atomic.Pointer[values]
}

// For returns the Call of one function call of the same phone call. callID is the Realtime call_id.
func (c *Call) For(callID string) *Call {
	d := &Call{
		ID: c.ID, Caller: c.Caller, Dialled: c.Dialled, Agent: c.Agent, TimeZone: c.TimeZone,
		CallID: callID, Invocation: invocationKey(c.ID, callID),
		Control: c.Control, Log: c.Log, tool: c.tool,
	}
	d.shared.Store(c.values())
	return d
}

// As returns the Call as another agent profile serves it: what Set has kept goes with it. zone nil is UTC.
func (c *Call) As(agent string, zone *time.Location) *Call {
	d := c.For("")
	d.Agent, d.TimeZone = agent, zone
	return d
}

// ForEffect is For with an idempotency key that depends on what is done and not on who asked: effect names it, such as
// the tool and its arguments. A model that asks again gets a new call_id, and a back end must still act once.
func (c *Call) ForEffect(callID, effect string) *Call {
	d := c.For(callID)
	d.Invocation = invocationKey(c.ID, effect)
	return d
}

// Say has the agent say a few words, at most 300 bytes, while the tool is at work and as soon as neither side speaks:
// "I have found your booking and look for a room now." What is not said when the handler returns is left out. It does not
// wait until it was said. Errors: of the text, of ctx, [ErrNoLine], and [ErrSayings].
func (c *Call) Say(ctx context.Context, text string) error {
	if err := (Line{Text: text}).check(); err != nil {
		return err
	}
	if c.Control == nil {
		return ErrNoLine
	}
	return c.Control.Say(ctx, c.CallID, text)
}

// ErrSayings: a tool said more than the caller can be told, or it is not at work any more.
var ErrSayings = errors.New("the line is not said: the tool is over, or has others waiting")

// Set keeps a value for the rest of the phone call: a customer found by one tool is there for the next.
func (c *Call) Set(key string, value any) {
	v := c.values()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.m[key] = value
}

// Get returns a value that Set kept, and whether there is one.
func (c *Call) Get(key string) (any, bool) {
	v := c.values()
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := v.m[key]
	return value, ok
}

// Logger returns a logger that names the tool and the run. It is never nil.
func (c *Call) Logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log.With("tool", c.tool, "invocation", c.Invocation)
}

// values are what tools keep for the length of a phone call.
type values struct {
	mu sync.Mutex
	m  map[string]any // guarded by mu
}

// values returns the shared values and makes them at the first use, whichever goroutine comes first.
func (c *Call) values() *values {
	if v := c.shared.Load(); v != nil {
		return v
	}
	c.shared.CompareAndSwap(nil, &values{m: map[string]any{}})
	return c.shared.Load()
}

// forRun returns the Call that a handler gets: complete, and not shared with the caller of Run.
func (c *Call) forRun(tool string) *Call {
	if c == nil {
		c = &Call{}
	}
	d := c.For(c.CallID)
	if c.Invocation != "" {
		d.Invocation = c.Invocation
	}
	if d.Control == nil {
		d.Control = noLine{}
	}
	d.tool = tool
	return d
}

// invocationKey derives the idempotency key. It is a hash because the ids of a server may hold any characters and any
// length, and the key travels in HTTP headers and database keys. Without a call_id nothing can be repeated, so any
// unused key will do.
func invocationKey(id, callID string) string {
	if callID == "" {
		return "inv_" + randomHex(16)
	}
	sum := sha256.Sum256([]byte(id + "\x00" + callID))
	return "inv_" + hex.EncodeToString(sum[:16])
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the program instead
	return hex.EncodeToString(b)
}

type noLine struct{}

var _ Control = noLine{}

func (noLine) Hangup(context.Context, string) error   { return ErrNoLine }
func (noLine) Transfer(context.Context, string) error { return ErrNoLine }

func (noLine) Consult(context.Context, Consultation) error { return ErrNoLine }

func (noLine) Say(context.Context, string, string) error { return ErrNoLine }

func (noLine) SendDigits(context.Context, string) error { return ErrNoLine }

func (noLine) Digits(context.Context, bool) <-chan rune {
	none := make(chan rune)
	close(none)
	return none
}
