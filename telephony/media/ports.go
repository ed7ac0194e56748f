package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// ErrNoPorts says that no RTP port pair could be had: all are in use, here or by
// other programs. The caller of the call deserves a 503.
var ErrNoPorts = errors.New("no free RTP ports")

// Ports hands out pairs of UDP sockets: RTP on an even port, RTCP on the odd one
// above it (RFC 3550 §11). Free pairs wait in a queue that starts shuffled: taking
// one costs the same when the range is empty or nearly full, and a pair that was
// given back is the last to be used again, so that a far end that has not yet
// noticed the end of its call does not talk into the next one. It is safe for
// concurrent use.
type Ports struct {
	bind  netip.Addr // static
	total int        // static; 0: any pair the system gives

	mu    sync.Mutex
	free  []uint16 // guarded by mu; ring of even ports
	head  int      // guarded by mu; the next to take
	count int      // guarded by mu; how many are in free
	inUse int      // guarded by mu
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
	p := &Ports{bind: bind.Unmap()}
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

// InUse returns how many pairs are bound.
func (p *Ports) InUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inUse
}

// Capacity returns how many pairs the range holds; 0 if the system chooses.
func (p *Ports) Capacity() int { return p.total }

// pair is one call's sockets. port is the even one.
type pair struct {
	rtp, rtcp *net.UDPConn
	port      uint16
}

// open binds a free pair. The error is ErrNoPorts, or what the system said when
// it was not about the port.
func (p *Ports) open() (pair, error) {
	for range bindTries {
		port, ok := p.take()
		if !ok {
			return pair{}, ErrNoPorts
		}
		pr, err := p.bindPair(port)
		if err == nil {
			return pr, nil
		}
		p.giveBack(port)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return pair{}, fmt.Errorf("bind RTP ports: %w", err)
		}
	}
	return pair{}, ErrNoPorts
}

// close frees the sockets first and the port last: it must not be handed out
// while it is still bound.
func (p *Ports) close(pr pair) error {
	err := errors.Join(pr.rtp.Close(), pr.rtcp.Close())
	p.giveBack(pr.port)
	return err
}

// take reserves a port, 0 if the system is to choose.
func (p *Ports) take() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total > 0 {
		if p.count == 0 {
			return 0, false
		}
		port = p.free[p.head]
		p.head = (p.head + 1) % p.total
		p.count--
	}
	p.inUse++
	return port, true
}

func (p *Ports) giveBack(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse--
	if p.total > 0 {
		p.free[(p.head+p.count)%p.total] = port
		p.count++
	}
}

// bindPair binds port and the one above. With port 0 the system picks one, and if
// that is odd, or its neighbour is taken, the answer is EADDRINUSE: try again.
func (p *Ports) bindPair(port uint16) (pair, error) {
	rtp, err := listenUDP(p.bind, port)
	if err != nil {
		return pair{}, err
	}
	even := rtp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if even%2 != 0 {
		return pair{}, errors.Join(syscall.EADDRINUSE, rtp.Close())
	}
	rtcp, err := listenUDP(p.bind, even+1)
	if err != nil {
		return pair{}, errors.Join(err, rtp.Close())
	}
	pr := pair{rtp: rtp, rtcp: rtcp, port: even}
	return pr, pr.tune()
}
