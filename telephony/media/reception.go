package media

import "time"

// reception counts what the network delivers of the source, as RFC 3550 A.1 and A.3
// say: what was expected comes from the sequence numbers, so what is missing is known
// without waiting for it. The figures go into our reports; what a late packet means for
// the audio is the business of reorder.
type reception struct {
	known  bool
	ssrc   uint32
	base   uint16 // first sequence number
	max    uint16 // highest
	cycles uint32 // wraps of it, shifted by 16
	got    uint32 // packets of ssrc, repeated ones included

	suspect struct { // the first packet of a possible new start
		ssrc uint32
		seq  uint16
		is   bool
	}

	expectedBefore, gotBefore uint32 // at the last report
	before                    losses // of former sources of this session
	lsr                       uint32 // middle of the NTP time in the source's last SR
	lsrAt                     time.Duration
}

// losses are what one source, or several after another, should have sent and what came.
type losses struct{ expected, got uint64 }

// packet counts one. A source that starts again, or another one, is believed when a
// second packet follows the first.
func (r *reception) packet(p packet) {
	if !r.known {
		r.begin(p)
		return
	}
	ahead := int(int16(p.seq - r.max))
	if p.ssrc != r.ssrc || ahead > maxDropout || ahead < -maxMisorder {
		r.doubt(p)
		return
	}
	r.suspect.is = false
	r.got++
	if ahead > 0 {
		if p.seq < r.max {
			r.cycles += 1 << 16
		}
		r.max = p.seq
	}
}

func (r *reception) doubt(p packet) {
	s := &r.suspect
	if !s.is || p.ssrc != s.ssrc || p.seq != s.seq+1 {
		s.is, s.ssrc, s.seq = true, p.ssrc, p.seq
		return
	}
	first := p
	first.seq--
	r.before = r.total()
	r.begin(first)
	r.packet(p)
}

func (r *reception) begin(p packet) {
	if p.ssrc != r.ssrc {
		r.lsr = 0
	}
	*r = reception{known: true, ssrc: p.ssrc, base: p.seq, max: p.seq, got: 1, before: r.before, lsr: r.lsr, lsrAt: r.lsrAt}
}

// highest is the extended highest sequence number.
func (r *reception) highest() uint32 { return r.cycles | uint32(r.max) }

func (r *reception) expected() uint32 {
	if !r.known {
		return 0
	}
	return r.highest() - uint32(r.base) + 1
}

// total is over all sources of the session.
func (r *reception) total() losses {
	return losses{r.before.expected + uint64(r.expected()), r.before.got + uint64(r.got)}
}

// interval returns what was expected and what came since the last call.
func (r *reception) interval() losses {
	expected, got := r.expected()-r.expectedBefore, r.got-r.gotBefore
	r.expectedBefore, r.gotBefore = r.expected(), r.got
	return losses{uint64(expected), uint64(got)}
}

// lost may be negative: repeated packets make up for lost ones (RFC 3550 §6.4.1).
func (l losses) lost() int64 { return int64(l.expected) - int64(l.got) }

// fraction is the share lost, from 0 to 1.
func (l losses) fraction() float64 {
	if l.expected == 0 || l.got >= l.expected {
		return 0
	}
	return float64(l.lost()) / float64(l.expected)
}

// block is the report about the source since the last one; ok is false when nothing of
// it has come (RFC 3550 §6.4).
func (r *reception) block(l losses, j time.Duration, now time.Duration) (b reportBlock, ok bool) {
	if l.got == 0 {
		return b, false
	}
	b = reportBlock{
		ssrc:     r.ssrc,
		fraction: uint8(min(255, int64(l.fraction()*256))),
		lost:     clamp24(losses{uint64(r.expected()), uint64(r.got)}.lost()),
		highest:  r.highest(),
		jitter:   uint32(j / tickOfSample),
	}
	if r.lsr != 0 {
		b.lsr, b.dlsr = r.lsr, shortNTP(now-r.lsrAt)
	}
	return b, true
}

func clamp24(n int64) int32 { return int32(min(max(n, -1<<23), 1<<23-1)) }
