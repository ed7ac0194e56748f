package sipua

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Credentials are what we answer a peer's challenge with.
type Credentials struct{ Username, Password string }

// ErrChallenge is returned when a peer asks for credentials and there are none, or for
// an algorithm that we do not have.
var ErrChallenge = errors.New("challenge cannot be answered")

// ErrCredentials is returned when a peer was given the credentials and asks again: they
// are wrong. Asking on would look like guessing.
var ErrCredentials = errors.New("the peer does not accept the credentials")

// maxStale is how often in a row a peer may call our nonce stale.
const maxStale = 2

// authorize adds to req the answer to the challenge in res, a 401 or 407 to its
// predecessor (RFC 3261 §22, RFC 8760). Of several challenges the first that can be
// answered counts: the server lists them in its order of preference. The caller must
// give the request a new branch and CSeq number.
func (c Credentials) authorize(req *sip.Request, res *sip.Response) error {
	l := login{credentials: c}
	if err := l.challenged(res); err != nil {
		return err
	}
	l.apply(req)
	return nil
}

// login answers the challenges of one server and keeps them: the next request brings the
// answer along and saves a round trip. It belongs to one goroutine.
type login struct {
	credentials Credentials // static

	answers []*response // at most one for 401 and one for 407
	stale   int         // since the last request that got through
}

// response is a challenge in use.
type response struct {
	header    string // the one that the answer goes into
	params    map[string]string
	algorithm string
	count     uint32 // requests that used the nonce
	sent      bool   // in the request before; being challenged again means it was wrong
}

// challenged takes in a 401 or 407. It returns ErrCredentials if the answer to the same
// challenge was in the request, unless the server says that only the nonce is too old.
func (l *login) challenged(res *sip.Response) error {
	ask, header := "www-authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		ask, header = "proxy-authenticate", "Proxy-Authorization"
	}
	if l.credentials.Username == "" {
		return fmt.Errorf("%w: no credentials are configured", ErrChallenge)
	}
	next := pick(headerValues(res, ask, ""), header)
	if next == nil {
		return fmt.Errorf("%w: no algorithm in common", ErrChallenge)
	}
	for i, old := range l.answers {
		if old.header != header {
			continue
		}
		if old.sent && !l.forgives(old, next) {
			l.answers = nil
			return ErrCredentials
		}
		l.answers[i] = next
		return nil
	}
	l.answers = append(l.answers, next)
	return nil
}

// forgives reports whether a second challenge may be answered: the server calls the nonce
// stale, or it is a kept nonce that had worked before and the server has forgotten.
func (l *login) forgives(old, next *response) bool {
	if old.count <= 1 && !strings.EqualFold(next.params["stale"], "true") {
		return false
	}
	l.stale++
	return l.stale <= maxStale
}

// pick is the first challenge of a list that can be answered.
func pick(values []string, header string) *response {
	for _, value := range values {
		params, ok := parseDigest(value)
		if !ok || params["nonce"] == "" || digestHash(params["algorithm"]) == nil {
			continue
		}
		if qop, given := params["qop"]; given && !offersAuth(qop) {
			continue // auth-int protects bodies, which every proxy on the way changes
		}
		return &response{header: header, params: params, algorithm: params["algorithm"]}
	}
	return nil
}

// apply puts the answers into a request, in the place of older ones.
func (l *login) apply(req *sip.Request) {
	for _, a := range l.answers {
		a.count++
		a.sent = true
		req.RemoveHeader(a.header)
		req.AppendHeader(sip.NewHeader(a.header, a.answer(l.credentials, string(req.Method), req.Recipient.String())))
	}
}

// accepted notes that a request got through.
func (l *login) accepted() { l.stale = 0 }

// forget drops what is known: the next server has other nonces.
func (l *login) forget() { l.answers, l.stale = nil, 0 }

// answer is the value of the header.
func (a *response) answer(c Credentials, method, uri string) string {
	in := digestInput{algorithm: a.algorithm, user: c.Username, realm: a.params["realm"], password: c.Password,
		nonce: a.params["nonce"], method: method, uri: uri}
	out := []string{"Digest username=" + quoted(in.user), "realm=" + quoted(in.realm), "nonce=" + quoted(in.nonce),
		"uri=" + quoted(uri)}
	if a.algorithm != "" {
		out = append(out, "algorithm="+clean(a.algorithm))
	}
	if opaque, ok := a.params["opaque"]; ok {
		out = append(out, "opaque="+quoted(opaque))
	}
	if _, ok := a.params["qop"]; ok {
		in.qop, in.nc, in.cnonce = "auth", fmt.Sprintf("%08x", a.count), rand.Text()
		out = append(out, "qop=auth", "nc="+in.nc, "cnonce="+quoted(in.cnonce))
	}
	return strings.Join(append(out, "response="+quoted(in.response())), ", ")
}
