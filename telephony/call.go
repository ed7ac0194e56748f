package telephony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
	"github.com/trunkline/trunkline/transcode"
)

// ErrState is returned by methods that do not fit the state of the call, such as
// Reject after Answer.
var ErrState = sipua.ErrState

// CallInfo is what is known about a call when it arrives.
type CallInfo struct {
	ID         string         // ours; 24 characters that sort by start
	SIPCallID  string         // the caller's side's, for finding the call in a trace
	Trunk      string         // Trunk.Name
	Caller     string         // number, or name, in the form of Dialled; "" when withheld
	CallerName string         // what the caller calls itself, at most 64 characters; "" when withheld
	Dialled    string         // "+CC…" where that is known (Trunk.Numbers), else as dialled
	Law        transcode.Law  // of Media, for the whole call
	SRTP       string         // the suite the audio begins with, "" for plain RTP; see Call.SRTP
	Transport  string         // "udp" or "tcp"
	Source     netip.AddrPort // of the INVITE
	Started    time.Time

	// Forwarded lists the forwardings that brought the call here, the number that was called
	// first at the front (RFC 5806, RFC 7044); nil if there were none, or the trunk is not
	// trusted. At most 10.
	Forwarded []Forward

	// Verification is what the trunk found out about the caller's number.
	Verification Verification

	// Outbound is a call that we placed: Caller is what we showed, Dialled whom we called,
	// Source where the INVITE went, and in Ended "caller" is the far end.
	Outbound bool

	// Headers are those of the INVITE that Trunk.Headers lists, under the names given
	// there: cleaned, at most 256 bytes each. The caller's side wrote them: text, not facts.
	Headers map[string]string
}

// OriginallyDialled is the number that the caller dialled before the call was forwarded;
// "" when it was not, or when that number is withheld.
func (i CallInfo) OriginallyDialled() string {
	if len(i.Forwarded) == 0 {
		return ""
	}
	return i.Forwarded[0].Number
}

// Call is one phone call, of a caller or placed by Server.Dial. Its methods may be used
// by several goroutines until ServeCall returns.
type Call struct {
	// Static.
	server  *Server
	log     *slog.Logger
	info    CallInfo
	trunk   *Trunk
	dialog  *sipua.Dialog
	media   *media.Session
	answer  []byte        // our session description
	opened  chan struct{} // nil unless we made the first offer; closed once it is answered
	keypad  *keypad
	infos   chan struct{} // cap 1: who sends keys by INFO
	held    chan bool     // cap 1; written under mu
	sip     context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	watcher sync.WaitGroup // watch, after Answer

	mu       sync.Mutex
	opening  sdp.Negotiated // what the INVITE and answer agree on
	local    sdp.Local      // its version grows
	offer    *sdp.Session   // the caller's side's description in force
	agreed   sdp.Negotiated // in force; on hold, Remote is where the call will go on
	last     []byte         // our description sent last
	onHold   bool
	bridged  bool
	answered bool
	started  bool // the audio
	ended    *Ended
}

// Info returns what is known about the call.
func (c *Call) Info() CallInfo { return c.info }

// Media is the audio of the call. It is open, and silent, until Answer.
func (c *Call) Media() *media.Session { return c.media }

// Quality sums up how the call sounds so far, both ways. It may be asked after the end.
func (c *Call) Quality() media.Quality { return c.media.Quality() }

// Ended says how the call ended, nil while it goes on.
func (c *Call) Ended() *Ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Ring tells the caller that it rings here (180).
func (c *Call) Ring() error { return c.explain("ring", c.dialog.Ring()) }

// Answer takes the call (200) and starts its audio in both directions; if the INVITE made
// no offer it waits until the ACK has answered ours. It returns the *Ended if the caller
// was gone first, and ErrState on a second try.
func (c *Call) Answer(ctx context.Context) error {
	if err := c.dialog.Answer(ctx, c.answer); err != nil {
		return c.explain("answer", err)
	}
	c.watcher.Go(c.watch)
	c.watcher.Go(c.fetchDigits)
	if c.opened != nil {
		return c.awaitOpening(ctx)
	}
	if err := c.startMedia(); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Reject refuses the call with a status from 300 to 699; a retryAfter above 0 tells the
// caller's side when to try again.
func (c *Call) Reject(status int, reason string, retryAfter time.Duration) error {
	var headers []sipua.Header
	if retryAfter > 0 {
		headers = append(headers, retryAfterHeader(retryAfter))
	}
	if err := c.dialog.Reject(status, reason, headers...); err != nil {
		return c.explain("reject", err)
	}
	c.server.rejected.add(Rejection{status, "handler"})
	c.end(refusedBy(System, status, reason)) // no agent has the call yet
	return nil
}

// Hangup ends an answered call from our side, for the agent or the system, and waits
// until the caller's side has confirmed it or ctx ends. The reason goes into the BYE:
// no personal data. Audio that is still queued is lost: let it play out first.
func (c *Call) Hangup(ctx context.Context, by Party, reason string) error {
	c.mu.Lock()
	answered := c.answered
	c.mu.Unlock()
	if !answered {
		return fmt.Errorf("hang up: %w", ErrState)
	}
	c.end(endedByUs(by, reason))
	return c.explain("hang up", c.dialog.Bye(ctx, c.Ended().reason()))
}

// explain puts an error of the dialog into the words of this package.
func (c *Call) explain(what string, err error) error {
	var ended *Ended
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended):
		return ended
	case endsCall(err):
		return c.end(endedBy(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// end notes how the call ended and ends its context. The first end counts and is
// returned.
func (c *Call) end(e *Ended) *Ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = e
		c.cancel(e)
	}
	return c.ended
}

// run is the life of the call.
func (c *Call) run(h Handler) {
	defer c.logEnd()
	stop := context.AfterFunc(c.sip, func() { c.end(endedBy(context.Cause(c.sip))) })
	c.serve(h)
	if !stop() {
		<-c.ctx.Done() // signalling ended the call: let its cause be the one
	}
	c.end(c.returned())
	c.dialog.OnReturn(c.Ended().reason())
	if err := c.media.Close(); err != nil {
		c.log.Warn("closing media failed", "err", err)
	}
	c.watcher.Wait()
}

// serve runs the handler and turns a panic into the end of this call.
func (c *Call) serve(h Handler) {
	defer func() {
		if p := recover(); p != nil {
			c.server.panics.Add(1)
			c.log.Error("call handler panicked", "panic", p, "stack", string(debug.Stack()))
			c.end(endedByPanic())
		}
	}()
	h.ServeCall(c.ctx, c)
}

// returned is the end of a call whose handler returned without having ended it.
func (c *Call) returned() *Ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered {
		return endedByUs(Agent, "done")
	}
	return refusedBy(System, 500, "neither answered nor rejected")
}

// watch ends the call when the audio stops or the call gets too long.
func (c *Call) watch() {
	var length <-chan time.Time
	if d := c.server.cfg.Limits.CallDuration; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		length = t.C
	}
	select {
	case <-c.ctx.Done():
	case <-c.media.Lost():
		c.end(endedByMedia())
	case <-length:
		c.end(endedByLength())
	}
}

func (c *Call) logStart() {
	c.log.Info("call", "outbound", c.info.Outbound, "trunk", c.info.Trunk, "caller", mask(c.info.Caller), "dialled", mask(c.info.Dialled),
		"law", c.info.Law.String(), "srtp", c.info.SRTP, "transport", c.info.Transport)
}

func (c *Call) logEnd() {
	e := c.Ended()
	c.log.Info("call ended", "by", e.By.String(), "why", e.Text, "sip", e.SIP, "q850", e.Q850,
		"seconds", time.Since(c.info.Started).Round(time.Millisecond).Seconds())
}
