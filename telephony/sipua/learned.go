package sipua

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// learnedLife is how long an address stays known after the last request to it: longer
// than the registration or the call that came of the request.
const learnedLife = 24 * time.Hour

// maxLearned bounds the table of learned addresses; the oldest is forgotten.
const maxLearned = 1024

// learned are the addresses that we send requests to on our own account: a registrar, an
// outbound proxy. Their answers must get past Config.Admit, and so must the requests
// that belong to what we asked for. It is less than being listed: from such an address a
// call is taken only if it names the Contact of a registration, which nobody but the
// registrar was told, see expected. An address that Config.Admit allows is not touched
// by any of this.
type learned struct {
	configured func(Source) Admission // static

	mu   sync.RWMutex
	peer map[netip.Addr][]acquaintance // several accounts with one provider share its addresses
}

type acquaintance struct {
	peer  string
	until time.Time
}

// newLearned returns the table, and a function for Config.Admit that looks into it where
// the configured one does not allow.
func newLearned(configured func(Source) Admission) (*learned, func(Source) Admission) {
	l := &learned{configured: configured, peer: make(map[netip.Addr][]acquaintance)}
	return l, l.admit
}

func (l *learned) admit(src Source) Admission {
	admission := l.configured(src)
	if admission.Verdict == Allow {
		return admission
	}
	if peer, ok := l.find(src.Addr.Addr(), func(string) bool { return true }); ok {
		return Admission{Verdict: Allow, Peer: peer}
	}
	return admission
}

// find returns a peer that was learned at an address and that is the one.
func (l *learned) find(a netip.Addr, is func(peer string) bool) (string, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, k := range l.peer[a.Unmap()] {
		if time.Now().Before(k.until) && is(k.peer) {
			return k.peer, true
		}
	}
	return "", false
}

// belongs reports whether what comes from src may be a peer's: admitted as such, or at an
// address that requests of ours to that peer go to.
func (u *UA) belongs(src Source, peer string) bool {
	if a := u.cfg.Admit(src); a.Verdict == Allow && a.Peer == peer {
		return true
	}
	_, ok := u.learned.find(src.Addr.Addr(), func(p string) bool { return p == peer })
	return ok
}

// note enters an address that a request of ours is about to go to.
func (l *learned) note(peer string, a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a = a.Unmap()
	if _, ok := l.peer[a]; !ok && len(l.peer) >= maxLearned {
		l.dropOldestLocked()
	}
	now := time.Now()
	list := slices.DeleteFunc(l.peer[a], func(k acquaintance) bool { return k.peer == peer || !now.Before(k.until) })
	l.peer[a] = append(list, acquaintance{peer, now.Add(learnedLife)})
}

func (l *learned) dropOldestLocked() {
	var oldest netip.Addr
	var until time.Time
	for a, list := range l.peer {
		if last := list[len(list)-1].until; !oldest.IsValid() || last.Before(until) {
			oldest, until = a, last
		}
	}
	delete(l.peer, oldest)
}

// sender is the peer that a request comes from. Where several have the address, or it is
// listed for another one, it is the peer whose registration the request names, or whose
// dialog: the registrar's knowledge of our Contact says more than an address.
func (u *UA) sender(req *sip.Request, admitted string) string {
	is := func(peer string) bool { return u.registered(peer, req.Recipient.User) }
	if d, _ := u.registry.find(dialogIDOf(req)); d != nil {
		is = func(peer string) bool { return peer == d.request.Peer }
	}
	if peer, ok := u.learned.find(sourceOf(req).Addr(), is); ok {
		return peer
	}
	return admitted
}

// expected reports whether an INVITE may start a call of peer as far as its source is
// concerned, and refuses it with 403 if not. A registrar that rewrites the Request-URI
// (some put the dialled number there) must be listed as a source.
func (u *UA) expected(req *sip.Request, tx *sip.ServerTx, peer string) bool {
	listed := u.learned.configured(u.source(req))
	if listed.Verdict == Allow || u.registered(peer, req.Recipient.User) {
		return true
	}
	u.counters.uninvited.Add(1)
	respond(tx, req, sip.StatusForbidden, "Forbidden")
	return false
}
