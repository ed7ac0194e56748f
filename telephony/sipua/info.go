package sipua

import (
	"context"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Keys may come and go as INFO requests instead of RTP events. There is no standard for
// it, only what one vendor began and many took over; what is common is understood:
//
//	Content-Type: application/dtmf-relay     Content-Type: application/dtmf
//
//	Signal=5                                 5
//	Duration=160

const (
	relayType = "application/dtmf-relay"
	plainType = "application/dtmf"
)

var (
	badPackage = refuse(469, "Bad Info Package", Header{"Recv-Info", ""}) // RFC 6086 §4.2.2: none is taken
	notDigits  = refuse(sip.StatusUnsupportedMediaType, "Unsupported Media Type", Header{"Accept", relayType + ", " + plainType})
	badDigits  = refuse(sip.StatusBadRequest, "Unreadable Signal")
)

// OnInfoDigit sets what gets the keys that the peer sends in INFO requests: 0–9, *, #,
// A–D, and ! for a hook flash. It must be set before Answer and must not block. Without
// it they are confirmed and ignored.
func (d *Dialog) OnInfoDigit(f func(digit rune)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.infoDigit = f
}

// info handles an INFO inside the call. One without a body says nothing and is fine
// (RFC 2976 §2.2); some exchanges send it to see whether the call lives.
func (d *Dialog) info(req *sip.Request, tx *sip.ServerTx) {
	digit, bad := digitOf(req)
	if bad != nil {
		bad.send(tx, req)
		return
	}
	respond(tx, req, sip.StatusOK, "OK")
	d.mu.Lock()
	tell := d.infoDigit
	d.mu.Unlock()
	if tell != nil && digit != 0 {
		tell(digit)
	}
}

// digitOf reads an INFO; 0 is one that brings no key.
func digitOf(req *sip.Request) (rune, *refusal) {
	if len(tokens(req, "info-package", "")) > 0 {
		return 0, badPackage
	}
	if len(req.Body()) == 0 {
		return 0, nil
	}
	kind, _, _ := mime.ParseMediaType(firstValue(req, "content-type", "c"))
	if kind != relayType && kind != plainType {
		return 0, notDigits
	}
	digit, ok := parseInfoDigit(string(req.Body()))
	if !ok {
		return 0, badDigits
	}
	return digit, nil
}

// parseInfoDigit finds the key in the body of an INFO: behind "Signal=", or all there is.
func parseInfoDigit(body string) (rune, bool) {
	for line := range strings.Lines(body) {
		name, value, found := strings.Cut(line, "=")
		if found && strings.EqualFold(strings.TrimSpace(name), "signal") {
			return keyNamed(value)
		}
	}
	return keyNamed(body)
}

// keyNames are the keys by their event code (RFC 4733 §3.2). Some write the code of a key
// and some the key.
const keyNames = "0123456789*#ABCD!"

func keyNamed(signal string) (rune, bool) {
	signal = strings.ToUpper(strings.TrimSpace(signal))
	if len(signal) == 1 && strings.Contains(keyNames, signal) {
		return rune(signal[0]), true
	}
	if len(signal) == 2 && signal[0] == '1' && signal[1] >= '0' && signal[1] <= '6' {
		return rune(keyNames[10+signal[1]-'0']), true
	}
	return 0, false
}

// SendInfoDigit presses a key at the peer's end by an INFO request (dtmf-relay) of the
// given length and waits for the answer. Valid keys are those of OnInfoDigit, else the
// error is ErrDigit. ErrState means that the call is not answered; a *StatusError that the
// peer did not take it, mostly because it knows no such INFO.
func (d *Dialog) SendInfoDigit(ctx context.Context, digit rune, length time.Duration) error {
	key, ok := keyNamed(string(digit))
	if !ok {
		return ErrDigit
	}
	waiting, cancel := d.whileUp(ctx)
	defer cancel()
	seq, target, err := d.nextRequest()
	if err != nil {
		return err
	}
	req := d.newRequest(sip.INFO, seq, target)
	req.AppendHeader(sip.NewHeader("Content-Type", relayType))
	req.SetBody(fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", key, length.Milliseconds()))
	err = d.transact(waiting, req, target)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return d.lost(err)
}

// nextRequest takes the number for a request of ours inside the answered call, and says
// where it goes.
func (d *Dialog) nextRequest() (seq uint32, target sip.Uri, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != answered {
		return 0, target, ErrState
	}
	d.localSeq++
	return d.localSeq, d.target, nil
}
