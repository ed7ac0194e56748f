package configs

import (
	"cmp"
	"strings"
)

// Trunk is somebody who may call, and perhaps be called.
type Trunk struct {
	Name string `yaml:"name" required:"give the trunk a name"`
	// Sources are the addresses its signalling comes from. No address may belong to two trunks. Not needed with TLSNames,
	// Auth or Register.
	Sources []CIDR `yaml:"sources"`
	// TLSNames are names in the certificate that the peer shows, signed by sip.tls.client_ca. Default: none.
	TLSNames []Host `yaml:"tls_names"`
	// Auth asks the peer for a password (digest, RFC 8760). Default: its address, or its certificate, is enough.
	Auth *Auth `yaml:"auth"`

	// Server is where our own requests go: REGISTER, OPTIONS and calls. Default: none, nothing is sent.
	Server SIPURI `yaml:"server"`
	// OutboundProxy takes these requests in the place of Server. Default: none.
	OutboundProxy SIPURI `yaml:"outbound_proxy"`
	// Credentials answer the server's challenges.
	Credentials *Credentials `yaml:"credentials"`
	// Register tells the server where we are, and again before that expires. Default: it knows.
	Register *Register `yaml:"register"`
	// Qualify is how often the server is asked with OPTIONS whether it is there, 10 s to 1 h; 0 never. Default 0.
	Qualify Duration `yaml:"qualify" default:"0s" max:"1h"`

	// Calls over this trunk at once; 0 leaves it at limits.calls. Default 0.
	Calls int `yaml:"calls" default:"0" min:"0" max:"100000"`
	// Media differs from the block media here.
	Media TrunkMedia `yaml:"media"`

	// TrustIdentity believes what networks say of a caller: P-Asserted-Identity, Remote-Party-ID, verstat, Diversion and
	// History-Info. Default true.
	TrustIdentity bool `yaml:"trust_identity" default:"true"`
	// DialledFrom is where the dialled number is looked for, in order. Default: the Request-URI, then To.
	DialledFrom []string `yaml:"dialled_from" enum:"request_uri|to|p_called_party_id|diversion"`
	// Numbers says how the trunk writes telephone numbers.
	Numbers Numbers `yaml:"numbers"`
	// Headers of the INVITE that prompts may hold as {{header.NAME}}, at most 16. Default: none.
	Headers []HeaderName `yaml:"headers"`

	// Transfers are the targets that callers may be transferred to over this trunk: a number, a SIP URI, or the beginning
	// of one with * after it. Default: none, nobody is transferred.
	Transfers []string `yaml:"transfers"`
	// Dials are the targets that we may call over this trunk, written likewise. Default: none, nobody is called.
	Dials []string `yaml:"dials"`
	// CallerID is the number those calls come from, in the form the trunk wants. Default: none, the account.
	CallerID string `yaml:"caller_id"`
}

// setDefaults fills what depends on other members.
func (t *Trunk) setDefaults() {
	if t.Auth != nil {
		t.Auth.Realm = cmp.Or(t.Auth.Realm, t.Name)
	}
	r := t.Register
	if r == nil {
		return
	}
	r.Registrar = cmp.Or(r.Registrar, t.Server)
	if t.Credentials != nil {
		r.Account = cmp.Or(r.Account, t.Credentials.Username)
	}
}

// MayTransfer reports whether the trunk allows a caller to be transferred to target.
func (t *Trunk) MayTransfer(target string) bool { return listed(t.Transfers, target) }

// MayDial reports whether target may be called over the trunk.
func (t *Trunk) MayDial(target string) bool { return listed(t.Dials, target) }

// listed reports whether a list of targets, or their beginnings with *, holds target.
func listed(list []string, target string) bool {
	for _, allowed := range list {
		if beginning, ok := strings.CutSuffix(allowed, "*"); ok && strings.HasPrefix(target, beginning) || allowed == target {
			return true
		}
	}
	return false
}

// Auth is what the peer has to know.
type Auth struct {
	// Realm that the peer is shown. Default: the name of the trunk.
	Realm string `yaml:"realm"`
	// Algorithms that are offered, the preferred one first. Default: sha-256, md5. Old peers look at the first alone.
	Algorithms []string `yaml:"algorithms" enum:"sha-256|md5"`
	// Users that may call; each name is in one trunk only.
	Users []User `yaml:"users" required:"list who may call, such as - { name: pbx, password: \"${PBX_PASSWORD}\" }"`
}

// User is a name with its password.
type User struct {
	Name     string `yaml:"name" required:"name the user"`
	Password Secret `yaml:"password" required:"write the user's password"`
}

// Credentials are what we have to know.
type Credentials struct {
	Username string `yaml:"username" required:"write the user name that the server gave you"`
	Password Secret `yaml:"password" required:"write the password that the server gave you"`
}

// Register is a registration (RFC 3261 §10).
type Register struct {
	// Registrar where it is not Server. Default: Server.
	Registrar SIPURI `yaml:"registrar"`
	// Account is the user part of the address that is registered. Default: the username of the credentials.
	Account string `yaml:"account"`
	// Contact is the user part of the address that the registrar sends calls to, and by which they are
	// known to be its. Default: one that nobody can guess.
	Contact string `yaml:"contact"`
	// Expires is how long the registration is to last, 1 min to 24 h; the registrar may shorten it. Default 1 h.
	Expires Duration `yaml:"expires" default:"1h" min:"1m" max:"24h"`
}

// TrunkMedia is what is different with the audio of one trunk.
type TrunkMedia struct {
	// SRTP off refuses it, optional takes it where it is offered, required refuses calls without. Default optional.
	SRTP string `yaml:"srtp" enum:"off|optional|required" default:"optional"`
	// Laws that calls may have, the preferred one first. Default: both, as the caller's side prefers.
	Laws []string `yaml:"laws" enum:"pcmu|pcma"`
	// Networks that the audio may come from and go to. Default: any.
	Networks []CIDR `yaml:"networks"`
	// FirstTimeout instead of media.first_timeout.
	FirstTimeout *Duration `yaml:"first_timeout" min:"0s" max:"1h"`
	// Timeout instead of media.timeout.
	Timeout *Duration `yaml:"timeout" min:"0s" max:"1h"`
}

// Numbers says how a trunk writes telephone numbers; routes see them as + and the calling code.
type Numbers struct {
	// Country is the calling code of the trunk's country. Default: none, numbers without a calling code stay as they are.
	Country Prefix `yaml:"country"`
	// International is what is dialled before a calling code. Default: 00, and 011 with country 1.
	International Prefix `yaml:"international"`
	// National is what is dialled before a national number and is no part of it, or none. Needed with country.
	National Prefix `yaml:"national"`
	// Length of national numbers in digits, without National. Default: 6 to 13, 8 to 11 without National, 10 with country 1.
	Length Span `yaml:"length"`
	// Bare says that digits without any prefix begin with a calling code. Default false.
	Bare bool `yaml:"bare" default:"false"`
}

// TLS is our side of sips.
type TLS struct {
	// Certificate is a PEM file with our certificate and those between it and the root. Needed to listen on tls://.
	Certificate File `yaml:"certificate"`
	// Key is the PEM file with its private key.
	Key File `yaml:"key"`
	// ClientCA is a PEM file with the authorities that sign our peers' certificates. Default: none, they show none.
	ClientCA File `yaml:"client_ca"`
	// RootCA is a PEM file with the authorities that sign servers' certificates. Default: those of the system.
	RootCA File `yaml:"root_ca"`
}

// SessionTimers find calls whose far end is gone without a BYE (RFC 4028).
type SessionTimers struct {
	// Expires is how long a call lasts without a refresh, 90 s to 24 h; 0: we do not ask for any. Default 30 min.
	Expires Duration `yaml:"expires" default:"30m" max:"24h"`
	// Min is the shortest time that a peer may ask for, 90 s to 24 h. Default 90 s.
	Min Duration `yaml:"min" default:"1m30s" min:"90s" max:"24h"`
}
