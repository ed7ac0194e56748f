package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

// AnswerOptions of one call that is taken, or not. The zero value answers at once.
type AnswerOptions struct {
	CallOptions // To and From mean nothing here

	Ring     time.Duration // how long it rings (180) before anything else happens; 0: not at all
	Early    bool          // ring with 183 and a session description instead, and send audio already
	NoAnswer bool          // ring until the caller gives up
	Refuse   int           // answer with this status from 300 on instead
	Redirect string        // of a 3xx: where to
	Login    *Login        // ask the caller for credentials first
}

// Login is what a caller has to know.
type Login struct {
	Username, Password string
	Proxy              bool // ask with 407 instead of 401
}

// leg is a dialog of sipgo's, whoever began it.
type leg interface {
	Bye(context.Context) error
	Do(context.Context, *sip.Request) (*sip.Response, error)
	WriteRequest(*sip.Request) error
	ReadBye(*sip.Request, sip.ServerTransaction) error
}

// incoming is an INVITE that waits for somebody to take it.
type incoming struct {
	req  *sip.Request
	tx   sip.ServerTransaction
	done chan struct{} // closed when it has its final response
}

// unclaimed is how long an INVITE waits for an Answer.
const unclaimed = 10 * time.Second

// URI is where the phone can be called.
func (p *Phone) URI(user string) string {
	uri := "sip:" + user + "@" + netip.AddrPortFrom(p.cfg.Bind, uint16(p.port)).String()
	if p.cfg.Transport == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// Answer waits for the next call, takes it as opt says, runs the script and hangs up. It
// returns when all is over, with what Call returns; a call that was refused, or that the
// caller gave up (487), is a *CallError.
func (p *Phone) Answer(ctx context.Context, opt AnswerOptions) (Report, error) {
	c, err := p.newCall(opt.CallOptions)
	if err != nil {
		return Report{}, fmt.Errorf("answer call: %w", err)
	}
	err = c.run(ctx, func() error { return c.take(ctx, opt) })
	return c.finish(err)
}

// onInvite hands an INVITE to Answer, and stays until it is answered: sipgo drops the
// transaction of a handler that returns before.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if h := req.To(); h != nil && h.Params.Has("tag") {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 488, "Not Acceptable Here", nil))
		return
	}
	in := incoming{req: req, tx: tx, done: make(chan struct{})}
	limit := time.NewTimer(unclaimed)
	defer limit.Stop()
	select {
	case p.incoming <- in:
		<-in.done
	case <-p.quit:
	case <-tx.Done():
	case <-limit.C:
		_ = tx.Respond(sip.NewResponseFromRequest(req, 480, "Temporarily Unavailable", nil))
	}
}

func (p *Phone) onAck(req *sip.Request, tx sip.ServerTransaction) {
	if c := p.callOf(req); c != nil && c.served != nil {
		_ = c.served.ReadAck(req, tx)
	}
}

// take waits for an INVITE and deals with it; media runs when it returns nil.
func (c *call) take(ctx context.Context, opt AnswerOptions) error {
	in, err := c.next(ctx)
	if err != nil {
		return err
	}
	if opt.Login != nil {
		if in, err = c.challenge(ctx, in, *opt.Login); err != nil {
			return err
		}
	}
	defer close(in.done)
	ua := &sipgo.DialogUA{Client: c.phone.client, RewriteContact: true,
		ContactHDR: sip.ContactHeader{Address: c.contact("phone")}}
	c.began = time.Now()
	d, err := ua.ReadInvite(in.req, in.tx)
	if err != nil {
		return fmt.Errorf("read INVITE: %w", err)
	}
	c.report.CallID = in.req.CallID().Value()
	c.report.Asked = in.req.Recipient.User
	c.served, c.leg, c.first, c.far = d, d, d.InviteRequest, d.InviteRequest.Contact().Address
	c.phone.add(c)
	close(c.placed)
	return c.decide(ctx, d, opt)
}

// next waits for an INVITE.
func (c *call) next(ctx context.Context) (incoming, error) {
	select {
	case in := <-c.phone.incoming:
		return in, nil
	case <-ctx.Done():
		return incoming{}, fmt.Errorf("wait for a call: %w", context.Cause(ctx))
	}
}

// challenge asks for credentials, and returns the INVITE that has them.
func (c *call) challenge(ctx context.Context, in incoming, want Login) (incoming, error) {
	status, ask, answer := 401, "WWW-Authenticate", "Authorization"
	if want.Proxy {
		status, ask, answer = 407, "Proxy-Authenticate", "Proxy-Authorization"
	}
	challenge := &digest.Challenge{Realm: "phone", Nonce: sip.GenerateTagN(16), Algorithm: "MD5", QOP: []string{"auth"}}
	res := sip.NewResponseFromRequest(in.req, status, "Unauthorized", nil)
	res.AppendHeader(sip.NewHeader(ask, challenge.String()))
	err := in.tx.Respond(res)
	close(in.done)
	if err != nil {
		return in, err
	}
	if in, err = c.next(ctx); err != nil {
		return in, err
	}
	if h := in.req.GetHeader(answer); h != nil && fits(h.Value(), challenge, want) {
		return in, nil
	}
	_ = in.tx.Respond(sip.NewResponseFromRequest(in.req, 403, "Forbidden", nil))
	close(in.done)
	return in, &CallError{Status: 403, Reason: "Forbidden"}
}

// fits reports whether credentials are what the right password makes of the challenge.
func fits(value string, challenge *digest.Challenge, want Login) bool {
	got, err := digest.ParseCredentials(value)
	if err != nil || got.Username != want.Username || got.Nonce != challenge.Nonce {
		return false
	}
	right, err := digest.Digest(challenge, digest.Options{Method: "INVITE", URI: got.URI, Count: got.Nc, Cnonce: got.Cnonce,
		Username: want.Username, Password: want.Password})
	return err == nil && right.Response == got.Response
}

// decide rings, and refuses or answers.
func (c *call) decide(ctx context.Context, d *sipgo.DialogServerSession, opt AnswerOptions) error {
	offer, err := sdp.Parse(d.InviteRequest.Body())
	if err != nil {
		return errors.Join(err, d.Respond(488, "Not Acceptable Here", nil))
	}
	n, _, err := sdp.Answer(offer, sdp.Local{Addr: c.phone.cfg.Bind, Port: c.media.Port(), Laws: c.opt.Laws})
	if err != nil {
		return errors.Join(err, d.Respond(488, "Not Acceptable Here", nil))
	}
	c.describe(n)
	if err := c.ring(ctx, d, opt, n); err != nil {
		return err
	}
	if opt.Refuse != 0 {
		var headers []sip.Header
		if opt.Redirect != "" {
			headers = append(headers, sip.NewHeader("Contact", "<"+opt.Redirect+">"))
		}
		err := d.Respond(opt.Refuse, reportText(opt.Refuse), nil, headers...)
		return errors.Join(&CallError{Status: opt.Refuse, Reason: reportText(opt.Refuse)}, err)
	}
	if !opt.Early {
		if err := c.listenTo(n); err != nil {
			return err
		}
	}
	if err := d.RespondSDP(c.offer.text()); err != nil && !c.hungUpAtOnce(d) {
		return c.given(d, err)
	}
	c.times.Lock()
	c.answeredAt = time.Now()
	c.times.Unlock()
	c.event(Answered, "")
	return nil
}

// describe writes our side: the one codec that was agreed on.
func (c *call) describe(n sdp.Negotiated) {
	c.agreed = n
	c.offer = offer{addr: c.phone.cfg.Bind, port: c.media.Port(), laws: []transcode.Law{n.Law}, ptime: c.opt.PTime, version: 1, direction: "sendrecv"}
}

// ring lets it ring for as long as the options say.
func (c *call) ring(ctx context.Context, d *sipgo.DialogServerSession, opt AnswerOptions, n sdp.Negotiated) (err error) {
	if opt.Ring <= 0 && !opt.NoAnswer && !opt.Early {
		return nil
	}
	if opt.Early {
		if err := c.listenTo(n); err != nil {
			return err
		}
		err = d.Respond(183, "Session Progress", c.offer.text(), sip.NewHeader("Content-Type", "application/sdp"))
	} else {
		err = d.Respond(180, "Ringing", nil)
	}
	if err != nil {
		return c.given(d, err)
	}
	c.event(Ringing, "")
	var limit <-chan time.Time
	if !opt.NoAnswer {
		t := time.NewTimer(opt.Ring)
		defer t.Stop()
		limit = t.C
	}
	select {
	case <-limit:
		return nil
	case <-d.Context().Done():
		return c.given(d, context.Cause(d.Context()))
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), d.Respond(480, "Temporarily Unavailable", nil))
	}
}

// hungUpAtOnce reports that the far end's BYE came right behind its ACK and was faster
// here, as every message has a goroutine of its own. The call was answered all the same.
func (c *call) hungUpAtOnce(d *sipgo.DialogServerSession) bool {
	if !d.InviteResponse.IsSuccess() {
		return false
	}
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	select {
	case <-c.over:
		return true
	case <-limit.C:
		return false
	}
}

// given is why a call was not answered that we wanted to answer: mostly the caller gave up.
func (c *call) given(d *sipgo.DialogServerSession, err error) error {
	if d.Context().Err() != nil || errors.Is(err, sip.ErrTransactionCanceled) {
		return &CallError{Status: 487, Reason: "Request Terminated"}
	}
	return fmt.Errorf("answer call: %w", err)
}
