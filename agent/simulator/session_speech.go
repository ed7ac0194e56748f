package simulator

import "time"

// SpeechStart makes turn detection report speech, as if it had been heard just
// now. It needs no audio: positions are those of the audio appended or, when
// that is less, of the time since the session began. Until SpeechStop the
// session does not listen to the audio itself. Without turn detection, or while
// the caller speaks, nothing happens.
func (s *Session) SpeechStart() {
	s.do(func() {
		turns := s.set.turns
		if turns == nil || s.input.speaking() {
			return
		}
		s.input.told = true
		s.speechStarted(turns, s.position())
	})
}

// SpeechStop makes turn detection report the end of the speech that SpeechStart
// began: the turn is committed, and text is what the caller said; "" is a noise
// without words. All that follows a turn follows: transcription, and the
// response if turn detection creates them.
func (s *Session) SpeechStop(text string) {
	s.do(func() {
		if !s.input.told {
			return
		}
		s.input.told = false
		if turns := s.set.turns; turns != nil {
			s.speechStopped(turns, s.position(), &heard{text: text})
		}
	})
}

// position is where the input stands, in milliseconds.
func (s *Session) position() int {
	return max(s.input.end()/8, int(time.Since(s.began).Milliseconds()))
}
