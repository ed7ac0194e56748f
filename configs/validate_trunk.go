package configs

import (
	"slices"
	"strings"
	"time"
)

// trunk checks one trunk by itself.
func (k *checker) trunk(t *Trunk, key string) {
	if len(t.Sources) == 0 && len(t.TLSNames) == 0 && t.Auth == nil && t.Register == nil {
		k.fault(key+".sources", "is missing; list the addresses that calls of this trunk come from, or give it tls_names, auth or register")
	}
	if len(t.TLSNames) > 0 {
		k.tlsNames(key + ".tls_names")
	}
	if t.Auth != nil {
		k.auth(t.Auth, key+".auth")
	}
	k.server(t, key)
	k.register(t, key)
	k.trunkMedia(t, key+".media")
	k.numbers(&t.Numbers, key+".numbers")
	if first := duplicate(t.DialledFrom); first != "" {
		k.fault(key+".dialled_from", "names %s twice; remove one", quote(first))
	}
	k.dials(t, key)
}

// tlsNames can only be seen in certificates that somebody asks for.
func (k *checker) tlsNames(key string) {
	switch {
	case !k.listensTLS():
		k.fault(key, "needs a listener that sees certificates; add tls://0.0.0.0:5061 to sip.listen")
	case k.SIP.TLS == nil || k.SIP.TLS.ClientCA == "":
		k.fault(key, "needs sip.tls.client_ca, without which no peer is asked for a certificate")
	}
}

func (k *checker) listensTLS() bool {
	return slices.ContainsFunc(k.SIP.Listen, func(l ListenAddr) bool { return l.Transport() == "tls" })
}

// auth checks the passwords that peers have to know.
func (k *checker) auth(a *Auth, key string) {
	if strings.ContainsAny(a.Realm, "\"\\") || strings.ContainsFunc(a.Realm, notPrintable) {
		k.fault(key+".realm", `holds a ", a \ or a character that cannot be printed; write a name such as acme`)
	}
	if first := duplicate(a.Algorithms); first != "" {
		k.fault(key+".algorithms", "names %s twice; remove one", quote(first))
	}
	const short = 12
	var names []string
	for i, u := range a.Users {
		at := element(key+".users", i)
		names = append(names, u.Name)
		k.password(u.Password, at+".password")
		if n := len(u.Password.Reveal()); n > 0 && n < short {
			k.warn(at+".password", "is shorter than %d characters and can be guessed, at your expense; take the output of: openssl rand -base64 18", short)
		}
	}
	k.unique(key+".users", names)
}

// authUsers checks that a user leads to one trunk.
func (k *checker) authUsers() {
	seen := map[string]string{} // name → key
	for i, t := range k.Trunks {
		if t.Auth == nil {
			continue
		}
		for j, u := range t.Auth.Users {
			at := element(element("trunks", i)+".auth.users", j) + ".name"
			if first, taken := seen[u.Name]; taken && u.Name != "" {
				k.fault(at, "%s is a user already%s; a user belongs to one trunk only", quote(u.Name), k.line(first))
				continue
			}
			seen[u.Name] = at
		}
	}
}

// tlsOwners checks that a name in a certificate leads to one trunk.
func (k *checker) tlsOwners() {
	seen := map[string]string{}
	for i, t := range k.Trunks {
		for j, name := range t.TLSNames {
			at, folded := element(element("trunks", i)+".tls_names", j), strings.ToLower(string(name))
			if name == "" {
				k.fault(at, "is empty; write a name in the peer's certificate, such as sip.example.com")
				continue
			}
			if first, taken := seen[folded]; taken {
				k.fault(at, "%s is named already%s; a name belongs to one trunk only", quote(string(name)), k.line(first))
				continue
			}
			seen[folded] = at
		}
	}
}

// server checks what needs one.
func (k *checker) server(t *Trunk, key string) {
	if t.Credentials != nil {
		k.userPart(t.Credentials.Username, key+".credentials.username")
		k.password(t.Credentials.Password, key+".credentials.password")
	}
	if t.Qualify > 0 && t.Qualify < minQualify {
		k.fault(key+".qualify", "must be 0s, or %s or more, not %s", minQualify, t.Qualify)
	}
	if t.Server != "" {
		return
	}
	for _, need := range []struct {
		name string
		set  bool
	}{{"credentials", t.Credentials != nil}, {"register", t.Register != nil}, {"outbound_proxy", t.OutboundProxy != ""},
		{"qualify", t.Qualify > 0}, {"dials", len(t.Dials) > 0}} {
		if need.set {
			k.fault(join(key, need.name), "needs server, the address that our requests go to; write server: sip:HOST")
		}
	}
}

// minQualify keeps a row of OPTIONS from being a flood.
const minQualify = Duration(10 * time.Second)

// register checks that there is a name to register.
func (k *checker) register(t *Trunk, key string) {
	if t.Register == nil {
		return
	}
	at := key + ".register"
	if t.Credentials == nil || t.Register.Account != t.Credentials.Username {
		k.userPart(t.Register.Account, at+".account")
	}
	if t.Register.Contact != "" {
		k.userPart(t.Register.Contact, at+".contact")
	}
	if t.Register.Account == "" && t.Credentials == nil {
		k.fault(at, "names nobody; write the user name and password of the account into credentials, or account: NAME")
	}
}

func (k *checker) trunkMedia(t *Trunk, key string) {
	if first := duplicate(t.Media.Laws); first != "" {
		k.fault(key+".laws", "names %s twice; remove one", quote(first))
	}
	if t.Media.SRTP == "required" && !k.listensTLS() && t.Server.Transport() != "tls" && t.OutboundProxy.Transport() != "tls" {
		k.warn(key+".srtp", "is required, but its keys arrive unencrypted; add tls://0.0.0.0:5061 to sip.listen")
	}
}

// numbers checks that nothing about a country is left to guess: whether a zero is part of a number differs.
func (k *checker) numbers(n *Numbers, key string) {
	country := n.Country.Digits()
	if n.Country == None || len(country) > 3 || strings.HasPrefix(country, "0") {
		k.fault(key+".country", "must be a calling code of one to three digits, such as 49 or 1")
	}
	if n.International == None {
		k.fault(key+".international", "must be the digits before a calling code, such as 00; leave it out for those")
	}
	switch {
	case country == "" && (n.National != "" || n.Length != Span{}):
		k.fault(key, "says something of national numbers and not of which country; add country, or remove it")
	case country != "" && country != "1" && n.National == "":
		k.fault(key+".national", "is missing; write what is dialled before a national number, such as \"0\", or none where there is nothing, as in Italy and Spain")
	case country == "1" && n.National == None:
		k.fault(key+".national", "is 1 in country 1, and numbers are known with and without it; remove it")
	}
}

func (k *checker) sessionTimers(s *SessionTimers, key string) {
	switch {
	case s.Expires > 0 && s.Expires < minSession:
		k.fault(key+".expires", "must be 0s, or %s or more, not %s", minSession, s.Expires)
	case s.Expires > 0 && s.Expires < s.Min:
		k.fault(key+".expires", "is shorter than min, which is %s; write a longer time", s.Min)
	}
}

// minSession is the shortest session that RFC 4028 §4 allows.
const minSession = Duration(90 * time.Second)

// dials checks who may be called.
func (k *checker) dials(t *Trunk, key string) {
	for i, target := range t.Dials {
		k.targets(target, element(key+".dials", i), "lets anybody who can place calls call anywhere")
	}
	switch {
	case t.CallerID == "":
	case !validTarget(t.CallerID):
		k.fault(key+".caller_id", "must be a number such as +4930123456, or a SIP URI such as sip:desk@pbx.example")
	case len(t.Dials) == 0:
		k.warn(key+".caller_id", "is not used, because nobody may be called; list numbers in dials, or remove it")
	}
}

// userPart refuses what cannot stand before the @ of an address, or in quotes.
func (k *checker) userPart(name, key string) {
	if strings.ContainsAny(name, " \"\\@<>:;?,") || strings.ContainsFunc(name, notPrintable) {
		k.fault(key, "must be a user name alone, without @ and what follows it, spaces and quotes")
	}
}

// password refuses what was copied with more than the password.
func (k *checker) password(s Secret, key string) {
	if strings.ContainsFunc(s.Reveal(), notPrintable) || strings.TrimSpace(s.Reveal()) != s.Reveal() {
		k.fault(key, "holds a line break, a space at its end or a character that cannot be typed; copy it again")
	}
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }
