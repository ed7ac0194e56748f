package sipua

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// RegistrationConfig describes one registration with a registrar (RFC 3261 §10).
type RegistrationConfig struct {
	// Peer is the name that calls for this registration arrive under. The addresses of
	// the registrar need not be allowed by Config.Admit, see Registration.
	Peer string

	// Registrar is the SIP URI of the registrar's domain, "sip:example.com;transport=tcp".
	Registrar string

	// Proxy is where the REGISTER is sent instead, a SIP URI; "" sends it to Registrar.
	Proxy string

	// Address is the address of record, "sip:alice@example.com". Default: the user name
	// of the credentials at the registrar.
	Address string

	Credentials Credentials

	// Contact is the user part of our Contact, which the registrar puts into the
	// Request-URI of calls. Default: drawn at random for each start.
	Contact string

	// Expires is how long a binding is asked for; the registrar may give less. Default
	// 1 hour, at least 1 minute.
	Expires time.Duration

	// OnChange is told about every change of state, in order, in the goroutine of the
	// registration. It must not block.
	OnChange func(RegistrationState)
}

// Registration keeps one binding alive, from Serve to Unregister or Close.
//
//	        ┌────────────────── refresh at 80 % ──────────────────┐
//	        ▼                                                     │
//	Trying ──REGISTER──► 401, 407: once more with credentials     │
//	        │            423: once more with what it demands      │
//	        ├─ 200 ──► Registered ── CRLF every 25 to 120 s ──────┘
//	        │             └ the connection is gone ──► Trying at once
//	        └─ else ─► Failed: 2 s, 4 s, … 5 min; 10 min when it would not help
//
// Calls for the registration are taken from the addresses that the registrar's name
// leads to, if the Request-URI is our Contact: a random user part that only the
// registrar was told. One of the two alone would let in whoever shares the registrar's
// network or has seen the name.
type Registration struct {
	// Static.
	cfg    RegistrationConfig
	ua     *UA
	user   string // of Contact
	link   link   // to the registrar; tests replace it
	active context.Context
	leave  context.CancelFunc // ends active: the binding is to be removed
	left   chan struct{}      // closed when the binding is gone or was given up

	// Owned by run.
	errand  *errand
	expires time.Duration  // asked for; raised by 423
	contact string         // URI that the last REGISTER named, "" before the first
	old     string         // the one before it, to be removed; usually ""
	seen    netip.AddrPort // what the registrar saw of us, to be used as Contact
	flow    flow           // that the binding was made on; the zero flow when there is none
	wait    time.Duration  // the next pause after a failure

	mu    sync.Mutex
	state RegistrationState
}

// link is the way to the registrar.
type link struct {
	send  func(ctx context.Context, expires time.Duration) (*sip.Response, flow, error) // REGISTER; 0 removes the binding
	ping  func(flow) error
	alive func(flow) bool // false when the connection is gone
}

// RegistrationStatus says how a registration stands.
type RegistrationStatus string

// The states of a registration.
const (
	RegistrationTrying     RegistrationStatus = "trying"
	RegistrationRegistered RegistrationStatus = "registered"
	RegistrationFailed     RegistrationStatus = "failed" // and will be tried again
	RegistrationRemoved    RegistrationStatus = "removed"
)

// RegistrationState is a snapshot of a registration.
type RegistrationState struct {
	Peer         string
	Status       RegistrationStatus
	Since        time.Time // of Status
	Expires      time.Time // of the binding; zero when there is none
	Err          error     // why it failed; a *StatusError for a refusal
	ServiceRoute []string  // Route for requests to the registrar's domain (RFC 3608)
}

// ErrMoved is the reason of a registration that was answered with 3xx: credentials
// are not carried to where an answer points.
var ErrMoved = errors.New("the registrar points elsewhere: configure that address")

// errNotBound: a 200 that does not list our Contact, or for no time at all.
var errNotBound = errors.New("the registrar confirms no binding of ours")

// Register keeps a registration from the moment Serve runs. The error names the part of
// the configuration that is wrong.
func (u *UA) Register(cfg RegistrationConfig) (*Registration, error) {
	r := &Registration{cfg: cfg, ua: u, user: cfg.Contact, left: make(chan struct{})}
	r.active, r.leave = context.WithCancel(u.life)
	if r.user == "" {
		r.user = rand.Text()
	}
	r.expires = max(cfg.Expires, time.Minute)
	if cfg.Expires <= 0 {
		r.expires = time.Hour
	}
	if err := r.prepare(); err != nil {
		r.leave()
		return nil, err
	}
	r.link = link{send: r.register, ping: u.ping, alive: u.reaches}
	r.state = RegistrationState{Peer: cfg.Peer, Status: RegistrationTrying, Since: time.Now()}
	if !u.addRegistration(r) {
		r.leave()
		return nil, ErrClosed
	}
	return r, nil
}

// prepare reads the addresses.
func (r *Registration) prepare() error {
	registrar, err := serverURI(r.cfg.Registrar)
	if err != nil {
		return fmt.Errorf("registrar: %w", err)
	}
	via := registrar
	if r.cfg.Proxy != "" {
		if via, err = serverURI(r.cfg.Proxy); err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
	}
	domain := sip.Uri{Scheme: registrar.Scheme, Host: registrar.Host}
	record := sip.Uri{Scheme: "sip", User: r.cfg.Credentials.Username, Host: registrar.Host}
	if r.cfg.Address != "" {
		if err := sip.ParseUri(r.cfg.Address, &record); err != nil || record.Host == "" || record.User == "" {
			return fmt.Errorf("address %q is not of the form sip:user@domain", r.cfg.Address)
		}
		record = sip.Uri{Scheme: record.Scheme, User: record.User, Host: record.Host} // RFC 3261 §10.3: no parameters
	}
	if record.User == "" {
		return errors.New("neither an address nor a user name is given")
	}
	if strings.Trim(r.user, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()+") != "" {
		return fmt.Errorf("contact %q: use letters, digits and -_.!~*'()+", r.user)
	}
	r.errand = &errand{ua: r.ua, peer: r.cfg.Peer, method: sip.REGISTER, uri: domain, via: via, from: record, to: record,
		fromTag: rand.Text(), callID: rand.Text(), login: login{credentials: r.cfg.Credentials}}
	return nil
}

// serverURI reads the address of a server.
func serverURI(s string) (sip.Uri, error) {
	var uri sip.Uri
	err := sip.ParseUri(s, &uri)
	if err != nil || uri.Host == "" || (uri.Scheme != "sip" && uri.Scheme != "sips") {
		return uri, fmt.Errorf("%q is not of the form sip:host, sip:host:port or sip:host;transport=tcp", s)
	}
	return uri, nil
}

// CheckServer says what is wrong with the SIP URI of a server, and which transport it
// asks for: "udp", "tcp", "tls", or "" when the DNS decides.
func CheckServer(s string) (transport string, err error) {
	uri, err := serverURI(s)
	if err != nil {
		return "", err
	}
	transport = strings.ToLower(uri.UriParams.GetOr("transport", ""))
	if strings.EqualFold(uri.Scheme, "sips") {
		transport = "tls"
	}
	if _, err := netip.ParseAddr(strings.Trim(uri.Host, "[]")); err == nil && transport == "" {
		transport = "udp" // there is nothing to ask the DNS
	}
	if transport != "" && usual(transport) < 0 {
		return "", fmt.Errorf("%q: the transport must be udp, tcp or tls", s)
	}
	return transport, nil
}

// State is how the registration stands.
func (r *Registration) State() RegistrationState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// set changes the state and tells.
func (r *Registration) set(status RegistrationStatus, expires time.Time, err error, route []string) {
	r.mu.Lock()
	changed := r.state.Status != status || !sameError(r.state.Err, err)
	since := r.state.Since
	if r.state.Status != status {
		since = time.Now()
	}
	r.state = RegistrationState{r.cfg.Peer, status, since, expires, err, route}
	state := r.state
	r.mu.Unlock()
	if changed && r.cfg.OnChange != nil {
		r.cfg.OnChange(state)
	}
}

func sameError(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// addRegistration starts the goroutine; false when the user agent is closing.
func (u *UA) addRegistration(r *Registration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != open {
		return false
	}
	u.registrations = append(u.registrations, r)
	u.running.Go(func() { r.run(u.life, u.serves) })
	return true
}

func (u *UA) allRegistrations() []*Registration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.registrations)
}

// registered reports whether user is the Contact of a registration of peer.
func (u *UA) registered(peer, user string) bool {
	return slices.ContainsFunc(u.allRegistrations(), func(r *Registration) bool {
		return r.cfg.Peer == peer && r.user == user
	})
}

// Leave begins to remove every binding, so that registrars send their calls elsewhere.
// Calls in progress are not touched, and their connections are kept alive.
func (u *UA) Leave() {
	for _, r := range u.allRegistrations() {
		r.leave()
	}
}

// Unregister is Leave, and returns when the registrars have confirmed or after about 2 s.
// Close does it too.
func (u *UA) Unregister() {
	u.Leave()
	for _, r := range u.allRegistrations() {
		<-r.left
	}
}
