package simulator

import (
	"slices"
	"time"
)

// commitMin is the least audio that can be committed: 100 ms.
const commitMin = 800

// idleKeepMS is how much silence the buffer keeps between turns, besides the
// prefix padding; maxBufferMS bounds a buffer that nobody commits.
const (
	idleKeepMS  = 1000
	maxBufferMS = 10 * 60 * 1000
)

// input is the way of the caller's audio: decoded, cut into the detector's
// windows, and kept until it is committed. All positions are samples at 8 kHz
// of all audio appended in the session. Owned by the session.
type input struct {
	ear      ear
	detector detector
	window   []int16 // begun, shorter than windowSamples
	kept     []int16 // the input buffer
	start    int     // position of kept[0]
	told     bool    // the speech in progress comes from Session.SpeechStart, not from the detector
	itemID   string  // of the user item to be, from speech_started on
	turnFrom int     // position where the turn in progress starts

	idleArmed bool
	idleFrom  int // position where the idle time began
	idleUntil int // position where it is over
}

func (in *input) end() int { return in.start + len(in.kept) }

// speaking reports that a turn is in progress.
func (in *input) speaking() bool { return in.told || in.detector.speaking }

// push appends; what nobody commits for ten minutes is lost, its older half.
func (in *input) push(samples []int16) (lost int) {
	in.kept = append(in.kept, samples...)
	if len(in.kept) > maxBufferMS*8 {
		lost = in.trim(maxBufferMS * 8 / 2)
	}
	return lost
}

// clear empties the buffer. The clock goes on.
func (in *input) clear() { in.start, in.kept = in.end(), in.kept[:0] }

// trim keeps the last n samples and returns how many it took away.
func (in *input) trim(n int) int {
	cut := max(0, len(in.kept)-n)
	in.kept = slices.Delete(in.kept, 0, cut)
	in.start += cut
	return cut
}

// take removes the buffer up to a position and returns it from another one.
func (in *input) take(from, to int) []int16 {
	to = min(max(to, in.start), in.end())
	from = min(max(from, in.start), to)
	turn := slices.Clone(in.kept[from-in.start : to-in.start])
	in.kept = slices.Delete(in.kept, 0, to-in.start)
	in.start = to
	return turn
}

// appendAudio takes audio of the client.
func (s *Session) appendAudio(audio []byte) {
	s.recordInput(audio)
	samples := s.input.ear.hear(s.set.in, audio)
	for len(samples) > 0 {
		n := min(windowSamples-len(s.input.window), len(samples))
		if lost := s.input.push(samples[:n]); lost > 0 {
			s.record(func(r *Record) { r.InputLost += lost })
		}
		s.input.window = append(s.input.window, samples[:n]...)
		samples = samples[n:]
		if len(s.input.window) == windowSamples {
			s.detect(s.input.window)
			s.input.window = s.input.window[:0]
		}
	}
}

func (s *Session) recordInput(audio []byte) {
	now := time.Now()
	keep := int(s.opts.KeepAudio.Milliseconds()) * s.set.in.bytesPerMS()
	s.record(func(r *Record) {
		if r.Appends > 0 {
			r.LongestGap = max(r.LongestGap, now.Sub(s.lastInput))
		}
		r.Appends++
		if !s.updated {
			r.EarlyAppends++
		}
		r.InputBytes += int64(len(audio))
		r.Input = append(r.Input, audio[:max(0, min(len(audio), keep-len(r.Input)))]...)
	})
	s.lastInput = now
}

// detect runs the detector on a whole window. Without turn detection it runs
// all the same, so that the grid and the noise floor are those of the session.
func (s *Session) detect(w []int16) {
	d, turns := &s.input.detector, s.set.turns
	if turns == nil || s.input.told {
		d.window(w, 0.5, maxTurnMS)
		d.reset()
		return
	}
	switch d.window(w, turns.threshold, turns.silenceMS) {
	case started:
		s.speechStarted(turns, d.onsetMS)
	case stopped:
		s.speechStopped(turns, d.endMS(), nil)
	default:
		s.whileIdle(turns)
	}
}

// speechStarted begins a turn at a position in milliseconds.
func (s *Session) speechStarted(turns *turnDetection, onset int) {
	in := &s.input
	in.idleArmed = false
	in.itemID = s.newID("item")
	in.turnFrom = max(in.start, (onset-turns.prefixMS)*8, 0)
	s.send("input_audio_buffer.speech_started", "audio_start_ms", in.turnFrom/8, "item_id", in.itemID)
	s.observe(ObserveSpeech, Observation{ItemID: in.itemID})
	if turns.interrupt && s.active != nil {
		s.cancel(s.active, "turn_detected")
	}
}

// speechStopped ends the turn. What was said is recognised, unless it is known.
func (s *Session) speechStopped(turns *turnDetection, end int, said *heard) {
	in := &s.input
	if in.itemID == "" { // the client committed in the middle of the speech
		in.itemID = s.newID("item")
	}
	s.send("input_audio_buffer.speech_stopped", "audio_end_ms", end, "item_id", in.itemID)
	s.commit(utterance{id: in.itemID, from: in.turnFrom, to: end * 8, said: said})
	in.itemID = ""
	if turns.create && turns.interrupt && s.active != nil { // asked for while the caller was speaking
		s.cancel(s.active, "turn_detected")
	}
	if turns.create && s.active == nil {
		s.respond("turn", responseOptions{set: s.set})
	}
}

// whileIdle trims the buffer between turns and watches the idle timeout.
func (s *Session) whileIdle(turns *turnDetection) {
	in := &s.input
	if in.speaking() {
		return
	}
	in.trim((turns.prefixMS + idleKeepMS) * 8)
	if in.idleArmed && s.active == nil && turns.idleMS > 0 && in.end() >= in.idleUntil {
		s.idle()
	}
}

// idle commits the silence and lets the model speak by itself.
func (s *Session) idle() {
	in := &s.input
	in.idleArmed = false
	id, end := s.newID("item"), in.detector.endMS()
	from := in.idleFrom / 8 / windowMS * windowMS
	s.send("input_audio_buffer.timeout_triggered", "audio_start_ms", from, "audio_end_ms", end, "item_id", id)
	s.commit(utterance{id: id, from: from * 8, to: end * 8, idle: true})
	s.respond("idle", responseOptions{set: s.set})
}

// armIdle starts the idle time when an answer has been played: what is left of
// it to play counts first. The clock is the caller's audio.
func (s *Session) armIdle(toPlay time.Duration) {
	in := &s.input
	if s.set.turns == nil || s.set.turns.idleMS == 0 || in.speaking() {
		return
	}
	in.idleArmed = true
	in.idleFrom = in.end() + int(max(0, toPlay).Milliseconds())*8
	in.idleUntil = in.idleFrom + s.set.turns.idleMS*8
}

func (s *Session) commitByClient() *refusal {
	in := &s.input
	if have := len(in.kept); have < commitMin {
		return refuse(codeCommitEmpty, "", "Error committing input audio buffer: buffer too small. "+
			"Expected at least 100ms of audio, but buffer only has %.2fms of audio.", float64(have)/8)
	}
	id := or(in.itemID, s.newID("item"))
	s.commit(utterance{id: id, from: in.start, to: in.end()})
	in.itemID = "" // if the caller speaks on, the rest is another item
	in.turnFrom = in.start
	return nil
}

// utterance is a piece of the input buffer that becomes a user item.
type utterance struct {
	id       string
	from, to int    // positions
	said     *heard // nil: to be recognised
	idle     bool   // the silence of the idle timeout
}

// commit makes a user item and starts its transcription.
func (s *Session) commit(u utterance) {
	turn := s.input.take(u.from, u.to)
	it := &item{id: u.id, kind: "message", role: "user", status: "completed", parts: []part{{kind: "input_audio"}}}
	previous := s.talk.last()
	s.send("input_audio_buffer.committed", "previous_item_id", orNull(previous), "item_id", u.id)
	h := s.hear(u, turn)
	s.record(func(r *Record) {
		note(r, &r.Turns, Turn{ItemID: u.id, StartMS: u.from / 8, EndMS: u.to / 8, Clips: h.clips, Text: h.text, Idle: u.idle})
	})
	s.transcribe(it, h.text, (u.to-u.from)/8, func() {
		s.talk.append(it)
		s.announce(it, previous)
	})
}

// hear finds out what was said and tells the dialogue.
func (s *Session) hear(u utterance, turn []int16) heard {
	if u.idle {
		return heard{}
	}
	var h heard
	if u.said != nil {
		h = *u.said
	} else {
		h = s.srv.recogniser.recognise(turn)
	}
	s.dialogue.turn(h)
	s.observe(ObserveHeard, Observation{Text: h.text, Name: join(h.clips), ItemID: u.id})
	return h
}
