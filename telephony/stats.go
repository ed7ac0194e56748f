package telephony

import (
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// Stats is a snapshot of a Server's figures; the uint64 ones only grow.
type Stats struct {
	Active    int    // calls in progress
	Capacity  int    // Limits.Calls
	Accepted  uint64 // calls handed to the handler
	Encrypted uint64 // of Accepted, those that began with SRTP
	Dialled   uint64 // calls of ours that were answered
	Panics    uint64 // handlers that panicked

	DigitsDropped uint64 // keys that no handler fetched in time

	DigitsLost uint64 // keys in a bridge that the other far end takes none of

	// Rejected counts refused calls by status and reason. The set of reasons is fixed.
	Rejected map[Rejection]uint64

	// RTP port pairs, of both address families. Those in quarantine are still bound although
	// their call has ended; they make room for new calls, and are 0 a few seconds after the
	// last far end fell silent.
	PortsInUse       int
	PortsQuarantined int
	PortsCapacity    int    // 0 when the system chooses
	PortsHurried     uint64 // quarantines cut short because a call needed the pair
	StalePackets     uint64 // packets for a call that had ended
	Draining         bool

	// Trunks holds those that register or are watched, by name.
	Trunks map[string]TrunkStats

	SIP sipua.Stats
}

// Stats returns the figures of this moment.
func (s *Server) Stats() Stats {
	st := Stats{
		Active: s.gate.count(), Capacity: s.cfg.Limits.Calls,
		Accepted: s.accepted.Load(), Encrypted: s.encrypted.Load(), Panics: s.panics.Load(), DigitsDropped: s.digitsDropped.Load(),
		Dialled: s.dialled.Load(), DigitsLost: s.digitsLost.Load(),
		Rejected: s.rejected.snapshot(), Draining: s.gate.closed(), SIP: s.ua.Stats(), Trunks: s.peers.snapshot(),
	}
	for _, ports := range []*media.Ports{s.ports4, s.ports6} {
		if ports != nil {
			p := ports.Stats()
			st.PortsInUse += p.InUse
			st.PortsQuarantined += p.Quarantined
			st.PortsCapacity += p.Capacity
			st.PortsHurried += p.Hurried
			st.StalePackets += p.Stale
		}
	}
	return st
}
