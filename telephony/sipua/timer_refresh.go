package sipua

import (
	"context"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"
)

// sessionDue is called by the session timer. A panic ends the call.
func (d *Dialog) sessionDue() {
	if !d.ua.enter() {
		return
	}
	defer d.ua.leave()
	if !d.ua.guard("session timer", d.keepSession) {
		d.cancel(errPanicked)
	}
}

// keepSession refreshes the session, or ends a call that nobody refreshed.
func (d *Dialog) keepSession() {
	d.mu.Lock()
	now, s := time.Now(), &d.session
	if d.state != answered || now.Before(s.due) { // over, or begun again a moment ago
		d.mu.Unlock()
		return
	}
	ours, until := s.ours && now.Before(s.until), s.until
	d.mu.Unlock()
	if !ours {
		d.cancel(ErrExpired)
		return
	}
	if d.refreshSession(until) != nil {
		d.refreshAgain(until)
	}
}

// refreshAgain sets the next try after one that failed, halfway to the end.
func (d *Dialog) refreshAgain(until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != answered || context.Cause(d.ctx) != nil || !d.session.until.Equal(until) {
		return // nobody is left, or the peer has refreshed meanwhile
	}
	rest := time.Until(until)
	if rest > d.ua.timing.second {
		rest /= 2
	}
	d.sessionLaterLocked(max(rest, 0))
}

// maxSmall is how often a peer may call the interval too small before we give in.
const maxSmall = 3

// livesOn takes a refusal of a peer that knows no session timers for the sign of life that
// it is, and begins the session anew: nothing ends at that peer's side. One that has timers
// would end the call, and so do we.
func (d *Dialog) livesOn() bool {
	d.mu.Lock()
	t := d.session.terms
	gone := context.Cause(d.ctx) != nil
	d.mu.Unlock()
	if t.require || gone {
		return false
	}
	d.startSession(t)
	return true
}

// refreshSession gives the sign of life: an UPDATE, which touches nothing, if the peer
// has it, and else our last description once more. nil means that the session timer
// has begun again.
func (d *Dialog) refreshSession(until time.Time) (err error) {
	ctx, cancel := context.WithDeadline(d.ctx, until)
	defer cancel()
	for range maxSmall {
		method, body := d.refreshMethod()
		var res *sip.Response
		if res, err = d.modify(ctx, method, body); err == nil {
			d.tellAnswer(res, body)
			return nil
		}
		switch status := statusOf(err); {
		case method == sip.UPDATE && (status == sip.StatusMethodNotAllowed || status == sip.StatusNotImplemented):
			d.noUpdates()
		case status == 422 && d.raiseSession(leastAsk(res)):
		case status != 0 && d.livesOn():
			return nil
		default:
			return err
		}
	}
	return err
}

func statusOf(err error) int {
	var refused *StatusError
	if errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

func (d *Dialog) refreshMethod() (sip.RequestMethod, []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.updates || len(d.answer) == 0 {
		return sip.UPDATE, nil
	}
	return sip.INVITE, d.answer
}

func (d *Dialog) noUpdates() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.updates = false
}

// tellAnswer hands on the answer to a description that was repeated: the peer may have
// taken the occasion to move.
func (d *Dialog) tellAnswer(res *sip.Response, offer []byte) {
	d.mu.Lock()
	answered := d.late.answered
	d.mu.Unlock()
	if answer, ok := offerOf(res); ok && len(answer) > 0 && len(offer) > 0 && answered != nil {
		answered(answer)
	}
}

// raise makes the interval as long as a 422 wants it; false if it asks for nothing more.
func (s *session) raise(least uint32) bool {
	if least <= s.expires {
		return false
	}
	s.least, s.expires = least, least
	return true
}

func (d *Dialog) raiseSession(least uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session.raise(least)
}

// sessionHeaders are those of an INVITE or UPDATE of ours, which is a refresh whatever
// else it does (§7.1, §7.4). It names the refresher only once there is one.
func (d *Dialog) sessionHeaders() []Header {
	if d.ua.cfg.SessionTimers.off() {
		return nil
	}
	headers := []Header{{"Supported", timerTag}} // and not 100rel: its other half is not ours to do
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.session
	if s.expires == 0 {
		return headers
	}
	headers = append(headers, s.header(s.ours))
	if s.least > 0 {
		headers = append(headers, Header{"Min-SE", uintString(s.least)})
	}
	return headers
}

// open returns the headers of an INVITE that begins a call of ours: the interval, and the
// least one that we would take (§7.1). It is asked again after a 422; sessionAnswered
// reads the 2xx.
func (s *session) open(config SessionTimers) []Header {
	if config.off() {
		return nil
	}
	own, least := config.seconds()
	if s.expires == 0 {
		s.terms = terms{expires: own, ours: true}
	}
	return []Header{{"Session-Expires", uintString(s.expires)}, {"Min-SE", uintString(max(least, s.least))}}
}

// sessionAnswered reads what the 2xx to an INVITE or UPDATE of ours says about the
// session, and begins it anew (§7.2). A peer that says nothing has no timers: the
// refreshing stays with us.
func (d *Dialog) sessionAnswered(res *sip.Response) {
	if d.ua.cfg.SessionTimers.off() {
		return
	}
	expires, refresher := sessionAsk(res)
	d.mu.Lock()
	t := d.session.terms
	d.mu.Unlock()
	if expires == 0 {
		t.ours = true
	} else {
		t = terms{expires: max(expires, leastExpires), ours: refresher != "uas", require: true}
	}
	d.startSession(t)
}
