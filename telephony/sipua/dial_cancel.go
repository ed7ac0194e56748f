package sipua

import (
	"context"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// abandon gives an INVITE up that has no outcome yet. It does not wait for that.
//
//	INVITE ──►            ◄── 180     CANCEL ──►   ◄── 200 (CANCEL)   ◄── 487   ACK ──►
//	                                     or else   ◄── 200 (INVITE)   ACK ──►   BYE ──►
func (a *attempt) abandon() {
	a.ua.handlers.Add(1) // not the first: the goroutine that dials is one, too
	go func() {
		defer a.ua.handlers.Done()
		defer func() {
			if p := recover(); p != nil {
				a.ua.panicked("abandoned call", p)
			}
		}()
		a.finishAbandoned()
	}()
}

// finishAbandoned sees the INVITE to its end. A CANCEL must not overtake it: it is sent
// after the first response only (RFC 3261 §9.1).
func (a *attempt) finishAbandoned() {
	ctx, cancel := context.WithTimeout(context.Background(), a.ua.timing.giveUp())
	defer cancel()
	ctx, stop := a.ua.untilClosed(ctx)
	defer stop()
	var sending sync.WaitGroup
	cancelling, done := context.WithCancel(ctx)
	defer sending.Wait()
	defer done()
	alive := a.alive
	for {
		select {
		case <-alive:
			alive = nil
			if len(a.won) == 0 && len(a.refused) == 0 {
				sending.Go(func() { a.sendCancel(cancelling) })
			}
		case d := <-a.won:
			a.unwanted(d)
			return
		case res := <-a.refused:
			a.settle(res)
			return
		case res := <-a.tx.Responses():
			a.passedUp = a.passedUp || !res.IsProvisional()
		case <-a.tx.Done():
			if d, _, _ := a.ended(); d != nil {
				a.unwanted(d)
			}
			return
		case <-ctx.Done():
			a.lose()
			a.tx.Terminate()
			return
		}
	}
}

// unwanted is a call that was answered before our CANCEL was heard.
func (a *attempt) unwanted(d *Dialog) {
	a.answered(d)
	d.decline(Reason{"SIP", sip.StatusRequestTerminated, "Call cancelled"})
}

// sendCancel cancels the INVITE: the same request in all that names it (RFC 3261 §9.1).
func (a *attempt) sendCancel(ctx context.Context) {
	c := a.dialling
	req := sip.NewRequest(sip.CANCEL, *c.uri.Clone())
	callID, forwards := sip.CallIDHeader(c.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(sip.HeaderClone(a.via))
	req.AppendHeader(c.from(a.flow))
	req.AppendHeader(&sip.ToHeader{Address: *c.uri.Clone(), Params: sip.NewParams()})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: a.seq, MethodName: sip.CANCEL})
	req.AppendHeader(&forwards)
	req.SetBody(nil)
	tx, err := a.ua.begin(ctx, req, a.flow)
	if err == nil {
		defer tx.Terminate()
		_, err = finalResponse(ctx, tx, req)
	}
	if err != nil {
		a.ua.log.Debug("CANCEL was not confirmed", "err", err)
	}
}
