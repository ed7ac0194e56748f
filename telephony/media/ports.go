package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// ErrNoPorts says that no RTP port pair could be had: all are in use, here or by
// other programs. The caller of the call deserves a 503.
var ErrNoPorts = errors.New("no free RTP ports")

// Ports hands out pairs of UDP sockets: RTP on an even port, RTCP on the odd one
// above it (RFC 3550 §11). Free pairs wait in a queue that starts shuffled: taking
// one costs the same when the range is empty or nearly full. A pair that was given back
// rests in quarantine first, and then is the last to be used again. Close ends the
// quarantines. It is safe for concurrent use.
type Ports struct {
	bind   netip.Addr       // static
	total  int              // static; 0: any pair the system gives
	most   int              // static; pairs in quarantine
	clock  func() time.Time // static
	listen listenFunc       // static
	stop   chan struct{}    // closed by Close
	reaper sync.WaitGroup   // reap

	mu      sync.Mutex          // guards all below
	free    []uint16            // ring of even ports
	head    int                 // the next to take
	count   int                 // how many are in free
	inUse   int                 // pairs of calls
	bound   map[uint16]struct{} // even ports of pairs that are open, in quarantine too
	rest    []resting           // pairs in quarantine, in no order
	reaping bool                // reap runs
	closed  bool
	stale   uint64
	hurried uint64
	scratch [64]byte // for what is drained
}

type listenFunc func(bind netip.Addr, port uint16) (*net.UDPConn, error)

// PortStats are the figures of Ports. Pairs are in use, in quarantine, or free.
type PortStats struct {
	Capacity    int    // pairs in the range; 0 if the system chooses
	InUse       int    // pairs of calls
	Quarantined int    // pairs that are still bound after their call
	Stale       uint64 // datagrams that came for a call after its end
	Hurried     uint64 // quarantines cut short for a new call, or for their number
}

// bindTries is how many pairs are tried when other programs sit in the range.
const bindTries = 64

// NewPorts makes an allocator on address bind for the ports first to last, both
// included. 0 and 0 mean any free pair the system gives, for tests and demos. A
// range must lie within 1024..65535 and hold an even port with its successor.
func NewPorts(bind netip.Addr, first, last int) (*Ports, error) {
	if !bind.IsValid() {
		return nil, errors.New("media: RTP bind address is missing")
	}
	p := &Ports{bind: bind.Unmap(), most: mostResting, clock: time.Now, listen: listenUDP, stop: make(chan struct{}),
		bound: make(map[uint16]struct{})}
	if first == 0 && last == 0 {
		return p, nil
	}
	if first < 1024 || last > 65535 || (first+1)&^1+1 > last {
		return nil, fmt.Errorf("media: RTP port range %d-%d holds no even/odd pair in 1024-65535", first, last)
	}
	for port := (first + 1) &^ 1; port < last; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	p.total, p.count = len(p.free), len(p.free)
	return p, nil
}

// InUse returns how many pairs calls hold, those in quarantine not included.
func (p *Ports) InUse() int { return p.Stats().InUse }

// Holds reports whether port belongs to a pair that is bound, as its RTP or RTCP port.
func (p *Ports) Holds(port uint16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.bound[port&^1]
	return ok
}

func (p *Ports) note(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound[port] = struct{}{}
}

// Capacity returns how many pairs the range holds; 0 if the system chooses.
func (p *Ports) Capacity() int { return p.total }

// Stats returns the figures of this moment.
func (p *Ports) Stats() PortStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PortStats{Capacity: p.total, InUse: p.inUse, Quarantined: len(p.rest), Stale: p.stale, Hurried: p.hurried}
}

// pair is one call's sockets. port is the even one.
type pair struct {
	rtp, rtcp *net.UDPConn
	port      uint16
}

// open binds a free pair. The error is ErrNoPorts, or what the system said when
// it was not about the port.
func (p *Ports) open() (pair, error) {
	for i := range bindTries + 1 {
		take := p.take
		if i == bindTries { // other programs sit on all that are free
			take = p.takeResting
		}
		port, ok := take()
		if !ok {
			return pair{}, ErrNoPorts
		}
		pr, err := p.bindPair(port)
		if err == nil {
			p.note(pr.port)
			return pr, nil
		}
		p.giveBack(port)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
		case errors.Is(err, syscall.EMFILE) && p.hurry(): // no descriptors: quarantine holds some
		default:
			return pair{}, fmt.Errorf("bind RTP ports: %w", err)
		}
	}
	return pair{}, ErrNoPorts
}

// close takes a pair back, whose readers have left. Sockets that do not rest are freed
// first and the port last: it must not be handed out while it is still bound.
func (p *Ports) close(pr pair) error {
	p.mu.Lock()
	if p.total > 0 && !p.closed {
		defer p.mu.Unlock()
		p.inUse--
		return p.restLocked(pr)
	}
	p.mu.Unlock()
	err := errors.Join(pr.rtp.Close(), pr.rtcp.Close())
	p.giveBack(pr.port)
	return err
}

// take reserves a port, 0 if the system is to choose.
func (p *Ports) take() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total > 0 {
		if p.count == 0 && !p.hurryLocked() {
			return 0, false
		}
		port = p.free[p.head]
		p.head = (p.head + 1) % p.total
		p.count--
	}
	p.inUse++
	return port, true
}

// takeResting reserves a port out of quarantine, past the queue.
func (p *Ports) takeResting() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hurryLocked() {
		return 0, false
	}
	p.count-- // releasing put it last
	p.inUse++
	return p.free[(p.head+p.count)%p.total], true
}

func (p *Ports) giveBack(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse--
	p.freeLocked(port)
}

// freeLocked puts a port of the range at the end of the queue.
func (p *Ports) freeLocked(port uint16) {
	delete(p.bound, port)
	if p.total > 0 {
		p.free[(p.head+p.count)%p.total] = port
		p.count++
	}
}

func (p *Ports) hurry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hurryLocked()
}

// bindPair binds port and the one above. With port 0 the system picks one, and if
// that is odd, or its neighbour is taken, the answer is EADDRINUSE: try again.
func (p *Ports) bindPair(port uint16) (pair, error) {
	rtp, err := p.listen(p.bind, port)
	if err != nil {
		return pair{}, err
	}
	even := rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if even%2 != 0 {
		return pair{}, errors.Join(syscall.EADDRINUSE, rtp.Close())
	}
	rtcp, err := p.listen(p.bind, even+1)
	if err != nil {
		return pair{}, errors.Join(err, rtp.Close())
	}
	pr := pair{rtp: rtp, rtcp: rtcp, port: even}
	return pr, pr.tune()
}
