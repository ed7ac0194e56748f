package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// verdict fails the test with all that was wrong, and how it came about.
func (w *world) verdict(t *testing.T, show bool) {
	problems := slices.Concat(w.refusals(), w.floor(), w.openCalls(), w.openWishes(), w.lostKeys())
	if len(problems) == 0 && !show {
		return
	}
	var log strings.Builder
	for _, e := range w.wire {
		fmt.Fprintln(&log, e)
	}
	t.Logf("seed %d: %+v\n%stranscript:\n%s", w.seed, w.manners, &log, w.journal.text())
	for _, p := range problems {
		t.Errorf("seed %d: %s", w.seed, p)
	}
}

// refusals are the errors that the server sent and that were ours to avoid.
func (w *world) refusals() (problems []string) {
	for i := range w.wire {
		e := &w.wire[i]
		if e.up || e.name != "error" {
			continue
		}
		if strings.Contains(e.text, `"response_cancel_not_active"`) && w.manners.transport != "none" && w.crossed(i) {
			continue
		}
		problems = append(problems, "the server refused: "+e.text)
	}
	for _, r := range w.records {
		if r.Ended.IsZero() {
			problems = append(problems, "session "+r.ID+" is still open")
		}
	}
	return problems
}

// crossed proves that a refused response.cancel met the end of its response on the wire: that had left the server when the
// cancel arrived, and had not reached us when we sent it.
func (w *world) crossed(refusal int) bool {
	link := w.wire[refusal].link
	cancel := w.before(refusal, link, func(e *wireEvent) bool {
		return e.up && e.name == "response.cancel" && !e.arrives.After(w.wire[refusal].sent)
	})
	done := w.before(refusal, link, func(e *wireEvent) bool { return !e.up && e.name == "response.done" })
	if cancel == nil || done == nil {
		return false
	}
	sent := w.cancels[member(cancel.text, "event_id")]
	learnt, ever := w.dones[member(done.text, "id")]
	return !ever || learnt > sent
}

// member is the first text member of that name.
func member(text, name string) string {
	_, rest, _ := strings.Cut(text, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// before is the last message before a place that fits.
func (w *world) before(at, link int, fits func(*wireEvent) bool) *wireEvent {
	for i := at - 1; i >= 0; i-- {
		if e := &w.wire[i]; e.link == link && fits(e) {
			return e
		}
	}
	return nil
}

// floor are the responses that we asked for although we knew that the caller was speaking. What arrived at the very moment
// of the request is taken for us.
func (w *world) floor() (problems []string) {
	for i := range w.wire {
		e := &w.wire[i]
		if e.up && e.name == "response.create" && w.knewOfSpeech(e) {
			problems = append(problems, "asked for while the caller spoke: "+e.text)
		}
	}
	return problems
}

func (w *world) knewOfSpeech(request *wireEvent) (speaks bool) {
	for i := range w.wire {
		switch e := &w.wire[i]; {
		case e.up || e.link != request.link:
		case e.name == "input_audio_buffer.speech_started" && e.arrives.Before(request.sent):
			speaks = true
		case e.name == "input_audio_buffer.speech_stopped" && !e.arrives.After(request.sent):
			speaks = false
		}
	}
	return speaks
}

// openCalls are function calls that got no output, although their response was completed. The server itself refuses a
// second one.
func (w *world) openCalls() (problems []string) {
	if w.endedItself { // perhaps before the tool
		return nil
	}
	for i, r := range w.records {
		status := map[string]string{}
		for _, resp := range r.Responses {
			status[resp.ID] = resp.Status
		}
		lost := i < len(w.records)-1 // the outputs may have gone to the next session
		for _, c := range r.Calls {
			switch {
			case c.Answered && c.Deleted, !c.Answered && !c.Deleted && !lost:
				problems = append(problems, fmt.Sprintf("call %s of a %s response: answered %v, deleted %v", c.CallID, status[c.ResponseID], c.Answered, c.Deleted))
			case c.Answered && !c.Replayed && status[c.ResponseID] != "completed":
				problems = append(problems, fmt.Sprintf("call %s was run, its response is %s", c.CallID, status[c.ResponseID]))
			}
		}
	}
	return problems
}

// openWishes: the last thing that somebody wanted an answer to has none.
func (w *world) openWishes() []string {
	since := w.mustAnswer
	for _, e := range w.wire { // results of tools want one, too
		if e.up && strings.Contains(e.text, `"function_call_output"`) && e.sent.After(since) {
			since = e.sent
		}
	}
	if w.endedItself || since.IsZero() {
		return nil
	}
	for _, e := range w.wire {
		if !e.up && e.name == "response.created" && !e.sent.Before(since) && w.came(member(e.text, "id")) {
			return nil
		}
	}
	return []string{"there was no answer to what came at " + since.Format("04:05.000000")}
}

// came reports whether a response came to a good end, or would have if its end had not been lost with all of it heard.
func (w *world) came(id string) bool {
	for _, r := range w.records {
		for _, resp := range r.Responses {
			switch {
			case resp.ID != id:
			case resp.Status == "in_progress":
				return w.voiced(id)
			default:
				return resp.Status == "completed" || resp.Status == "incomplete"
			}
		}
	}
	return false
}

// voiced reports whether all audio of a response's item has come.
func (w *world) voiced(id string) bool {
	for _, e := range w.wire {
		if strings.HasSuffix(e.name, "audio.done") && member(e.text, "response_id") == id {
			return true
		}
	}
	return false
}

// lostKeys: what the caller typed has reached the model.
func (w *world) lostKeys() []string {
	told := 0
	for _, e := range w.wire {
		if _, keys, ok := strings.Cut(e.text, "pressed these telephone keys: "); ok && e.up {
			keys, _, _ = strings.Cut(keys, ")")
			told += len(strings.Fields(keys))
		}
	}
	if told == w.keys || w.endedItself || len(w.broken) > 0 && told < w.keys {
		return nil
	}
	return []string{fmt.Sprintf("%d keys were pressed, the model was told of %d", w.keys, told)}
}
