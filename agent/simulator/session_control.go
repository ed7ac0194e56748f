package simulator

import (
	"fmt"

	"github.com/coder/websocket"
)

// ID is the session's id, as in session.created.
func (s *Session) ID() string { return s.id }

// Record is what happened so far. It may be called at any time, from anywhere.
func (s *Session) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec.snapshot()
}

// Ended is closed when the session begins to end.
func (s *Session) Ended() <-chan struct{} { return s.done }

// do runs f in the session's goroutine and waits. False: the session has ended.
func (s *Session) do(f func()) bool {
	ran := make(chan struct{})
	select {
	case s.ask <- func() { f(); close(ran) }:
		<-ran
		return true
	case <-s.done:
		return false
	}
}

// SetFaults replaces the session's faults; those of the upgrade and
// ExpireAfter have no effect any more. The error says which fault makes no sense.
func (s *Session) SetFaults(f Faults) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	s.do(func() { s.faults = f })
	return nil
}

// CloseWith ends the session with a WebSocket close.
func (s *Session) CloseWith(code int, reason string) {
	s.do(func() { s.end(websocket.StatusCode(code), reason) })
}

// Drop cuts the connection without a close.
func (s *Session) Drop() {
	s.do(s.cutOff)
}

// Freeze makes the connection a black hole: nothing is answered any more, not
// even a ping, and nothing that arrives has an effect.
func (s *Session) Freeze() { s.do(s.link.freeze) }

// Expire ends the session as its maximum duration does: session_expired, then
// close 1001.
func (s *Session) Expire() { s.do(s.expire) }

// SendText sends a text message as it is, JSON or not.
func (s *Session) SendText(text string) { s.do(func() { s.write([]byte(text)) }) }

// SendEvent sends an event with no members of its own.
func (s *Session) SendEvent(name string) { s.do(func() { s.send(name) }) }

// SendError sends an error event with a code, as for a fault of the service.
func (s *Session) SendError(code, message string) {
	s.do(func() { s.complain(&refusal{kind: "server_error", code: code, message: message}, "") })
}

// SendBrokenFrame writes bytes that are no WebSocket frame.
func (s *Session) SendBrokenFrame() { s.do(s.link.junk) }

// Cancel cancels the active response, as if the service had heard speech.
func (s *Session) Cancel() {
	s.do(func() {
		if s.active != nil {
			s.cancel(s.active, "turn_detected")
		}
	})
}

func (s *Session) cutOff() {
	s.link.drop()
	s.end(0, "dropped by fault")
}

// happen does a fault of the script.
func (s *Session) happen(fault string) {
	switch fault {
	case "close":
		s.end(websocket.StatusInternalError, "fault of the script")
	case "drop":
		s.cutOff()
	case "freeze":
		s.link.freeze()
	case "expire":
		s.expire()
	case "garbage":
		s.write([]byte("{\"type\": garbage"))
	case "broken_frame":
		s.link.junk()
	case "unknown_event":
		s.send("simulator.nobody_knows_this", "value", 1)
	case "error":
		s.complain(&refusal{kind: "server_error", code: "server_error", message: "The server had an error."}, "")
	}
}
