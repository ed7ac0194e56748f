package sipua

import "github.com/emiago/sipgo/sip"

// arrive sees every message in the goroutine of the socket's reader, before sipgo
// starts a goroutine for it. This is the only place where the order of the wire is
// known and where a message may still be changed. It must be quick and never block.
func (u *UA) arrive(msg sip.Message) {
	defer func() {
		if p := recover(); p != nil {
			u.panicked("arrival", p)
		}
	}()
	if res, ok := msg.(*sip.Response); ok {
		u.read(msg, false)
		u.attempts.arrived(res)
		return
	}
	req, ok := msg.(*sip.Request)
	u.read(msg, ok && screenForm(req) != nil)
	if !ok || !answerable(req) {
		return
	}
	switch req.Method {
	case sip.INVITE, sip.CANCEL:
		u.tagger.stamp(req)
	case sip.ACK:
		u.acknowledge(req)
		return
	}
	if d, _ := u.registry.find(dialogIDOf(req)); d != nil && req.Method != sip.CANCEL {
		d.order.arrive(req.CSeq().SeqNo)
	}
}

// acknowledge ends the INVITE transaction that an ACK is for. An ACK for a 200 is
// matched by dialog and CSeq number alone: the RFC gives it a branch of its own, some
// peers reuse the one of the INVITE, and a later request may have been handled before it.
func (u *UA) acknowledge(ack *sip.Request) {
	id, cseq := dialogIDOf(ack), ack.CSeq().SeqNo
	d, known := u.registry.find(id)
	var tx *sip.ServerTx
	switch {
	case d != nil:
		if tell := d.answeredLate(ack); tell != nil {
			u.spawn(func() {
				tell()
				u.end(d.acked(cseq)) // only now: the next INVITE waits for it
			})
			return
		}
		tx = d.acked(cseq)
	case known:
		tx = u.registry.transaction(id, cseq)
	}
	u.end(tx)
}

// end terminates a transaction, if there is one. That takes its locks, which a slow write
// may hold.
func (u *UA) end(tx *sip.ServerTx) {
	if tx != nil {
		u.spawn(tx.Terminate)
	}
}

// read notes a whole message with its connection, if it came over one.
func (u *UA) read(msg sip.Message, broken bool) {
	transport := msg.Transport()
	if transport == "UDP" {
		return
	}
	if c := u.conns.find(connKey{sip.NetworkToLower(transport), msg.Source()}); c != nil {
		c.complete()
		c.pause = max(c.pause, u.floods.owe(c.meter, broken))
	}
}
