package phone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

// CallOptions of one call.
type CallOptions struct {
	To   string // SIP URI, as "sip:+4930123@127.0.0.1:5060"
	From string // user part or SIP URI of the caller, default "phone"

	Laws  []transcode.Law // in order of preference, default PCMU, PCMA
	PTime time.Duration   // of what we send and ask for, 10..60 ms, default 20 ms

	SRTP SRTP // what encryption is offered, default none

	Script    []Step      // when it ends, the phone hangs up
	Record    io.Writer   // nil, or where what was heard is written as WAV when the call is over
	OnEvent   func(Event) // nil, or called as things happen, from Call's goroutine
	DropAudio bool        // keep no audio in the report: for load
}

// Errors that a script's step ends with, inside this package.
var (
	errOver   = errors.New("the far end hung up")
	errHangup = errors.New("hang up")
	errLost   = errors.New("no media from the far end")
)

// call is one call from INVITE to BYE.
type call struct {
	phone *Phone
	opt   CallOptions
	media *media.Session
	began time.Time

	placed chan struct{}              // closed when the next five are set
	leg    leg                        // one of the two below
	dialog *sipgo.DialogClientSession // of a call that we placed
	served *sipgo.DialogServerSession // of one that we took
	first  *sip.Request               // the INVITE
	far    sip.Uri                    // where requests inside the call go

	times      sync.Mutex // guards the next two
	ringing    time.Time
	answeredAt time.Time

	// Owned by Call's goroutine.
	ear    *ear
	report Report
	spoke  time.Time // when we last finished saying something
	clips  uint64    // said so far
	spurts int       // of the ear's, told as events
	rang   bool      // told as an event
	offer  offer     // the last one
	agreed sdp.Negotiated
	wasOn  bool // the ear heard speech when last looked at

	refers chan refer    // cap 1: a REFER to be taken by a step
	gone   chan struct{} // closed when the call is over for whoever may still ask for it
	over   chan struct{} // closed when the far end's BYE came
	hangup sync.Once
	reason string // of that BYE; written before over is closed
}

// Call places a call, runs the script and hangs up. It returns when all is over. The
// report is valid as far as the call came, whatever the error: *CallError when it
// was refused or nobody answered, the context's cause when that ended first, or a
// step's own. A far end that hangs up early is no error: see Report.StepsDone.
func (p *Phone) Call(ctx context.Context, opt CallOptions) (Report, error) {
	c, err := p.newCall(opt)
	if err != nil {
		return Report{}, fmt.Errorf("place call: %w", err)
	}
	err = c.run(ctx, func() error { return c.setUp(ctx) })
	return c.finish(err)
}

// newCall opens the audio of a call.
func (p *Phone) newCall(opt CallOptions) (*call, error) {
	if len(opt.Laws) == 0 {
		opt.Laws = []transcode.Law{transcode.PCMU, transcode.PCMA}
	}
	if opt.PTime == 0 {
		opt.PTime = frame
	}
	session, err := media.Open(media.Config{
		Ports: p.ports, Pacer: p.pacer, Log: p.cfg.Log, UnprovenFor: -1,
	})
	if err != nil {
		return nil, err
	}
	return &call{phone: p, opt: opt, media: session, began: time.Now(), placed: make(chan struct{}), over: make(chan struct{}),
		refers: make(chan refer, 1), gone: make(chan struct{})}, nil
}

// run is the call: set up, talk, hang up.
func (c *call) run(ctx context.Context, setUp func() error) error {
	defer c.phone.remove(c)
	defer close(c.gone)
	if err := setUp(); err != nil {
		return err
	}
	err := c.talk(ctx)
	switch {
	case err == errOver:
		c.report.EndedBy, c.report.ByeReason = Far, c.reason
		return nil
	case err == errLost:
		c.report.EndedBy = NoOne
	default:
		c.report.EndedBy = Us
	}
	if err == errHangup {
		err = nil
	}
	return errors.Join(err, c.bye())
}

// talk runs the script.
func (c *call) talk(ctx context.Context) error {
	for i, step := range c.opt.Script {
		err := step.run(ctx, c)
		if err == nil || err == errHangup {
			c.report.StepsDone++
		}
		switch err {
		case nil:
		case errOver, errHangup, errLost:
			return err
		default:
			return fmt.Errorf("step %d (%v): %w", i+1, step, err)
		}
	}
	select {
	case <-c.over:
		return errOver
	default:
		return nil
	}
}

// finish closes the media and completes the report.
func (c *call) finish(err error) (Report, error) {
	err = errors.Join(err, c.media.Close())
	c.fillTimes()
	r := &c.report
	r.Ended = time.Since(c.began)
	r.Media = c.media.Stats()
	if c.ear != nil {
		c.ear.report(r)
		c.event(Ended, string(r.EndedBy))
	}
	sum := sha256.Sum256(r.SentAudio)
	r.SentHash = hex.EncodeToString(sum[:])
	if c.opt.DropAudio {
		r.SentAudio, r.ReceivedAudio = nil, nil
	}
	if c.opt.Record != nil && c.ear != nil {
		linear := make([]int16, len(r.ReceivedAudio))
		r.Law.DecodeTo(linear, r.ReceivedAudio)
		err = errors.Join(err, transcode.WriteWAV(c.opt.Record, linear, transcode.SampleRate))
	}
	return *r, err
}

func (c *call) event(kind EventKind, detail string) {
	if c.opt.OnEvent != nil {
		c.opt.OnEvent(Event{Kind: kind, At: time.Since(c.began), Detail: detail})
	}
}

// farHungUp is called by the phone when a BYE came, perhaps more than once.
func (c *call) farHungUp(reason string) {
	c.hangup.Do(func() {
		c.reason = reason
		close(c.over)
	})
}

// wait blocks until cond holds. It is asked at every frame heard and whenever the
// media changed.
func (c *call) wait(ctx context.Context, cond func(hearing) bool) error {
	return c.waitOr(ctx, nil, new(bool), cond)
}

// waitOr is wait with a timer that sets passed.
func (c *call) waitOr(ctx context.Context, timer <-chan time.Time, passed *bool, cond func(hearing) bool) error {
	for {
		h := c.ear.now()
		c.tell(h)
		if cond(h) {
			return nil
		}
		select {
		case <-c.ear.changed:
		case <-c.media.Changed():
		case <-timer:
			*passed = true
		case <-c.over:
			return errOver
		case <-c.media.Lost():
			return errLost
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tell turns what the ear noticed into events.
func (c *call) tell(h hearing) {
	if h.Spurts > c.spurts {
		c.spurts, c.wasOn = h.Spurts, true
		c.event(Heard, "")
	}
	if c.wasOn && !h.Speaking {
		c.wasOn = false
		c.event(Silent, "")
	}
}

// say plays one clip to its end and notes the turn.
func (c *call) say(ctx context.Context, clip []int16, over bool) error {
	law := c.report.Law
	audio := make([]byte, len(clip))
	law.EncodeTo(audio, clip)
	c.report.SentAudio = append(c.report.SentAudio, audio...)
	c.clips++
	id := c.clips
	c.event(Saying, clipLength(clip).String())
	c.ear.begin(clipLength(clip), time.Now(), over)
	if n := c.media.Play(id, audio); n < len(audio) {
		return fmt.Errorf("clip of %v is too long", clipLength(clip))
	}
	c.media.End(id)
	marked := false
	err := c.wait(ctx, func(hearing) bool {
		st := c.media.Status(id)
		if !marked && !st.First.IsZero() { // the stream is paced: its end is known now
			marked = true
			c.spoke = st.First.Add(audibleLength(law, audio))
			c.ear.end(c.spoke)
		}
		return st.Queued == 0
	})
	c.event(Said, "")
	return err
}

// audibleLength is the time to the end of the last audible frame.
func audibleLength(law transcode.Law, audio []byte) time.Duration {
	for end := (len(audio) + transcode.FrameBytes - 1) / transcode.FrameBytes; end > 0; end-- {
		from := (end - 1) * transcode.FrameBytes
		if transcode.Level(law, audio[from:min(from+transcode.FrameBytes, len(audio))]) > audibleLevel {
			return time.Duration(end) * frame
		}
	}
	return 0
}
