package sipua

import (
	"errors"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func challengeOf(status int, values ...string) *sip.Response {
	res := sip.NewResponse(status, "")
	for _, v := range values {
		name := "WWW-Authenticate"
		if status == 407 {
			name = "Proxy-Authenticate"
		}
		res.AppendHeader(sip.NewHeader(name, v))
	}
	return res
}

func registerRequest() *sip.Request {
	return sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: "example.com"})
}

// verify recomputes what a server would.
func verify(t *testing.T, req *sip.Request, header, password string) map[string]string {
	t.Helper()
	values := headerValues(req, header, "")
	if len(values) != 1 {
		t.Fatalf("%d %s headers", len(values), header)
	}
	p, ok := parseDigest(values[0])
	if !ok {
		t.Fatalf("unreadable: %q", values[0])
	}
	want := digestInput{algorithm: p["algorithm"], user: p["username"], realm: p["realm"], password: password, nonce: p["nonce"],
		nc: p["nc"], cnonce: p["cnonce"], qop: p["qop"], method: string(req.Method), uri: req.Recipient.String()}.response()
	if p["response"] != want || p["uri"] != req.Recipient.String() {
		t.Errorf("wrong response in %q", values[0])
	}
	return p
}

func TestLoginAnswersTheFirstChallengeItCan(t *testing.T) {
	l := login{credentials: Credentials{"alice", "secret"}}
	err := l.challenged(challengeOf(401, `Basic realm="x"`, `Digest realm="r", nonce="n0", algorithm=SHA-512`,
		`Digest realm="r", nonce="n1", qop="auth-int", algorithm=SHA-256`,
		`Digest realm="r \"q\"", nonce="n2", qop="auth-int, auth", algorithm=SHA-512-256, opaque=""`, `Digest realm="r", nonce="n3"`))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.challenged(challengeOf(407, `Digest realm="p", nonce="n4"`)); err != nil {
		t.Fatal(err)
	}
	req := registerRequest()
	l.apply(req)
	p := verify(t, req, "Authorization", "secret")
	if _, opaque := p["opaque"]; p["nonce"] != "n2" || p["realm"] != `r "q"` || p["nc"] != "00000001" || p["username"] != "alice" || !opaque {
		t.Errorf("answer %q", p)
	}
	if p := verify(t, req, "Proxy-Authorization", "secret"); p["nonce"] != "n4" || p["qop"] != "" || p["nc"] != "" {
		t.Errorf("answer without qop %q", p)
	}
}

// The next request uses the same nonce with a higher count, and another cnonce.
func TestLoginCountsTheUsesOfANonce(t *testing.T) {
	l := login{credentials: Credentials{"alice", "secret"}}
	if err := l.challenged(challengeOf(401, `Digest realm="r", nonce="n", qop="auth"`)); err != nil {
		t.Fatal(err)
	}
	first, second := registerRequest(), registerRequest()
	l.apply(first)
	l.accepted()
	l.apply(second)
	a, b := verify(t, first, "Authorization", "secret"), verify(t, second, "Authorization", "secret")
	if a["nc"] != "00000001" || b["nc"] != "00000002" || a["cnonce"] == b["cnonce"] {
		t.Errorf("%q, then %q", a, b)
	}
}

func TestLoginGivesUpOnWrongCredentials(t *testing.T) {
	l := login{credentials: Credentials{"alice", "wrong"}}
	next := func(challenge string) error {
		err := l.challenged(challengeOf(401, challenge))
		l.apply(registerRequest())
		return err
	}
	if err := next(`Digest realm="r", nonce="n1", qop="auth"`); err != nil {
		t.Fatal(err)
	}
	if err := next(`Digest realm="r", nonce="n2", qop="auth"`); !errors.Is(err, ErrCredentials) {
		t.Errorf("second challenge: %v", err)
	}
}

func TestLoginForgivesStaleNonces(t *testing.T) {
	l := login{credentials: Credentials{"alice", "secret"}}
	var err error
	rounds := 0
	for ; err == nil && rounds < 10; rounds++ {
		err = l.challenged(challengeOf(401, `Digest realm="r", nonce="n", qop="auth", stale=true`))
		l.apply(registerRequest())
	}
	if !errors.Is(err, ErrCredentials) || rounds != 1+maxStale+1 {
		t.Errorf("a server that calls everything stale: %v after %d challenges", err, rounds)
	}
	// A nonce that worked before may be forgotten by the server without a word.
	l = login{credentials: Credentials{"alice", "secret"}}
	_ = l.challenged(challengeOf(401, `Digest realm="r", nonce="n1", qop="auth"`))
	l.apply(registerRequest())
	l.accepted()
	l.apply(registerRequest())
	if err := l.challenged(challengeOf(401, `Digest realm="r", nonce="n2", qop="auth"`)); err != nil {
		t.Errorf("a kept nonce that was forgotten: %v", err)
	}
	l.apply(registerRequest())
	if err := l.challenged(challengeOf(401, `Digest realm="r", nonce="n3", qop="auth"`)); !errors.Is(err, ErrCredentials) {
		t.Errorf("refused again: %v", err)
	}
}

func TestAuthorizeWithoutAWay(t *testing.T) {
	req := registerRequest()
	for _, c := range []struct {
		cred Credentials
		res  *sip.Response
	}{
		{Credentials{}, challengeOf(401, `Digest realm="r", nonce="n"`)},
		{Credentials{"alice", "x"}, challengeOf(401, `Digest realm="r", nonce="n", algorithm=MD5-sess`)},
		{Credentials{"alice", "x"}, challengeOf(401)},
		{Credentials{"alice", "x"}, challengeOf(407, `Digest realm="r"`)},
	} {
		if err := c.cred.authorize(req, c.res); !errors.Is(err, ErrChallenge) || len(headerValues(req, "authorization", "")) > 0 {
			t.Errorf("authorize: %v", err)
		}
	}
	if err := (Credentials{"al\r\nice", "x"}).authorize(req, challengeOf(401, `Digest realm="r", nonce="n"`)); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(headerValues(req, "authorization", "")[0], "\r\n") {
		t.Error("a line break got into a header")
	}
}
