package phone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

// byeTimeout bounds how long we wait for the answer to our BYE or CANCEL.
const byeTimeout = 5 * time.Second

// errCancelled tells the SIP stack to give up waiting without a CANCEL: nobody has
// answered anything that could be cancelled (RFC 3261 §9.1).
var errCancelled = sipgo.WaitAnswerForceCancelErr

// setUp sends the INVITE and waits for its end: media runs when it returns nil.
func (c *call) setUp(ctx context.Context) error {
	req, err := c.invite()
	if err != nil {
		return err
	}
	c.report.CallID = req.CallID().Value()
	c.began = time.Now()
	c.phone.add(c)
	ua := sipgo.DialogUA{Client: c.phone.client}
	c.dialog, err = ua.WriteInvite(ctx, req)
	c.leg, c.first, c.far = c.dialog, c.dialog.InviteRequest, c.dialog.InviteRequest.Recipient
	close(c.placed)
	if err != nil {
		return &CallError{Status: 503, Reason: "Service Unavailable", Err: err}
	}
	if err := c.awaitAnswer(ctx); err != nil {
		return err
	}
	if err := c.answered(ctx); err != nil {
		c.report.EndedBy = Us
		return errors.Join(err, c.bye())
	}
	return nil
}

// invite builds the request; sipgo adds Via, CSeq and Max-Forwards.
func (c *call) invite() (*sip.Request, error) {
	var to, from sip.Uri
	if err := sip.ParseUri(c.opt.To, &to); err != nil {
		return nil, fmt.Errorf("place call to %q: %w", c.opt.To, err)
	}
	if strings.Contains(c.opt.From, ":") {
		if err := sip.ParseUri(c.opt.From, &from); err != nil {
			return nil, fmt.Errorf("place call from %q: %w", c.opt.From, err)
		}
	} else {
		from = sip.Uri{Scheme: "sip", User: c.opt.From, Host: c.phone.cfg.Bind.String()}
		if from.User == "" {
			from.User = "phone"
		}
	}
	req := sip.NewRequest(sip.INVITE, to)
	req.SetTransport(strings.ToUpper(c.phone.cfg.Transport))
	fromHeader := &sip.FromHeader{Address: from, Params: sip.NewParams()}
	fromHeader.Params.Add("tag", sip.GenerateTagN(16))
	req.AppendHeader(fromHeader)
	callID := sip.CallIDHeader(rand.Text())
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.ContactHeader{Address: c.contact(from.User)})
	req.AppendHeader(sip.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, REFER"))
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	c.offer = c.newOffer()
	req.SetBody(c.offer.text())
	return req, nil
}

func (c *call) contact(user string) sip.Uri {
	uri := sip.Uri{Scheme: "sip", User: user, Host: c.phone.cfg.Bind.String(), Port: c.phone.port}
	if transport := c.phone.cfg.Transport; transport != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", transport)
	}
	return uri
}

// awaitAnswer waits for the final response. When ctx ends first the call is
// cancelled, or simply left if not even a 100 has come.
func (c *call) awaitAnswer(ctx context.Context) error {
	waiting, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	provisional := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-provisional:
			giveUp(context.Cause(ctx))
		default:
			giveUp(errCancelled)
		}
	})
	defer stop()
	seen := false
	err := c.dialog.WaitAnswer(waiting, sipgo.AnswerOptions{OnResponse: func(res *sip.Response) error {
		if res.IsProvisional() && !seen {
			seen = true
			close(provisional)
		}
		c.progress(res)
		return nil
	}})
	if err == nil {
		return nil
	}
	return c.notAnswered(ctx, err)
}

// progress tells of ringing, once.
func (c *call) progress(res *sip.Response) {
	if (res.StatusCode == 180 || res.StatusCode == 183) && !c.rang {
		c.rang = true
		c.event(Ringing, fmt.Sprint(res.StatusCode))
	}
}

// notAnswered turns the stack's error into ours. A 200 that crossed our CANCEL has
// made a call: it is acknowledged and ended.
func (c *call) notAnswered(ctx context.Context, err error) error {
	if res := c.dialog.InviteResponse; res != nil && res.IsSuccess() {
		_ = c.dialog.Ack(context.WithoutCancel(ctx))
		_ = c.bye()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("wait for answer: %w", context.Cause(ctx))
	}
	var refused *sipgo.ErrDialogResponse
	if errors.As(err, &refused) {
		return &CallError{Status: refused.Res.StatusCode, Reason: refused.Res.Reason}
	}
	return &CallError{Status: 408, Reason: "Request Timeout", Err: err}
}

// answered starts the media that the 200 describes, and acknowledges it. In this
// order: an agent may speak as soon as it has the ACK, and its first word must find us
// listening. An answer that we cannot use is acknowledged all the same, to be able to
// hang up.
func (c *call) answered(ctx context.Context) error {
	mediaErr := c.startMedia()
	if err := c.dialog.Ack(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(mediaErr, fmt.Errorf("acknowledge answer: %w", err))
	}
	if mediaErr == nil {
		c.event(Answered, "")
	}
	return mediaErr
}

// startMedia begins to talk with whoever the answer names.
func (c *call) startMedia() error {
	answer, err := sdp.Parse(c.dialog.InviteResponse.Body())
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	n, err := sdp.Negotiate(answer, c.offer.local())
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	c.agreed = n
	return c.listenTo(n)
}

// listenTo starts the audio that was agreed on.
func (c *call) listenTo(n sdp.Negotiated) error {
	c.report.Law, c.report.PTime = n.Law, c.opt.PTime
	c.ear = newEar(n.Law, !c.opt.DropAudio || c.opt.Record != nil)
	c.media.Attach(c.ear.hear)
	return c.media.Start(c.params(n))
}

// params is what package media needs to know of an answer.
func (c *call) params(n sdp.Negotiated) media.Params {
	return media.Params{
		Law: n.Law, PayloadType: uint8(n.PayloadType), EventPT: n.EventPT, PTime: c.opt.PTime, Remote: n.Remote,
		RTCPMux: n.RTCPMux, RTCP: n.RTCP,
		NoSend: !n.Direction.Sends(), NoListen: n.Direction != sdp.SendRecv,
		SRTP: srtpParams(n.SRTP),
	}
}

// bye hangs up and waits for the answer. A BYE that crosses one from the far end is
// no failure.
func (c *call) bye() error {
	ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
	defer cancel()
	err := c.leg.Bye(ctx)
	select {
	case <-c.over:
		return nil
	default:
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}
