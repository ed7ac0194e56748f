package sipua

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// Credentials are what we answer a peer's challenge with.
type Credentials struct{ Username, Password string }

// ErrChallenge is returned when a peer asks for credentials and there are none, or for
// an algorithm that we do not have.
var ErrChallenge = errors.New("challenge cannot be answered")

// authorize adds to req the answer to the challenge in res, a 401 or 407 to its
// predecessor (RFC 3261 §22, RFC 8760). Of several challenges the first that can be
// answered counts: the server lists them in its order of preference. The caller must
// give the request a new branch and CSeq number.
func (c Credentials) authorize(req *sip.Request, res *sip.Response) error {
	ask, answer := "www-authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		ask, answer = "proxy-authenticate", "Proxy-Authorization"
	}
	if c.Username == "" {
		return fmt.Errorf("%w: no credentials are configured", ErrChallenge)
	}
	for _, value := range headerValues(res, ask, "") {
		challenge, err := digest.ParseChallenge(value)
		if err != nil || !digest.CanDigest(challenge) || strings.EqualFold(challenge.Algorithm, "SHA-512") {
			continue
		}
		answered, err := digest.Digest(challenge, digest.Options{Method: string(req.Method), URI: req.Recipient.String(),
			Username: c.Username, Password: c.Password})
		if err != nil {
			continue
		}
		req.RemoveHeader(answer)
		req.AppendHeader(sip.NewHeader(answer, answered.String()))
		return nil
	}
	return fmt.Errorf("%w: no algorithm in common", ErrChallenge)
}
