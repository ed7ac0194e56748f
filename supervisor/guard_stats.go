package supervisor

import "sync/atomic"

// DoorStats counts what happened at the door since the start.
type DoorStats struct {
	SignIns       uint64 // by people, through the page or OpenID Connect
	SignInsFailed uint64 // wrong tokens, of programs too, and sign-ins by OpenID Connect that came to nothing
	SignInsHeld   uint64 // not even tried, because too many had failed
	AuditsLost    uint64 // sign-ins and failures that are not in the audit list: too many at once, or the store was away
	Panics        uint64 // requests that failed by a fault of ours
}

// doorCounts are the figures of DoorStats.
type doorCounts struct {
	signIns, failed, held, auditsLost, panics atomic.Uint64
}

// Door returns the figures of now.
func (s *Server) Door() DoorStats {
	c := &s.counts
	return DoorStats{c.signIns.Load(), c.failed.Load(), c.held.Load(), c.auditsLost.Load(), c.panics.Load()}
}
