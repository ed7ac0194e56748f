package configs

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// SIPURI is where requests of ours go: sip:HOST[:PORT][;transport=udp|tcp|tls]. The zero value is empty.
type SIPURI string

// Transport is udp, tcp or tls; "" leaves it to DNS, and to udp.
func (u SIPURI) Transport() string {
	_, transport, _ := strings.Cut(string(u), ";transport=")
	return transport
}

// HostPort is the host with its port, if it has one.
func (u SIPURI) HostPort() string {
	rest, _, _ := strings.Cut(strings.TrimPrefix(string(u), "sip:"), ";")
	return rest
}

// UnmarshalText checks the form; names are not looked up. Empty is allowed.
func (u *SIPURI) UnmarshalText(text []byte) error {
	bad := wrong{want: "must be sip:HOST, sip:HOST:PORT, and ;transport=udp, tcp or tls after it where it matters"}
	uri := SIPURI(text)
	rest, isSIP := strings.CutPrefix(string(text), "sip:")
	if strings.Contains(rest, "@") {
		bad.hint = "; write the host alone, the user belongs into credentials"
	}
	_, params, has := strings.Cut(rest, ";")
	badParams := has && params != "transport=udp" && params != "transport=tcp" && params != "transport=tls"
	if len(text) > 0 && (!isSIP || badParams || !validServer(uri.HostPort())) {
		return bad
	}
	*u = uri
	return nil
}

// validServer takes a host, or [address] of IPv6, with or without a port.
func validServer(text string) bool {
	if host, port, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		return err == nil && n > 0 && validHost(host)
	}
	if inside, ok := strings.CutPrefix(text, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inside, "]"))
		return err == nil && addr.Is6() && strings.HasSuffix(inside, "]")
	}
	return !strings.Contains(text, ":") && validHost(text)
}

// Prefix is digits that stand before a telephone number, or none. The zero value is not set.
type Prefix string

// None is written none: there is no prefix.
const None Prefix = "none"

// Digits are the digits themselves, "" for None and for the zero value.
func (p Prefix) Digits() string {
	if p == None {
		return ""
	}
	return string(p)
}

// UnmarshalText takes one to five digits, or none. Empty is allowed.
func (p *Prefix) UnmarshalText(text []byte) error {
	prefix := Prefix(text)
	if prefix != None && (len(text) > 5 || strings.Trim(string(text), "0123456789") != "") {
		return wrong{want: "must be one to five digits without +, or none"}
	}
	*p = prefix
	return nil
}

// Span is a number of digits, from Min to Max, both included. The zero value is not set.
type Span struct {
	Min, Max int
}

// String is MIN-MAX, or one number when they are the same.
func (s Span) String() string {
	switch {
	case s == Span{}:
		return ""
	case s.Min == s.Max:
		return strconv.Itoa(s.Min)
	}
	return fmt.Sprintf("%d-%d", s.Min, s.Max)
}

// MarshalText gives String.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads 10 or 8-11, within 1 to 15, the length of the longest telephone number.
func (s *Span) UnmarshalText(text []byte) error {
	first, last, ranged := strings.Cut(string(text), "-")
	if !ranged {
		last = first
	}
	const longest = 15
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	if errA != nil || errB != nil || a < 1 || b < a || b > longest {
		return wrong{want: fmt.Sprintf("must be a number of digits from 1 to %d, or two with a - between, such as 8-11", longest)}
	}
	*s = Span{a, b}
	return nil
}

// File is a PEM file, seen from the directory of the configuration file. Load puts the path in its place by which it can
// be opened from the working directory.
type File string
