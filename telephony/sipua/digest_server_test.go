package sipua

import (
	"context"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emiago/sipgo/sip"
)

var testUsers = &Auth{Realm: "trunkline.test", Users: []Credentials{{"carrier", "secret"}, {"second", "other"}}}

// guarded is a user agent that asks everybody for a password and counts the calls that
// got to the handler.
func guarded(t *testing.T, algorithms ...string) (*UA, *atomic.Int32) {
	t.Helper()
	auth := &Auth{Realm: testUsers.Realm, Users: testUsers.Users, Algorithms: algorithms}
	calls := new(atomic.Int32)
	u := start(t, Config{
		Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"},
		Auth:   func(string) *Auth { return auth },

		MessagesPerSecond: -1, // some tests are in a hurry
		Invite: func(_ context.Context, d *Dialog) {
			calls.Add(1)
			_ = d.Reject(486, "Busy Here")
		},
	})
	return u, calls
}

const testURI = "sip:+15551230001@trunkline.test"

// challenge sends an INVITE without credentials and reads the two challenges.
func (p *peer) challenge(cseq string, raw string) (sha, md5 map[string]string) {
	p.t.Helper()
	m := p.want(401, cseq, raw)
	values := m.headers.Values("WWW-Authenticate")
	if len(values) != 2 {
		p.t.Fatalf("%d challenges", len(values))
	}
	sha, _ = parseDigest(values[0])
	md5, _ = parseDigest(values[1])
	if sha["algorithm"] != "SHA-256" || md5["algorithm"] != "MD5" || sha["realm"] != testUsers.Realm || sha["qop"] != "auth" {
		p.t.Errorf("challenges %q", values)
	}
	return sha, md5
}

// answerTo makes an Authorization header; change spoils the input or the parameters.
func answerTo(challenge map[string]string, user, password string, change ...func(*digestInput)) string {
	in := digestInput{algorithm: challenge["algorithm"], user: user, realm: challenge["realm"], password: password,
		nonce: challenge["nonce"], nc: "00000001", cnonce: "c0ffee", qop: "auth", method: "INVITE", uri: testURI}
	for _, f := range change {
		f(&in)
	}
	return "Authorization: Digest username=" + quoted(in.user) + ", realm=" + quoted(in.realm) + ", nonce=" + quoted(in.nonce) +
		", uri=" + quoted(in.uri) + ", algorithm=" + in.algorithm + ", qop=" + in.qop + ", nc=" + in.nc +
		", cnonce=" + quoted(in.cnonce) + `, response="` + in.response() + `"`
}

func (p *peer) invite(cseq int, headers ...string) string {
	return p.request("INVITE", cseq, "", testOffer, headers...)
}

func TestCallerWithTheRightPassword(t *testing.T) {
	u, calls := guarded(t)
	for _, transport := range transports {
		for i, user := range testUsers.Users {
			p := dial(t, transport, u.listening(transport))
			sha, md5 := p.challenge("1 INVITE", p.invite(1))
			p.want(486, "2 INVITE", p.invite(2, answerTo([]map[string]string{sha, md5}[i], user.Username, user.Password)))
		}
	}
	if calls.Load() != 4 || u.Stats().Challenged != 4 || u.Stats().AuthFailures != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), u.Stats())
	}
}

// Nothing of a call that is asked for a password is kept, and the answer comes once.
func TestChallengeLeavesNothingBehind(t *testing.T) {
	u, calls := guarded(t)
	p := dial(t, "udp", u.listening("udp"))
	p.challenge("1 INVITE", p.invite(1))
	if m, got := p.next(3 * 100e6); got { // T1 is 50 ms here
		t.Errorf("the 401 was repeated: %q", m.start)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 2000 {
		p.challenge("1 INVITE", p.request("INVITE", 1, "", testOffer, "X-Number: "+strings.Repeat("x", i%7)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("2000 challenges keep %d bytes", grown)
	}
	if s := u.Stats(); calls.Load() != 0 || s.Dialogs+s.Remembered != 0 || len(u.authenticator.nonces.used) != 0 || len(u.authenticator.offenders.record) != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), s)
	}
}

// Every way to be wrong looks the same, and no handler runs.
func TestCallersWithoutTheRightPassword(t *testing.T) {
	u, calls := guarded(t)
	cases := map[string]func(c map[string]string) string{
		"wrong password":   func(c map[string]string) string { return answerTo(c, "carrier", "guess") },
		"unknown name":     func(c map[string]string) string { return answerTo(c, "nobody", "secret") },
		"other's password": func(c map[string]string) string { return answerTo(c, "second", "secret") },
		"empty password":   func(c map[string]string) string { return answerTo(c, "nobody", "") },
		"another method": func(c map[string]string) string {
			return answerTo(c, "carrier", "secret", func(d *digestInput) { d.method = "REGISTER" })
		},
		"another number": func(c map[string]string) string {
			return answerTo(c, "carrier", "secret", func(d *digestInput) { d.uri = "sip:+19005551234@trunkline.test" })
		},
		"nonce count 0": func(c map[string]string) string {
			return answerTo(c, "carrier", "secret", func(d *digestInput) { d.nc = "00000000" })
		},
		"nonce count broken": func(c map[string]string) string {
			return answerTo(c, "carrier", "secret", func(d *digestInput) { d.nc = "zz" })
		},
		"without qop": func(c map[string]string) string {
			return answerTo(c, "carrier", "secret", func(d *digestInput) { d.qop = "" })
		},
	}
	for name, make := range cases {
		p := dial(t, "udp", u.listening("udp"))
		failures := u.Stats().AuthFailures
		sha, _ := p.challenge("1 INVITE", p.invite(1))
		again, _ := p.challenge("2 INVITE", p.invite(2, make(sha)))
		if again["stale"] != "" || u.Stats().AuthFailures != failures+1 {
			t.Errorf("%s: stale %q, %d failures", name, again["stale"], u.Stats().AuthFailures-failures)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls got through", calls.Load())
	}
}

func TestReplayedCredentials(t *testing.T) {
	u, calls := guarded(t)
	p := dial(t, "udp", u.listening("udp"))
	sha, _ := p.challenge("1 INVITE", p.invite(1))
	right := answerTo(sha, "carrier", "secret")
	p.want(486, "2 INVITE", p.invite(2, right))
	p.challenge("3 INVITE", p.invite(3, right))
	next := answerTo(sha, "carrier", "secret", func(d *digestInput) { d.nc = "00000002" })
	p.want(486, "4 INVITE", p.invite(4, next))
	for i, spoilt := range []string{strings.Replace(next, "00000002", "00000003", 1), strings.Replace(next, "c0ffee", "c0ffef", 1), right, next} {
		p.challenge("9 INVITE", p.invite(9, spoilt))
		if int(u.Stats().AuthFailures) != i+2 {
			t.Errorf("%d failures", u.Stats().AuthFailures)
		}
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls got through, 2 were proven", calls.Load())
	}
}

// Forged and foreign nonces are no guesses: whoever forges a source address must not be
// able to have it blocked.
func TestForgedNonceBlocksNobody(t *testing.T) {
	u, calls := guarded(t)
	p := dial(t, "udp", u.listening("udp"))
	sha, _ := p.challenge("1 INVITE", p.invite(1))
	forged := map[string]string{"algorithm": "SHA-256", "realm": testUsers.Realm, "nonce": newNonces().issue("", netip.MustParseAddr("127.0.0.1"))}
	foreign := map[string]string{"algorithm": "SHA-256", "realm": testUsers.Realm, "nonce": u.authenticator.nonces.issue("", netip.MustParseAddr("127.0.0.9"))}
	for i := range 3 * maxWrong {
		p.challenge("9 INVITE", p.invite(9, answerTo([]map[string]string{forged, foreign}[i%2], "carrier", "secret")))
	}
	p.want(486, "10 INVITE", p.invite(10, answerTo(sha, "carrier", "secret")))
	if calls.Load() != 1 || u.Stats().AuthFailures != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), u.Stats())
	}
}

func TestStaleNonce(t *testing.T) {
	u, calls := guarded(t)
	p := dial(t, "udp", u.listening("udp"))
	sha, _ := p.challenge("1 INVITE", p.invite(1))
	id, _ := u.authenticator.nonces.genuine(sha["nonce"], "", netip.MustParseAddr("127.0.0.1"))
	u.authenticator.nonces.mu.Lock()
	u.authenticator.nonces.floor = id.issued() // as if it had been pushed out
	u.authenticator.nonces.mu.Unlock()
	for _, password := range []string{"secret", "guess"} { // nothing is said about the password
		_, again := p.challenge("2 INVITE", p.invite(2, answerTo(sha, "carrier", password)))
		if again["stale"] != "true" {
			t.Errorf("not called stale: %q", again)
		}
		sha = map[string]string{"algorithm": "SHA-256", "realm": testUsers.Realm, "nonce": sha["nonce"]}
	}
	if calls.Load() != 0 || u.Stats().AuthFailures != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), u.Stats())
	}
}

// After ten wrong passwords a source is refused unseen, even with the right one; another
// source is not touched.
func TestGuessingIsStopped(t *testing.T) {
	u, calls := guarded(t)
	guesser := dial(t, "udp", u.listening("udp"))
	sha, _ := guesser.challenge("1 INVITE", guesser.invite(1))
	for i := range maxWrong {
		guesser.challenge("2 INVITE", guesser.invite(2, answerTo(sha, "carrier", "guess"+strings.Repeat("x", i))))
	}
	guesser.want(403, "3 INVITE", guesser.invite(3, answerTo(sha, "carrier", "secret")))
	if s := u.Stats(); s.AuthFailures != maxWrong || s.AuthBlocked != 1 || calls.Load() != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), s)
	}
	honest := dialFrom(t, "127.0.0.2", u.listening("udp"))
	sha, _ = honest.challenge("1 INVITE", honest.invite(1))
	honest.want(486, "2 INVITE", honest.invite(2, answerTo(sha, "carrier", "secret")))
}

// Only an INVITE that would start a call is asked.
func TestWhatIsNotChallenged(t *testing.T) {
	causes := make(chan error, 1)
	u := start(t, Config{Auth: func(string) *Auth { return testUsers }, Invite: answerAndWait(causes)})
	p := dial(t, "tcp", u.listening("tcp"))
	p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
	sha, _ := p.challenge("2 INVITE", p.invite(2))
	m := p.want(200, "3 INVITE", p.invite(3, answerTo(sha, "carrier", "secret")))
	p.toTag = m.toTag()
	p.send(p.request("ACK", 3, "", ""))
	p.want(488, "4 INVITE", p.invite(4)) // no new offers here, but no question either
	p.send(p.request("ACK", 4, "", ""))
	p.want(200, "5 BYE", p.request("BYE", 5, "", ""))
	recv(t, causes)
}

// An answer may not choose a weaker algorithm than was offered.
func TestDigestAlgorithmIsNotNegotiatedDown(t *testing.T) {
	u, calls := guarded(t, "SHA-256")
	p := dial(t, "udp", u.listening("udp"))
	m := p.want(401, "1 INVITE", p.invite(1))
	if n := len(m.headers.Values("WWW-Authenticate")); n != 1 {
		t.Fatalf("%d challenges", n)
	}
	c, _ := parseDigest(m.headers.Get("WWW-Authenticate"))
	c["algorithm"] = "MD5"
	p.want(401, "2 INVITE", p.invite(2, answerTo(c, "carrier", "secret")))
	if calls.Load() != 0 {
		t.Error("MD5 was taken where SHA-256 was asked for")
	}
}

// sipp looks at the first challenge only, and knows MD5 only.
func TestSippDigest(t *testing.T) {
	for _, transport := range transports {
		u, calls := guarded(t, "MD5")
		to := u.listening(transport)
		run := func(scenario, password string) {
			t.Helper()
			sipp(t, scenario, transport, to, "-au", "carrier", "-ap", password, "-auth_uri", "+15551230001@"+to.String())
		}
		run("digest_right", "secret")
		run("digest_wrong", "guess")
		if calls.Load() != 1 || u.Stats().AuthFailures != 1 {
			t.Errorf("%d calls, %+v", calls.Load(), u.Stats())
		}
		run("digest_reused", "secret")
		p := dial(t, transport, to)
		c, _ := parseDigest(p.want(401, "1 INVITE", p.invite(1)).headers.Get("WWW-Authenticate"))
		header := answerTo(c, "carrier", "secret")
		p.want(486, "2 INVITE", p.invite(2, header))
		sipp(t, "digest_replayed", transport, to, "-key", "heard", strings.TrimPrefix(header, "Authorization: "))
		if calls.Load() != 4 || u.Stats().AuthFailures != 2 {
			t.Errorf("replayed: %d calls, %+v", calls.Load(), u.Stats())
		}
	}
}

// Whatever is in the header, without the password it proves nothing.
func FuzzAuthorization(f *testing.F) {
	a := newAuthenticator(func(string) *Auth { return testUsers }, new(counters))
	src := netip.MustParseAddr("192.0.2.1")
	nonce := a.nonces.issue("carrier", src)
	good := strings.TrimPrefix(answerTo(map[string]string{"algorithm": "SHA-256", "realm": testUsers.Realm, "nonce": nonce}, "carrier", "guess"), "Authorization: ")
	f.Add(good)
	f.Add(strings.Replace(good, "SHA-256", "SHA-512-256", 1))
	f.Add(strings.Replace(good, "username=\"carrier\"", "username=\"\"", 1))
	f.Add(`Digest realm="trunkline.test", nonce="` + nonce + `", response=""`)
	f.Fuzz(func(t *testing.T, value string) {
		a.offenders.right(src)
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "+15551230001", Host: "trunkline.test"})
		req.SetSource("192.0.2.1:5060")
		req.AppendHeader(sip.NewHeader("Authorization", value))
		if a.check(req, "carrier", testUsers) == proofRight {
			t.Errorf("%q is taken for a proof", value)
		}
	})
}
