package phone

import (
	"context"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// refer is a REFER that waits for its answer.
type refer struct {
	req  *sip.Request
	tx   sip.ServerTransaction
	done chan struct{} // closed when it is answered
}

func (r refer) respond(status int, reason string) error {
	defer close(r.done)
	return r.tx.Respond(sip.NewResponseFromRequest(r.req, status, reason, nil))
}

// target is the URI in Refer-To.
func (r refer) target() string {
	h := r.req.GetHeader("Refer-To")
	if h == nil {
		return ""
	}
	_, uri, _ := strings.Cut(h.Value(), "<")
	uri, _, _ = strings.Cut(uri, ">")
	return uri
}

// onRefer hands a REFER to the script. It stays until the REFER is answered: sipgo ends
// the transaction behind it.
func (p *Phone) onRefer(req *sip.Request, tx sip.ServerTransaction) {
	r := refer{req: req, tx: tx, done: make(chan struct{})}
	c := p.callOf(req)
	switch {
	case c == nil:
		_ = r.respond(481, "Call/Transaction Does Not Exist")
		return
	case !c.takesTransfers():
		_ = r.respond(603, "Decline")
		return
	}
	select {
	case c.refers <- r:
	default:
		_ = r.respond(500, "Another Transfer Pending")
		return
	}
	select {
	case <-r.done:
	case <-c.gone:
	case <-tx.Done():
	}
}

// takesTransfers reports whether a step of the script will look at a REFER.
func (c *call) takesTransfers() bool {
	for _, step := range c.opt.Script {
		switch step.(type) {
		case TakeTransfer, RefuseTransfer:
			return true
		}
	}
	return false
}

// awaitRefer waits for a REFER and notes where it points.
func (c *call) awaitRefer(ctx context.Context) (r refer, err error) {
	got := false
	err = c.wait(ctx, func(hearing) bool {
		select {
		case r = <-c.refers:
			got = true
		default:
		}
		return got
	})
	if err == nil {
		c.report.Transfers = append(c.report.Transfers, r.target())
		c.event(Referred, r.target())
	}
	return r, err
}

func (s RefuseTransfer) status() int {
	if s.Status == 0 {
		return 603
	}
	return s.Status
}

func (s RefuseTransfer) run(ctx context.Context, c *call) error {
	r, err := c.awaitRefer(ctx)
	if err != nil {
		return err
	}
	return r.respond(s.status(), "Refused")
}

func (s TakeTransfer) run(ctx context.Context, c *call) error {
	r, err := c.awaitRefer(ctx)
	if err != nil {
		return err
	}
	if err := r.respond(202, "Accepted"); err != nil {
		return err
	}
	for i, status := range s.Reports {
		if err := c.notify(ctx, status, i == len(s.Reports)-1); err != nil {
			return err
		}
	}
	return nil
}

// notify reports what the call to the target has come to (RFC 3515 §2.4.4).
func (c *call) notify(ctx context.Context, status int, last bool) error {
	state := "active;expires=60"
	if last {
		state = "terminated;reason=noresource"
	}
	req := c.inside(sip.NOTIFY)
	req.AppendHeader(sip.NewHeader("Event", "refer"))
	req.AppendHeader(sip.NewHeader("Subscription-State", state))
	req.AppendHeader(sip.NewHeader("Content-Type", "message/sipfrag;version=2.0"))
	req.SetBody([]byte(fmt.Sprintf("SIP/2.0 %d %s\r\n", status, reportText(status))))
	_, err := c.request(ctx, req)
	return err
}

// reportText is the text of the statuses that reports usually carry.
func reportText(status int) string {
	texts := map[int]string{100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 404: "Not Found", 408: "Request Timeout",
		480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated", 503: "Service Unavailable", 603: "Decline"}
	if text, ok := texts[status]; ok {
		return text
	}
	return "Reported"
}
