package media

import (
	"net/netip"
	"time"
)

// rank says how well a packet's source agrees with the address in the SDP. Lower
// is better.
type rank uint8

const (
	rankExact    rank = iota // address and port
	rankSameIP               // another port: NAT in front of one phone, or an asymmetric one
	rankSamePort             // another address: a full-cone NAT, a media server's second leg
	rankAny                  // neither
	rankNone                 // not admitted
)

func (r rank) String() string {
	return [...]string{"exact", "same address", "same port", "any", "none"}[r]
}

// learnWindow is how long after the answer a source on a foreign address may
// still prove itself. Later only the SDP's own address may.
const learnWindow = 3 * time.Second

// probation is how many packets in sequence prove a source: the worse its rank,
// the more. (An attacker has to guess the port, the payload type and the moment.)
var probation = [rankNone]int{rankExact: 2, rankSameIP: 3, rankSamePort: 4, rankAny: 4}

const (
	maxProbation  = 4
	maxCandidates = 4
)

// latch decides whose packets belong to the call. Until a source has proven
// itself nobody is believed; afterwards everyone else is foreign, but for a source
// of a better rank, which must prove itself too:
//
//	            2 in sequence                      locked for good
//	exact ──────────────────────────────────────►┐
//	same address ── 3 in sequence ──► source ────┤ only a better rank
//	other ── 4, in the first 3 s ───► source ────┘ may take over
//
// Packets on probation are kept and delivered once proven, so that no first
// word is clipped.
type latch struct {
	allow      func(netip.Addr) bool // static
	remote     netip.AddrPort        // from the SDP; changed by move
	learnUntil time.Duration         // for ranks worse than rankSameIP

	source     netip.AddrPort // whose packets are taken, invalid until proven
	rank       rank           // of source; rankNone until proven
	candidates [maxCandidates]*candidate

	former     [2]netip.AddrPort // before the last move: the source and the SDP's address
	translated bool              // a source was once proven on a foreign address: a NAT is in between
}

// candidate is a source on probation.
type candidate struct {
	from    netip.AddrPort
	rank    rank
	ssrc    uint32
	nextSeq uint16
	seen    time.Duration
	n       int // packets in sequence so far, all in held
	held    [maxProbation]heldPacket
}

// heldPacket is a packet with its own copy of the payload.
type heldPacket struct {
	packet
	at time.Duration
}

func (h *heldPacket) keep(p packet, now time.Duration) {
	buf := append(h.payload[:0], p.payload...)
	h.packet, h.at = p, now
	h.payload = buf
}

func newLatch(remote netip.AddrPort, allow func(netip.Addr) bool, now time.Duration) latch {
	return latch{remote: remote, allow: allow, learnUntil: now + learnWindow, rank: rankNone}
}

// move begins anew with another address in the SDP. Only that address may prove
// itself, unless the far end is known to sit behind a NAT, where the SDP does not say
// whence packets come. Those from before the move are still in flight, and are foreign.
func (l *latch) move(remote netip.AddrPort, now time.Duration) {
	l.former, l.remote = [2]netip.AddrPort{l.source, l.remote}, remote
	l.reopen(now)
	if !l.translated {
		l.learnUntil = now - 1
	}
}

// reopen lets any source with a claim prove itself again, the present one too.
func (l *latch) reopen(now time.Duration) {
	former, translated := l.former, l.translated
	*l = newLatch(l.remote, l.allow, now)
	l.former, l.translated = former, translated
}

// foreign reports that a source has no claim: it is not the one proven, nor
// better.
func (l *latch) foreign(from netip.AddrPort, now time.Duration) bool {
	return from != l.source && l.rankOf(from, now) >= l.rank
}

// proven reports whether from is the source of this call.
func (l *latch) proven(from netip.AddrPort) bool { return from == l.source }

func (l *latch) rankOf(from netip.AddrPort, now time.Duration) rank {
	switch {
	case from == l.remote:
		return rankExact
	case !l.allow(from.Addr()) || from == l.former[0] || from == l.former[1]:
		return rankNone
	case from.Addr() == l.remote.Addr():
		return rankSameIP
	case now > l.learnUntil:
		return rankNone
	case from.Port() == l.remote.Port():
		return rankSamePort
	}
	return rankAny
}

// try puts a packet on probation. When it is the one that proves its source, the
// source is locked and the packets held so far, this one included, are returned.
func (l *latch) try(from netip.AddrPort, p packet, now time.Duration) []heldPacket {
	c := l.candidate(from, now)
	if c == nil {
		return nil
	}
	if c.n > 0 && (p.ssrc != c.ssrc || p.seq != c.nextSeq) {
		c.n = 0
	}
	c.held[c.n].keep(p, now)
	c.n++
	c.ssrc, c.nextSeq, c.seen = p.ssrc, p.seq+1, now
	if c.n < probation[c.rank] {
		return nil
	}
	l.lock(c)
	return c.held[:c.n]
}

// lock makes a candidate the source and forgets those that are not better.
func (l *latch) lock(c *candidate) {
	l.source, l.rank = c.from, c.rank
	l.translated = l.translated || c.rank > rankSameIP
	for i, other := range l.candidates {
		if other != nil && other.rank >= l.rank {
			l.candidates[i] = nil
		}
	}
}

// candidate finds or makes room for a source. A worse or equal one that was heard
// longest ago gives way; better ones never do, so a flood from strangers
// cannot keep the phone out.
func (l *latch) candidate(from netip.AddrPort, now time.Duration) *candidate {
	r := l.rankOf(from, now)
	victim := -1
	for i, c := range l.candidates {
		switch {
		case c == nil:
			victim = i
		case c.from == from:
			return c
		case victim >= 0 && l.candidates[victim] == nil:
			// room enough
		case c.rank >= r && (victim < 0 || weaker(c, l.candidates[victim])):
			victim = i
		}
	}
	if victim < 0 {
		return nil
	}
	l.candidates[victim] = &candidate{from: from, rank: r}
	return l.candidates[victim]
}

// weaker orders candidates for eviction: the worst rank first, then the oldest.
func weaker(a, b *candidate) bool {
	if a.rank != b.rank {
		return a.rank > b.rank
	}
	return a.seen < b.seen
}

// unicast is the default for addresses that media may go to or come from.
func unicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
