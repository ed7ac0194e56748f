package media

import "time"

// Quality sums up how a call sounded. It is what a record or a graph wants to know;
// Stats has the figures behind it.
type Quality struct {
	Caller StreamQuality // what the caller says, as we receive it
	Agent  StreamQuality // what we say, as the far end reports to receive it (RTCP); zero without reports

	RTT, RTTMax time.Duration // network round trip, by the last report and at worst; 0: not known
}

// StreamQuality is one direction of a call.
type StreamQuality struct {
	Packets uint64        // that should have come
	Lost    uint64        // of them, never heard: lost on the way, or too late
	Loss    float64       // Lost by Packets, 0 to 1
	Bursts  uint64        // times that packets were lost, one or several in a row; of the caller only
	Longest uint64        // most packets lost in a row; of the caller only
	Jitter  time.Duration // interarrival jitter (RFC 3550 §6.4.1), the latest

	// MOS estimates what listeners would say, 1 (bad) to 4.4 (as good as G.711 gets);
	// 0: nothing came, or nothing is known. Worst is the worst of the intervals between our
	// reports, about 5 s each; of the caller only.
	MOS, Worst float64

	// Claimed is the far end's own MOS-CQ (RFC 3611 §4.7), 0 when it claims none; of the
	// agent only.
	Claimed float64
}

// Quality returns the figures so far; after Close the final ones.
func (s *Session) Quality() Quality {
	s.mu.Lock()
	defer s.mu.Unlock()
	far := s.control.far
	return Quality{Caller: s.callerLocked(), Agent: s.agentLocked(), RTT: far.rtt, RTTMax: far.rttMax}
}

// callerLocked counts as lost what the timeline went without: a packet that came too
// late is no better than none.
func (s *Session) callerLocked() StreamQuality {
	st := &s.stats
	q := StreamQuality{
		Packets: s.received.total().expected, Lost: st.Lost, Bursts: st.LossBursts, Longest: st.LossLongest,
		Jitter: s.jitter.value(), Worst: s.control.worst,
	}
	if q.Packets == 0 {
		return q
	}
	q.Loss = min(1, float64(q.Lost)/float64(q.Packets))
	q.MOS = mosOf(q.Loss, burstRatio(q), s.delayLocked(q.Jitter))
	return q
}

func (s *Session) agentLocked() StreamQuality {
	far := &s.control.far
	q := StreamQuality{Jitter: far.jitter, Claimed: far.mos}
	if !far.known || far.of == 0 {
		return q
	}
	q.Packets, q.Lost = uint64(far.of), uint64(max(0, far.lost))
	q.Loss = min(1, float64(q.Lost)/float64(q.Packets))
	q.MOS = mosOf(min(1, q.Loss+far.discarded), 1, s.delayLocked(far.jitter))
	return q
}

// rateLocked notes the MOS of the time between two reports, if there was enough to judge.
func (s *Session) rateLocked(l losses) {
	if l.expected < minRated {
		return
	}
	mos := mosOf(l.fraction(), 1, s.delayLocked(s.jitter.value()))
	if s.control.worst == 0 || mos < s.control.worst {
		s.control.worst = mos
	}
}

// minRated is how many packets an interval must have: one lost of a few is no bad line.
const minRated = 20

// delayLocked estimates the way from mouth to ear: half the round trip, a packet's time
// to fill it, and a play-out buffer of twice the jitter.
func (s *Session) delayLocked(j time.Duration) time.Duration {
	return s.control.far.rtt/2 + s.params.PTime + 2*j
}

// burstRatio is how much longer the losses in a row are than those of a random process
// with the same loss would be (G.107 §3.5), within the 1 to 2 for which it is defined.
func burstRatio(q StreamQuality) float64 {
	if q.Bursts == 0 || q.Loss >= 1 {
		return 1
	}
	return min(2, max(1, float64(q.Lost)/float64(q.Bursts)*(1-q.Loss)))
}

// mosOf is the E-model of ITU-T G.107, with all that a network does not change at its
// default:
//
//	R   = 93.2 − Ie,eff − Id
//	Ie,eff = 95 · P / (P / BurstR + 25.1)      G.711 with concealment (G.113 App. I), P in %
//	Id  = 0.024·d + 0.11·(d − 177.3) if d > 177.3 ms
//	MOS = 1 + 0.035·R + R·(R − 60)·(100 − R)·7·10⁻⁶
func mosOf(loss, burst float64, delay time.Duration) float64 {
	p := 100 * loss
	d := float64(delay) / float64(time.Millisecond)
	r := 93.2 - 95*p/(p/burst+25.1) - 0.024*d
	if d > 177.3 {
		r -= 0.11 * (d - 177.3)
	}
	if r <= 0 {
		return 1
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
