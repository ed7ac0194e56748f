package sipua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Resolver is what is asked of the DNS. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Bounds of what is kept of the DNS. Its own lifetimes do not reach us through the
// system's resolver.
const (
	dnsFresh  = 30 * time.Second // an answer is used unasked that long
	dnsStale  = time.Hour        // and that long when the DNS fails: trunks outlive outages
	dnsNames  = 256              // answers kept; the oldest is forgotten
	maxHops   = 16               // addresses of one peer that are tried
	maxLookup = 5 * time.Second
)

// errNoService: the domain says that there is no such service (RFC 2782, target ".").
var errNoService = errors.New("the domain offers no such service")

// resolver finds the hops of a URI (RFC 3263 §4) and remembers answers for a while.
type resolver struct {
	dns Resolver // static

	mu    sync.Mutex
	cache map[string]dnsAnswer
}

// dnsAnswer is one of the two kinds of answers.
type dnsAnswer struct {
	records []*net.SRV
	addrs   []netip.Addr
	at      time.Time
}

func newResolver(dns Resolver) *resolver {
	return &resolver{dns: dns, cache: make(map[string]dnsAnswer)}
}

// hops finds where a request to uri goes, best first (RFC 3263 §4). The order of equals
// is drawn anew each time.
func (u *UA) hops(ctx context.Context, uri sip.Uri) ([]hop, error) {
	ctx, cancel := context.WithTimeout(ctx, maxLookup)
	defer cancel()
	return u.resolver.hops(ctx, uri, u.transports())
}

// transports are those we listen on, the usual one first.
func (u *UA) transports() []string {
	var list []string
	for _, l := range u.addrs {
		if !slices.Contains(list, l.Transport) {
			list = append(list, l.Transport)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(usual(a), usual(b)) })
	return list
}

func usual(transport string) int { return slices.Index([]string{"udp", "tcp", "tls"}, transport) }

// hops implements UA.hops for a user agent with the given transports.
//
//	sip:192.0.2.1, sip:host:5070    the address, or A and AAAA of the host
//	sip:host;transport=tcp          SRV of _sip._tcp.host, else A and AAAA
//	sip:host                        SRV of the first transport that has any, else UDP
//	sips:host, ;transport=tls       SRV of _sips._tcp.host, else A and AAAA
func (r *resolver) hops(ctx context.Context, uri sip.Uri, transports []string) ([]hop, error) {
	hops, err := r.find(ctx, uri, transports)
	for i := range hops {
		hops[i].sips = strings.EqualFold(uri.Scheme, "sips")
	}
	return hops, err
}

func (r *resolver) find(ctx context.Context, uri sip.Uri, transports []string) ([]hop, error) {
	host := strings.ToLower(strings.Trim(uri.Host, "[]"))
	transport := strings.ToLower(uri.UriParams.GetOr("transport", ""))
	if strings.EqualFold(uri.Scheme, "sips") {
		transport = "tls"
	}
	candidates := []string{transport}
	if transport == "" {
		candidates = transports
		transport = "udp"
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []hop{{transport: transport, addr: netip.AddrPortFrom(a.Unmap(), portOr(uri.Port, transport))}}, nil
	}
	if host == "" {
		return nil, fmt.Errorf("URI without a host: %w", ErrTarget)
	}
	if uri.Port == 0 {
		for _, t := range candidates {
			if hops, err := r.services(ctx, t, host); err != nil || len(hops) > 0 {
				return hops, err
			}
		}
	}
	addrs, err := r.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	return hopsAt(addrs, transport, portOr(uri.Port, transport), host), nil
}

func portOr(port int, transport string) uint16 {
	if port > 0 && port < 1<<16 {
		return uint16(port)
	}
	if transport == "tls" {
		return 5061
	}
	return 5060
}

// hopsAt makes a hop of each address.
func hopsAt(addrs []netip.Addr, transport string, port uint16, name string) []hop {
	var hops []hop
	for _, a := range addrs[:min(len(addrs), maxHops)] {
		hops = append(hops, hop{transport: transport, addr: netip.AddrPortFrom(a.Unmap(), port), name: name})
	}
	return hops
}

// services finds the hops behind the SRV records of one transport; none is no error. A
// target without an address is passed over while another one has any. The name to be
// verified in a certificate is that of the domain, not of the target (RFC 5922 §4).
func (r *resolver) services(ctx context.Context, transport, domain string) ([]hop, error) {
	records, err := r.records(ctx, transport, domain)
	if err != nil || len(records) == 0 {
		return nil, nil // a DNS that fails here fails for the address too, or the peer has no SRV
	}
	var hops []hop
	var failed error
	for _, record := range ranked(records, rand.IntN) {
		target := strings.TrimSuffix(record.Target, ".")
		if target == "" {
			failed = fmt.Errorf("SIP over %s at %s: %w", transport, domain, errNoService)
			continue
		}
		addrs, err := r.addresses(ctx, target)
		if err != nil {
			failed = err
			continue
		}
		hops = append(hops, hopsAt(addrs, transport, portOr(int(record.Port), transport), domain)...)
	}
	if len(hops) == 0 {
		return nil, failed
	}
	return hops[:min(len(hops), maxHops)], nil
}

// ranked orders records by priority, and draws those of one priority by weight
// (RFC 2782): one with twice the weight is twice as often in front. draw returns a
// number in [0, n).
func ranked(records []*net.SRV, draw func(n int) int) []*net.SRV {
	rest := slices.Clone(records)
	slices.SortStableFunc(rest, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Weight, b.Weight))
	})
	var order []*net.SRV
	for len(rest) > 0 {
		end, sum := 0, 0
		for end < len(rest) && rest[end].Priority == rest[0].Priority {
			sum += int(rest[end].Weight)
			end++
		}
		at, mark := 0, draw(sum+1)
		for mark -= int(rest[at].Weight); mark > 0; mark -= int(rest[at].Weight) {
			at++
		}
		order = append(order, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return order
}

func (r *resolver) records(ctx context.Context, transport, domain string) ([]*net.SRV, error) {
	service, proto := "sip", transport
	if transport == "tls" {
		service, proto = "sips", "tcp"
	}
	answer, err := r.ask("_"+service+"._"+proto+"."+domain, func() (a dnsAnswer, err error) {
		_, a.records, err = r.dns.LookupSRV(ctx, service, proto, domain)
		var none *net.DNSError
		if errors.As(err, &none) && none.IsNotFound {
			err = nil
		}
		return a, err
	})
	return answer.records, err
}

func (r *resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	answer, err := r.ask(host, func() (a dnsAnswer, err error) {
		a.addrs, err = r.dns.LookupNetIP(ctx, "ip", host)
		return a, err
	})
	if err == nil && len(answer.addrs) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	return answer.addrs, nil
}

// ask returns the answer about name, a kept one while it is fresh or the DNS fails.
func (r *resolver) ask(name string, lookup func() (dnsAnswer, error)) (dnsAnswer, error) {
	r.mu.Lock()
	kept, ok := r.cache[name]
	r.mu.Unlock()
	if ok && time.Since(kept.at) < dnsFresh {
		return kept, nil
	}
	answer, err := lookup()
	if err != nil {
		if ok && time.Since(kept.at) < dnsStale {
			return kept, nil
		}
		return dnsAnswer{}, err
	}
	answer.at = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.cache[name]; !ok && len(r.cache) >= dnsNames {
		r.dropOldestLocked()
	}
	r.cache[name] = answer
	return answer, nil
}

func (r *resolver) dropOldestLocked() {
	oldest := ""
	for name, a := range r.cache {
		if oldest == "" || a.at.Before(r.cache[oldest].at) {
			oldest = name
		}
	}
	delete(r.cache, oldest)
}
