package configs

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Host is an IP address or a host name, without a port. The zero value is empty.
type Host string

// UnmarshalText checks the form; names are not looked up. Empty is allowed.
func (h *Host) UnmarshalText(text []byte) error {
	if len(text) > 0 && !validHost(string(text)) {
		return wrong{want: "must be an IP address or a host name, without a port"}
	}
	*h = Host(text)
	return nil
}

// HostPort is an address to listen on, HOST:PORT; an empty host is every address of the machine, port 0 any free port.
// The zero value is empty.
type HostPort string

// Loopback reports whether only this machine can reach the address.
func (h HostPort) Loopback() bool {
	host, _, err := net.SplitHostPort(string(h))
	return err == nil && loopback(host)
}

// UnmarshalText checks the form. Empty is allowed.
func (h *HostPort) UnmarshalText(text []byte) error {
	if len(text) > 0 && !validHostPort(string(text)) {
		return wrong{want: "must be an address to listen on such as 127.0.0.1:9090, [::1]:9090 or :9090"}
	}
	*h = HostPort(text)
	return nil
}

// ListenAddr is where SIP is listened for: udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT, with the same rules as
// [HostPort].
type ListenAddr string

// Transport is udp, tcp or tls.
func (a ListenAddr) Transport() string {
	transport, _, _ := strings.Cut(string(a), "://")
	return transport
}

// HostPort is what follows the transport.
func (a ListenAddr) HostPort() string {
	_, rest, _ := strings.Cut(string(a), "://")
	return rest
}

// UnmarshalText checks the form.
func (a *ListenAddr) UnmarshalText(text []byte) error {
	addr := ListenAddr(text)
	if t := addr.Transport(); t != "udp" && t != "tcp" && t != "tls" || !validHostPort(addr.HostPort()) {
		return wrong{want: "must be udp://, tcp:// or tls:// and an address to listen on, such as udp://0.0.0.0:5060"}
	}
	*a = addr
	return nil
}

func validHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && (host == "" || validHost(host))
}

// validHost takes IP addresses and names of RFC 1123: letters, digits and hyphens in labels of at most 63.
func validHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	for _, label := range labels {
		if !validLabel(label) {
			return false
		}
	}
	// 300.1.2.3 and 5060 are no names but mistyped addresses.
	return len(text) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return strings.IndexFunc(label, func(r rune) bool { return !isAlnum(r) && r != '-' && r != '_' }) < 0
}

func isAlnum(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// validName takes the names of trunks, agents and the like: they become parts of environment variables, metric labels
// and keys of the store.
func validName(name string) bool {
	if name == "" || len(name) > 64 || !isAlnum(rune(name[0])) {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return !isAlnum(r) && !strings.ContainsRune("_.-", r) }) < 0
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
