package agent

import (
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// What the service says of responses, in the order in which one has it: created, its items, done or refused.

// touch notes a sign of life of a response. One that is not known is ours, and its response.created was lost.
func (r *responses) touch(id string, now time.Time) {
	if id != "" && r.active == "" && r.asked != nil && id != r.closed && !r.discarded[id] && !r.autoReply {
		own := r.asked
		r.open(id, now)
		r.current, r.asked = own, nil
	}
	if id != "" && id == r.active {
		r.lastEvent = now
	}
}

// sounded notes that the response brought more than silence.
func (r *responses) sounded(id string, now time.Time) {
	if id == r.active {
		r.lastSound, r.audible = now, true
	}
}

// begins notes an item of the active response.
func (r *responses) begins(id string, kind realtime.ItemType, now time.Time) {
	if id == r.active {
		r.ending, r.lastSound = false, now
		r.calling = kind == realtime.ItemFunctionCall
	}
}

// ends notes that the audio of an item of the active response is complete: mostly its end follows at once.
func (r *responses) ends(id string) {
	if id == r.active {
		r.ending = true
	}
}

// created opens a response, ours or the server's own.
func (r *responses) created(resp *realtime.Response, now time.Time) {
	r.open(resp.ID, now)
	tag := resp.Metadata[metadataKey]
	ours := strings.HasPrefix(tag, askPrefix)
	switch {
	case r.asked != nil && (tag == r.asked.eventID || !ours && (!r.autoReply || r.turnDue.IsZero())):
		r.current, r.asked = r.asked, nil
	case ours: // an answer that was given up long ago
		r.cancel(now)
		return
	case len(r.wishes) > 0 && r.wishes[0].tries > 0: // the same, where the dialect has no marks: it is what was wished for
		r.current, r.wishes = &ask{wish: r.wishes[0]}, r.wishes[1:]
	case r.autoReply:
		r.turnDue, r.owed, r.callerSpeaks = time.Time{}, false, false // an answer of the server's own: the turn is over
	}
	if r.off { // the server answers by itself: nobody is to hear it, and what it answers is still to be answered
		r.cancel(now)
		r.want(wish{kind: wishReply})
		return
	}
	if r.callerSpeaks && !r.undecided || r.current != nil && r.current.stale { // the caller was quicker and has the floor
		r.cancel(now)
	} else if r.current == nil && r.outputs == 0 {
		r.drop(wishReply) // it was created after the outputs: it has seen them
	}
}

func (r *responses) open(id string, now time.Time) {
	r.active, r.lastEvent, r.lastSound = id, now, now
	r.current, r.audible, r.ending, r.calling, r.cancelled, r.stuck = nil, false, false, false, time.Time{}, false
}

// done closes a response that is over and returns what it was asked with; nil when nobody asked or when it is not the active one.
func (r *responses) done(resp *realtime.Response, now time.Time) *ask {
	discarded := r.discarded[resp.ID]
	delete(r.discarded, resp.ID)
	r.closed = resp.ID
	if resp.ID != r.active {
		if r.active != "" || r.asked == nil || r.autoReply || discarded { // or it was given up before
			return nil
		}
		r.open(resp.ID, now) // response.created was lost
		r.current, r.asked, r.audible = r.asked, nil, true
	}
	cause, stuck, sound := r.current, r.stuck, r.audible
	r.open("", now)
	again := wish{kind: wishReply}
	if cause != nil {
		again = cause.wish
	}
	switch {
	case stuck && sound: // it began, and then came nothing more
		r.failed(wish{kind: wishReply}, now)
	case stuck:
		r.silent(again, now)
	case resp.Status == "failed":
		r.failed(again, now)
	case discarded || resp.Status == "cancelled":
		if again.kind.must() && again.tries < maxRetries { // it was not heard to its end
			again.tries++
			r.want(again)
		}
	case resp.Status == "incomplete" && brings(resp, realtime.ItemFunctionCall):
		r.failed(again, now) // half a call does not run, and the caller would wait for its result
	case sound || brings(resp, realtime.ItemFunctionCall):
		r.failures, r.silences = 0, 0
	case resp.Reason == "content_filter":
		// the conversation finds other words
	case resp.Status == "incomplete" || brings(resp, realtime.ItemMessage):
		r.silent(again, now)
	}
	return cause
}

// brings reports whether a response holds an item of the kind.
func brings(resp *realtime.Response, kind realtime.ItemType) bool {
	for i := range resp.Output {
		if resp.Output[i].Type == kind {
			return true
		}
	}
	return false
}

// silent repeats, once, what brought no sound.
func (r *responses) silent(w wish, now time.Time) {
	r.muted()
	r.silences++
	if r.silences > 1 {
		r.givenUp = "model answers with silence"
		return
	}
	r.failed(w, now)
}

// refused handles an error that names one of our response.create events, or that says another response is active.
func (r *responses) refused(e *realtime.Error, now time.Time) {
	taken := e.Code == "conversation_already_has_active_response"
	if taken && r.active == "" {
		r.turnDue = now.Add(turnWithin) // its response.created is on the way
	}
	switch {
	case r.asked != nil && (e.EventID == r.asked.eventID || taken && e.EventID == ""):
		lost := r.asked.wish
		r.asked = nil
		if taken {
			r.wantFirst(lost)
		} else {
			r.failed(lost, now)
		}
	case taken && r.current != nil && (e.EventID == r.current.eventID || e.EventID == ""):
		r.notOurs(r.current.wish)
		r.current = nil
	}
}

// notOurs settles a wish whose response was taken for ours and was not. A reply that the server gives without being asked
// is one all the same, if it has seen the outputs; and when that was the first try, the server answers turns by itself,
// whatever it has confirmed.
func (r *responses) notOurs(w wish) {
	if w.kind != wishReply || r.outputs > 0 {
		r.wantFirst(w)
	} else if w.tries == 0 {
		r.autoReply = true
	}
}
