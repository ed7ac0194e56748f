package agent

import (
	"strconv"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// How long the scheduler waits for the server before it acts by itself.
const (
	createdWithin = 5 * time.Second  // response.create → response.created
	silentFor     = 15 * time.Second // events of the active response
	turnWithin    = 3 * time.Second  // speech_stopped → the response that turn detection starts
	maxRetries    = 2
	firstBackoff  = 500 * time.Millisecond
)

// wish is a reason to let the model speak. At most one of a kind is ever waiting.
type wish struct {
	kind         wishKind
	instructions string // replaces the session's for this response; "" keeps them
}

type wishKind uint8

const (
	wishGreeting wishKind = iota
	wishTools             // outputs were posted
	wishTurn              // the caller's turn was committed and the server does not answer by itself
	wishRetry             // a response failed
)

// responses is the only place that creates and cancels responses. A response is asked for when nothing is active,
// nothing is asked for, the caller is silent, and turn detection is not about to start one by itself: a server refuses a
// second response, and the wish would be lost.
//
// Owned by the conversation loop.
type responses struct {
	send      func(realtime.ClientEvent)
	autoReply bool // turn detection creates responses by itself

	active    string    // id of the response in progress
	lastEvent time.Time // of the active response
	asked     *ask      // our response.create that has no response.created yet
	current   *ask      // what the active response was asked with; nil when the server began it
	wishes    []wish
	discarded map[string]bool // responses whose late deltas are to be dropped

	callerSpeaks bool
	turnDue      time.Time // turn detection will have created its response by then
	notBefore    time.Time // back-off after a failure
	failures     int       // in a row
	ackOutputs   int       // outputs posted that the server has not confirmed
	events       int
	givenUp      string // why no answer can be expected any more
}

// ask is one response.create.
type ask struct {
	wish
	eventID  string
	deadline time.Time
}

func newResponses(autoReply bool, send func(realtime.ClientEvent)) *responses {
	return &responses{send: send, autoReply: autoReply, discarded: map[string]bool{}}
}

// want notes a reason to speak; a second wish of the same kind is the same wish.
func (r *responses) want(w wish) {
	for _, have := range r.wishes {
		if have.kind == w.kind {
			return
		}
	}
	r.wishes = append(r.wishes, w)
}

// drop forgets a wish.
func (r *responses) drop(kind wishKind) {
	for i, w := range r.wishes {
		if w.kind == kind {
			r.wishes = append(r.wishes[:i], r.wishes[i+1:]...)
			return
		}
	}
}

// pump sends the oldest wish when it may be sent, and acts on deadlines. The loop calls it after every event.
func (r *responses) pump(now time.Time) {
	r.expire(now)
	if r.givenUp != "" || len(r.wishes) == 0 || r.active != "" || r.asked != nil || r.callerSpeaks ||
		!r.turnDue.IsZero() || now.Before(r.notBefore) {
		return
	}
	w := r.wishes[0]
	r.wishes = r.wishes[1:]
	r.events++
	r.asked = &ask{wish: w, eventID: "resp-" + strconv.Itoa(r.events), deadline: now.Add(createdWithin)}
	r.send(&realtime.ResponseCreate{EventID: r.asked.eventID, Response: realtime.ResponseOptions{
		Instructions: w.instructions,
		Metadata:     map[string]string{metadataKey: r.asked.eventID},
	}})
}

// metadataKey marks our own responses where the dialect carries metadata.
const metadataKey = "client_event_id"

func (r *responses) expire(now time.Time) {
	if !r.turnDue.IsZero() && !now.Before(r.turnDue) {
		r.turnDue = time.Time{}
	}
	if r.asked != nil && !now.Before(r.asked.deadline) {
		lost := *r.asked
		r.asked = nil
		r.failed(lost.wish, now)
	}
	if r.active != "" && now.Sub(r.lastEvent) >= silentFor {
		r.cancel()
		stuck := wish{kind: wishRetry}
		if r.current != nil {
			stuck = r.current.wish
		}
		r.active, r.current = "", nil
		r.failed(stuck, now)
	}
}

// deadline is when pump must be called at the latest; zero when it need not be.
func (r *responses) deadline() time.Time {
	var at time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	earliest(r.turnDue)
	if r.asked != nil {
		earliest(r.asked.deadline)
	}
	if r.active != "" {
		earliest(r.lastEvent.Add(silentFor))
	} else if len(r.wishes) > 0 && !r.callerSpeaks && r.asked == nil {
		earliest(r.notBefore)
	}
	return at
}

// failed repeats a wish after a pause, and gives up after maxRetries: silence is worse than a hang-up.
func (r *responses) failed(w wish, now time.Time) {
	r.failures++
	if r.failures > maxRetries {
		r.givenUp = "model gives no answer"
		return
	}
	r.notBefore = now.Add(firstBackoff << (r.failures - 1))
	r.want(w)
}

// speechStarted holds every wish: the caller has the floor.
func (r *responses) speechStarted() {
	r.callerSpeaks = true
	r.turnDue = time.Time{}
}

// speechStopped gives turn detection the time to answer by itself.
func (r *responses) speechStopped(now time.Time) {
	r.callerSpeaks = false
	if r.autoReply {
		r.turnDue = now.Add(turnWithin)
	}
}

// committed asks for the answer that a server without create_response does not give.
func (r *responses) committed() {
	if !r.autoReply {
		r.want(wish{kind: wishTurn})
	}
}

// outputPosted and outputAcknowledged follow the function call outputs on their way: a response that was created after
// the server took the last one has seen them all.
func (r *responses) outputPosted() { r.ackOutputs++ }

func (r *responses) outputAcknowledged() { r.ackOutputs = max(r.ackOutputs-1, 0) }

// touch notes a sign of life of a response.
func (r *responses) touch(id string, now time.Time) {
	if id != "" && id == r.active {
		r.lastEvent = now
	}
}

// created opens a response, ours or the server's own.
func (r *responses) created(resp *realtime.Response, now time.Time) {
	r.active, r.lastEvent, r.current = resp.ID, now, nil
	tag, tagged := resp.Metadata[metadataKey]
	switch {
	case r.asked != nil && (tag == r.asked.eventID || !tagged && r.turnDue.IsZero()):
		r.current, r.asked = r.asked, nil
		if r.callerSpeaks { // the caller was quicker and has the floor
			r.cancel()
		}
	default:
		r.turnDue, r.callerSpeaks = time.Time{}, false // an answer of the server's own means that the turn is over
		if r.ackOutputs == 0 {
			r.drop(wishTools) // it was created after the outputs: it has seen them
		}
		r.drop(wishRetry)
		r.drop(wishTurn)
	}
}

// done closes a response. It reports whether the response was the active one or is at least known to be over.
func (r *responses) done(resp *realtime.Response, now time.Time) {
	delete(r.discarded, resp.ID)
	cause := wish{kind: wishRetry}
	if resp.ID == r.active || r.active == "" {
		if r.current != nil {
			cause = r.current.wish
		}
		r.active, r.current = "", nil
	}
	switch resp.Status {
	case "failed":
		r.failed(cause, now)
	case "completed", "incomplete", "":
		r.failures = 0
	}
}

// refused handles an error that names one of our response.create events, or that says another response is active.
func (r *responses) refused(e *realtime.Error, now time.Time) {
	taken := e.Code == "conversation_already_has_active_response"
	if taken && r.active == "" {
		r.turnDue = now.Add(turnWithin) // its response.created is on the way
	}
	switch {
	case r.asked != nil && (e.EventID == r.asked.eventID || taken && e.EventID == ""):
		if taken {
			r.wishes = append([]wish{r.asked.wish}, r.wishes...)
		}
		r.asked = nil
	case taken && r.current != nil && (e.EventID == r.current.eventID || e.EventID == ""):
		// The response we took for ours was the server's own: the wish is still open.
		r.wishes = append([]wish{r.current.wish}, r.wishes...)
		r.current = nil
	}
}

// discard drops the audio that is still to come of the active response. It returns its id, "" when none is active.
func (r *responses) discard() string {
	if r.active != "" {
		r.discarded[r.active] = true
	}
	return r.active
}

// wanted reports whether audio and text of this response may still be used.
func (r *responses) wanted(id string) bool { return !r.discarded[id] }

// cancel stops the active response, if there is one, and drops what is still to come of it.
func (r *responses) cancel() {
	if id := r.discard(); id != "" {
		r.events++
		r.send(&realtime.ResponseCancel{EventID: "cancel-" + strconv.Itoa(r.events), ResponseID: id})
	}
}
