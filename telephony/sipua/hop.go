package sipua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/emiago/sipgo/sip"
)

// errNoListener: requests leave from a socket that we listen on, because answers, and
// requests of the peer, come back there.
var errNoListener = errors.New("no listener of that transport and address family")

// hop is where a request goes that is on no flow yet: one address of a peer and the way
// to get there.
type hop struct {
	transport string // "udp", "tcp" or "tls"
	sips      bool   // the URI was a SIPS URI
	addr      netip.AddrPort
	name      string // the host name it was found under, "" for an address
}

// flowTo is the path to a hop: from our listener of its transport and address family.
func (u *UA) flowTo(h hop) (flow, error) {
	for _, l := range u.addrs {
		if l.Transport != h.transport || !reaches(l.Addr.Addr(), h.addr.Addr()) {
			continue
		}
		f := flow{transport: h.transport, sips: h.sips, source: h.addr.String(), name: h.name, local: l.Addr, host: u.host, media: u.addr}
		if u.host == "" {
			f.media = l.Addr.Addr()
			if f.media.IsUnspecified() {
				f.media = facing(h.addr)
			}
			f.host = f.media.String()
		}
		return f, nil
	}
	return flow{}, fmt.Errorf("%s to %v: %w", h.transport, h.addr, errNoListener)
}

// reaches reports whether packets from a socket bound to local can get to peer.
func reaches(local, peer netip.Addr) bool {
	local, peer = local.Unmap(), peer.Unmap()
	if local == netip.IPv6Unspecified() {
		return true // such a socket of Go's is for both families
	}
	return local.Is4() == peer.Is4() && (local.IsLoopback() == peer.IsLoopback() || local.IsUnspecified())
}

// hop is where a flow goes.
func (f flow) hop() hop {
	addr, _ := netip.ParseAddrPort(f.source)
	return hop{transport: f.transport, sips: f.sips, addr: addr, name: f.name}
}

// begin starts a transaction for a request outside of every dialog, on f. Over UDP it
// leaves from our listener; over a connection from the one that is open, or a new one.
func (u *UA) begin(ctx context.Context, req *sip.Request, f flow) (*sip.ClientTx, error) {
	select {
	case <-u.serves: // from then on answers are read
	case <-ctx.Done():
		return nil, fmt.Errorf("send %s before Serve: %w", req.Method, context.Cause(ctx))
	}
	req.SetTransport(sip.NetworkToUpper(f.transport))
	req.SetDestination(f.source)
	if f.transport == "udp" {
		req.Laddr = sip.Addr{IP: f.local.Addr().AsSlice(), Port: int(f.local.Port())}
	} else if err := u.connect(ctx, f.hop(), false); err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	tx, err := u.layer.Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", req.Method, err)
	}
	return tx, nil
}
