package simulator

import (
	"strings"
	"time"
)

// latestTranscript is when a late transcription comes at last, if no other
// turn does.
const latestTranscript = 5 * time.Second

// transcribe plans the transcription of a user item, and announces the item at
// the right moment: normally before, with the fault "early" after.
func (s *Session) transcribe(it *item, text string, ms int, announce func()) {
	deliver := s.transcription(it, text, ms)
	waiting := s.overdue
	s.overdue = nil
	if s.set.transcription == nil {
		announce()
		return
	}
	switch s.faults.Transcription {
	case "early":
		deliver()
		announce()
	case "late":
		announce()
		s.holdBack(deliver)
	case "never":
		announce()
	default:
		announce()
		s.agenda.after(s.opts.TranscriptionDelay, deliver)
	}
	for _, late := range waiting {
		late()
	}
}

// holdBack delivers with the next turn, or after a while.
func (s *Session) holdBack(deliver func()) {
	once := false
	only := func() {
		if !once {
			once = true
			deliver()
		}
	}
	s.overdue = append(s.overdue, only)
	s.agenda.after(latestTranscript, only)
}

// transcription is the sending of the events for an item.
func (s *Session) transcription(it *item, text string, ms int) func() {
	const completed = "conversation.item.input_audio_transcription.completed"
	return func() {
		if s.faults.Transcription == "failed" {
			s.send("conversation.item.input_audio_transcription.failed", "item_id", it.id, "content_index", 0,
				"error", fields{"type", "transcription_error", "code", "audio_unintelligible",
					"message", "The audio could not be transcribed.", "param", nil})
			return
		}
		if s.faults.Transcription == "empty" {
			text = ""
		}
		it.parts[0].transcript = &text
		if !s.ga {
			s.send(completed, "item_id", it.id, "content_index", 0, "transcript", text)
			return
		}
		if text != "" {
			s.send("conversation.item.input_audio_transcription.delta", "item_id", it.id, "content_index", 0, "delta", text)
		}
		s.send(completed, "item_id", it.id, "content_index", 0, "transcript", text,
			"usage", fields{"type", "duration", "seconds", float64(ms) / 1000})
	}
}

// announce tells that an item is in the conversation, complete.
func (s *Session) announce(it *item, previous string) {
	s.sendItem("added", it, previous)
	s.sendItem("done", it, previous)
}

// sendItem sends the item events of the dialect: the preview has one for both.
func (s *Session) sendItem(what string, it *item, previous string) {
	name := "conversation.item." + what
	if !s.ga {
		if what == "done" {
			return
		}
		name = "conversation.item.created"
	}
	times := 1
	if s.faults.DuplicateItems {
		times = 2
	}
	for range times {
		s.send(name, "previous_item_id", orNull(previous), "item", s.itemBody(it))
	}
}

func (s *Session) itemBody(it *item) fields {
	f := it.body(s.ga)
	if s.faults.MissingStatus {
		f = f.without("status", "object")
	}
	return f
}

func join(names []string) string { return strings.Join(names, " ") }
