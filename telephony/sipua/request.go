package sipua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"
)

// errand is a request outside of every dialog: a REGISTER or an OPTIONS.
type errand struct {
	// Static.
	ua       *UA
	peer     string // whose addresses those of the hops become
	method   sip.RequestMethod
	uri      sip.Uri // Request-URI
	via      sip.Uri // where it is sent; the Request-URI or an outbound proxy
	from     sip.Uri // without host: the address of the flow
	to       sip.Uri
	fromTag  string
	callID   string
	patience time.Duration // with one address; 0 is 64·T1, or timing.hopWait if there is another

	// Owned by the goroutine of the errand.
	seq   uint32 // CSeq number of the last request
	login login
	last  hop // that answered the last time, tried first the next time
}

// run sends the request, with what fill adds for a flow, until an address gives a final
// response that is no reason to try the next one (RFC 3263 §4.3): nobody there, no answer
// in time and 503 are. A challenge is answered. The error is of the last address.
func (e *errand) run(ctx context.Context, fill func(*sip.Request, flow)) (*sip.Response, flow, error) {
	hops, err := e.ua.hops(ctx, e.via)
	if err != nil {
		return nil, flow{}, err
	}
	if i := slices.Index(hops, e.last); i > 0 {
		hops = slices.Insert(slices.Delete(hops, i, i+1), 0, e.last)
	}
	for _, h := range hops { // all of them: calls may come from any
		e.ua.learned.note(e.peer, h.addr.Addr())
	}
	for i, h := range hops {
		if h != e.last {
			e.login.forget() // the nonces are another server's
		}
		res, f, failed := e.at(ctx, h, e.limit(len(hops)-1-i), fill)
		switch {
		case failed == nil && (res.StatusCode != sip.StatusServiceUnavailable || i == len(hops)-1):
			e.last = h
			return res, f, nil
		case failed == nil:
			err = &StatusError{string(e.method), res.StatusCode, res.Reason}
		case ctx.Err() != nil || errors.Is(failed, ErrCredentials) || errors.Is(failed, ErrChallenge):
			return nil, f, failed
		case err == nil || !errors.Is(failed, errNoListener): // that one says the least
			err = failed
		}
	}
	return nil, flow{}, err
}

// limit is the patience with one address when others are left.
func (e *errand) limit(left int) time.Duration {
	switch {
	case e.patience > 0:
		return e.patience
	case left > 0:
		return min(e.ua.timing.hopWait, e.ua.timing.giveUp())
	}
	return e.ua.timing.giveUp()
}

// at is run with one address.
func (e *errand) at(ctx context.Context, h hop, limit time.Duration, fill func(*sip.Request, flow)) (*sip.Response, flow, error) {
	f, err := e.ua.flowTo(h)
	if err != nil {
		return nil, f, err
	}
	for {
		req := e.build(f)
		fill(req, f)
		req.SetBody(nil)
		e.login.apply(req)
		res, err := e.once(ctx, req, f, limit)
		if err != nil {
			if e.method == sip.REGISTER && ctx.Err() == nil {
				e.ua.abandon(f)
			}
			return nil, f, err
		}
		if res.StatusCode != sip.StatusUnauthorized && res.StatusCode != sip.StatusProxyAuthRequired {
			e.login.accepted()
			return res, f, nil
		}
		if e.method == sip.OPTIONS {
			return res, f, nil // that the peer lives is all we asked
		}
		if err := e.login.challenged(res); err != nil {
			return nil, f, fmt.Errorf("%s: %w", e.method, err)
		}
	}
}

// build makes the request without what depends on its purpose.
func (e *errand) build(f flow) *sip.Request {
	e.seq++
	from := e.from
	if from.Host == "" {
		from = sip.Uri{Scheme: "sip", Host: f.host}
	}
	req := sip.NewRequest(e.method, e.uri)
	callID, forwards := sip.CallIDHeader(e.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(f.via())
	req.AppendHeader(&sip.FromHeader{Address: from, Params: sip.HeaderParams{{K: "tag", V: e.fromTag}}})
	req.AppendHeader(&sip.ToHeader{Address: e.to})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: e.seq, MethodName: e.method})
	req.AppendHeader(&forwards)
	return req
}

// once sends one request and waits for its final response.
func (e *errand) once(ctx context.Context, req *sip.Request, f flow, limit time.Duration) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tx, err := e.ua.begin(ctx, req, f)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("wait for the answer to %s: %w", req.Method, tx.Err())
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the answer to %s: %w", req.Method, context.Cause(ctx))
		}
	}
}
