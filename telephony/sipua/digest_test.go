package sipua

import (
	"strings"
	"testing"
)

// The examples of RFC 2617 §3.5 and RFC 7616 §3.9.1; the one for SHA-512-256 was computed
// by another implementation.
func TestDigestVectors(t *testing.T) {
	rfc7616 := digestInput{user: "Mufasa", realm: "http-auth@example.org", password: "Circle of Life",
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc: "00000001",
		cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop: "auth", method: "GET", uri: "/dir/index.html"}
	sha := rfc7616
	sha.algorithm = "SHA-256"
	rfc2617 := digestInput{algorithm: "MD5", user: "Mufasa", realm: "testrealm@host.com", password: "Circle Of Life",
		nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", nc: "00000001", cnonce: "0a4f113b", qop: "auth", method: "GET", uri: "/dir/index.html"}
	sha512 := rfc7616
	sha512.algorithm = "SHA-512-256"
	for _, c := range []struct {
		in   digestInput
		want string
	}{
		{rfc7616, "8ca523f5e9506fed4657c9700eebdbec"},
		{sha, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{rfc2617, "6629fae49393a05397450978507c4ef1"},
		{sha512, "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"},
	} {
		if got := c.in.response(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in.algorithm, got, c.want)
		}
	}
	old := rfc2617
	old.qop, old.nc, old.cnonce = "", "", ""
	if got := old.response(); got != "670fd8c2df070c60b045671b8b24ff02" { // RFC 2069 §2.4 with the corrected arithmetic
		t.Errorf("without qop: %s", got)
	}
	if (digestInput{algorithm: "MD5-sess"}).response() != "" {
		t.Error("an algorithm that we do not have gave a response")
	}
}

func TestParseDigest(t *testing.T) {
	got, ok := parseDigest(`Digest realm="a, \"b\"",Nonce=xyz , qop="auth-int, auth",stale=TRUE`)
	if !ok || got["realm"] != `a, "b"` || got["nonce"] != "xyz" || got["stale"] != "TRUE" || !offersAuth(got["qop"]) {
		t.Errorf("%v, %q", ok, got)
	}
	for _, bad := range []string{"", "Digest", "Basic realm=x", "Digest realm", "Digest realm=a, realm=b", "Digest =x",
		"Digest nonce=" + strings.Repeat("x", maxDigest)} {
		if got, ok := parseDigest(bad); ok {
			t.Errorf("%.30q was read as %q", bad, got)
		}
	}
	if offersAuth("auth-int") {
		t.Error("auth-int is not auth")
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth"`)
	f.Add(`Digest username="\"", uri=sip:x@y;a=b`)
	f.Add(`digest a="<,>`)
	f.Fuzz(func(t *testing.T, s string) {
		params, ok := parseDigest(s)
		if !ok {
			return
		}
		a := response{params: params, algorithm: params["algorithm"]}
		again, ok := parseDigest(a.answer(Credentials{params["username"], "secret"}, "INVITE", "sip:a@b"))
		if len(s) < 300 && !strings.ContainsAny(a.algorithm, ", =\"<>\\") && (!ok || again["username"] != strings.TrimSpace(clean(params["username"])) && again["username"] != clean(params["username"])) {
			t.Errorf("%q: the answer cannot be read: %q", s, again)
		}
	})
}
