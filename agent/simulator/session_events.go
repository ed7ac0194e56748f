package simulator

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// handler deals with one type of client event. It checks the whole event
// before it changes anything, and returns why it refused it.
type handler func(*Session, *object) *refusal

var commonHandlers = map[string]handler{
	"session.update":             (*Session).onUpdate,
	"input_audio_buffer.append":  (*Session).onAppend,
	"input_audio_buffer.commit":  (*Session).onCommit,
	"input_audio_buffer.clear":   (*Session).onClear,
	"conversation.item.create":   (*Session).onItemCreate,
	"conversation.item.truncate": (*Session).onItemTruncate,
	"conversation.item.delete":   (*Session).onItemDelete,
	"response.create":            (*Session).onResponseCreate,
	"response.cancel":            (*Session).onResponseCancel,
}

// lateHandlers are events that the first preview did not have.
var lateHandlers = map[string]handler{
	"conversation.item.retrieve": (*Session).onItemRetrieve,
	"output_audio_buffer.clear":  (*Session).onOutputClear,
}

func (s *Session) handler(name string) handler {
	if h, ok := commonHandlers[name]; ok {
		return h
	}
	if !s.opts.Seed {
		return lateHandlers[name]
	}
	return nil
}

func (s *Session) eventNames() []string {
	names := slices.Collect(maps.Keys(commonHandlers))
	if !s.opts.Seed {
		names = slices.AppendSeq(names, maps.Keys(lateHandlers))
	}
	slices.Sort(names)
	return names
}

// receive handles one message of the client.
func (s *Session) receive(m message) {
	if m.binary {
		s.violation("", "", refuse("", "", "binary message"))
		s.end(websocket.StatusUnsupportedData, "only text messages are allowed")
		return
	}
	if audio, ok := fastAppend(m.data); ok {
		s.appendAudio(audio)
		return
	}
	o, err := parseObject(m.data)
	if err != nil {
		s.refused("", "", refuse(codeInvalidJSON, "", "The message is not a JSON object: %v.", err))
		return
	}
	name, eventID, problem := readEnvelope(o)
	if problem == nil {
		problem = s.dispatch(name, eventID, o)
	}
	if problem != nil {
		s.refused(name, eventID, problem)
	}
}

// readEnvelope reads type and event_id.
func readEnvelope(o *object) (name, eventID string, problem *refusal) {
	name = o.text("type")
	if o.has("event_id") {
		eventID = o.text("event_id")
		if n := utf8.RuneCountInString(eventID); o.err == nil && (n < 1 || n > 512) {
			o.complain(codeInvalidValue, "event_id", "Invalid 'event_id': expected 1 to 512 characters, but got %d.", n)
			eventID = ""
		}
	}
	return name, eventID, o.err
}

func (s *Session) dispatch(name, eventID string, o *object) *refusal {
	if name != "input_audio_buffer.append" {
		s.record(func(r *Record) { note(r, &r.Events, ClientEvent{time.Now(), shorten(name, 64), eventID}) })
		if s.received++; s.received == s.faults.DropAfterReceived {
			s.cutOff()
			return nil
		}
	}
	h := s.handler(name)
	if h == nil {
		return refuse(codeInvalidValue, "type", "Invalid value: '%s'. Supported values are: %s.", shorten(name, 64), quoted(s.eventNames()))
	}
	return h(s, o)
}

// refused answers an event with an error and remembers it.
func (s *Session) refused(name, eventID string, r *refusal) {
	s.violation(name, eventID, r)
	s.complain(r, eventID)
}

func (s *Session) violation(name, eventID string, r *refusal) {
	name = shorten(name, 64)
	s.record(func(rec *Record) {
		note(rec, &rec.Violations, Violation{time.Now(), name, eventID, r.code, r.param, r.message})
	})
	s.observe(ObserveViolation, Observation{Name: r.code, Text: name + ": " + r.message})
	s.log.Debug("refuse client event", "event", name, "code", r.code, "param", r.param, "message", r.message)
}

// The one form in which most appends come, taken without a JSON parser: a call
// sends fifty a second. Any other form goes through the parser.
var (
	appendHead = []byte(`{"type":"input_audio_buffer.append","audio":"`)
	appendTail = []byte(`"}`)
)

func fastAppend(data []byte) (audio []byte, ok bool) {
	rest, ok := bytes.CutPrefix(data, appendHead)
	if !ok {
		return nil, false
	}
	text, ok := bytes.CutSuffix(rest, appendTail)
	if !ok || len(text) > base64.StdEncoding.EncodedLen(maxAppend) {
		return nil, false
	}
	// The decoder would skip line ends, which JSON does not allow in a string.
	if bytes.ContainsAny(text, "\r\n") {
		return nil, false
	}
	audio = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(audio, text)
	return audio[:n], err == nil
}

func (s *Session) onUpdate(o *object) *refusal {
	o.only("type", "event_id", "session")
	body := o.child("session")
	next := s.set
	if s.faults.ResetFormats {
		resetFormats(&next, body)
	}
	if s.ga {
		next.updateGA(body, s.up.model, s.spoke)
	} else {
		next.updatePreview(body, s.opts.Seed, s.spoke)
	}
	if o.err != nil {
		return o.err
	}
	if s.faults.IgnoreUpdates {
		return nil
	}
	if s.faults.WrongFormat {
		next.in, next.out = pcm24, pcm24
	}
	s.apply(next)
	s.send("session.updated", "session", s.session())
	s.observe(ObserveUpdated, Observation{})
	return nil
}

func (s *Session) apply(next settings) {
	s.set, s.updated = next, true
	if next.turns == nil {
		s.input.detector.reset()
	}
}

// resetFormats is the fault of that name, for formats the update leaves out.
func resetFormats(next *settings, body *object) {
	format := func(path ...string) bool {
		o := body
		for _, p := range path[:len(path)-1] {
			child, ok := o.values[p].(*object)
			if !ok {
				return false
			}
			o = child
		}
		return o.has(path[len(path)-1])
	}
	if !format("input_audio_format") && !format("audio", "input", "format") {
		next.in = pcm24
	}
	if !format("output_audio_format") && !format("audio", "output", "format") {
		next.out = pcm24
	}
}

func (s *Session) onAppend(o *object) *refusal {
	o.only("type", "event_id", "audio")
	audio := readAudio(o, "audio")
	if o.err != nil {
		return o.err
	}
	s.appendAudio(audio)
	return nil
}

func (s *Session) onCommit(o *object) *refusal {
	if o.only("type", "event_id"); o.err != nil {
		return o.err
	}
	return s.commitByClient()
}

func (s *Session) onClear(o *object) *refusal {
	if o.only("type", "event_id"); o.err != nil {
		return o.err
	}
	s.input.clear()
	s.send("input_audio_buffer.cleared")
	return nil
}

func (s *Session) onItemCreate(o *object) *refusal {
	o.only("type", "event_id", "previous_item_id", "item")
	after := ""
	if o.given("previous_item_id") {
		after = o.textUpTo("previous_item_id", 64)
	}
	it := readItem(o.child("item"), s.ga)
	if o.err != nil {
		return o.err
	}
	if problem := s.talk.accept(it); problem != nil {
		return problem
	}
	s.nameItem(it)
	previous, ok := s.talk.insert(it, after, s.ga)
	if !ok {
		return refuse(codePreviousItem, "previous_item_id", "Error adding item: the previous item with id '%s' does not exist.", after)
	}
	s.announce(it, previous)
	s.take(it)
	return nil
}

func (s *Session) nameItem(it *item) {
	if it.id == "" {
		it.id = s.newID("item")
	}
	if it.kind == "function_call" && it.callID == "" {
		it.callID = s.newID("call")
	}
}

// take tells the dialogue about a client's item.
func (s *Session) take(it *item) {
	switch {
	case it.kind == "function_call":
		s.record(func(r *Record) {
			note(r, &r.Calls, Call{ItemID: it.id, CallID: it.callID, Name: it.name, Arguments: it.args, Replayed: true})
		})
	case it.kind == "function_call_output":
		s.talk.call(it.callID).done = true
		s.dialogue.output(it.output)
		s.observe(ObserveOutput, Observation{Text: it.output, ItemID: it.id})
		s.record(func(r *Record) {
			if i := slices.IndexFunc(r.Calls, func(c Call) bool { return c.CallID == it.callID }); i >= 0 {
				r.Calls[i].Output, r.Calls[i].Answered = it.output, true
			}
		})
	case it.kind == "message" && it.role == "user" && len(it.sound) > 0:
		var e ear
		s.dialogue.turn(s.srv.recogniser.recognise(e.hear(s.set.in, it.sound)))
	case it.kind == "message" && it.role == "user":
		s.dialogue.turn(heard{text: it.words()})
	}
}

func (s *Session) onItemRetrieve(o *object) *refusal {
	o.only("type", "event_id", "item_id")
	id := o.text("item_id")
	if o.err != nil {
		return o.err
	}
	it := s.talk.find(id)
	if it == nil {
		return refuse(codeRetrieveItem, "item_id", "Error retrieving item: the item with id '%s' does not exist.", id)
	}
	s.send("conversation.item.retrieved", "item", s.itemBody(it))
	return nil
}

func (s *Session) onItemTruncate(o *object) *refusal {
	o.only("type", "event_id", "item_id", "content_index", "audio_end_ms")
	id := o.text("item_id")
	index := o.integer("content_index", 0, 1<<20)
	ms := o.integer("audio_end_ms", 0, 1<<31-1)
	if o.err != nil {
		return o.err
	}
	sent := 0
	if it := s.talk.find(id); it != nil && it.spoken > 0 {
		sent = it.spoken / it.perMS
	}
	if problem := s.talk.truncate(id, index, ms); problem != nil {
		return problem
	}
	s.record(func(r *Record) { note(r, &r.Truncations, Truncation{id, ms, sent}) })
	s.observe(ObserveTruncated, Observation{Text: time.Duration(ms * int(time.Millisecond)).String(), ItemID: id})
	s.send("conversation.item.truncated", "item_id", id, "content_index", index, "audio_end_ms", ms)
	return nil
}

func (s *Session) onItemDelete(o *object) *refusal {
	o.only("type", "event_id", "item_id")
	id := o.text("item_id")
	if o.err != nil {
		return o.err
	}
	if !s.talk.remove(id) {
		return refuse(codeDeleteItem, "item_id", "Error deleting item: the item with id '%s' does not exist.", id)
	}
	s.record(func(r *Record) {
		if i := slices.IndexFunc(r.Calls, func(c Call) bool { return c.ItemID == id }); i >= 0 {
			r.Calls[i].Deleted = true
		}
	})
	s.send("conversation.item.deleted", "item_id", id)
	return nil
}

func (s *Session) onOutputClear(o *object) *refusal {
	return refuse(codeInvalidValue, "type", "'output_audio_buffer.clear' is only supported for WebRTC and SIP sessions.")
}
