package sipua

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Request is an INVITE as plain values, read once when it arrived. It may be kept and
// read by any goroutine.
type Request struct {
	CallID     string
	Method     string
	RequestURI URI
	From, To   Address

	Body        []byte // the session description; empty when the INVITE made no offer
	ContentType string // of the whole message body, which may be multipart

	Source    netip.AddrPort // where the request came from
	Transport string         // "udp", "tcp" or "tls"
	Peer      string         // Admission.Peer of Source

	HeaderMap map[string][]string // every header by its lower-case long name; read it with Headers
}

// Headers returns the values of a header in order, one for each header line; the name
// is case-insensitive and in its long form. Comma lists are not taken apart.
func (r *Request) Headers(name string) []string { return r.HeaderMap[strings.ToLower(name)] }

// Header is a header that goes out with a response.
type Header struct{ Name, Value string }

// URI is a SIP or tel address (RFC 3261 §19.1, RFC 3966).
type URI struct {
	Scheme string // lower case: "sip", "sips", "tel"
	User   string // for tel the number with its parameters; escapes are kept
	Host   string // "" for tel
	Port   int    // 0 when not given
}

// Address is the value of a From, To or P-Asserted-Identity header.
type Address struct {
	Display string // without quotes, "" when absent
	URI     URI
}

func plainURI(u *sip.Uri) URI {
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return URI{Scheme: u.Scheme, User: u.Raw()}
	}
	return URI{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
}

// snapshot copies everything worth keeping out of a sipgo message, whose getters may
// not be used by two goroutines.
func snapshot(req *sip.Request, peer string) *Request {
	r := &Request{
		CallID:     req.CallID().Value(),
		Method:     string(req.Method),
		RequestURI: plainURI(&req.Recipient),
		From:       Address{unescape(req.From().DisplayName), plainURI(&req.From().Address)},
		To:         Address{unescape(req.To().DisplayName), plainURI(&req.To().Address)},
		Source:     sourceOf(req),
		Transport:  sip.NetworkToLower(req.Transport()),
		Peer:       peer,
		HeaderMap:  make(map[string][]string),
	}
	r.Body, _ = offerOf(req)
	if ct := req.ContentType(); ct != nil {
		r.ContentType = ct.Value()
	}
	for _, h := range req.Headers() {
		name := longName(strings.ToLower(h.Name()))
		r.HeaderMap[name] = append(r.HeaderMap[name], h.Value())
	}
	return r
}

// sourceOf is the address a message came from, as sipgo noted it.
func sourceOf(msg sip.Message) netip.AddrPort {
	a, err := netip.ParseAddrPort(msg.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// longNames are the compact header forms that sipgo leaves alone (RFC 3261 §7.3.3 and
// the registry).
var longNames = map[string]string{
	"a": "accept-contact", "b": "referred-by", "d": "request-disposition", "e": "content-encoding", "j": "reject-contact",
	"k": "supported", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject", "u": "allow-events",
	"x": "session-expires", "y": "identity",
}

func longName(name string) string {
	if long, ok := longNames[name]; ok {
		return long
	}
	return name
}

// headerValues returns the raw values of a header of a sipgo message, by long name.
func headerValues(msg sip.Message, name, compact string) []string {
	var values []string
	for _, n := range []string{name, compact} {
		if n == "" {
			continue
		}
		for _, h := range msg.GetHeaders(n) {
			values = append(values, h.Value())
		}
	}
	return values
}

// splitOutside cuts s at sep, but not inside "quotes" or <brackets>.
func splitOutside(s string, sep byte) []string {
	var parts []string
	start, quoted, bracket := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == sep && !bracket:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// firstOf is the first value of a comma list.
func firstOf(s string) string { return splitOutside(s, ',')[0] }

// unquote removes surrounding quotes and the escapes inside them.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return unescape(s[1 : len(s)-1])
	}
	return s
}

// unescape undoes the quoted-pair of RFC 3261 §25.1.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// clean makes text safe inside a header or status line: a caller-made string must not
// be able to start a new one.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
