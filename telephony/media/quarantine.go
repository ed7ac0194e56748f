package media

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// A pair of a range that a call has given up stays bound for a while, and what still
// comes is read and dropped: a far end that has not noticed the end of its call must not
// talk into the next one. It is free again when nothing has come for restQuiet, and in
// any case after restMost. A lost BYE is repeated for 32 s, and so long the far end may
// go on talking.
//
//	call ends ──► bound, drained ──── 5 s of quiet, or 2 min ────► free, last in the queue
//	                 │
//	                 └── no free pair left: the one quiet the longest goes to the next call
//
// Pairs that the system chose have no quarantine: it takes them out of some 28,000 at
// random.
const (
	restQuiet = 5 * time.Second
	restMost  = 2 * time.Minute
	// sweepEvery is how often what came is drained.
	sweepEvery = 250 * time.Millisecond
	// mostResting bounds the pairs in quarantine: each one holds two descriptors.
	mostResting = 512
	// drainAtOnce bounds the datagrams that one sweep takes from a socket: a talking peer
	// sends 13 between two sweeps, a flood must not hold up the others.
	drainAtOnce = 64
)

// resting is a pair in quarantine.
type resting struct {
	pair
	raw          [2]syscall.RawConn // of both sockets; nil when the system gave none
	since, heard time.Time          // when the call ended, when something came last
}

// restLocked takes a pair into quarantine. The reaper runs while there is one: a single
// goroutine for all of them.
func (p *Ports) restLocked(pr pair) error {
	var err error
	if len(p.rest) >= p.most {
		err = p.releaseLocked(p.quietestLocked())
		p.hurried++
	}
	now := p.clock()
	r := resting{pair: pr, since: now, heard: now}
	for i, c := range []*net.UDPConn{pr.rtp, pr.rtcp} {
		_ = c.SetReadDeadline(time.Time{}) // the reader of the call was sent away by one
		if raw, err := c.SyscallConn(); err == nil {
			r.raw[i] = raw
		}
	}
	p.rest = append(p.rest, r)
	if !p.reaping {
		p.reaping = true
		p.reaper.Go(p.reap)
	}
	return err
}

// reap sweeps until nothing rests, or Close.
func (p *Ports) reap() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for p.sweep(p.clock()) {
		select {
		case <-t.C:
		case <-p.stop:
			return
		}
	}
}

// sweep drains the pairs at rest and frees those that are quiet. It reports whether
// any are left. The lock is held for about a microsecond a pair.
func (p *Ports) sweep(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.rest) - 1; i >= 0; i-- {
		r := &p.rest[i]
		n := 0
		for _, raw := range r.raw {
			n += p.drainLocked(raw)
		}
		if n > 0 {
			p.stale += uint64(n)
			r.heard = now
		}
		if now.Sub(r.heard) >= restQuiet || now.Sub(r.since) >= restMost {
			_ = p.releaseLocked(i) // closing a UDP socket can only fail if it was closed
		}
	}
	p.reaping = len(p.rest) > 0
	return p.reaping
}

// drainLocked reads what has come and returns how many datagrams that were.
func (p *Ports) drainLocked(raw syscall.RawConn) (n int) {
	if raw == nil {
		return 0
	}
	_ = raw.Read(func(fd uintptr) bool {
		for n < drainAtOnce {
			if _, err := syscall.Read(int(fd), p.scratch[:]); err == nil {
				n++
			} else if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		return true // never wait
	})
	return n
}

// quietestLocked is the pair that has been quiet for longest, -1 if none rests.
func (p *Ports) quietestLocked() int {
	best := -1
	for i := range p.rest {
		if best < 0 || p.rest[i].heard.Before(p.rest[best].heard) {
			best = i
		}
	}
	return best
}

// releaseLocked ends the quarantine of a pair: closed first, then free, so that a port is
// not handed out while it is bound. What waits in the sockets goes with them.
func (p *Ports) releaseLocked(i int) error {
	r := p.rest[i]
	last := len(p.rest) - 1
	p.rest[i] = p.rest[last]
	p.rest[last] = resting{}
	p.rest = p.rest[:last]
	err := errors.Join(r.rtp.Close(), r.rtcp.Close())
	p.freeLocked(r.port)
	return err
}

// hurryLocked frees the quietest pair at rest for a call that would be refused without.
func (p *Ports) hurryLocked() bool {
	i := p.quietestLocked()
	if i < 0 {
		return false
	}
	p.hurried++
	_ = p.releaseLocked(i)
	return true
}

// Close ends all quarantines and the goroutine that watches them, and returns when it has
// left. Pairs of running calls are not touched; they are free as soon as their call ends.
func (p *Ports) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
		for len(p.rest) > 0 {
			_ = p.releaseLocked(len(p.rest) - 1)
		}
	}
	p.mu.Unlock()
	p.reaper.Wait()
}
