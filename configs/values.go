package configs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// wrong says what a value should have been. It does not hold the value: whether that may be shown is decided by who
// reports it.
type wrong struct {
	want string // "must be …"
	hint string // "; write …", or ""
	part string // the element of a list that is meant, or ""
}

func (w wrong) Error() string { return w.want + w.hint }

// Duration is a length of time, written with its unit: 300ms, 5s, 1h30m, 30d. A bare number is refused, because it
// would be read as nanoseconds by some and as seconds by others.
type Duration time.Duration

// Std is the duration in the type of the standard library.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the shortest way to write d: 1h, not 1h0m0s.
func (d Duration) String() string {
	const day = 24 * time.Hour
	std := d.Std()
	if std >= 2*day && std%day == 0 {
		return strconv.FormatInt(int64(std/day), 10) + "d"
	}
	text := std.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText gives String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the units ns, us, ms, s, m, h and, in front, d of 24 hours.
func (d *Duration) UnmarshalText(text []byte) error {
	bad := wrong{want: "must be a length of time such as 300ms, 5s, 1h30m or 30d"}
	if _, err := strconv.ParseFloat(string(text), 64); err == nil {
		bad.hint = fmt.Sprintf("; add the unit: %ss or %sms", text, text)
		return bad
	}
	rest, days := string(text), time.Duration(0)
	if head, tail, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return bad
		}
		rest, days = tail, time.Duration(n)*24*time.Hour
	}
	if rest == "" && days > 0 {
		rest = "0s"
	}
	std, err := time.ParseDuration(rest)
	if err != nil || std < 0 || days+std < 0 {
		return bad
	}
	*d = Duration(days + std)
	return nil
}

// PortRange is the UDP ports for RTP, both ends included. A call takes an even port and the odd one above it
// (RFC 3550 §11). The zero value means any ports the system gives; it cannot be written in a file.
type PortRange struct {
	First, Last int
}

// Pairs is how many calls the range has room for; 0 for the zero value.
func (p PortRange) Pairs() int { return max(0, (p.Last+1)/2-(p.First+1)/2) }

// String is FIRST-LAST.
func (p PortRange) String() string {
	if p == (PortRange{}) {
		return ""
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// MarshalText gives String.
func (p PortRange) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads FIRST-LAST within 1024..65535, with at least one even port and its successor.
func (p *PortRange) UnmarshalText(text []byte) error {
	first, last, _ := strings.Cut(string(text), "-")
	a, errA := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	b, errB := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if errA != nil || errB != nil || a < 1024 {
		return wrong{want: "must be two ports between 1024 and 65535, such as 20000-20999"}
	}
	r := PortRange{int(a), int(b)}
	if r.Pairs() == 0 {
		return wrong{want: "must run from a lower to a higher port and hold an even one with the odd one above it"}
	}
	*p = r
	return nil
}

// CIDR is a range of IP addresses. A single address is a range of one.
type CIDR struct {
	netip.Prefix
}

// String is as in the file; the zero value is "".
func (c CIDR) String() string {
	if !c.IsValid() {
		return ""
	}
	return c.Prefix.String()
}

// UnmarshalText reads 203.0.113.0/24, 2001:db8::/32 or a single address. Addresses of IPv4 in the clothes of IPv6 are
// undressed.
func (c *CIDR) UnmarshalText(text []byte) error {
	bad := wrong{want: "must be an address or a range of addresses such as 203.0.113.0/24 or 2001:db8::/32"}
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		if addr.Zone() != "" {
			return bad
		}
		addr = addr.Unmap()
		c.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return bad
	}
	if p != p.Masked() {
		bad.hint = fmt.Sprintf("; its address has bits beyond /%d: write %s or %s", p.Bits(), p.Masked(), p.Addr())
		return bad
	}
	const mapped = 96 // ::ffff:0:0/96 holds the IPv4 addresses
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	c.Prefix = p
	return nil
}

// TokenLimit bounds one answer of the model: 1 to 4096 tokens, [Unlimited], or 0 for what the service does by itself.
type TokenLimit int

// Unlimited is written inf.
const Unlimited TokenLimit = -1

// String is as in the file; "" for 0.
func (t TokenLimit) String() string {
	switch t {
	case 0:
		return ""
	case Unlimited:
		return "inf"
	}
	return strconv.Itoa(int(t))
}

// MarshalText gives String.
func (t TokenLimit) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a number or inf.
func (t *TokenLimit) UnmarshalText(text []byte) error {
	const most = 4096 // of the Realtime protocol, both dialects
	if string(text) == "inf" {
		*t = Unlimited
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > most {
		return wrong{want: fmt.Sprintf("must be a number of tokens from 1 to %d, or inf", most)}
	}
	*t = TokenLimit(n)
	return nil
}
