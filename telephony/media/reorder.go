package media

import "time"

const (
	reorderSlots = 32
	// maxMisorder and maxDropout part a disturbed stream from a new one (RFC 3550
	// A.1): a packet further off must be confirmed by its successor.
	maxMisorder = 100
	maxDropout  = 3000
)

// reorder puts packets of one source back in sequence. In order they pass at once
// and uncopied; behind a gap they wait until the missing one comes, or until the
// window has passed since the first of them came, or as much audio as the window
// waits. There is no clock in it: only packets move packets.
//
//	expected 5          arrives: 7 → held, 6 → held, 5 → out 5 6 7
//	 ring of 32 │5·│6■│7■│ │ │  arrives: 8 after the window → 5 lost, out 6 7 8
//
// A packet of another SSRC, or far off in sequence, is kept aside: if the next
// packet follows it, the source has started again; otherwise it was a stray.
type reorder struct {
	window time.Duration // static
	line   *timeline
	stats  *Stats

	started  bool
	ssrc     uint32
	next     uint16                   // sequence number expected
	seen     uint64                   // bit n: next-1-n was delivered
	held     [reorderSlots]heldPacket // by sequence number modulo slots
	occupied uint32                   // bit per slot
	stray    heldPacket               // the first packet of a possible new start
	hasStray bool
}

// push takes one packet from the source at time now.
func (r *reorder) push(p packet, now time.Duration) {
	if !r.started {
		r.restart(p)
		return
	}
	ahead := int(int16(p.seq - r.next))
	if p.ssrc != r.ssrc || ahead > maxDropout || ahead < -maxMisorder {
		r.suspect(p, now)
		return
	}
	r.dropStray()
	switch {
	case ahead == 0:
		r.deliver(p, false)
		r.drain()
	case ahead < 0:
		r.old(-ahead)
	default:
		r.hold(p, ahead, now)
	}
	r.expire(now)
}

// waiting reports that packets wait for a missing one.
func (r *reorder) waiting() bool { return r.occupied != 0 }

// flush delivers whatever waits, giving up what is missing before it. The clock
// calls it before it fills a silence.
func (r *reorder) flush() {
	for r.occupied != 0 {
		r.skip()
	}
}

// forget delivers what waits and ends the sequence: the next packet begins another.
func (r *reorder) forget() {
	r.flush()
	r.dropStray()
	r.started = false
}

// restart begins a new sequence with p.
func (r *reorder) restart(p packet) {
	r.started, r.ssrc = true, p.ssrc
	r.next, r.seen = p.seq, 0
	r.deliver(p, false)
}

// suspect handles a packet that does not belong to the sequence. Its successor
// confirms it; anything of the old sequence in between refutes it.
func (r *reorder) suspect(p packet, now time.Duration) {
	if !r.hasStray || p.ssrc != r.stray.ssrc || p.seq != r.stray.seq+1 {
		r.dropStray()
		r.stray.keep(p, now)
		r.hasStray = true
		return
	}
	r.hasStray = false
	r.flush()
	r.line.reset()
	r.restart(r.stray.packet)
	r.deliver(p, false)
}

func (r *reorder) dropStray() {
	if r.hasStray {
		r.hasStray = false
		r.stats.Strays++
	}
}

// deliver passes the expected packet on.
func (r *reorder) deliver(p packet, lost bool) {
	r.next = p.seq + 1
	r.seen = r.seen<<1 | 1
	r.line.packet(p, lost)
}

// old counts a packet whose turn has passed: seen already, or given up.
func (r *reorder) old(behind int) {
	if behind <= 64 && r.seen&(1<<(behind-1)) != 0 {
		r.stats.Duplicate++
		return
	}
	r.stats.Late++
}

// hold keeps a packet that came too early. One too far ahead for the ring gives up
// whatever is missing.
func (r *reorder) hold(p packet, ahead int, now time.Duration) {
	if ahead >= reorderSlots {
		r.flush()
		r.jump(p)
		return
	}
	i := p.seq % reorderSlots
	if r.occupied&(1<<i) != 0 {
		r.stats.Duplicate++
		return
	}
	if r.heldBehind(p.seq) {
		r.stats.Reordered++
	}
	r.held[i].keep(p, now)
	r.occupied |= 1 << i
}

// heldBehind reports that a later packet than seq is held already.
func (r *reorder) heldBehind(seq uint16) bool {
	for ahead := seq - r.next + 1; ahead < reorderSlots; ahead++ {
		if r.occupied&(1<<((r.next+ahead)%reorderSlots)) != 0 {
			return true
		}
	}
	return false
}

// drain delivers what follows without a gap.
func (r *reorder) drain() {
	if r.occupied != 0 { // it closed a gap: it came after a later one
		r.stats.Reordered++
	}
	for r.occupied&(1<<(r.next%reorderSlots)) != 0 {
		r.takeNext(false)
	}
}

// expire gives up missing packets while one behind them has waited out the
// window, or the window's worth of audio has piled up.
func (r *reorder) expire(now time.Duration) {
	for r.occupied != 0 && r.overdue(now) {
		r.skip()
	}
}

func (r *reorder) overdue(now time.Duration) bool {
	samples := 0
	for i := range r.held {
		if r.occupied&(1<<i) == 0 {
			continue
		}
		if now-r.held[i].at >= r.window {
			return true
		}
		samples += len(r.held[i].payload)
	}
	return samples >= bytesOf(r.window)
}

// skip gives up the missing packets before the first one held, and delivers that
// one and those that follow it.
func (r *reorder) skip() {
	missing := 0
	for r.occupied&(1<<(r.next%reorderSlots)) == 0 {
		r.next++
		r.seen <<= 1
		missing++
	}
	r.lose(missing)
	r.takeNext(missing > 0)
	for r.occupied&(1<<(r.next%reorderSlots)) != 0 {
		r.takeNext(false)
	}
}

// jump gives up everything before p, with nothing held.
func (r *reorder) jump(p packet) {
	missing := int(p.seq - r.next)
	r.lose(missing)
	r.seen = 0
	r.deliver(p, missing > 0)
}

// lose counts packets in a row that are given up.
func (r *reorder) lose(n int) {
	if n == 0 {
		return
	}
	r.stats.Lost += uint64(n)
	r.stats.LossBursts++
	r.stats.LossLongest = max(r.stats.LossLongest, uint64(n))
}

// takeNext delivers the held packet that is expected.
func (r *reorder) takeNext(lost bool) {
	i := r.next % reorderSlots
	r.occupied &^= 1 << i
	r.deliver(r.held[i].packet, lost)
}
