package telephony

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// Credentials are what a trunk's peer asks us for.
type Credentials struct{ Username, Password string }

// TrunkAuth is what callers of a trunk must prove before anything of their call begins
// (Digest; RFC 3261 §22, RFC 8760). Each INVITE is asked; after ten wrong passwords
// within a minute a source address is refused for a minute.
type TrunkAuth struct {
	Realm string // of the challenge, "sip.example.com"; peers choose their password by it
	Users []User

	// Algorithms are offered in this order: "SHA-256", "MD5", "SHA-512-256". Default:
	// SHA-256, MD5. For a peer that only looks at the first: MD5 alone.
	Algorithms []string
}

// User is somebody who may call.
type User struct{ Name, Password string }

// Registration makes the trunk known to its peer by REGISTER instead of by address.
// Trunk.Credentials are the account.
type Registration struct {
	// Registrar is its SIP URI; default Trunk.Server.
	Registrar string
	Address   string // address of record; default: the user name at the registrar

	// Contact is the user part under which the registrar calls us. Default: unguessable.
	// Unless the registrar's addresses are among Trunk.Sources, a call must name it.
	Contact string

	Expires time.Duration // asked for, at least 1 minute; default 1 hour. The registrar decides
}

// RegistrationState says how the registration of a trunk stands.
type RegistrationState = sipua.RegistrationState

// QualifyState says whether the peer of a trunk answers.
type QualifyState = sipua.QualifyState

// TrunkStats is what is known of a trunk that we talk to on our own account.
type TrunkStats struct {
	Registration *RegistrationState // nil when the trunk does not register
	Qualify      *QualifyState      // nil when its peer is not watched
}

// peers are the trunks' registrations and watches, by trunk name. Static after Listen.
type peers struct {
	registrations map[string]*sipua.Registration
	qualifiers    map[string]*sipua.Qualifier
}

// openPeers prepares what begins with Serve.
func (s *Server) openPeers() error {
	s.peers = peers{make(map[string]*sipua.Registration), make(map[string]*sipua.Qualifier)}
	for i, t := range s.cfg.Trunks {
		field := fmt.Sprintf("trunks[%d]", i)
		if t.Register != nil {
			r, err := s.ua.Register(sipua.RegistrationConfig{
				Peer: t.Name, Registrar: cmp.Or(t.Register.Registrar, t.Server), Credentials: sipua.Credentials(t.Credentials),
				Proxy: t.Proxy, Address: t.Register.Address, Contact: t.Register.Contact,
				Expires: t.Register.Expires, OnChange: s.registrationChanged,
			})
			if err != nil {
				return &ConfigError{field + ".register", err.Error()}
			}
			s.peers.registrations[t.Name] = r
		}
		if t.Qualify > 0 {
			q, err := s.ua.Qualify(sipua.QualifyConfig{Peer: t.Name, Server: cmp.Or(t.Proxy, t.Server), Interval: t.Qualify, OnChange: s.peerChanged})
			if err != nil {
				return &ConfigError{field + ".server", err.Error()}
			}
			s.peers.qualifiers[t.Name] = q
		}
	}
	return nil
}

func (s *Server) registrationChanged(state RegistrationState) {
	if state.Err != nil {
		s.cfg.Log.Warn("registration failed and will be tried again", "trunk", state.Peer, "err", state.Err)
		return
	}
	s.cfg.Log.Info("registration", "trunk", state.Peer, "status", string(state.Status))
}

func (s *Server) peerChanged(state QualifyState) {
	if state.Up {
		s.cfg.Log.Info("trunk answers again", "trunk", state.Peer, "rtt", state.RTT)
		return
	}
	s.cfg.Log.Warn("trunk does not answer OPTIONS", "trunk", state.Peer, "status", state.Status)
}

// TrunkUp reports whether calls may be placed over a trunk: its peer answers, or is not
// watched. It is false for a name that no trunk has.
func (s *Server) TrunkUp(name string) bool {
	if s.trunks.byName[name] == nil {
		return false
	}
	q := s.peers.qualifiers[name]
	return q == nil || q.Up()
}

// snapshot is for Stats.
func (p peers) snapshot() map[string]TrunkStats {
	all := make(map[string]TrunkStats)
	for name, r := range p.registrations {
		state := r.State()
		all[name] = TrunkStats{Registration: &state}
	}
	for name, q := range p.qualifiers {
		state, stats := q.State(), all[name]
		stats.Qualify = &state
		all[name] = stats
	}
	return all
}

// auth is what callers of a trunk must prove.
func (s *Server) auth(trunk string) *sipua.Auth { return s.trunks.auth[trunk] }

// authOf is a trunk's setting as the user agent wants it, nil for none.
func authOf(t Trunk) *sipua.Auth {
	if t.Auth == nil {
		return nil
	}
	auth := &sipua.Auth{Realm: t.Auth.Realm, Algorithms: t.Auth.Algorithms}
	for _, u := range t.Auth.Users {
		auth.Users = append(auth.Users, sipua.Credentials{Username: u.Name, Password: u.Password})
	}
	return auth
}

// checkPeer looks at the settings of a trunk for what we send on our own account.
func (t Trunk) checkPeer(field string, listen []string) (errs []error) {
	add := func(part, what string, args ...any) {
		errs = append(errs, &ConfigError{field + part, fmt.Sprintf(what, args...)})
	}
	if t.Proxy != "" {
		if transport, err := sipua.CheckServer(t.Proxy); err != nil {
			add(".proxy", "%v", err)
		} else if !listens(listen, transport) {
			add(".proxy", "%q needs a listen address %s://…: requests leave from there", t.Proxy, transport)
		}
	}
	if t.Server == "" {
		if t.Register != nil {
			add(".register", "needs server, the SIP URI of the registrar")
		}
		if t.Qualify != 0 {
			add(".qualify", "needs server, the SIP URI to ask")
		}
	} else if transport, err := sipua.CheckServer(t.Server); err != nil {
		add(".server", "%v", err)
	} else if !listens(listen, transport) {
		add(".server", "%q needs a listen address %s://…: requests leave from there", t.Server, transport)
	}
	if t.Qualify != 0 && t.Qualify < time.Second {
		add(".qualify", "is %v; use 1s or more, 30s is usual, 0 is off", t.Qualify)
	}
	if r := t.Register; r != nil {
		if r.Expires != 0 && r.Expires < time.Minute {
			add(".register.expires", "is %v; use 1m or more", r.Expires)
		}
		if t.Credentials.Username == "" && r.Address == "" {
			add(".register", "needs credentials with a user name, or an address")
		}
	}
	return errs
}

// listens reports whether a transport is among the listen addresses; "" is any.
func listens(listen []string, transport string) bool {
	for _, l := range listen {
		if transport == "" || strings.HasPrefix(strings.ToLower(l), transport+"://") {
			return true
		}
	}
	return false
}

// checkAuth looks at the passwords of a trunk. They do not appear in the errors.
func (t Trunk) checkAuth(field string) (errs []error) {
	if t.Auth == nil {
		return nil
	}
	add := func(part, what string, args ...any) {
		errs = append(errs, &ConfigError{field + ".auth" + part, fmt.Sprintf(what, args...)})
	}
	if t.Auth.Realm == "" {
		add(".realm", "is empty; use your SIP domain")
	}
	if len(t.Auth.Users) == 0 {
		add(".users", "lists nobody, so nobody could call")
	}
	names := make(map[string]bool)
	for i, u := range t.Auth.Users {
		switch part := fmt.Sprintf(".users[%d]", i); {
		case u.Name == "" || u.Password == "":
			add(part, "needs a name and a password")
		case names[u.Name]:
			add(part, "has the name of another user")
		}
		names[u.Name] = true
	}
	for i, a := range t.Auth.Algorithms {
		if !sipua.IsDigestAlgorithm(a) {
			add(fmt.Sprintf(".algorithms[%d]", i), "%q is not known; use SHA-256, MD5 or SHA-512-256", a)
		}
	}
	return errs
}
