package sipua

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Pauses after a failure. RFC 5626 §4.5 begins with 30 s because a whole network may
// come back at once; a few trunks may be quicker.
const (
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
	vainRetry  = 10 * time.Minute // when only an operator can help: hammering gets us banned
)

const (
	maxAgain  = 3               // REGISTERs that follow at once from answers: 423, another address of ours
	checkFlow = 5 * time.Second // how often a connection is looked at
	leastRest = 30 * time.Second
)

// run is the goroutine of the registration. life ends when the user agent is closed,
// serves is closed when answers can be received.
func (r *Registration) run(life context.Context, serves <-chan struct{}) {
	select {
	case <-serves:
		r.keep()
		r.remove(life)
	case <-r.active.Done():
	}
	close(r.left)
	r.linger(life)
	r.leave()
}

// keep registers and refreshes until Unregister.
func (r *Registration) keep() {
	for r.active.Err() == nil {
		d, err := r.attempt(r.active)
		switch {
		case r.active.Err() != nil:
			return
		case err != nil:
			d = r.failed(err)
		}
		r.rest(r.active, d)
	}
}

// attempt makes or refreshes the binding and returns how long to rest after it.
func (r *Registration) attempt(ctx context.Context) (time.Duration, error) {
	for again := 0; ; again++ {
		res, f, err := r.link.send(ctx, r.expires)
		switch {
		case err != nil:
			return 0, err
		case res.StatusCode == sip.StatusIntervalToBrief && again < maxAgain && r.raise(res):
		case res.IsSuccess() && again < maxAgain && r.moved(res, f):
		case res.IsSuccess():
			return r.registered(res, f)
		case res.StatusCode/100 == 3:
			return 0, ErrMoved
		default:
			return 0, &refusedError{StatusError{string(sip.REGISTER), res.StatusCode, presentable(res.Reason)}, retryAfter(res)}
		}
	}
}

// refusedError is a refusal with the pause that the registrar asked for.
type refusedError struct {
	StatusError
	after time.Duration
}

// Unwrap makes it a *StatusError.
func (e *refusedError) Unwrap() error { return &e.StatusError }

// registered takes the binding in and returns the time until its refresh: 80 % of its
// life, a little sooner or later so that trunks do not refresh together, and in any case
// early enough for a second try.
func (r *Registration) registered(res *sip.Response, f flow) (time.Duration, error) {
	life := r.bound(res)
	if life <= 0 {
		return 0, errNotBound
	}
	r.flow, r.old, r.wait = f, "", 0
	r.set(RegistrationRegistered, time.Now().Add(life), nil, serviceRoute(res))
	return time.Duration(float64(life) * (0.77 + 0.06*rand.Float64())), nil
}

// failed notes why there is no binding and returns how long to wait.
func (r *Registration) failed(err error) time.Duration {
	state := r.State()
	expires := state.Expires
	if time.Now().After(expires) {
		expires = time.Time{}
	}
	r.set(RegistrationFailed, expires, err, state.ServiceRoute)
	if inVain(err) {
		return jitter(vainRetry)
	}
	r.wait = min(max(2*r.wait, firstRetry), lastRetry)
	d := jitter(r.wait)
	var refused *refusedError
	if errors.As(err, &refused) {
		d = max(d, min(refused.after, vainRetry))
	}
	return d
}

// jitter is a random duration between half of d and d.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// inVain reports whether trying again soon is of no use.
func inVain(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Status {
		case sip.StatusForbidden, sip.StatusNotFound, sip.StatusMethodNotAllowed, sip.StatusGone, sip.StatusAddressIncomplete:
			return true
		}
	}
	return errors.Is(err, ErrCredentials) || errors.Is(err, ErrChallenge) || errors.Is(err, ErrMoved)
}

// rest keeps the flow alive for d, or until ctx ends or its connection is lost. A
// connection that is lost at once each time costs one REGISTER every 30 s.
func (r *Registration) rest(ctx context.Context, d time.Duration) {
	begin := time.Now()
	next := begin.Add(r.pingAfter())
	for left := d; left > 0; left = d - time.Since(begin) {
		if !pause(ctx, nil, min(left, checkFlow)) {
			return
		}
		if r.flow == (flow{}) {
			continue
		}
		lost := !r.link.alive(r.flow)
		if !lost && time.Now().After(next) {
			lost = r.link.ping(r.flow) != nil
			next = time.Now().Add(r.pingAfter())
		}
		if lost && r.State().Status == RegistrationRegistered && time.Since(begin) >= leastRest {
			return
		}
	}
}

// pingAfter is the time to the next keep-alive: 24 to 29 s over UDP, where NATs forget
// fast, and 95 to 120 s over connections (RFC 5626 §4.4).
func (r *Registration) pingAfter() time.Duration {
	if r.flow.transport == "udp" {
		return 24*time.Second + rand.N(5*time.Second)
	}
	return 95*time.Second + rand.N(25*time.Second)
}

// remove ends the binding, if there may be one.
func (r *Registration) remove(life context.Context) {
	if r.contact != "" {
		ctx, cancel := context.WithTimeout(life, r.ua.timing.closeGrace)
		defer cancel()
		_, _, err := r.link.send(ctx, 0)
		if err != nil {
			r.ua.log.Debug("registration was not removed, it will expire", "trunk", r.cfg.Peer, "err", err)
		}
	}
	r.set(RegistrationRemoved, time.Time{}, nil, nil)
}

// linger keeps the flow alive for the calls that are left on it.
func (r *Registration) linger(life context.Context) {
	for r.flow != (flow{}) && pause(life, nil, r.pingAfter()) {
		_ = r.link.ping(r.flow) // of no use any more when it fails
	}
}
