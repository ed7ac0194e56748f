package sipua

import (
	"errors"
	"net/netip"
	"testing"
)

// A request leaves from the listener of its transport and address family.
func TestFlowTo(t *testing.T) {
	listeners := func(list ...string) (all []ListenAddr) {
		for _, s := range list {
			all = append(all, ListenAddr{s[:3], netip.MustParseAddrPort(s[6:])})
		}
		return all
	}
	for _, c := range []struct {
		name      string
		addrs     []ListenAddr
		transport string
		peer      string
		want      string // local address, "" when there is none
	}{
		{"transport", listeners("udp://192.0.2.1:5060", "tcp://192.0.2.1:5070"), "tcp", "198.51.100.1:5060", "192.0.2.1:5070"},
		{"family", listeners("udp://192.0.2.1:5060", "udp://[2001:db8::1]:5062"), "udp", "[2001:db8::9]:5060", "[2001:db8::1]:5062"},
		{"every address of both families", listeners("udp://[::]:5060"), "udp", "198.51.100.1:5060", "[::]:5060"},
		{"every address of IPv4", listeners("udp://0.0.0.0:5060"), "udp", "[2001:db8::9]:5060", ""},
		{"loopback is for loopback", listeners("udp://127.0.0.1:5060", "udp://192.0.2.1:5061"), "udp", "198.51.100.1:5060", "192.0.2.1:5061"},
		{"loopback", listeners("udp://192.0.2.1:5061", "udp://127.0.0.1:5060"), "udp", "127.0.0.1:5090", "127.0.0.1:5060"},
		{"no TCP", listeners("udp://192.0.2.1:5060"), "tcp", "198.51.100.1:5060", ""},
	} {
		u := &UA{addrs: c.addrs, host: "sip.example.com", addr: netip.MustParseAddr("203.0.113.1")}
		f, err := u.flowTo(hop{transport: c.transport, addr: netip.MustParseAddrPort(c.peer)})
		if c.want == "" {
			if !errors.Is(err, errNoListener) {
				t.Errorf("%s: %v, %v", c.name, f.local, err)
			}
			continue
		}
		if err != nil || f.local.String() != c.want || f.source != c.peer || f.transport != c.transport || f.host != u.host || f.media != u.addr {
			t.Errorf("%s: %+v, %v", c.name, f, err)
		}
	}
	u := &UA{addrs: listeners("udp://0.0.0.0:5060")}
	if f, err := u.flowTo(hop{transport: "udp", addr: netip.MustParseAddrPort("127.0.0.1:5090")}); err != nil || f.host != "127.0.0.1" || f.media.String() != "127.0.0.1" {
		t.Errorf("the address that faces the peer: %+v, %v", f, err)
	}
}
