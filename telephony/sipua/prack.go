package sipua

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Provisional responses get lost, and a 180 over UDP with them. A peer that must know has
// them sent reliably (RFC 3262): each carries a number and is repeated until it is
// acknowledged by a request of its own.
//
//	◄── 180, RSeq 4711        T1, 2·T1, 4·T1 … apart, 64·T1 in all
//	PRACK, RAck 4711 1 INVITE ──►     ◄── 200 for the PRACK
//
// Ours never carry a session description, whose rules are the larger half of that RFC:
// the answer comes with the 200 to the INVITE. So a PRACK can neither answer an offer of
// ours nor make another one while the first is open, and the 200 need not wait for it
// (§3): it ends the repetitions, and a PRACK that crosses it is still confirmed.

// proof is the reliable 180 that waits for its PRACK. Guarded by Dialog.mu.
type proof struct {
	res      *sip.Response // nil when none waits
	rseq     uint32        // of the last one, 0 before the first
	interval time.Duration
	waited   time.Duration
}

func (p *proof) open() bool { return p.res != nil }

// begin makes res the one that waits, and returns when it is due again. The first number
// is drawn from the lower half, as §3 wants it; the next ones count on from it.
func (p *proof) begin(res *sip.Response, t timing) time.Duration {
	if p.rseq == 0 {
		p.rseq = 1 + rand.Uint32N(1<<31-1)
	} else {
		p.rseq++
	}
	res.AppendHeader(sip.NewHeader("Require", reliableTag))
	res.AppendHeader(sip.NewHeader("RSeq", uintString(p.rseq)))
	p.res, p.interval, p.waited = res, t.t1, 0
	return p.interval
}

// again returns when the response is due next; false when 64·T1 have passed.
func (p *proof) again(t timing) (time.Duration, bool) {
	p.waited += p.interval
	if p.waited >= t.giveUp() {
		return 0, false
	}
	p.interval = min(2*p.interval, t.giveUp()-p.waited)
	return p.interval, true
}

func (d *Dialog) ringsReliably() bool {
	return names(d.invite, "require", "", reliableTag) ||
		d.ua.cfg.PreferReliable && names(d.invite, "supported", "k", reliableTag) && len(d.request.Body) > 0
}

var (
	noSuchResponse = refuse(sip.StatusCallTransactionDoesNotExists, "No Such Response")
	offerIsOpen    = refuse(sip.StatusNotAcceptableHere, "Not Acceptable Here", Header{"Warning", `399 - "the first offer is not answered yet"`})
)

// prack handles a PRACK (§3). One that brings an offer is refused and does not count: the
// peer can send it again without.
func (d *Dialog) prack(req *sip.Request, tx *sip.ServerTx) {
	switch offer, ok := offerOf(req); {
	case !d.proves(req, false):
		noSuchResponse.send(tx, req)
	case !ok:
		notADescription.send(tx, req)
	case len(offer) > 0:
		offerIsOpen.send(tx, req)
	default:
		respond(tx, req, sip.StatusOK, "OK")
		d.proves(req, true)
	}
}

// proves reports whether a PRACK is for the response that waits, and may take it as done.
func (d *Dialog) proves(req *sip.Request, done bool) bool {
	rseq, cseq, ok := parseRAck(firstValue(req, "rack", ""))
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.ringer.proof
	if !ok || !p.open() || rseq != p.rseq || cseq != d.inviteID.cseq {
		return false
	}
	if done {
		p.res = nil
		if d.state == ringing {
			d.ringLaterLocked(d.ua.timing.ringAgain)
		}
	}
	return true
}

// parseRAck reads "4711 1 INVITE" (§7.2).
func parseRAck(value string) (rseq, cseq uint32, ok bool) {
	fields := strings.Fields(value)
	if len(fields) != 3 || fields[2] != string(sip.INVITE) {
		return 0, 0, false
	}
	r, err := strconv.ParseUint(fields[0], 10, 32)
	c, err2 := strconv.ParseUint(fields[1], 10, 32)
	return uint32(r), uint32(c), err == nil && err2 == nil
}
