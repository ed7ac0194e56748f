package configs

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// sip checks the listeners and the advertised address.
func (k *checker) sip() {
	for i, l := range k.SIP.Listen {
		if first := slices.Index(k.SIP.Listen, l); first < i && l != "" {
			k.fault(element("sip.listen", i), "is the same as the one before%s; remove it", k.line(element("sip.listen", first)))
		}
	}
	addr, err := netip.ParseAddr(string(k.SIP.Advertise))
	if err == nil && (addr.IsUnspecified() || addr.IsMulticast() || addr.Zone() != "") {
		k.fault("sip.advertise", "is not an address that a peer can send to; write the one by which peers reach this machine")
	}
	k.tls()
	k.sessionTimers(&k.SIP.SessionTimers, "sip.session_timers")
}

// tls checks that there is a certificate to show, and its key.
func (k *checker) tls() {
	own := TLS{}
	if k.SIP.TLS != nil {
		own = *k.SIP.TLS
	}
	switch {
	case own.Certificate != "" && own.Key == "":
		k.fault("sip.tls.key", "is missing; name the file with the private key of the certificate")
	case own.Key != "" && own.Certificate == "":
		k.fault("sip.tls.certificate", "is missing; name the file with the certificate of the key")
	case own.Certificate == "" && k.listensTLS():
		first := slices.IndexFunc(k.SIP.Listen, func(l ListenAddr) bool { return l.Transport() == "tls" })
		k.fault(element("sip.listen", first), "needs a certificate; name the files in sip: tls: { certificate: fullchain.pem, key: privkey.pem }")
	}
}

// owned is one source address of one trunk.
type owned struct {
	source CIDR
	trunk  int
	key    string
}

// trunks checks that each source address belongs to one trunk, and each trunk by itself.
func (k *checker) trunks() {
	var all []owned
	for i, t := range k.Trunks {
		for j, source := range t.Sources {
			key := element(element("trunks", i)+".sources", j)
			if source.IsValid() {
				all = append(all, owned{source, i, key})
			}
			if source.IsValid() && source.Bits() == 0 && t.Auth == nil {
				k.warn(key, "lets everybody call who can reach this machine, at your expense; name the addresses of the trunk")
			}
		}
	}
	k.overlaps(all)
	k.tlsOwners()
	k.authUsers()
	for i := range k.Trunks {
		k.trunk(&k.Trunks[i], element("trunks", i))
	}
}

// overlaps sorts by first address and width: each range then comes after those that contain it, and two ranges either
// contain one another or have nothing in common.
func (k *checker) overlaps(all []owned) {
	slices.SortStableFunc(all, func(a, b owned) int {
		return cmp.Or(a.source.Addr().Compare(b.source.Addr()), cmp.Compare(a.source.Bits(), b.source.Bits()))
	})
	var around []owned // contain the one looked at
	for _, o := range all {
		around = slices.DeleteFunc(around, func(p owned) bool { return !p.source.Overlaps(o.source.Prefix) })
		for _, p := range around {
			if p.trunk == o.trunk {
				continue
			}
			later, earlier := o, p
			if p.trunk > o.trunk {
				later, earlier = p, o
			}
			k.fault(later.key, "%s overlaps %s of trunk %q%s; an address can belong to one trunk only", later.source,
				earlier.source, k.Trunks[earlier.trunk].Name, k.line(earlier.key))
			break
		}
		around = append(around, o)
	}
}

// routes checks where each leads and that each can be reached.
func (k *checker) routes() {
	before := covers{}
	for i, r := range k.Routes {
		key := element("routes", i)
		k.reference(key+".agent", "agent", r.Agent, k.agents)
		k.reference(key+".trunk", "trunk", r.Trunk, k.trunkNames)
		if strings.Contains(strings.TrimSuffix(r.To, "*"), "*") {
			k.fault(key+".to", "has a * that is not at its end; write a number, a beginning such as +1555*, or *")
			continue
		}
		if strings.ContainsAny(r.To, " \t\r\n@") {
			k.fault(key+".to", "holds a space or an @; write the number alone, as it is dialled, such as +15551230001")
			continue
		}
		if first, ok := before.find(r); ok {
			k.warn(key, "is never reached, because %s%s takes its calls before; move it up, or remove it",
				element("routes", first), k.line(element("routes", first)))
		}
		before.add(r, i)
	}
}

// covers knows the routes so far, by trunk and number.
type covers map[[2]string]int

func (c covers) add(r Route, i int) {
	if _, taken := c[[2]string{r.Trunk, r.To}]; !taken {
		c[[2]string{r.Trunk, r.To}] = i
	}
}

// find returns an earlier route that takes every call of r: the same number, or a beginning of it with a star.
func (c covers) find(r Route) (int, bool) {
	number := strings.TrimSuffix(r.To, "*")
	for _, trunk := range []string{r.Trunk, ""} {
		if i, ok := c[[2]string{trunk, r.To}]; ok {
			return i, true
		}
		for n := range len(number) + 1 {
			if i, ok := c[[2]string{trunk, number[:n] + "*"}]; ok {
				return i, true
			}
		}
	}
	return 0, false
}
