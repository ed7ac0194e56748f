package telephony

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
	"github.com/trunkline/trunkline/transcode"
)

// Config describes a Server. SIP.Listen and Trunks are required.
type Config struct {
	SIP    SIP
	Media  Media
	Limits Limits
	Trunks []Trunk

	// SessionTimers says how long a call lasts without a sign of life from the caller's
	// side (RFC 4028). Default: 30 minutes asked for, 90 s accepted; negative Expires: off.
	SessionTimers SessionTimers

	// Strangers is what sources get that no trunk lists. Default Refuse.
	Strangers Strangers

	Log *slog.Logger // nil discards
}

// SIP configures signalling.
type SIP struct {
	Listen    []string // "udp://127.0.0.1:5060", "tcp://:5060", "tls://[::1]:5061"; port 0 is any free port
	Advertise string   // address or name in Contact, Via and SDP; default: found per peer
	TLS       TLS      // needed for tls:// listeners

	// MessagesPerSecond bounds what one trunk may send over one transport, twice as much
	// at once. What is more is dropped over UDP, new calls first; connections are slowed.
	// Default 1000, below 0 for no bound.
	MessagesPerSecond int

	// PreferReliable has ringing confirmed (RFC 3262) by every peer that supports it, and
	// not only by those that demand it.
	PreferReliable bool
}

// TLS names files in PEM form for SIP over TLS; they are read again when they change.
type TLS struct {
	CertFile, KeyFile string // our certificate with its chain, and its key
	ClientCAFile      string // authorities of peers that connect; needed for Trunk.TLSNames
	RootCAFile        string // authorities of servers that we connect to; default: the system's
}

// SessionTimers are the figures of RFC 4028.
type SessionTimers = sipua.SessionTimers

// Media configures audio.
type Media struct {
	// Bind is the local address of the RTP sockets. Default: every address, and the one
	// that SIP advertises in the session description.
	Bind netip.Addr

	// FirstPort and LastPort bound the RTP and RTCP ports, two for each call. Both 0
	// means any free port.
	FirstPort, LastPort int

	ReorderWindow time.Duration // how long a missing packet is waited for; default of package media
	FirstTimeout  time.Duration // no packet at all since the answer; likewise
	Timeout       time.Duration // no packet any more; likewise
}

// Limits bound what the server takes on.
type Limits struct {
	Calls          int           // at once; default 500
	CallsPerSecond int           // new ones, with bursts of the same size; default 50
	CallDuration   time.Duration // after which a call is ended; 0 means never

	// TransferReport is how long the first report about a transfer may take; default 30 s.
	TransferReport time.Duration
}

// Trunk is a peer that may send calls. It is known by its address or, over TLS, by its
// certificate; Sources or TLSNames, or both, are required, and either is enough for a
// call to belong to the trunk. A name counts for more than an address.
type Trunk struct {
	Name string

	// Sources are its signalling addresses. Two trunks may not overlap, unless one of
	// them has Auth: then the narrower network counts. With Server they may be empty:
	// calls then come by a registration only.
	Sources []netip.Prefix

	// Auth asks the trunk's callers for a password, besides their address. nil: no.
	Auth *TrunkAuth

	// Server is the SIP URI of the peer for requests of ours, such as
	// "sip:example.com;transport=tcp"; found by SRV, A and AAAA (RFC 3263). "": none.
	Server      string
	Credentials Credentials   // for Server's challenges
	Proxy       string        // SIP URI of the proxy that takes them in place of Server; "": none
	Register    *Registration // at Server; nil: no
	Qualify     time.Duration // interval of OPTIONS to Server, at least 1 s; 0: never

	// TLSNames are names in its certificate, of which one must match, whatever the case:
	// a DNS name or SIP domain among the alternative names, or the common name if there
	// are none. A wildcard is only a name (RFC 5922 §7.2). No two trunks may share one.
	TLSNames []string

	// Calls bounds the calls over this trunk at once, both ways; further ones get 503. 0:
	// only Limits.Calls does.
	Calls int

	// Laws are the G.711 laws that its calls may have; the first one comes first in our own
	// offers. Default: both.
	Laws []transcode.Law

	// MediaNetworks limits where its callers' audio may be: an offer that names another
	// address is refused with 488. Empty: any single host, and loopback only when the
	// signalling came from loopback.
	MediaNetworks []netip.Prefix

	// Headers lists the headers of an INVITE that CallInfo.Headers shows, in any case;
	// the first 16 of them that a call has. From, To and credentials may not be listed.
	Headers []string

	// Transfers lists where Call.Transfer may send callers: targets as they are given to
	// it, or their beginnings with a * at the end ("+4930*", "sip:desk@pbx.example.com").
	// Empty: nowhere. Behind a beginning that does not reach past the @ of a SIP address
	// any host may follow, and somebody pays for the call.
	Transfers []string

	// CallerID is the number that calls of ours show.
	CallerID string

	// Dials lists whom Server.Dial may call, in the form of Transfers. Empty: nobody. A
	// number is called at Server; without Server only URIs can be called.
	Dials []string

	// FirstMediaTimeout and MediaTimeout override those of Media for the trunk's calls: some
	// peers send nothing while nobody speaks. Negative is never; 0 does not override.
	FirstMediaTimeout, MediaTimeout time.Duration

	// SRTP says whether audio is encrypted. Default SRTPOptional: as the caller's side offers.
	SRTP SRTPPolicy

	// DistrustIdentity ignores what only a network that checks it may say of a call, for a
	// peer that does not (RFC 3325 §5): P-Asserted-Identity, Remote-Party-ID, the results of
	// verification, Diversion and History-Info.
	DistrustIdentity bool

	// DialledFrom lists where the dialled number is looked for, in order: FromRequestURI,
	// FromTo, FromPCalledPartyID, FromDiversion. Default: the Request-URI, then To; where the
	// Request-URI names one of Accounts, To and then P-Called-Party-ID.
	DialledFrom []string

	// Accounts are user parts of a Request-URI that name us and not a number, in any case:
	// the user of a registration, and that of the Contact it registered.
	Accounts []string

	// Numbers says how the trunk writes telephone numbers.
	Numbers Numbers
}

// Strangers says how sources are treated that no trunk lists.
type Strangers uint8

// The two ways.
const (
	Refuse Strangers = iota // 403, limited in rate
	Silent                  // no answer at all: scanners learn nothing
)

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Limits.Calls <= 0 {
		c.Limits.Calls = 500
	}
	if c.Limits.CallsPerSecond <= 0 {
		c.Limits.CallsPerSecond = 50
	}
	if c.Limits.TransferReport <= 0 {
		c.Limits.TransferReport = 30 * time.Second
	}
	return c
}

// ConfigError names the setting that is wrong.
type ConfigError struct {
	Field string
	What  string
}

// Error implements error.
func (e *ConfigError) Error() string { return fmt.Sprintf("telephony: %s: %s", e.Field, e.What) }

func (c Config) check() error {
	var errs []error
	if len(c.Trunks) == 0 {
		errs = append(errs, &ConfigError{"trunks", "none is configured, so nobody could call"})
	}
	names := make(map[string]bool)
	for i, t := range c.Trunks {
		field := fmt.Sprintf("trunks[%d]", i)
		switch {
		case t.Name == "":
			errs = append(errs, &ConfigError{field, "has no name"})
		case names[t.Name]:
			errs = append(errs, &ConfigError{field, fmt.Sprintf("name %q is used twice", t.Name)})
		case len(t.Sources)+len(t.TLSNames) == 0 && t.Server == "" && t.Auth == nil:
			errs = append(errs, &ConfigError{field, "lists neither sources nor TLS names, asks for no password and has no server, so no call could be its"})
		}
		names[t.Name] = true
		for _, p := range append(append([]netip.Prefix(nil), t.Sources...), t.MediaNetworks...) {
			if !p.IsValid() {
				errs = append(errs, &ConfigError{field, "holds an invalid network"})
			}
		}
		errs = append(errs, t.checkLists(field)...)
		errs = append(errs, t.checkSRTP(field, c.SIP.Listen)...)
		errs = append(errs, c.checkNames(i, field)...)
		errs = append(errs, t.checkPeer(field, c.SIP.Listen)...)
		errs = append(errs, t.checkAuth(field)...)
		for _, other := range c.Trunks[:i] {
			if a, b, overlap := overlapping(t, other); overlap {
				errs = append(errs, &ConfigError{field, fmt.Sprintf("source %v overlaps %v of trunk %q", a, b, other.Name)})
			}
		}
	}
	return errors.Join(errs...)
}

// checkNames looks at the TLS names of a trunk, and whether they can be proved.
func (c Config) checkNames(i int, field string) (errs []error) {
	field += ".tlsNames"
	if len(c.Trunks[i].TLSNames) > 0 && c.SIP.TLS.ClientCAFile == "" {
		errs = append(errs, &ConfigError{field, "nobody could prove them: set the file of client authorities (sip.tls.client_ca)"})
	}
	for _, name := range c.Trunks[i].TLSNames {
		if plainName(name) == "" || strings.ContainsAny(name, " @/:") {
			errs = append(errs, &ConfigError{field, fmt.Sprintf("%q is not a name in a certificate", name)})
		}
		for _, other := range c.Trunks[:i] {
			if other.hasName(name) {
				errs = append(errs, &ConfigError{field, fmt.Sprintf("%q belongs to trunk %q already", name, other.Name)})
			}
		}
	}
	return errs
}

// checkLists looks at the settings of a trunk that hold words.
func (t Trunk) checkLists(field string) (errs []error) {
	for _, name := range t.Headers {
		if what := checkHeader(name); what != "" {
			errs = append(errs, &ConfigError{field + ".headers", fmt.Sprintf("%q may not be listed: it %s", name, what)})
		}
	}
	for name, list := range map[string][]string{"transfers": t.Transfers, "dials": t.Dials} {
		for i, pattern := range list {
			if strings.TrimSpace(pattern) != pattern || pattern == "" {
				errs = append(errs, &ConfigError{fmt.Sprintf("%s.%s[%d]", field, name, i), "is empty or has spaces around it"})
			}
		}
	}
	for i, source := range t.DialledFrom {
		switch source {
		case FromRequestURI, FromTo, FromPCalledPartyID, FromDiversion:
		default:
			errs = append(errs, &ConfigError{fmt.Sprintf("%s.dialled_from[%d]", field, i), fmt.Sprintf("%q is no source", source)})
		}
	}
	if _, err := sipua.NumberURI("1", t.Server); t.Server != "" && err != nil {
		errs = append(errs, &ConfigError{field + ".server", "is not of the form sip:host"})
	}
	return append(errs, t.Numbers.check(field+".numbers")...)
}
