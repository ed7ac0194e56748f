package telephony

import (
	"net/netip"
	"strings"

	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// trunks finds the trunk of a source address. Static after construction.
type trunks struct {
	list   []Trunk
	byName map[string]*Trunk
	auth   map[string]*sipua.Auth
}

func newTrunks(list []Trunk) *trunks {
	t := &trunks{list: list, byName: make(map[string]*Trunk), auth: make(map[string]*sipua.Auth)}
	for i := range list {
		t.byName[list[i].Name] = &t.list[i]
		t.auth[list[i].Name] = authOf(list[i])
	}
	return t
}

// find returns the trunk that lists a, the one with the narrowest network if several do,
// or nil. There are few trunks with few networks: a walk over them takes less than a
// microsecond and allocates nothing.
func (t *trunks) find(a netip.Addr) *Trunk {
	a = a.Unmap()
	var found *Trunk
	bits := -1
	for i := range t.list {
		for _, p := range t.list[i].Sources {
			if contains(p, a) && plain(p).Bits() > bits {
				found, bits = &t.list[i], plain(p).Bits()
			}
		}
	}
	return found
}

// of returns the trunk that a source belongs to, or nil: the one whose name it proved, or
// else the one that lists its address.
func (t *trunks) of(src sipua.Source) *Trunk {
	for _, name := range src.TLSNames {
		for i := range t.list {
			if t.list[i].hasName(name) {
				return &t.list[i]
			}
		}
	}
	return t.find(src.Addr.Addr())
}

func (t *Trunk) hasName(name string) bool {
	for _, own := range t.TLSNames {
		if plainName(own) == plainName(name) {
			return true
		}
	}
	return false
}

// plainName is a host name in the form in which names are compared.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// contains also matches "::ffff:192.0.2.0/120" against an IPv4 address.
func contains(p netip.Prefix, a netip.Addr) bool { return plain(p).Contains(a) }

// plain is a prefix in its IPv4 form where it has one.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// overlapping returns the first two networks of two trunks that share addresses which
// could belong to either. Where one trunk asks for a password the narrower network
// decides: a carrier with known addresses beside phones from anywhere.
func overlapping(a, b Trunk) (netip.Prefix, netip.Prefix, bool) {
	for _, p := range a.Sources {
		for _, q := range b.Sources {
			decided := (a.Auth != nil || b.Auth != nil) && plain(p).Bits() != plain(q).Bits()
			if p.IsValid() && q.IsValid() && plain(p).Overlaps(plain(q)) && !decided {
				return p, q, true
			}
		}
	}
	return netip.Prefix{}, netip.Prefix{}, false
}

// allowsMedia reports whether we may send audio to media for a call that was signalled
// from source. An offer may name any victim, so the address must make sense.
func (t *Trunk) allowsMedia(media, source netip.AddrPort) bool {
	a := media.Addr().Unmap()
	if !sdp.UsableAddr(a) || media.Port() == 0 {
		return false
	}
	if len(t.MediaNetworks) == 0 {
		return !a.IsLoopback() || source.Addr().Unmap().IsLoopback()
	}
	for _, p := range t.MediaNetworks {
		if contains(p, a) {
			return true
		}
	}
	return false
}
