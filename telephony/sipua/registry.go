package sipua

import (
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// dialogID names a dialog by the three parts that a request must match (RFC 3261 §12).
type dialogID struct{ callID, local, remote string }

// dialogIDOf reads it from a request that arrived.
func dialogIDOf(req *sip.Request) dialogID {
	return dialogID{req.CallID().Value(), toTag(req), fromTag(req)}
}

// inviteID is what copies of one INVITE have in common when it reached us over several
// paths (RFC 3261 §8.2.2.2).
type inviteID struct {
	callID, remote string
	cseq           uint32
}

// entry is a dialog in the registry, living or recently ended.
type entry struct {
	// Static.
	id     dialogID
	invite inviteID
	branch string
	tx     *sip.ServerTx // of the INVITE, so that a late ACK can end it

	// Guarded by registry.mu.
	dialog *Dialog // nil once it has ended
	buried time.Time
}

// registry finds dialogs. Ended ones stay for a while, so that a BYE that crossed ours
// still gets its 200 and a repeated INVITE does not start a second call.
type registry struct {
	limit int           // static: entries at most
	grave time.Duration // static: how long an ended dialog is remembered

	mu      sync.Mutex
	dialogs map[dialogID]*entry
	invites map[inviteID]*entry
	graves  []*entry    // ended, oldest first
	sweeper *time.Timer // nil when nothing is buried
}

func newRegistry(limit int, grave time.Duration) *registry {
	return &registry{
		limit: limit, grave: grave,
		dialogs: make(map[dialogID]*entry),
		invites: make(map[inviteID]*entry),
	}
}

// addDialled enters a dialog of a call that we place; false when there is no room.
func (r *registry) addDialled(d *Dialog) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.dialogs) >= r.limit {
		return false
	}
	r.dialogs[d.id] = &entry{id: d.id, invite: d.inviteID, dialog: d}
	return true
}

// hasRoom reports whether another dialog could be added now.
func (r *registry) hasRoom() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.dialogs) < r.limit
}

// admission is the outcome of add.
type admission int

const (
	added    admission = iota
	merged             // another copy of this INVITE is a call already
	repeated           // the very same INVITE, after its transaction was over
	full               // no room
)

// add enters a new dialog.
func (r *registry) add(d *Dialog) admission {
	e := &entry{id: d.id, invite: d.inviteID, branch: d.branch, tx: d.tx, dialog: d}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.invites[e.invite]; old != nil {
		switch {
		case old.branch == e.branch:
			return repeated
		case old.dialog != nil:
			return merged
		}
		// The earlier copy was refused and is over: a proxy tries again another way.
	}
	if len(r.dialogs) >= r.limit {
		return full
	}
	r.dialogs[e.id], r.invites[e.invite] = e, e
	return added
}

// find returns the dialog of id; known is also true for one that ended a short while ago.
func (r *registry) find(id dialogID) (d *Dialog, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.dialogs[id]
	if e == nil {
		return nil, false
	}
	return e.dialog, true
}

// transaction returns the INVITE transaction of an ended dialog that cseq belongs to.
func (r *registry) transaction(id dialogID, cseq uint32) *sip.ServerTx {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.dialogs[id]; e != nil && e.invite.cseq == cseq {
		return e.tx
	}
	return nil
}

// bury marks a dialog as ended and forgets it after the grave time.
func (r *registry) bury(d *Dialog) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.dialogs[d.id]
	if e == nil || e.dialog != d {
		return
	}
	e.dialog, e.buried = nil, time.Now()
	r.graves = append(r.graves, e)
	if r.sweeper == nil {
		r.sweeper = time.AfterFunc(r.grave, r.sweep)
	}
}

// sweep forgets what is old enough and comes back for the rest.
func (r *registry) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.graves) && time.Since(r.graves[n].buried) >= r.grave {
		r.forgetLocked(r.graves[n])
		r.graves[n] = nil
		n++
	}
	r.graves = r.graves[n:]
	if len(r.graves) == 0 {
		r.graves, r.sweeper = nil, nil
		return
	}
	r.sweeper.Reset(max(r.grave-time.Since(r.graves[0].buried), time.Millisecond))
}

func (r *registry) forgetLocked(e *entry) {
	delete(r.dialogs, e.id)
	if r.invites[e.invite] == e {
		delete(r.invites, e.invite)
	}
}

// close drops the ended dialogs and stops the sweeper.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.graves {
		r.forgetLocked(e)
	}
	r.graves = nil
	if r.sweeper != nil {
		r.sweeper.Stop()
		r.sweeper = nil
	}
}

// counts returns living and remembered dialogs.
func (r *registry) counts() (living, ended int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.dialogs) - len(r.graves), len(r.graves)
}

// uses reports whether a living dialog came over the connection from source.
func (r *registry) uses(transport, source string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.dialogs {
		if e.dialog != nil && e.dialog.flow.transport == transport && e.dialog.flow.source == source {
			return true
		}
	}
	return false
}
