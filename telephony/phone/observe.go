package phone

import (
	"bytes"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// observe sees every SIP packet as it is read. sipgo handles each message in a
// goroutine of its own: a 200 right behind a 180 may overtake it, and then the 180 is
// not reported at all. Times of a report are therefore taken here. Nothing passes
// once the phone closes.
func (p *Phone) observe(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	if p.closed.Load() {
		return nil, nil
	}
	now := time.Now()
	for rest := data; ; {
		status, callID, tail, ok := nextResponse(rest)
		if !ok {
			return data, nil
		}
		if c := p.find(callID); c != nil {
			c.responded(status, now)
		}
		rest = tail
	}
}

// nextResponse finds the next status line and its Call-ID. A chunk of TCP may hold
// several messages, or break one: what is broken is missed.
func nextResponse(b []byte) (status int, callID string, rest []byte, ok bool) {
	_, b, ok = bytes.Cut(b, []byte("SIP/2.0 "))
	if !ok || len(b) < 3 {
		return 0, "", nil, false
	}
	status, err := strconv.Atoi(string(b[:3]))
	if err != nil {
		return 0, "", b, true
	}
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		if bytes.EqualFold(name, []byte("Call-ID")) || bytes.EqualFold(name, []byte("i")) {
			return status, string(bytes.TrimSpace(value)), b[3:], true
		}
	}
	return status, "", b[3:], true
}

// responded notes the first 180 or 183 and the first 200 of the INVITE, which come
// before any other 200.
func (c *call) responded(status int, now time.Time) {
	c.times.Lock()
	defer c.times.Unlock()
	switch {
	case (status == 180 || status == 183) && c.ringing.IsZero():
		c.ringing = now
	case status == 200 && c.answeredAt.IsZero():
		c.answeredAt = now
	}
}

// fillTimes puts what was observed into the report.
func (c *call) fillTimes() {
	c.times.Lock()
	defer c.times.Unlock()
	if !c.ringing.IsZero() {
		c.report.Ringing = c.ringing.Sub(c.began)
	}
	if !c.answeredAt.IsZero() && c.ear != nil {
		c.report.Answered = c.answeredAt.Sub(c.began)
	}
}
