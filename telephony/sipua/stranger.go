package sipua

import (
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Answers to strangers, when the verdict is Forbid. They are made from the one message
// at hand and leave nothing behind: no transaction, no table entry, no log line.

// forbidRate limits those answers to all strangers together, so that a forged source
// address cannot turn us into a hose.
const (
	forbidRate  = 50 // a second
	forbidBurst = 100
)

// greetRate limits the TLS handshakes with sources that are not known by their address.
const (
	greetRate  = 50 // a second
	greetBurst = 100
)

// forbid makes a 403 for a raw request and says where to send it; false for anything
// that deserves silence.
func (u *UA) forbid(data []byte, src netip.AddrPort, transport string) (to netip.AddrPort, res []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			u.panicked("stranger", p)
			ok = false
		}
	}()
	if !u.strangers.take() {
		return to, nil, false
	}
	msg, err := u.parser.ParseSIP(data)
	req, isRequest := msg.(*sip.Request)
	if err != nil || !isRequest || req.IsAck() || !answerable(req) {
		return to, nil, false
	}
	req.SetSource(src.String())
	req.SetTransport(transport)
	answer := sip.NewResponseFromRequest(req, sip.StatusForbidden, "Forbidden", nil)
	answer.SipVersion = "SIP/2.0"
	to = src
	if via := req.Via(); via.Port > 0 && !via.Params.Has("rport") {
		to = netip.AddrPortFrom(src.Addr(), uint16(via.Port)) // RFC 3261 §18.2.2
	}
	return to, []byte(answer.String()), true
}

// answerable reports whether a request has what a response must repeat.
func answerable(req *sip.Request) bool {
	return req.Via() != nil && req.From() != nil && req.To() != nil && req.CallID() != nil && req.CSeq() != nil
}

// forbidConn reads one request from a stranger's connection, says 403, and closes when
// the stranger does or a little later: closing at once would turn the answer into a
// reset as soon as the ACK arrives.
func (u *UA) forbidConn(c net.Conn, transport string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(u.timing.wholeMessage))
	buf := make([]byte, 0, 16<<10)
	for len(buf) < cap(buf) {
		n, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if _, res, ok := u.forbid(buf, addrPort(c.RemoteAddr()), sip.NetworkToUpper(transport)); ok {
			_, _ = c.Write(res)
			_ = c.SetDeadline(time.Now().Add(u.timing.closeGrace))
			_, _ = io.CopyN(io.Discard, c, 64<<10)
			return
		}
		if err != nil {
			return
		}
	}
}
