package sipua

import (
	"crypto/rand"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Auth says who may call in the name of a peer (RFC 3261 §22, RFC 8760).
type Auth struct {
	Realm string // of the challenge; must not be empty
	Users []Credentials

	// Algorithms are offered in this order, and no other one is taken: "SHA-256", "MD5",
	// "SHA-512-256". Default: SHA-256, then MD5. Some old peers look at the first
	// challenge only and need a list of MD5 alone.
	Algorithms []string
}

// algorithms is the list with its default.
func (a *Auth) algorithms() []string {
	if len(a.Algorithms) == 0 {
		return []string{"SHA-256", "MD5"}
	}
	return a.Algorithms
}

// takes reports whether an answer may use an algorithm; none is MD5 (RFC 7616 §3.4).
func (a *Auth) takes(algorithm string) bool {
	if algorithm == "" {
		algorithm = "MD5"
	}
	return slices.ContainsFunc(a.algorithms(), func(s string) bool { return strings.EqualFold(s, algorithm) })
}

// IsDigestAlgorithm reports whether name may stand in Auth.Algorithms.
func IsDigestAlgorithm(name string) bool { return name != "" && digestHash(name) != nil }

// authenticator asks the callers of some peers for a password, before anything is kept
// for their call:
//
//	INVITE ──►   ◄── 401 (SHA-256, MD5)   INVITE, Authorization ──►   the call begins
//
// Only an INVITE outside of a dialog is asked. ACK and CANCEL cannot be repeated with an
// answer (RFC 3261 §22.1); requests inside a dialog come from the party that has proven
// itself and name three identifiers that outsiders do not know; OPTIONS and NOTIFY start
// nothing.
//
// What a guesser learns is the same for a wrong name and a wrong password, in content
// and in time.
type authenticator struct {
	auth      func(peer string) *Auth // static
	nonces    *nonces                 // static
	offenders *offenders              // static
	nobody    string                  // static: the password of every name that does not exist
	counters  *counters               // static
}

func newAuthenticator(auth func(string) *Auth, c *counters) *authenticator {
	return &authenticator{auth: auth, nonces: newNonces(), offenders: newOffenders(), nobody: rand.Text(), counters: c}
}

// evidence is what a request offers as its proof.
type evidence int

const (
	proofNone   evidence = iota // no answer to a challenge of ours
	proofStale                  // an answer to one that is too old: not looked at
	proofWrong                  // an answer that is wrong, or one that was used before
	proofRight                  // the right answer
	proofUnseen                 // the source is blocked: not looked at
)

// check judges an INVITE of a peer that must prove itself.
func (a *authenticator) check(req *sip.Request, peer string, auth *Auth) evidence {
	src := sourceOf(req).Addr()
	if a.offenders.blocked(src) {
		a.counters.authBlocked.Add(1)
		return proofUnseen
	}
	for _, value := range headerValues(req, "authorization", "") {
		if params, ok := parseDigest(value); ok && params["realm"] == auth.Realm {
			return a.judge(req, peer, src, auth, params)
		}
	}
	return proofNone
}

// judge looks at one answer. It comes to the password only with a nonce that was given
// to this source and is fresh, and only then a failure is counted against the source.
func (a *authenticator) judge(req *sip.Request, peer string, src netip.Addr, auth *Auth, params map[string]string) evidence {
	id, genuine := a.nonces.genuine(params["nonce"], peer, src)
	switch {
	case !genuine:
		return proofNone
	case !a.nonces.fresh(id):
		return proofStale
	}
	count, err := strconv.ParseUint(params["nc"], 16, 32)
	valid := err == nil && params["qop"] == "auth" && params["cnonce"] != "" &&
		auth.takes(params["algorithm"]) && sameURI(params["uri"], req.Recipient)
	right := a.matches(req, auth, params) && valid
	if !right || !a.nonces.use(id, uint32(count)) {
		a.counters.authFailures.Add(1)
		a.offenders.wrong(src)
		return proofWrong
	}
	a.offenders.right(src)
	return proofRight
}

// matches compares the response with the right one, and takes as long for a name that
// does not exist.
func (a *authenticator) matches(req *sip.Request, auth *Auth, params map[string]string) bool {
	name, password, known := params["username"], a.nobody, 0
	for _, u := range auth.Users {
		if same := subtle.ConstantTimeCompare([]byte(u.Username), []byte(name)); same == 1 {
			password, known = u.Password, 1
		}
	}
	want := digestInput{algorithm: params["algorithm"], user: name, realm: auth.Realm, password: password,
		nonce: params["nonce"], nc: params["nc"], cnonce: params["cnonce"], qop: params["qop"],
		method: string(req.Method), uri: params["uri"]}.response()
	same := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(params["response"])))
	return want != "" && known&same == 1
}

// sameURI compares the address in an answer with the Request-URI. Parameters may differ,
// proxies add some; who is called and where may not.
func sameURI(s string, uri sip.Uri) bool {
	if s == uri.String() {
		return true
	}
	var u sip.Uri
	if sip.ParseUri(s, &u) != nil || u.Host == "" {
		return false
	}
	return u.Scheme == uri.Scheme && u.User == uri.User && strings.EqualFold(u.Host, uri.Host) && u.Port == uri.Port
}

// challenges are the headers of a 401, one for each algorithm, the preferred one first
// (RFC 8760 §2.4).
func (a *authenticator) challenges(peer string, src netip.Addr, auth *Auth, stale bool) []Header {
	rest := ""
	if stale {
		rest = ", stale=true"
	}
	var headers []Header
	for _, algorithm := range auth.algorithms() {
		headers = append(headers, Header{"WWW-Authenticate", "Digest realm=" + quoted(auth.Realm) +
			`, qop="auth", nonce="` + a.nonces.issue(peer, src) + `", algorithm=` + algorithm + rest})
	}
	return headers
}

// authenticate lets an INVITE through that needs no proof or has brought it. Any other
// one is answered without a trace (RFC 3261 §8.2.7): nothing is repeated and nothing
// kept, so a flood costs no memory and a forged source address gets no more than one
// answer for each request.
func (u *UA) authenticate(req *sip.Request, tx *sip.ServerTx, peer string) bool {
	auth := u.cfg.Auth(peer)
	if auth == nil {
		return true
	}
	var res *sip.Response
	switch p := u.authenticator.check(req, peer, auth); p {
	case proofRight:
		return true
	case proofUnseen:
		res = newResponse(req, sip.StatusForbidden, "Forbidden")
	default:
		u.counters.challenged.Add(1)
		res = newResponse(req, sip.StatusUnauthorized, "Unauthorized",
			u.authenticator.challenges(peer, sourceOf(req).Addr(), auth, p == proofStale)...)
	}
	_ = tx.Connection().WriteMsg(res) // lost like any packet: the peer repeats its INVITE
	tx.Terminate()
	return false
}
