package media

import "runtime/debug"

// survive is deferred by what runs for a session outside of its owner's goroutine: the
// readers, and tick, in the goroutine that paces all calls. What a packet or a sink may
// break there costs this call and no other: it is given up for lost. Deferred before the
// session's lock is taken, it runs when that is free again.
func (s *Session) survive(where string) {
	p := recover()
	if p == nil {
		return
	}
	s.log.Error("panic in the media of a call", "where", where, "panic", p, "stack", string(debug.Stack()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Panics++
	s.loseLocked()
}
