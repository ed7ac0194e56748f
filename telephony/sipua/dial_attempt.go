package sipua

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	// maxLegs bounds the ends that one INVITE may reach through forking proxies.
	maxLegs = 16
	// maxProgress bounds the provisional responses that wait to be told; further ones
	// are dropped, the next will say as much.
	maxProgress = 16
)

// attempt is one INVITE of ours and what comes back for it. sipgo's transaction repeats
// the INVITE and acknowledges refusals; responses are taken from the wire, in its order,
// because a BYE or a re-INVITE may follow a 200 at once.
//
//	reader ── arrived ─┬─ 1xx ─► progress      Dial ── await
//	                   ├─ 2xx ─► won (the first end; other ends: ACK, BYE)
//	                   └─ 3xx+ ─► refused
type attempt struct {
	// Static.
	ua        *UA
	branch    string
	dialling  *dialling
	seq       uint32
	via       *sip.ViaHeader
	request   *Request
	offer     []byte
	flow      flow
	auth      []sip.Header // credentials, which the ACK repeats (RFC 3261 §13.2.2.4)
	tx        *sip.ClientTx
	alive     chan struct{}      // closed by the first response
	progress  chan *sip.Response // cap maxProgress
	refused   chan *sip.Response // cap 1
	won       chan *Dialog       // cap 1
	onceAlive sync.Once

	passedUp bool // sipgo has handed on a final response; owned by whoever waits

	mu        sync.Mutex
	legs      map[string]*Dialog // by the peer's tag
	winner    *Dialog
	expiry    *time.Timer // forgets the attempt, after a 2xx
	forgotten bool        // nobody waits any more: a response may still be on its way from attempts
}

// start sends an INVITE.
func (c *dialling) start(ctx context.Context, req *sip.Request, f flow, offer []byte) (*attempt, error) {
	a := &attempt{
		ua: c.ua, dialling: c, branch: branchOf(req), seq: req.CSeq().SeqNo, via: sip.HeaderClone(req.Via()).(*sip.ViaHeader),
		request: snapshot(req, c.r.Peer), offer: offer, flow: f,
		alive: make(chan struct{}), progress: make(chan *sip.Response, maxProgress),
		refused: make(chan *sip.Response, 1), won: make(chan *Dialog, 1), legs: make(map[string]*Dialog),
	}
	for _, name := range []string{"authorization", "proxy-authorization"} {
		for _, h := range req.GetHeaders(name) {
			a.auth = append(a.auth, sip.HeaderClone(h))
		}
	}
	a.request.Transport, a.request.Source = f.transport, f.peer()
	c.ua.attempts.add(a)
	tx, err := c.ua.begin(ctx, req, f)
	if err != nil {
		a.forget()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, errors.Join(ErrNoResponse, err)
	}
	a.tx = tx
	return a, nil
}

// await waits for the outcome: the call, a refusal, or an error. Unless this address is
// the last one, it must give a sign of life soon.
func (a *attempt) await(ctx context.Context, last bool) (*Dialog, *sip.Response, error) {
	patience := time.NewTimer(a.ua.timing.giveUp() / 8)
	defer patience.Stop()
	for {
		select {
		case d := <-a.won:
			return a.answered(d), nil, nil
		case res := <-a.refused:
			a.settle(res)
			return nil, res, nil
		case res := <-a.progress:
			a.tell(res)
		case res := <-a.tx.Responses():
			a.passedUp = a.passedUp || !res.IsProvisional()
		case <-a.tx.Done():
			return a.ended()
		case <-patience.C:
			if last || a.isAlive() {
				continue
			}
			a.abandon()
			return nil, nil, ErrNoResponse
		case <-ctx.Done():
			a.abandon()
			return nil, nil, context.Cause(ctx)
		}
	}
}

// answered notes that the call stands. sipgo's transaction has nothing to do any more.
func (a *attempt) answered(d *Dialog) *Dialog {
	a.tellRest()
	a.tx.Terminate()
	d.acknowledge()
	return d
}

// settle waits until sipgo has acknowledged a refusal: it does so before it hands it on,
// and stays to do so again when the refusal is repeated.
func (a *attempt) settle(res *sip.Response) {
	defer a.lose()
	limit := time.NewTimer(a.ua.timing.t1)
	defer limit.Stop()
	for !a.passedUp {
		select {
		case res := <-a.tx.Responses():
			a.passedUp = !res.IsProvisional()
		case <-a.tx.Done():
			return
		case <-limit.C:
			return
		}
	}
}

// ended is the outcome when the transaction is over: a response that came just before
// counts, else there was none, or the connection broke.
func (a *attempt) ended() (*Dialog, *sip.Response, error) {
	select {
	case d := <-a.won:
		return a.answered(d), nil, nil
	case res := <-a.refused:
		a.lose()
		return nil, res, nil
	default:
	}
	a.lose()
	return nil, nil, fmt.Errorf("%w: %w", ErrNoResponse, a.tx.Err())
}

func (a *attempt) isAlive() bool {
	select {
	case <-a.alive:
		return true
	default:
		return false
	}
}

// tell hands a provisional response to the owner.
func (a *attempt) tell(res *sip.Response) {
	if f := a.dialling.r.Progress; f != nil {
		sdp, _ := offerOf(res)
		f(Progress{res.StatusCode, presentable(res.Reason), sdp})
	}
}

// tellRest tells what came before the answer.
func (a *attempt) tellRest() {
	for {
		select {
		case res := <-a.progress:
			a.tell(res)
		default:
			return
		}
	}
}

// arrived takes a response from the reader, in the order of the wire. It never blocks.
func (a *attempt) arrived(res *sip.Response) {
	res = res.Clone() // sipgo's own goroutine has the other one
	a.onceAlive.Do(func() { close(a.alive) })
	switch {
	case res.StatusCode == sip.StatusTrying:
	case res.IsProvisional():
		a.provisional(res)
	case res.IsSuccess():
		a.success(res)
	default:
		select {
		case a.refused <- res:
		default: // repeated: sipgo acknowledges it
		}
	}
}

func (a *attempt) provisional(res *sip.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.winner != nil || a.forgotten {
		return
	}
	if d := a.legLocked(res); d != nil && !d.provisional(res) {
		return
	}
	select {
	case a.progress <- res:
	default:
	}
}

// success is a 2xx: the first one makes the call. Others come from other ends that a
// proxy called at the same time, and are hung up; repetitions get our ACK again.
func (a *attempt) success(res *sip.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.legLocked(res)
	switch {
	case d == nil: // beyond maxLegs; without an ACK it will end by itself
	case !d.confirm(res):
		a.ua.spawn(d.acknowledge)
	case a.winner != nil || a.forgotten || d.unlisted:
		a.ua.spawn(d.refuseLate)
	default:
		a.winner = d
		a.dropLegsLocked(d)
		a.expiry = time.AfterFunc(a.ua.timing.giveUp(), a.forget)
		a.won <- d
	}
}

// legLocked finds or makes the dialog of a response. It is known to the registry from
// then on, so that requests of the peer find it.
func (a *attempt) legLocked(res *sip.Response) *Dialog {
	tag := toTag(res)
	if d := a.legs[tag]; d != nil {
		return d
	}
	if len(a.legs) >= maxLegs || len(tag) > maxIDLength || tag == "" && !res.IsSuccess() {
		return nil
	}
	d := a.newDialog(res)
	a.legs[tag] = d
	if !a.ua.registry.addDialled(d) { // there was room when the INVITE was sent; nobody would find it
		d.unlisted = true
		a.ua.log.Warn("no room for a call of ours: its answer is hung up", "limit", a.ua.cfg.MaxDialogs)
	}
	return d
}

// dropLegsLocked ends the dialogs of ends that were not the first to answer.
func (a *attempt) dropLegsLocked(but *Dialog) {
	for _, d := range a.legs {
		if d != but {
			a.ua.registry.bury(d)
			d.cancel(errEnded)
		}
	}
}

// forget is the end of the attempt: responses to it mean nothing any more.
func (a *attempt) forget() {
	a.ua.attempts.remove(a)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgotten = true
	a.dropLegsLocked(a.winner)
	if a.expiry != nil {
		a.expiry.Stop()
	}
}

// lose is the end of an attempt that came to nothing. Somebody may have answered in the last moment: they are hung up.
func (a *attempt) lose() {
	a.forget()
	select {
	case d := <-a.won:
		a.ua.spawn(d.refuseLate)
	default:
	}
}

// attempts finds the attempt that a response is for.
type attempts struct {
	mu  sync.Mutex
	all map[string]*attempt // by branch
}

func newAttempts() *attempts { return &attempts{all: make(map[string]*attempt)} }

func (t *attempts) add(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[a.branch] = a
}

func (t *attempts) remove(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, a.branch)
}

// arrived hands on a response to an INVITE, if it is from whom we called.
func (t *attempts) arrived(res *sip.Response) {
	if res.Via() == nil || res.From() == nil || res.To() == nil || res.CallID() == nil || res.CSeq() == nil || res.CSeq().MethodName != sip.INVITE {
		return
	}
	t.mu.Lock()
	a := t.all[branchOf(res)]
	t.mu.Unlock()
	if a == nil || res.CallID().Value() != a.request.CallID || fromTag(res) != a.dialling.tag || res.CSeq().SeqNo != a.seq {
		return
	}
	transport := sip.NetworkToLower(res.Transport())
	src := Source{Addr: sourceOf(res), Transport: transport, TLSNames: a.ua.conns.names(connKey{transport, res.Source()})}
	if a.ua.belongs(src, a.request.Peer) {
		a.arrived(res)
	}
}

// close stops the clocks of what is left.
func (t *attempts) close() {
	t.mu.Lock()
	all := make([]*attempt, 0, len(t.all))
	for _, a := range t.all {
		all = append(all, a)
	}
	t.mu.Unlock()
	for _, a := range all {
		a.forget()
	}
}
