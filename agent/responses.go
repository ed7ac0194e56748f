package agent

import (
	"strconv"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// How long the scheduler waits for the server before it acts by itself.
const (
	createdWithin = 5 * time.Second  // response.create → response.created
	doneWithin    = 5 * time.Second  // response.cancel → response.done
	silentFor     = 15 * time.Second // events of the active response
	turnWithin    = 3 * time.Second  // speech_stopped → the turn is committed, or answered by the server itself
	maxRetries    = 2
	firstBackoff  = 500 * time.Millisecond
)

// responses is the only place that creates and cancels responses. A response is asked for when nothing is active,
// nothing is asked for, the caller is silent and no turn is about to be committed: a server refuses a second response, and
// the wish would be lost. It is cancelled once, and only while its end is not known.
//
//	           want                    pump                 created               done
//	turn, tools ──► wishes ──[may speak?]──► asked ──────────► active ──────────────► (next)
//	greeting, …        ▲                       │ refused, late    │ silent, stuck, failed
//	                   └───────────────────────┴──────────────────┘ again after a pause, or given up
//
// Owned by the conversation loop.
type responses struct {
	send        func(realtime.ClientEvent)
	muted       func()        // told of every answer without a sound
	autoReply   bool          // turn detection creates responses by itself, as it was told or as it has shown
	told        bool          // it was told to
	soundWithin time.Duration // an active response must bring a sound

	active    string    // id of the response in progress
	lastEvent time.Time // of the active response
	lastSound time.Time // the last time that it brought more than silence, or its beginning
	audible   bool      // it was heard
	ending    bool      // its last audio has come, so its end is on the way
	calling   bool      // it calls a function: sound is not to be expected
	asked     *ask      // our response.create that has no response.created yet
	current   *ask      // what the active response was asked with; nil when the server began it
	cancelled time.Time // when the active response was cancelled; zero: it was not
	stuck     bool      // it was cancelled because it brought nothing
	closed    string    // the last response that was done
	wishes    []wish
	discarded map[string]bool // responses whose late deltas are to be dropped, until the server tells of their end

	paused       bool      // there is no connection, or the caller has us on hold
	off          bool      // a supervisor took the model off the call
	undecided    bool      // nobody knows yet whether the caller said something
	callerSpeaks bool      //
	turnDue      time.Time // the caller's turn will have been committed, or answered, by then
	owed         bool      // a committed turn that turn detection should answer by itself
	notBefore    time.Time // back-off after a failure
	failures     int       // in a row
	silences     int       // answers without a sound, in a row
	outputs      int       // outputs posted that the server has not confirmed
	events       int
	givenUp      string // why no answer can be expected any more
}

func newResponses(p *Profile, send func(realtime.ClientEvent), muted func()) *responses {
	r := &responses{send: send, muted: muted, discarded: map[string]bool{}}
	r.serve(p)
	return r
}

// serve takes over the manners of a profile.
func (r *responses) serve(p *Profile) {
	r.told, r.soundWithin = p.autoReply(), p.Silence.After
	r.autoReply, r.owed = r.told, false
}

// free reports that a response may be created as far as the server is concerned.
func (r *responses) free() bool { return r.active == "" && r.asked == nil }

// atRest reports that nothing is being said, asked for or waited for.
func (r *responses) atRest() bool {
	return r.free() && len(r.wishes) == 0 && !r.callerSpeaks && !r.undecided && r.turnDue.IsZero() && r.outputs == 0
}

// pump sends the oldest wish when it may be sent, and acts on deadlines. The loop calls it after every event.
func (r *responses) pump(now time.Time) {
	r.expire(now)
	if r.givenUp != "" || len(r.wishes) == 0 || !r.free() || r.paused || r.undecided || r.callerSpeaks ||
		!r.turnDue.IsZero() || now.Before(r.notBefore) {
		return
	}
	w := r.wishes[0]
	r.wishes = r.wishes[1:]
	r.asked = &ask{wish: w, eventID: r.eventID(askPrefix), deadline: now.Add(createdWithin)}
	options := realtime.ResponseOptions{Instructions: w.instructions, Metadata: map[string]string{metadataKey: r.asked.eventID}}
	if w.kind == wishLine {
		options.ToolChoice = "none" // or it might call again what is at work
	}
	r.send(&realtime.ResponseCreate{EventID: r.asked.eventID, Response: options})
}

// metadataKey marks our own responses where the dialect carries metadata; askPrefix begins our marks.
const (
	metadataKey = "client_event_id"
	askPrefix   = "resp-"
)

func (r *responses) eventID(prefix string) string {
	r.events++
	return prefix + strconv.Itoa(r.events)
}

// expire acts where the server has not: it loses requests, and answers with silence. Responses that it forgets to end
// are overdue.
func (r *responses) expire(now time.Time) {
	if !r.turnDue.IsZero() && !now.Before(r.turnDue) {
		r.turnDue = time.Time{}
		if r.owed { // it does not answer, whatever it was told or has shown
			r.autoReply, r.owed = r.told, false
			r.want(wish{kind: wishReply})
		}
	}
	if r.asked != nil && !now.Before(r.asked.deadline) {
		lost := r.asked.wish
		r.asked = nil
		r.failed(lost, now)
	}
	switch {
	case r.active == "" || !r.cancelled.IsZero():
	case now.Sub(r.lastEvent) >= silentFor, r.mute(now):
		r.stuck, r.ending = !r.discarded[r.active], false
		r.cancel(now)
	}
}

// overdue is the active response if it was cancelled and its end has not come in time; "" if there is none.
func (r *responses) overdue(now time.Time) string {
	if r.cancelled.IsZero() || now.Sub(r.cancelled) < doneWithin {
		return ""
	}
	return r.active
}

// mute reports that the active response should have been heard by now.
func (r *responses) mute(now time.Time) bool {
	return !r.calling && !r.ending && !r.discarded[r.active] && now.Sub(r.lastSound) >= r.soundWithin
}

// deadline is when pump must be called at the latest; zero when it need not be.
func (r *responses) deadline() time.Time {
	var d deadline
	d.at(r.turnDue)
	if r.asked != nil {
		d.at(r.asked.deadline)
	}
	switch {
	case r.active == "":
		if len(r.wishes) > 0 && r.asked == nil && !r.callerSpeaks && !r.paused && !r.undecided && r.turnDue.IsZero() {
			d.at(r.notBefore)
		}
	case !r.cancelled.IsZero():
		d.at(r.cancelled.Add(doneWithin))
	default:
		d.at(r.lastEvent.Add(silentFor))
		if !r.calling && !r.ending && !r.discarded[r.active] {
			d.at(r.lastSound.Add(r.soundWithin))
		}
	}
	return d.earliest
}

// failed repeats a wish after a pause, and gives up after maxRetries: silence is worse than a hang-up.
func (r *responses) failed(w wish, now time.Time) {
	if w.kind == wishLine { // it has had its time
		return
	}
	r.failures++
	if r.failures > maxRetries {
		r.givenUp = "model gives no answer"
		return
	}
	r.notBefore = now.Add(firstBackoff << (r.failures - 1))
	w.tries++
	r.wantFirst(w)
}

// speechStarted holds every wish: the caller has the floor, and is not silent any more.
func (r *responses) speechStarted() {
	r.callerSpeaks = true
	r.turnDue = time.Time{}
	r.dropIdle()
}

// speechStopped gives the server the time to commit the turn, or to answer it by itself.
func (r *responses) speechStopped(now time.Time) {
	r.callerSpeaks = false
	r.turnDue = now.Add(turnWithin)
}

// committed ends the wait for a turn. It reports whether the reply has to be asked for: the server may give one by itself.
func (r *responses) committed() (ask bool) {
	r.owed = r.autoReply && !r.turnDue.IsZero()
	if r.autoReply {
		return false
	}
	r.turnDue = time.Time{}
	return true
}

// outputPosted and outputAcknowledged follow the function call outputs on their way: a response that was created after
// the server took the last one has seen them all.
func (r *responses) outputPosted() { r.outputs++ }

func (r *responses) outputAcknowledged() { r.outputs = max(r.outputs-1, 0) }

// discard drops the audio that is still to come of the active response. It returns its id, "" when none is active.
func (r *responses) discard() string {
	if r.active != "" {
		r.discarded[r.active] = true
	}
	return r.active
}

// wanted reports whether audio and text of this response may still be used.
func (r *responses) wanted(id string) bool { return !r.discarded[id] }

// cancel stops the active response, if there is one, and drops what is still to come of it. One whose end is on the way
// is let go: the cancel would come too late and be refused.
func (r *responses) cancel(now time.Time) {
	if id := r.discard(); id != "" && r.cancelled.IsZero() && !r.ending {
		r.cancelled = now
		r.send(&realtime.ResponseCancel{EventID: r.eventID("cancel-"), ResponseID: id})
	}
}

// interrupted gives the floor to the caller: what is being said or asked for is an answer to what was before. The server
// may have stopped it by itself, as it is told to when it hears the caller.
func (r *responses) interrupted(byServer bool, now time.Time) {
	if r.asked != nil {
		r.asked.stale = true
	}
	if byServer {
		r.discard()
	} else {
		r.cancel(now)
	}
}

// noEnd keeps the call going when what is being said or asked for has been said.
func (r *responses) noEnd() {
	for _, a := range [...]*ask{r.asked, r.current} {
		if a != nil {
			a.end = nil
		}
	}
}

// forget drops all that belongs to a connection that is gone. What was not answered to its end is wished for again; of an
// answer that had begun the next one is only the rest.
func (r *responses) forget(now time.Time) {
	speaking := r.callerSpeaks
	rest := wish{kind: wishReply}
	switch {
	case r.asked != nil:
		r.wantFirst(r.asked.wish)
	case r.active == "" || r.discarded[r.active] || r.ending:
	case r.current != nil && !r.audible:
		r.wantFirst(r.current.wish)
	default:
		r.wantFirst(rest)
	}
	if speaking || !r.turnDue.IsZero() || r.outputs > 0 {
		r.want(rest)
	}
	r.open("", time.Time{})
	r.asked, r.callerSpeaks, r.undecided, r.turnDue, r.outputs = nil, false, false, time.Time{}, 0
	clear(r.discarded)
	if speaking { // the next connection hears the rest
		r.turnDue = now.Add(turnWithin)
	}
}

// deadline is the earliest of some moments; zero ones do not count.
type deadline struct{ earliest time.Time }

func (d *deadline) at(t time.Time) {
	if !t.IsZero() && (d.earliest.IsZero() || t.Before(d.earliest)) {
		d.earliest = t
	}
}
