package trunkline

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/trunkline/trunkline/configs"
)

// soon is when a certificate should have been renewed.
const soon = 14 * 24 * time.Hour

// networkProbes look at our own side of the network.
func networkProbes(cfg *configs.Config) (all []probe) {
	if cfg.SIP.Advertise != "" {
		all = append(all, probe{"sip", "sip.advertise", func(ctx context.Context, p *probe) []Finding {
			return checkAdvertise(ctx, string(cfg.SIP.Advertise), p)
		}})
	}
	admin := string(cfg.Admin.Listen)
	for _, l := range cfg.SIP.Listen {
		network := "tcp"
		if l.Transport() == "udp" {
			network = "udp"
		}
		all = append(all, probe{"sip", "sip.listen " + string(l), func(ctx context.Context, p *probe) []Finding {
			return checkListen(ctx, network, l.HostPort(), admin, p)
		}})
	}
	if admin != "" {
		all = append(all, probe{"sip", "admin.listen", func(ctx context.Context, p *probe) []Finding {
			return checkListen(ctx, "tcp", admin, admin, p)
		}})
	}
	all = append(all, probe{"media", "media.ports", func(ctx context.Context, p *probe) []Finding {
		return checkPorts(ctx, cfg.Media.Ports, cfg.Limits.Calls, p)
	}})
	return append(all, tlsProbes(cfg.SIP.TLS)...)
}

func checkAdvertise(ctx context.Context, host string, p *probe) []Finding {
	addrs, err := lookUp(ctx, host)
	if err != nil {
		return p.fail("advertise an address, or a name that DNS has", "%s: %v", host, err)
	}
	for _, a := range addrs {
		if ours(a) {
			return p.ok("%s is %s, an address of this machine", host, a)
		}
	}
	return p.ok("%s is %s, not an address of this machine: the NAT in front of it has to pass the ports of sip.listen and media.ports on to here", host, addrs[0])
}

func ours(addr netip.Addr) bool {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, o := range own {
		if prefix, err := netip.ParsePrefix(o.String()); err == nil && prefix.Addr() == addr {
			return true
		}
	}
	return false
}

// lookUp gives the addresses of a host, which may be one itself.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, reason(ctx, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, nil
}

// bind takes an address and lets go of it.
func bind(ctx context.Context, network, address string) error {
	var l net.ListenConfig
	if network == "udp" {
		c, err := l.ListenPacket(ctx, network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	c, err := l.Listen(ctx, network, address)
	if err != nil {
		return err
	}
	return c.Close()
}

func checkListen(ctx context.Context, network, address, admin string, p *probe) []Finding {
	err := bind(ctx, network, address)
	switch {
	case err == nil:
		return p.ok("%s %s is free to listen on", network, address)
	case errors.Is(err, syscall.EADDRINUSE) && answersAsWe(ctx, admin):
		return p.ok("in use, and a Trunkline answers on admin.listen: the service runs already")
	case errors.Is(err, syscall.EADDRINUSE) && admin == "":
		return p.warn("nothing, if that is the running service; with admin.listen it could be told", "in use: something listens on %s %s", network, address)
	case errors.Is(err, syscall.EADDRINUSE):
		return p.fail("end the other program or choose another port", "another program listens on %s %s", network, address)
	case errors.Is(err, fs.ErrPermission):
		return p.fail("choose a port above 1023, or give the program CAP_NET_BIND_SERVICE", "listen on %s %s: %v", network, address, root(err))
	}
	return p.fail("listen on 0.0.0.0, [::] or an address that this machine has", "listen on %s %s: %v", network, address, root(err))
}

// answersAsWe reports whether something answers as the operator's listener of a running service does.
func answersAsWe(ctx context.Context, admin string) bool {
	host, port, err := net.SplitHostPort(admin)
	if err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", http.NoBody)
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it is this machine
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// checkPorts tries the ends and the middle of the range: the rest is mostly like them.
func checkPorts(ctx context.Context, ports configs.PortRange, calls int, p *probe) []Finding {
	middle := ports.First + (ports.Last-ports.First)/2
	taken := 0
	for _, port := range []int{ports.First, middle, ports.Last} {
		err := bind(ctx, "udp", net.JoinHostPort("", strconv.Itoa(port)))
		switch {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE):
			taken++
		default:
			return p.fail("choose ports above 1023 that this user may bind", "bind UDP port %d: %v", port, root(err))
		}
	}
	switch {
	case taken > 0:
		return p.warn("unless calls are going on, choose a range that no other program uses", "%d of 3 ports tried in %s are in use", taken, ports)
	case ports.Pairs() < calls:
		return p.warn("widen media.ports to two ports a call, or lower limits.calls", "%s has room for %d calls and limits.calls allows %d", ports, ports.Pairs(), calls)
	}
	return p.ok("%s can be bound, room for %d calls, limits.calls is %d", ports, ports.Pairs(), calls)
}

func tlsProbes(c *configs.TLS) (all []probe) {
	if c == nil {
		return nil
	}
	if c.Certificate != "" {
		all = append(all, probe{"tls", "sip.tls.certificate", func(_ context.Context, p *probe) []Finding {
			pair, err := tls.LoadX509KeyPair(string(c.Certificate), string(c.Key))
			if err != nil {
				return p.fail("give the PEM files of a certificate and of its own key", "%v", err)
			}
			return expiry(pair.Leaf, time.Now(), p)
		}})
	}
	for key, file := range map[string]configs.File{"client_ca": c.ClientCA, "root_ca": c.RootCA} {
		if file == "" {
			continue
		}
		all = append(all, probe{"tls", "sip.tls." + key, func(_ context.Context, p *probe) []Finding {
			text, err := os.ReadFile(string(file))
			if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
				err = fmt.Errorf("no certificate in %s", file)
			}
			if err != nil {
				return p.fail("give a PEM file of the authorities", "%v", err)
			}
			return p.ok("%s can be read", file)
		}})
	}
	return all
}

func expiry(leaf *x509.Certificate, now time.Time, p *probe) []Finding {
	left, end := leaf.NotAfter.Sub(now), leaf.NotAfter.Format(time.DateOnly)
	days := int(left / (24 * time.Hour))
	switch {
	case left <= 0:
		return p.fail("renew it; a running service takes the new files by itself", "the certificate expired on %s", end)
	case now.Before(leaf.NotBefore):
		return p.fail("set the clock, or wait", "the certificate begins on %s", leaf.NotBefore.Format(time.DateOnly))
	case left < soon:
		return p.warn("renew it; a running service takes the new files by itself", "%d days left, until %s", days, end)
	}
	return p.ok("%d days left, until %s", days, end)
}

// trunkProbes look for the names of the servers that requests of ours go to.
func trunkProbes(cfg *configs.Config) (all []probe) {
	for i := range cfg.Trunks {
		t := &cfg.Trunks[i]
		uris := map[string]configs.SIPURI{"server": t.Server, "outbound_proxy": t.OutboundProxy}
		if r := t.Register; r != nil && r.Registrar != t.Server {
			uris["register.registrar"] = r.Registrar
		}
		for key, uri := range uris {
			if uri != "" {
				all = append(all, probe{"trunks", "trunks[" + t.Name + "]." + key, func(ctx context.Context, p *probe) []Finding {
					return checkSIPServer(ctx, uri, p)
				}})
			}
		}
	}
	return all
}

// checkSIPServer looks the name up as requests do: without a port SRV says where the server is, else its address.
func checkSIPServer(ctx context.Context, uri configs.SIPURI, p *probe) []Finding {
	host, port, err := net.SplitHostPort(uri.HostPort())
	if err != nil {
		host = uri.HostPort()
	}
	if ip, err := netip.ParseAddr(trimBrackets(host)); err == nil {
		return p.ok("%s is an address", ip)
	}
	if port == "" {
		service, proto := "sip", cmp.Or(uri.Transport(), "udp")
		if proto == "tls" {
			service, proto = "sips", "tcp"
		}
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, host); err == nil && len(records) > 0 {
			return p.ok("%s has %d SRV records", host, len(records))
		}
	}
	addrs, err := lookUp(ctx, host)
	if err != nil {
		return p.fail("check the name with the carrier, and the DNS of this machine", "look up %s: %v", host, err)
	}
	return p.ok("%s is %s", host, addrs[0])
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' {
		return host[1 : len(host)-1]
	}
	return host
}
