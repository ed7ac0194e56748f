package simulator

import (
	"strings"
	"time"
)

// textPace is the time between two pieces of text or arguments.
const textPace = 5 * time.Millisecond

// plan turns the answer of a response into steps.
func (s *Session) plan(r *response) {
	r.then(s.opts.Latency+r.answer.Delay, func() {})
	for i, a := range r.answer.Do {
		status := "completed"
		if r.answer.Status == "incomplete" && i == len(r.answer.Do)-1 {
			status = "incomplete"
		}
		s.planAction(r, a, status)
	}
	r.then(0, func() { s.conclude(r) })
}

// conclude ends a response in the way its answer wants.
func (s *Session) conclude(r *response) {
	status := or(r.answer.Status, "completed")
	switch status {
	case "incomplete":
		s.finish(r, status, or(r.answer.Reason, "max_output_tokens"))
	case "failed":
		r.failure = &refusal{kind: "server_error", code: or(r.answer.Code, "server_error"),
			message: "The server had an error while processing your request."}
		if strings.Contains(r.failure.code, "rate_limit") {
			r.failure.kind, r.failure.message = "rate_limit_error", "Rate limit reached for this model. Please try again later."
		}
		s.finish(r, status, "")
	default:
		s.finish(r, status, "")
	}
}

func (s *Session) planAction(r *response, a Action, status string) {
	switch {
	case len(a.Say) > 0:
		s.planSay(r, a, status)
	case a.Text != "":
		s.planText(r, strings.Fields(a.Text), a.Delay, status)
	case a.Call != "" && (a.Always || r.opts.set.offers(a.Call)):
		s.planCall(r, a, status)
	case a.Fault != "":
		r.then(0, func() { s.happen(a.Fault) })
	}
}

// planSay speaks clips. A session that wants text gets their words.
func (s *Session) planSay(r *response, a Action, status string) {
	var clips []Clip
	for _, name := range a.Say {
		if c, ok := findClip(s.srv.clips, name); ok {
			clips = append(clips, c)
		}
	}
	out := r.opts.set.out
	l := s.srv.voice.line(clips, out, a.Cut)
	if r.opts.set.textOnly {
		s.planText(r, l.words, a.Delay, status)
		return
	}
	r.then(0, func() { s.openMessage(r, "audio", l) })
	pace := a.Delay
	for _, n := range deltaSizes(len(l.sound), out, s.opts.Delta, s.opts.EvenDeltas) {
		r.then(pace, func() { s.audioDelta(r, n) })
		pace = time.Duration(float64(n) / float64(out.bytesPerMS()) * float64(time.Millisecond) / s.opts.Speed)
	}
	r.then(0, func() { s.closeItem(r, status) })
}

func (s *Session) planText(r *response, words []string, delay time.Duration, status string) {
	r.then(0, func() { s.openMessage(r, "text", line{words: words}) })
	r.then(delay, func() {})
	for range words {
		r.then(textPace, func() { s.wordDelta(r, "response.text.delta") })
	}
	r.then(0, func() { s.closeItem(r, status) })
}

// argumentPiece is how much of the arguments one delta has.
const argumentPiece = 7

func (s *Session) planCall(r *response, a Action, status string) {
	args := s.dialogue.arguments(a)
	r.then(0, func() { s.openCall(r, a.Call, args) })
	r.then(a.Delay, func() {})
	for range (len(args) + argumentPiece - 1) / argumentPiece {
		r.then(textPace, func() { s.argumentDelta(r) })
	}
	r.then(0, func() { s.closeItem(r, status) })
}

// openMessage adds an assistant message and its part.
func (s *Session) openMessage(r *response, kind string, l line) {
	r.line, r.sent, r.wordsSent = l, 0, 0
	s.openItem(r, &item{id: s.newID("item"), kind: "message", role: "assistant", status: "in_progress"})
	empty := ""
	r.open.parts = []part{{kind: kind, transcript: &empty}}
	s.send("response.content_part.added", s.loc(r, "part", r.partBody())...)
	text := strings.Join(l.words, " ")
	s.record(func(rec *Record) {
		if kind == "audio" {
			note(rec, &rec.Spoken, SpokenItem{ItemID: r.open.id, ResponseID: r.id, Text: text})
		}
	})
	s.observe(ObserveSays, Observation{Text: text, ItemID: r.open.id})
}

func (s *Session) openCall(r *response, name, args string) {
	r.argsSent = 0
	r.line = line{words: []string{args}}
	s.openItem(r, &item{id: s.newID("item"), kind: "function_call", status: "in_progress", name: name, callID: s.newID("call")})
}

func (s *Session) openItem(r *response, it *item) {
	r.open = it
	r.output = append(r.output, it)
	s.send("response.output_item.added", "response_id", r.id, "output_index", len(r.output)-1, "item", s.itemBody(it))
	if r.opts.outOfBand {
		return
	}
	r.previous[it] = s.talk.append(it)
	s.sendItem("added", it, r.previous[it])
}

// loc are the members that place an event, with more behind them.
func (s *Session) loc(r *response, more ...any) []any {
	l := []any{"response_id", r.id, "item_id", r.open.id, "output_index", len(r.output) - 1}
	if r.open.kind == "function_call" {
		return append(append(l, "call_id", r.open.callID), more...)
	}
	return append(append(l, "content_index", 0), more...)
}

// partBody is the part of a content_part event; both dialects use the short
// names there.
func (r *response) partBody() fields { return r.open.parts[0].body(false) }

// audioDelta sends the next n bytes, and before them the words that are due.
func (s *Session) audioDelta(r *response, n int) {
	if n <= 0 {
		return
	}
	due := wordsBy(float64(r.sent+n)/float64(len(r.line.sound)), len(r.line.words))
	for r.wordsSent < due {
		s.wordDelta(r, "response.audio_transcript.delta")
	}
	piece := r.line.sound[r.sent : r.sent+n]
	s.send("response.audio.delta", s.loc(r, "delta", sound(piece))...)
	r.sent += n
	r.open.spoken, r.open.perMS = r.open.spoken+n, r.opts.set.out.bytesPerMS()
	r.audioMS = r.audioMS + r.msOf(r.sent) - r.msOf(r.sent-n)
	s.spoke = true
	if r.firstAudio.IsZero() {
		r.firstAudio = time.Now()
	}
	s.recordSpoken(r, piece)
}

func (r *response) msOf(bytes int) int { return bytes / r.opts.set.out.bytesPerMS() }

func (s *Session) recordSpoken(r *response, piece []byte) {
	keep := int(s.opts.KeepAudio.Milliseconds()) * r.opts.set.out.bytesPerMS()
	s.record(func(rec *Record) {
		if i := len(rec.Spoken) - 1; i >= 0 && rec.Spoken[i].ItemID == r.open.id {
			rec.Spoken[i].Bytes += len(piece)
			rec.Spoken[i].Audio = append(rec.Spoken[i].Audio, piece[:max(0, min(len(piece), keep-len(rec.Spoken[i].Audio)))]...)
		}
	})
}

// wordDelta sends the next word of the open message.
func (s *Session) wordDelta(r *response, event string) {
	w := r.line.words[r.wordsSent]
	if r.wordsSent > 0 {
		w = " " + w
	}
	r.wordsSent++
	s.send(event, s.loc(r, "delta", w)...)
}

func (s *Session) argumentDelta(r *response) {
	args := r.line.words[0]
	to := min(r.argsSent+argumentPiece, len(args))
	s.send("response.function_call_arguments.delta", s.loc(r, "delta", args[r.argsSent:to])...)
	r.argsSent = to
}

// closeItem sends the events that end the open item, complete or not. Exactly
// what was sent before is in them.
func (s *Session) closeItem(r *response, status string) {
	it := r.open
	it.status = status
	if it.kind == "function_call" {
		s.closeCall(r)
	} else {
		s.closeMessage(r)
	}
	if !r.opts.outOfBand {
		s.sendItem("done", it, r.previous[it])
	}
	s.send("response.output_item.done", "response_id", r.id, "output_index", len(r.output)-1, "item", s.itemBody(it))
	r.open = nil
}

func (s *Session) closeMessage(r *response) {
	p := &r.open.parts[0]
	said := strings.Join(r.line.words[:r.wordsSent], " ")
	if p.kind == "text" {
		p.text = said
		s.send("response.text.done", s.loc(r, "text", said)...)
	} else {
		if !r.open.cut {
			p.transcript = &said
		}
		s.send("response.audio.done", s.loc(r)...)
		s.send("response.audio_transcript.done", s.loc(r, "transcript", said)...)
	}
	s.send("response.content_part.done", s.loc(r, "part", r.partBody())...)
}

func (s *Session) closeCall(r *response) {
	it := r.open
	it.args = r.line.words[0][:r.argsSent]
	more := []any{"arguments", it.args}
	if s.ga {
		more = append(more, "name", it.name)
	}
	s.send("response.function_call_arguments.done", s.loc(r, more...)...)
	if it.status == "completed" {
		r.calls = true
	}
	s.record(func(rec *Record) {
		note(rec, &rec.Calls, Call{ItemID: it.id, ResponseID: r.id, CallID: it.callID, Name: it.name, Arguments: it.args})
	})
	s.observe(ObserveCalls, Observation{Name: it.name, Text: it.args, ItemID: it.id})
}
