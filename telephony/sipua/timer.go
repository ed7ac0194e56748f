package sipua

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A call whose other end has vanished would stay for ever, and be paid for. So both sides
// agree on an interval within which one of them, the refresher, gives a sign of life
// (RFC 4028): an UPDATE or a re-INVITE that changes nothing.
//
//	we refresh    ├────────── SE/2 ──────────┤ UPDATE ──►   ◄── 200: from the beginning
//	they refresh  ├──────────────── SE − min(32 s, SE/3) ────────────────┤ no sign: BYE

// SessionTimers says how long a call lasts without a sign of life. The zero value is the
// default.
type SessionTimers struct {
	// Expires is the interval that we ask for, and the longest that we agree to unless
	// the peer insists. Default 30 minutes, at least Min; negative: no session timers.
	Expires time.Duration
	// Min is the shortest interval that we agree to. Default, and least, 90 s.
	Min time.Duration
}

// leastExpires is the shortest interval that a Min-SE may allow, in seconds (§5).
const leastExpires = 90

func (s SessionTimers) withDefaults() SessionTimers {
	if s.Expires == 0 {
		s.Expires = 30 * time.Minute
	}
	s.Min = max(s.Min, leastExpires*time.Second)
	return s
}

func (s SessionTimers) off() bool { return s.Expires < 0 }

// seconds are the two durations as they go over the wire.
func (s SessionTimers) seconds() (expires, least uint32) {
	least = uint32(s.Min / time.Second)
	return max(uint32(s.Expires/time.Second), least), least
}

// extensions are the option tags that are served.
func extensions(cfg Config) []string {
	if cfg.SessionTimers.off() {
		return []string{reliableTag}
	}
	return []string{timerTag, reliableTag}
}

// terms are what both sides agree on. The zero value is: no session timer.
type terms struct {
	expires uint32 // seconds
	ours    bool   // we refresh
	require bool   // the peer must know of it: it supports timers
}

// sessionAsk is what a message says about the interval; expires is 0 if it says nothing.
func sessionAsk(msg sip.Message) (expires uint32, refresher string) {
	value, params := parameters(firstOf(firstValue(msg, "session-expires", "x")))
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, ""
	}
	return uint32(n), strings.ToLower(params["refresher"])
}

// leastAsk is the Min-SE of a message, 0 if it has none.
func leastAsk(msg sip.Message) uint32 {
	value, _ := parameters(firstValue(msg, "min-se", ""))
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// screenSession refuses an interval below our least (§9). A peer that knows no timers
// could not do anything about it: a proxy has asked then.
func (u *UA) screenSession(req *sip.Request) *refusal {
	asked, _ := sessionAsk(req)
	_, least := u.cfg.SessionTimers.seconds()
	if u.cfg.SessionTimers.off() || asked == 0 || asked >= least || !can(req, timerTag) {
		return nil
	}
	return refuse(422, "Session Interval Too Small", Header{"Min-SE", uintString(least)})
}

// termsFor decides about the session timer that an INVITE or UPDATE of the peer asks for,
// or not (§9). A peer that has timers and no wish about who refreshes keeps the part it
// has, at first that of the refresher: it is alive then as long as it says so.
func (d *Dialog) termsFor(req *sip.Request) terms {
	if d.ua.cfg.SessionTimers.off() || req != d.invite && !d.established() {
		return terms{}
	}
	own, least := d.ua.cfg.SessionTimers.seconds()
	asked, refresher := sessionAsk(req)
	longest := max(own, leastAsk(req))
	t := terms{expires: max(asked, leastExpires), require: can(req, timerTag)}
	if asked == 0 || asked > longest {
		t.expires = max(longest, least)
	}
	switch {
	case !t.require, refresher == "uas":
		t.ours = true
	case refresher == "":
		d.mu.Lock()
		t.ours = d.session.ours
		d.mu.Unlock()
	}
	return t
}

// headers are those of the 200 that agrees to the terms of a request of the peer's.
func (t terms) headers() []Header {
	switch {
	case t.expires == 0:
		return nil
	case t.require:
		return []Header{t.header(!t.ours), {"Require", timerTag}}
	}
	return []Header{t.header(!t.ours)}
}

// header is Session-Expires; byUAC says whether the client of the transaction refreshes.
func (t terms) header(byUAC bool) Header {
	who := "uas"
	if byUAC {
		who = "uac"
	}
	return Header{"Session-Expires", uintString(t.expires) + ";refresher=" + who}
}

// session is the session timer of a call. Guarded by Dialog.mu.
type session struct {
	terms
	least uint32      // Min-SE that the peer's side has asked for
	timer *time.Timer // nil: none runs
	due   time.Time   // of the timer
	until time.Time   // the call is over then if nobody has refreshed it
}

// startSession puts terms in force, from now.
func (d *Dialog) startSession(t terms) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != answered {
		return
	}
	d.stopSessionLocked()
	if d.session.terms = t; t.expires == 0 {
		return
	}
	second := d.ua.timing.second
	whole := time.Duration(t.expires) * second
	left := whole - min(32*second, whole/3) // §10
	d.session.until = time.Now().Add(left)
	if t.ours {
		left = whole / 2
	}
	d.sessionLaterLocked(left)
}

func (d *Dialog) sessionLaterLocked(wait time.Duration) {
	d.session.due = time.Now().Add(wait)
	d.session.timer = time.AfterFunc(wait, d.sessionDue)
}

func (d *Dialog) stopSessionLocked() {
	if d.session.timer != nil {
		d.session.timer.Stop()
		d.session.timer = nil
	}
}
