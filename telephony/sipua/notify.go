package sipua

import (
	"mime"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

var (
	noSuchSubscription = refuse(sip.StatusCallTransactionDoesNotExists, "Subscription Does Not Exist")
	badEvent           = refuse(489, "Bad Event", Header{"Allow-Events", "refer"}) // RFC 6665 §4.1.3
	notSipfrag         = refuse(sip.StatusUnsupportedMediaType, "Unsupported Media Type", Header{"Accept", "message/sipfrag"})
	badSipfrag         = refuse(sip.StatusBadRequest, "Unreadable Report")
)

// report is one NOTIFY about a referral.
type report struct {
	id     string // of the subscription, "" when not given
	status int    // of the call that the peer makes; 0 when the NOTIFY says nothing
	reason string
	ended  bool // no further report will come
}

// notify handles a NOTIFY inside the call.
func (d *Dialog) notify(req *sip.Request, tx *sip.ServerTx) {
	r, bad := reportOf(req)
	if bad == nil && !d.reported(r) {
		bad = noSuchSubscription
	}
	if bad != nil {
		bad.send(tx, req)
		return
	}
	respond(tx, req, sip.StatusOK, "OK")
}

// notifyOutside handles a NOTIFY that belongs to no call. We have subscribed to nothing,
// but a PBX that we are registered at tells about its mailbox all the same, and some keep
// a NAT open with it; a refusal fills their logs and makes some ask for ever.
func (u *UA) notifyOutside(req *sip.Request, tx *sip.ServerTx) {
	event, _ := parameters(firstValue(req, "event", "o"))
	switch strings.ToLower(event) {
	case "message-summary", "keep-alive":
		respond(tx, req, sip.StatusOK, "OK")
		return
	}
	bad := noSuchSubscription
	if _, unreadable := reportOf(req); unreadable != nil {
		bad = unreadable
	}
	bad.send(tx, req)
}

// reported notes a report; false if nobody waits for it. What it means for the call is
// in place before the answer leaves: the peer's BYE may follow at once.
func (d *Dialog) reported(r report) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := d.referral
	if waiting == nil || r.id != "" && r.id != strconv.FormatUint(uint64(waiting.seq), 10) {
		return false
	}
	switch {
	case r.status >= 200 && r.status < 300:
		d.referred = true
	case r.status >= 300:
		waiting.err = &TransferError{r.status, r.reason}
	case r.ended:
		waiting.err = &TransferError{}
	default:
		select {
		case waiting.news <- struct{}{}:
		default:
		}
		return true
	}
	d.referral = nil
	close(waiting.done)
	return true
}

// reportOf reads a NOTIFY (RFC 3515 §2.4.4 to §2.4.6).
func reportOf(req *sip.Request) (r report, bad *refusal) {
	event, params := parameters(firstValue(req, "event", "o"))
	if !strings.EqualFold(event, "refer") {
		return r, badEvent
	}
	state, _ := parameters(firstValue(req, "subscription-state", ""))
	r.id, r.ended = params["id"], strings.EqualFold(state, "terminated")
	if len(req.Body()) == 0 {
		return r, nil
	}
	if kind, _, _ := mime.ParseMediaType(firstValue(req, "content-type", "")); kind != "message/sipfrag" {
		return r, notSipfrag
	}
	var ok bool
	if r.status, r.reason, ok = parseSipfrag(string(req.Body())); !ok {
		return r, badSipfrag
	}
	return r, nil
}

// parseSipfrag reads the status line that a report begins with (RFC 3420 §2).
func parseSipfrag(body string) (status int, reason string, ok bool) {
	line, _, _ := strings.Cut(body, "\n")
	version, rest, _ := strings.Cut(strings.TrimRight(line, "\r"), " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !strings.EqualFold(version, "SIP/2.0") || err != nil || len(code) != 3 || status < 100 || status > 699 {
		return 0, "", false
	}
	return status, presentable(reason), true
}

func firstValue(msg sip.Message, name, compact string) string {
	if values := headerValues(msg, name, compact); len(values) > 0 {
		return values[0]
	}
	return ""
}

// parameters takes "refer;id=7" apart; names of parameters are in lower case.
func parameters(value string) (string, map[string]string) {
	parts := splitOutside(value, ';')
	params := make(map[string]string, len(parts)-1)
	for _, part := range parts[1:] {
		name, arg, _ := strings.Cut(part, "=")
		params[strings.ToLower(strings.TrimSpace(name))] = unquote(arg)
	}
	return strings.TrimSpace(parts[0]), params
}
