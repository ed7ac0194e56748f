package sipua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// zone is a DNS of its own.
type zone struct {
	mu    sync.Mutex
	srv   map[string][]*net.SRV // by "_sip._udp.example.com"
	hosts map[string][]string
	down  bool
	asked []string
}

var errDNSDown = errors.New("no name server answers")

func (z *zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	full := "_" + service + "._" + proto + "." + name
	z.asked = append(z.asked, full)
	switch records, ok := z.srv[full]; {
	case z.down:
		return "", nil, errDNSDown
	case ok:
		return full, records, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: full, IsNotFound: true}
}

func (z *zone) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, host)
	if z.down || network != "ip" {
		return nil, errDNSDown
	}
	var addrs []netip.Addr
	for _, a := range z.hosts[host] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func testZone() *zone {
	return &zone{
		srv: map[string][]*net.SRV{
			"_sip._udp.example.com":  {{Target: "b.example.com.", Port: 5070, Priority: 20}, {Target: "a.example.com.", Port: 5060, Priority: 10}},
			"_sip._tcp.example.com":  {{Target: "a.example.com.", Port: 5080, Priority: 1}},
			"_sips._tcp.example.com": {{Target: "a.example.com.", Port: 5061, Priority: 1}},
			"_sip._tcp.tcp.test":     {{Target: "gone.test.", Port: 5060, Priority: 1}, {Target: "a.example.com.", Port: 5062, Priority: 2}},
			"_sip._udp.closed.test":  {{Target: ".", Port: 0}},
		},
		hosts: map[string][]string{
			"example.com": {"192.0.2.9"}, "a.example.com": {"192.0.2.1", "2001:db8::1"}, "b.example.com": {"192.0.2.2"}, "closed.test": {"192.0.2.3"},
		},
	}
}

func resolved(t *testing.T, r *resolver, uri string, transports ...string) (string, error) {
	t.Helper()
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		t.Fatal(err)
	}
	hops, err := r.hops(t.Context(), u, transports)
	var list []string
	for _, h := range hops {
		list = append(list, h.transport+" "+h.addr.String())
	}
	return strings.Join(list, ", "), err
}

func TestHops(t *testing.T) {
	for _, c := range []struct{ uri, want string }{
		{"sip:192.0.2.7", "udp 192.0.2.7:5060"},
		{"sip:192.0.2.7:5070;transport=TCP", "tcp 192.0.2.7:5070"},
		{"sip:[2001:db8::7]", "udp [2001:db8::7]:5060"},
		{"sips:192.0.2.7", "tls 192.0.2.7:5061"},
		{"sip:192.0.2.7;transport=tls", "tls 192.0.2.7:5061"},
		{"sip:example.com", "udp 192.0.2.1:5060, udp [2001:db8::1]:5060, udp 192.0.2.2:5070"},
		{"sip:EXAMPLE.com;transport=udp", "udp 192.0.2.1:5060, udp [2001:db8::1]:5060, udp 192.0.2.2:5070"},
		{"sip:example.com;transport=tcp", "tcp 192.0.2.1:5080, tcp [2001:db8::1]:5080"},
		{"sips:example.com", "tls 192.0.2.1:5061, tls [2001:db8::1]:5061"},
		{"sip:example.com:5090", "udp 192.0.2.9:5090"},
		{"sip:tcp.test", "tcp 192.0.2.1:5062, tcp [2001:db8::1]:5062"}, // no UDP there; the first target is gone
		{"sip:b.example.com", "udp 192.0.2.2:5060"},
		{"sip:b.example.com;transport=tcp", "tcp 192.0.2.2:5060"},
	} {
		if got, err := resolved(t, newResolver(testZone()), c.uri, "udp", "tcp"); got != c.want || err != nil {
			t.Errorf("%s: %q, %v", c.uri, got, err)
		}
	}
}

func TestHopsOfNobody(t *testing.T) {
	r := newResolver(testZone())
	if got, err := resolved(t, r, "sip:nowhere.test", "udp"); err == nil {
		t.Errorf("nowhere is at %q", got)
	}
	if got, err := resolved(t, r, "sip:closed.test", "udp"); !errors.Is(err, errNoService) {
		t.Errorf("a domain without the service: %q, %v", got, err)
	}
}

func TestHopsAreBounded(t *testing.T) {
	z := testZone()
	for i := range 200 {
		z.srv["_sip._udp.big.test"] = append(z.srv["_sip._udp.big.test"], &net.SRV{Target: "big.test.", Port: uint16(1000 + i)})
		z.hosts["big.test"] = append(z.hosts["big.test"], fmt.Sprintf("198.51.100.%d", i))
	}
	got, err := resolved(t, newResolver(z), "sip:big.test", "udp")
	if n := strings.Count(got, "udp"); n != maxHops || err != nil {
		t.Errorf("%d hops, %v", n, err)
	}
}

// Twice the weight is twice as often in front, and the lower priority always comes last.
func TestRankedFollowsTheWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	records := []*net.SRV{{Target: "backup", Priority: 9, Weight: 1000}, {Target: "big", Priority: 1, Weight: 200},
		{Target: "small", Priority: 1, Weight: 100}, {Target: "zero", Priority: 1}}
	first := make(map[string]int)
	const rounds = 30000
	for range rounds {
		order := ranked(records, random.IntN)
		if len(order) != 4 || order[3].Target != "backup" {
			t.Fatalf("order %v", order)
		}
		first[order[0].Target]++
	}
	if ratio := float64(first["big"]) / float64(first["small"]); ratio < 1.8 || ratio > 2.2 || first["zero"] == 0 || first["zero"] > rounds/50 {
		t.Errorf("first: %v", first)
	}
}

func TestDNSAnswersAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := testZone()
		r := newResolver(z)
		want, _ := resolved(t, r, "sip:example.com", "udp")
		asked := len(z.asked)
		again, _ := resolved(t, r, "sip:example.com", "udp")
		if again != want || len(z.asked) != asked {
			t.Errorf("%q, asked %d more", again, len(z.asked)-asked)
		}
		time.Sleep(dnsFresh)
		z.hosts["b.example.com"] = []string{"192.0.2.22"}
		if got, _ := resolved(t, r, "sip:example.com", "udp"); !strings.Contains(got, "192.0.2.22") {
			t.Errorf("a change was not seen: %q", got)
		}
		z.down = true // the trunk outlives the DNS
		time.Sleep(dnsStale - time.Second)
		if got, err := resolved(t, r, "sip:example.com", "udp"); !strings.Contains(got, "192.0.2.22") {
			t.Errorf("DNS down: %q, %v", got, err)
		}
		time.Sleep(time.Second)
		if got, err := resolved(t, r, "sip:example.com", "udp"); !errors.Is(err, errDNSDown) {
			t.Errorf("DNS down for long: %q, %v", got, err)
		}
	})
}

func TestDNSCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := testZone()
		r := newResolver(z)
		for i := range 3 * dnsNames {
			time.Sleep(time.Millisecond)
			name := fmt.Sprintf("h%d.test", i)
			z.hosts[name] = []string{"192.0.2.1"}
			_, _ = resolved(t, r, "sip:"+name+":5060", "udp")
		}
		if _, ok := r.cache[fmt.Sprintf("h%d.test", 3*dnsNames-1)]; len(r.cache) != dnsNames || !ok {
			t.Errorf("%d names kept, the last one: %v", len(r.cache), ok)
		}
	})
}
