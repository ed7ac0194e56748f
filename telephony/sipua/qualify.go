package sipua

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// QualifyConfig describes how a peer is watched with OPTIONS (RFC 3261 §11).
type QualifyConfig struct {
	Peer   string
	Server string // SIP URI of the peer

	Interval time.Duration // between two questions; at least 1 s, default 30 s
	Timeout  time.Duration // for each address of the peer; default 5 s, at most Interval
	Failures int           // in a row until the peer counts as down; default 2

	// OnChange is told when the peer goes down or comes up again, in the goroutine of
	// the qualifier. It must not block.
	OnChange func(QualifyState)
}

// Qualifier asks a peer again and again whether it is there. Any final answer but 408
// and 503 says yes: even a refusal comes from somebody who lives.
type Qualifier struct {
	cfg    QualifyConfig // static
	errand *errand       // static; used by run
	ask    func(context.Context) (status int, err error)

	mu    sync.Mutex
	state QualifyState
	fails int // in a row
}

// QualifyState is a snapshot of a Qualifier.
type QualifyState struct {
	Peer   string
	Up     bool // true until the contrary is known
	Known  bool // at least one question was answered or failed
	Since  time.Time
	RTT    time.Duration // of the last answer, across all that was tried for it
	Status int           // of the last answer; 0 when there was none
}

// Qualify watches a peer from the moment Serve runs until Close. The error names the part
// of the configuration that is wrong.
func (u *UA) Qualify(cfg QualifyConfig) (*Qualifier, error) {
	server, err := serverURI(cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if cfg.Interval <= 0 {
		cfg.Interval = 30 * time.Second
	}
	cfg.Interval = max(cfg.Interval, time.Second)
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	cfg.Timeout = min(cfg.Timeout, cfg.Interval)
	if cfg.Failures <= 0 {
		cfg.Failures = 2
	}
	q := &Qualifier{cfg: cfg, state: QualifyState{Peer: cfg.Peer, Up: true, Since: time.Now()}}
	q.errand = &errand{ua: u, peer: cfg.Peer, method: sip.OPTIONS, uri: server, via: server, to: server, patience: cfg.Timeout}
	q.ask = q.options
	if !u.enterOpen() {
		return nil, ErrClosed
	}
	go func() {
		defer u.leave()
		select {
		case <-u.serves:
			q.run(u.calls)
		case <-u.calls.Done():
		}
	}()
	return q, nil
}

// enterOpen is enter for what may not start any more once Close has begun.
func (u *UA) enterOpen() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != open {
		return false
	}
	u.running.Add(1)
	return true
}

// Up reports whether the peer may be sent calls.
func (q *Qualifier) Up() bool { return q.State().Up }

// State is what is known of the peer.
func (q *Qualifier) State() QualifyState {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state
}

// run asks until ctx ends. The first question comes at a random moment within two
// seconds and the others a tenth sooner or later, so that trunks are not asked in
// chorus.
func (q *Qualifier) run(ctx context.Context) {
	wait := mathrand.N(min(q.cfg.Interval, 2*time.Second))
	for pause(ctx, nil, wait) {
		begin := time.Now()
		status, err := q.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		q.learn(status, err, time.Since(begin))
		wait = q.cfg.Interval*9/10 + mathrand.N(q.cfg.Interval/5)
	}
}

// options asks once. Each question is a new one: a Call-ID that lived on would be a
// registration's way.
func (q *Qualifier) options(ctx context.Context) (int, error) {
	q.errand.callID, q.errand.fromTag = rand.Text(), rand.Text()
	res, _, err := q.errand.run(ctx, func(req *sip.Request, f flow) {
		contact := f.contactHeader()
		req.AppendHeader(sip.NewHeader(contact.Name, contact.Value))
		req.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
	})
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// learn takes the outcome of a question in.
func (q *Qualifier) learn(status int, err error, rtt time.Duration) {
	q.mu.Lock()
	before := q.state
	q.state.Known, q.state.Status = true, status
	if err == nil && status != sip.StatusRequestTimeout && status != sip.StatusServiceUnavailable {
		q.fails, q.state.Up, q.state.RTT = 0, true, rtt
	} else if q.fails++; q.fails >= q.cfg.Failures {
		q.state.Up = false
	}
	changed := q.state.Up != before.Up
	if changed {
		q.state.Since = time.Now()
	}
	now := q.state
	q.mu.Unlock()
	if changed && q.cfg.OnChange != nil {
		q.cfg.OnChange(now)
	}
}
