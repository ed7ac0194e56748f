package sipua

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Answers to datagrams that cannot be parsed. sipgo is silent about them, and the sender
// would repeat itself for 32 s and never learn why. The answer is made of the text of the
// request, is limited in rate, and leaves nothing behind. A connection that carries such
// a message is another matter: where the next one begins is not known there any more.

// reply is what answers a datagram that sipgo cannot parse, and where it goes; false for
// what deserves silence: no request, an ACK, or not even the headers that every response
// must repeat (RFC 3261 §8.2.6.2).
func reply(data []byte, src netip.AddrPort) (to netip.AddrPort, res string, ok bool) {
	head, _, _ := strings.Cut(string(data), "\r\n\r\n")
	start, rest, _ := strings.Cut(head, "\r\n")
	words := strings.Fields(start)
	if len(words) < 3 || strings.EqualFold(words[0], "ACK") || !strings.EqualFold(words[len(words)-1], "SIP/2.0") {
		return to, "", false
	}
	lines, ok := repeatable(rest)
	if !ok {
		return to, "", false
	}
	status := "400 Bad Request"
	if unknownScheme(words[1]) {
		status = "416 Unsupported URI Scheme"
	}
	return sentBy(lines[0], src), "SIP/2.0 " + status + "\r\n" + strings.Join(lines, "\r\n") + "\r\nContent-Length: 0\r\n\r\n", true
}

// copied are the headers of a response that come from the request, Via first.
var copied = [...]struct{ name, compact string }{
	{"via", "v"}, {"from", "f"}, {"to", "t"}, {"call-id", "i"}, {"cseq", "cseq"},
}

// repeatable returns the header lines that a response repeats, unfolded: every Via, then
// one of each other; false when one is missing or holds what may not go out again.
func repeatable(rest string) (lines []string, ok bool) {
	rest = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(rest)
	for _, h := range copied {
		found := false
		for line := range strings.SplitSeq(rest, "\r\n") {
			name, value, colon := strings.Cut(line, ":")
			name = strings.TrimSpace(name)
			if !colon || !strings.EqualFold(name, h.name) && !strings.EqualFold(name, h.compact) || found && h.name != "via" {
				continue
			}
			if strings.TrimSpace(value) == "" || clean(line) != line {
				return nil, false
			}
			if h.name == "to" && !strings.Contains(strings.ToLower(strings.ReplaceAll(value, " ", "")), ";tag=") {
				line += ";tag=" + sip.GenerateTagN(16)
			}
			lines, found = append(lines, line), true
		}
		if !found {
			return nil, false
		}
	}
	return lines, true
}

// unknownScheme reports whether uri is one of another kind than we know.
func unknownScheme(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || scheme == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return false
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips", "tel":
		return false
	}
	return true
}

// sentBy is where a response goes (RFC 3261 §18.2.2, RFC 3581 §4): always to the address
// that the request came from, to the port that its Via names.
func sentBy(via string, src netip.AddrPort) netip.AddrPort {
	msg, err := sip.ParseMessage([]byte("OPTIONS sip:a SIP/2.0\r\n" + via + "\r\n\r\n"))
	if err != nil || msg.Via() == nil || msg.Via().Params.Has("rport") {
		return src
	}
	port := msg.Via().Port
	if port <= 0 || port > 65535 {
		port = 5060
	}
	return netip.AddrPortFrom(src.Addr(), uint16(port))
}

// readable reports whether a datagram can be handed on; one that cannot is answered here.
func (l *udpListener) readable(src netip.AddrPort, data []byte) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			l.ua.panicked("datagram", p)
			ok = false
		}
	}()
	if len(strings.Trim(string(data), "\r\n\x00 \t")) == 0 {
		return true // a keep-alive
	}
	if _, err := l.ua.parser.ParseSIP(data); err == nil {
		return true
	}
	l.ua.counters.malformed.Add(1)
	if to, res, ok := reply(data, src); ok && l.ua.broken.take() {
		_, _ = l.WriteToUDPAddrPort([]byte(res), to)
	}
	return false
}
