package simulator

import (
	"slices"
	"strings"
	"time"
)

// response is one answer of the model on its way out: a list of steps, done
// one by one. It can be cancelled between any two. Owned by the session.
//
//	created ─ [ item added ─ part added ─ deltas … ─ done, done, done ]… ─ response.done
type response struct {
	id      string
	trigger string // client, turn, idle, out_of_band
	opts    responseOptions
	answer  Answer

	steps    []step
	planned  *appointment
	status   string
	reason   string
	failure  *refusal
	output   []*item
	previous map[*item]string // id of the item before, when it was added
	calls    bool

	// The item that is open.
	open      *item
	line      line
	sent      int // bytes of line.sound
	wordsSent int
	argsSent  int

	audioMS    int // of all items
	firstAudio time.Time
}

// step is done a while after the one before.
type step struct {
	wait time.Duration
	do   func()
}

func (r *response) then(wait time.Duration, do func()) { r.steps = append(r.steps, step{wait, do}) }

func (s *Session) onResponseCreate(o *object) *refusal {
	o.only("type", "event_id", "response")
	opts := responseOptions{set: s.set}
	if o.given("response") {
		if s.ga {
			opts = readResponseGA(o.child("response"), s.set, s.up.model, s.spoke)
		} else {
			opts = readResponsePreview(o.child("response"), s.set, s.opts.Seed, s.spoke)
		}
	}
	if o.err != nil {
		return o.err
	}
	for _, id := range opts.refers {
		if s.talk.find(id) == nil {
			return refuse(codeInvalidValue, "response.input", "Item with item_id not found: '%s'.", id)
		}
	}
	if opts.outOfBand {
		s.respondBeside(opts)
		return nil
	}
	if s.active != nil {
		return refuse(codeActiveResponse, "", "Conversation already has an active response in progress: %s. "+
			"Wait until the response is finished before creating a new one.", s.active.id)
	}
	s.respond("client", opts)
	return nil
}

func (s *Session) onResponseCancel(o *object) *refusal {
	allowed := []string{"type", "event_id", "response_id"}
	if s.opts.Seed {
		allowed = allowed[:2]
	}
	o.only(allowed...)
	id := ""
	if o.given("response_id") {
		id = o.text("response_id")
	}
	if o.err != nil {
		return o.err
	}
	for _, r := range append(s.beside, s.active) {
		if r != nil && (r.id == id || id == "" && r == s.active) {
			s.cancel(r, "client_cancelled")
			return nil
		}
	}
	return refuse(codeNotActive, "", "Cancellation failed: no active response found")
}

// respond starts the response of the conversation. Nothing else may be active.
func (s *Session) respond(trigger string, opts responseOptions) {
	if take(&s.faults.SilentResponses) {
		return
	}
	r := s.newResponse(trigger, opts)
	if take(&s.faults.FailResponses) { // the dialogue stays: a second attempt gets the answer
		r.answer = Answer{Status: "failed", Code: s.faults.FailCode}
	} else if a := s.improvise(r); a != nil {
		r.answer = *a
		s.dialogue.answered(a.Do)
		s.dialogue.outputs = nil
	} else {
		r.answer = s.dialogue.next()
	}
	if r.answer.Status == "unanswered" {
		return
	}
	s.active = r
	s.begin(r)
}

// respondBeside starts a response outside the conversation.
func (s *Session) respondBeside(opts responseOptions) {
	r := s.newResponse("out_of_band", opts)
	if a := or(s.improvise(r), s.dialogue.script.OutOfBand); a != nil {
		r.answer = *a
	}
	s.beside = append(s.beside, r)
	s.begin(r)
}

// improvise asks Options.Answer.
func (s *Session) improvise(r *response) *Answer {
	if s.opts.Answer == nil {
		return nil
	}
	return s.opts.Answer(Prompt{Session: s.id, Trigger: r.trigger, Instructions: r.opts.set.instructions,
		Pending: s.dialogue.pending, Heard: s.dialogue.heard.text, Outputs: slices.Clone(s.dialogue.outputs), Context: s.talk.writing()})
}

func (s *Session) newResponse(trigger string, opts responseOptions) *response {
	return &response{id: s.newID("resp"), trigger: trigger, opts: opts, status: "in_progress", previous: map[*item]string{}}
}

func (s *Session) begin(r *response) {
	s.record(func(rec *Record) {
		note(rec, &rec.Responses, ResponseRecord{ID: r.id, Trigger: r.trigger, Status: r.status})
	})
	s.send("response.created", "response", s.responseBody(r))
	s.sendRateLimits()
	s.plan(r)
	s.advance(r)
}

// advance does the steps of a response up to one that waits, and plans that.
func (s *Session) advance(r *response) {
	for len(r.steps) > 0 {
		next := r.steps[0]
		r.steps = r.steps[1:]
		if next.wait > 0 {
			r.planned = s.agenda.after(next.wait, func() {
				next.do()
				s.advance(r)
			})
			return
		}
		next.do()
	}
}

// cancel ends a response early: what is open is closed, then response.done.
func (s *Session) cancel(r *response, reason string) {
	s.agenda.cancel(r.planned)
	r.steps = nil
	s.observe(ObserveCancelled, Observation{Text: reason})
	for range s.faults.LateDeltas {
		if r.open != nil {
			s.audioDelta(r, min(1600, len(r.line.sound)-r.sent))
		}
	}
	if r.open != nil {
		s.closeItem(r, "incomplete")
	}
	s.finish(r, "cancelled", reason)
}

// finish ends a response.
func (s *Session) finish(r *response, status, reason string) {
	r.status, r.reason = status, reason
	if status == "endless" || status == "completed" && take(&s.faults.LostDone) {
		return // it stays active until the client cancels it
	}
	s.leave(r)
	s.record(func(rec *Record) {
		if i := slices.IndexFunc(rec.Responses, func(x ResponseRecord) bool { return x.ID == r.id }); i >= 0 {
			rec.Responses[i].Status, rec.Responses[i].Reason = status, reason
		}
	})
	s.send("response.done", "response", s.responseBody(r))
}

// leave takes the response off the list of active ones and tells the dialogue
// how it went.
func (s *Session) leave(r *response) {
	if r != s.active {
		s.beside = slices.DeleteFunc(s.beside, func(x *response) bool { return x == r })
		return
	}
	s.active = nil
	if r.status == "completed" && r.calls {
		s.dialogue.called(r.answer)
	}
	played := time.Duration(0)
	if !r.firstAudio.IsZero() {
		played = time.Since(r.firstAudio)
	}
	s.armIdle(time.Duration(r.audioMS)*time.Millisecond - played)
}

// responseBody is the response object in the session's dialect.
func (s *Session) responseBody(r *response) fields {
	f := fields{"object", "realtime.response", "id", r.id}
	if s.ga {
		f = append(f, "conversation_id", s.conversationID(r))
	}
	f = append(f, "status", r.status, "status_details", r.details(), "output", s.outputBodies(r))
	if s.ga {
		f = append(f, "output_modalities", gaModalities(r.opts.set.textOnly),
			"audio", fields{"output", fields{"format", r.opts.set.out.ga(), "voice", r.opts.set.voice}},
			"max_output_tokens", r.opts.set.maxTokens,
			"metadata", r.opts.metadata)
	}
	return append(f, "usage", s.usage(r))
}

func (s *Session) conversationID(r *response) any {
	if r.opts.outOfBand {
		return nil
	}
	return "conv_" + s.id[len("sess_"):]
}

func (s *Session) outputBodies(r *response) []fields {
	bodies := make([]fields, len(r.output))
	for i, it := range r.output {
		bodies[i] = s.itemBody(it)
	}
	return bodies
}

func (r *response) details() any {
	switch r.status {
	case "cancelled", "incomplete":
		return fields{"type", r.status, "reason", r.reason}
	case "failed":
		return fields{"type", r.status, "error", fields{"type", r.failure.kind, "code", r.failure.code, "message", r.failure.message}}
	}
	return nil
}

// usage counts tokens roughly as the service does: ten a second of audio in,
// twenty out, a word of text about one. All the conversation counts as input.
func (s *Session) usage(r *response) any {
	if r.status == "in_progress" {
		return nil
	}
	textIn := len(strings.Fields(r.opts.set.instructions))
	for _, it := range s.talk.items {
		textIn += len(strings.Fields(it.words() + it.args + it.output))
	}
	audioIn := s.input.end() / 800
	textOut, audioOut := 0, r.audioMS/50
	for _, it := range r.output {
		textOut += len(strings.Fields(it.args)) + len(it.parts)
	}
	return fields{
		"total_tokens", textIn + audioIn + textOut + audioOut,
		"input_tokens", textIn + audioIn,
		"output_tokens", textOut + audioOut,
		"input_token_details", fields{"cached_tokens", 0, "text_tokens", textIn, "audio_tokens", audioIn},
		"output_token_details", fields{"text_tokens", textOut, "audio_tokens", audioOut},
	}
}

func (s *Session) sendRateLimits() {
	s.send("rate_limits.updated", "rate_limits", []fields{
		{"name", "requests", "limit", 10000, "remaining", 9999, "reset_seconds", 0.006},
		{"name", "tokens", "limit", 400000, "remaining", 395000, "reset_seconds", 0.75},
	})
}
