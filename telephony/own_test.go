package telephony

import (
	"net/netip"
	"testing"

	"github.com/trunkline/trunkline/telephony/media"
)

func TestOwnSockets(t *testing.T) {
	ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pacer := media.NewPacer()
	defer pacer.Close()
	session, err := media.Open(media.Config{Ports: ports, Pacer: pacer})
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(session.Port())
	nat := netip.MustParseAddr("203.0.113.9")
	o := &own{addrs: map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true}, sip: map[uint16]bool{5060: true}, first: 20000, last: 20099, ports: []*media.Ports{ports}}
	for addr, ports := range map[string]map[uint16]bool{
		"127.0.0.1":        {5060: true, 20000: true, 20099: true, 20100: false, port: true, port + 1: true},
		"::ffff:192.0.2.1": {5060: true, 20000: true, 6: false},
		"203.0.113.9":      {5060: true, 20050: true, 6: false},
		"198.51.100.1":     {5060: false, 20000: false, port: false},
	} {
		for p, want := range ports {
			if got := o.has(netip.AddrPortFrom(netip.MustParseAddr(addr), p), nat); got != want {
				t.Errorf("%s:%d: %v", addr, p, got)
			}
		}
	}
	if err := session.Close(); err != nil || ports.Holds(port) {
		t.Errorf("still held after Close: %v", err)
	}
}
