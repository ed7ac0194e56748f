package trunkline

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/transcode"
)

// telephonyConfig is the telephone side of the configuration.
func telephonyConfig(cfg *configs.Config, log *slog.Logger) telephony.Config {
	t := telephony.Config{
		SIP: telephony.SIP{Advertise: string(cfg.SIP.Advertise), MessagesPerSecond: cfg.Limits.MessagesPerSecond},
		Media: telephony.Media{FirstPort: cfg.Media.Ports.First, LastPort: cfg.Media.Ports.Last,
			ReorderWindow: never(cfg.Media.ReorderWindow), FirstTimeout: never(cfg.Media.FirstTimeout), Timeout: never(cfg.Media.Timeout)},
		Limits: telephony.Limits{Calls: cfg.Limits.Calls, CallsPerSecond: cfg.Limits.CallsPerSecond,
			CallDuration: cfg.Limits.CallDuration.Std()},
		SessionTimers: telephony.SessionTimers{Expires: never(cfg.SIP.SessionTimers.Expires), Min: cfg.SIP.SessionTimers.Min.Std()},
		Log:           log,
	}
	if cfg.SIP.Strangers == "ignore" {
		t.Strangers = telephony.Silent
	}
	if c := cfg.SIP.TLS; c != nil {
		t.SIP.TLS = telephony.TLS{CertFile: string(c.Certificate), KeyFile: string(c.Key), ClientCAFile: string(c.ClientCA), RootCAFile: string(c.RootCA)}
	}
	for _, l := range cfg.SIP.Listen {
		t.SIP.Listen = append(t.SIP.Listen, string(l))
	}
	for i := range cfg.Trunks {
		t.Trunks = append(t.Trunks, telephonyTrunk(&cfg.Trunks[i]))
	}
	return t
}

func telephonyTrunk(c *configs.Trunk) telephony.Trunk {
	n := c.Numbers
	t := telephony.Trunk{
		Name: c.Name, Calls: c.Calls, Transfers: c.Transfers, Dials: c.Dials, DialledFrom: c.DialledFrom, DistrustIdentity: !c.TrustIdentity,
		Sources: prefixes(c.Sources), Server: string(c.Server), Proxy: string(c.OutboundProxy), Qualify: c.Qualify.Std(),
		Numbers: telephony.Numbers{Country: n.Country.Digits(), International: n.International.Digits(), National: n.National.Digits(),
			MinLength: n.Length.Min, MaxLength: n.Length.Max, Bare: n.Bare},
		CallerID: c.CallerID,
	}
	for _, h := range c.Headers {
		t.Headers = append(t.Headers, string(h))
	}
	trunkMedia(&t, &c.Media)
	knownBy(&t, c)
	return t
}

var srtpPolicies = map[string]telephony.SRTPPolicy{"off": telephony.SRTPOff, "required": telephony.SRTPRequired}

func trunkMedia(t *telephony.Trunk, c *configs.TrunkMedia) {
	t.SRTP, t.MediaNetworks = srtpPolicies[c.SRTP], prefixes(c.Networks)
	for _, law := range c.Laws {
		t.Laws = append(t.Laws, map[string]transcode.Law{"pcmu": transcode.PCMU, "pcma": transcode.PCMA}[law])
	}
	if c.FirstTimeout != nil {
		t.FirstMediaTimeout = never(*c.FirstTimeout)
	}
	if c.Timeout != nil {
		t.MediaTimeout = never(*c.Timeout)
	}
}

// knownBy translates how a trunk is told from strangers.
func knownBy(t *telephony.Trunk, c *configs.Trunk) {
	for _, name := range c.TLSNames {
		t.TLSNames = append(t.TLSNames, string(name))
	}
	if c.Credentials != nil {
		t.Credentials = telephony.Credentials{Username: c.Credentials.Username, Password: c.Credentials.Password.Reveal()}
		t.CallerID = cmp.Or(t.CallerID, t.Credentials.Username)
	}
	if a := c.Auth; a != nil {
		t.Auth = &telephony.TrunkAuth{Realm: a.Realm}
		for _, name := range a.Algorithms {
			t.Auth.Algorithms = append(t.Auth.Algorithms, strings.ToUpper(name))
		}
		for _, u := range a.Users {
			t.Auth.Users = append(t.Auth.Users, telephony.User{Name: u.Name, Password: u.Password.Reveal()})
		}
		if len(t.Sources)+len(t.TLSNames) == 0 { // a password is enough from anywhere
			t.Sources = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		}
	}
	if r := c.Register; r != nil {
		contact := cmp.Or(r.Contact, strings.ToLower(rand.Text()))
		t.Accounts = []string{r.Account, contact}
		t.CallerID = cmp.Or(t.CallerID, r.Account)
		t.Register = &telephony.Registration{Registrar: string(r.Registrar), Contact: contact, Expires: r.Expires.Std(),
			Address: "sip:" + r.Account + "@" + r.Registrar.HostPort()}
	}
}

func prefixes(list []configs.CIDR) (all []netip.Prefix) {
	for _, c := range list {
		all = append(all, c.Prefix)
	}
	return all
}

// never translates a duration of the configuration, where 0 means none, for package media, where 0 means the default.
func never(d configs.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d.Std()
}
