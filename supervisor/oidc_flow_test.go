package supervisor

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignInByOIDC(t *testing.T) {
	p := newProvider(t)
	d := newDoorStand(t, &SignIn{OIDC: p.config(), Key: someKey})
	page := bodyText(d.ask("GET", "/sign-in?next=/calls"))
	if !strings.Contains(page, `href="/oidc/start?next=%2fcalls"`) || strings.Contains(page, "<form") {
		t.Errorf("the way in is not on the page: %s", page)
	}
	resp := d.signInOIDC(p)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/calls?tag=a" {
		t.Fatalf("status %d to %q: %s", resp.StatusCode, resp.Header.Get("Location"), bodyText(resp))
	}
	if c := cookieOf(t, resp, "__Host-trunkline-oidc"); c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("the flow stays: %+v", c)
	}
	session := cookieOf(t, resp, "__Host-trunkline")
	if !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" {
		t.Errorf("%+v", session)
	}
	expectAnswer(t, d.ask("GET", "/calls", withCookies(session)), http.StatusOK, "anna@example.com supervisor []")
	if all := d.archive.actions(); len(all) != 1 || all[0] != "sign_in anna@example.com oidc 203.0.113.7" {
		t.Errorf("%q", all)
	}
	// Another node with the same key takes part at every step.
	other := newDoorStand(t, &SignIn{OIDC: p.config(), Key: someKey})
	expectAnswer(t, other.ask("GET", "/calls", withCookies(session)), http.StatusOK, "anna@example.com")
	location, c := d.startFlow("/")
	resp = other.ask("GET", "/oidc/callback?"+p.authorize(location).Encode(), withCookies(c))
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// What an attacker or a broken issuer may send back. Nothing of it lets anybody in.
func TestForgedReturns(t *testing.T) {
	for name, c := range map[string]struct {
		back func(d *doorStand, p *provider, q url.Values, c *http.Cookie) // changes what comes back
		asks bool                                                          // the code reaches the issuer
	}{
		"no cookie":     {back: func(_ *doorStand, _ *provider, _ url.Values, c *http.Cookie) { c.Name = "other" }},
		"forged cookie": {back: func(_ *doorStand, _ *provider, _ url.Values, c *http.Cookie) { c.Value = "AAAA" + c.Value[4:] }},
		"the session as cookie": {back: func(d *doorStand, _ *provider, _ url.Values, c *http.Cookie) {
			c.Value = d.signedIn(annasToken).Value
		}},
		"wrong state": {back: func(_ *doorStand, _ *provider, q url.Values, _ *http.Cookie) { q.Set("state", strings.Repeat("A", 26)) }},
		"no state":    {back: func(_ *doorStand, _ *provider, q url.Values, _ *http.Cookie) { q.Del("state") }},
		"another flow's state": {back: func(d *doorStand, p *provider, q url.Values, _ *http.Cookie) {
			location, _ := d.startFlow("/")
			q.Set("state", p.authorize(location).Get("state"))
		}},
		"another issuer": {back: func(_ *doorStand, _ *provider, q url.Values, _ *http.Cookie) { q.Set("iss", "https://evil.example") }},
		"refused by the issuer": {back: func(_ *doorStand, _ *provider, q url.Values, _ *http.Cookie) {
			q.Del("code")
			q.Set("error", "access_denied")
		}},
		"unknown code": {back: func(_ *doorStand, _ *provider, q url.Values, _ *http.Cookie) { q.Set("code", "guess") }},
		// Somebody's code, taken to the attacker's own flow or the other way round: PKCE tells.
		"another flow's code": {back: func(d *doorStand, p *provider, q url.Values, _ *http.Cookie) {
			location, _ := d.startFlow("/")
			q.Set("code", p.authorize(location).Get("code"))
		}},
		"wrong nonce":   {asks: true, back: changed(func(c map[string]any) { c["nonce"] = "other" })},
		"no nonce":      {asks: true, back: changed(func(c map[string]any) { delete(c, "nonce") })},
		"expired":       {asks: true, back: changed(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() })},
		"for others":    {asks: true, back: changed(func(c map[string]any) { c["aud"] = "another-service" })},
		"by others":     {asks: true, back: changed(func(c map[string]any) { c["iss"] = "https://evil.example" })},
		"no ID token":   {asks: true, back: forged(func(string) string { return "" })},
		"unsigned":      {asks: true, back: forged(unsigned)},
		"changed later": {asks: true, back: forged(func(jwt string) string { return jwt[:len(jwt)-8] + "AAAAAAAA" })},
		"signed with the public key": {asks: true, back: forged(func(jwt string) string {
			return b64([]byte(`{"alg":"HS256","kid":"one"}`)) + jwt[strings.Index(jwt, "."):]
		})},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			d := newDoorStand(t, &SignIn{Tokens: someTokens.Tokens, OIDC: p.config()})
			location, cookie := d.startFlow("/calls")
			q := p.authorize(location)
			c.back(d, p, q, cookie)
			before := d.Door()
			resp := d.ask("GET", "/oidc/callback?"+q.Encode(), withCookies(cookie))
			expectAnswer(t, resp, http.StatusUnauthorized, "did not work")
			for _, c := range resp.Cookies() {
				if c.Value != "" {
					t.Errorf("it gives %s", c.Name)
				}
			}
			if asked := p.redeemed == 1; asked != c.asks {
				t.Errorf("a code was redeemed: %v", asked)
			}
			if after := d.Door(); after.SignInsFailed != before.SignInsFailed+1 || after.SignIns != before.SignIns {
				t.Errorf("counted: %+v", after)
			}
		})
	}
}

func changed(f func(map[string]any)) func(*doorStand, *provider, url.Values, *http.Cookie) {
	return func(_ *doorStand, p *provider, _ url.Values, _ *http.Cookie) { p.set(func() { p.change = f }) }
}

func forged(f func(string) string) func(*doorStand, *provider, url.Values, *http.Cookie) {
	return func(_ *doorStand, p *provider, _ url.Values, _ *http.Cookie) { p.set(func() { p.forge = f }) }
}

func unsigned(jwt string) string {
	return b64([]byte(`{"alg":"none"}`)) + jwt[strings.Index(jwt, "."):strings.LastIndex(jwt, ".")] + "."
}

// A return is good once: the code is spent at the issuer, and the browser has dropped the flow.
func TestReturnTwice(t *testing.T) {
	p := newProvider(t)
	d := newDoorStand(t, &SignIn{OIDC: p.config()})
	location, c := d.startFlow("/")
	back := "/oidc/callback?" + p.authorize(location).Encode()
	if resp := d.ask("GET", back, withCookies(c)); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d", resp.StatusCode)
	}
	expectAnswer(t, d.ask("GET", back, withCookies(c)), http.StatusUnauthorized)
	if all := d.archive.actions(); len(all) != 2 || all[1] != "sign_in_failed  oidc 203.0.113.7" {
		t.Errorf("%q", all)
	}
}

func TestFlowThatTookTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, err := newIssuer(*(&provider{Server: someServer}).configOver(nil), []byte(someKey))
		if err != nil {
			t.Fatal(err)
		}
		sealed := i.flows.seal(flow{State: "state", Until: time.Now().Add(flowLength).Unix()})
		r := flowRequest(sealed)
		if _, ok := i.flow(r); !ok {
			t.Error("a flow is not known again")
		}
		time.Sleep(flowLength + time.Second)
		if _, ok := i.flow(r); ok {
			t.Error("it is known for ever")
		}
	})
}

func TestReturnsAreLimited(t *testing.T) {
	p := newProvider(t)
	d := newDoorStand(t, &SignIn{OIDC: p.config()})
	for range sourceBurst {
		expectAnswer(t, d.ask("GET", "/oidc/callback?code=a&state=b"), http.StatusUnauthorized)
	}
	resp := d.ask("GET", "/oidc/callback?code=a&state=b")
	if expectAnswer(t, resp, http.StatusTooManyRequests); resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func FuzzFlow(f *testing.F) {
	i, err := newIssuer(*(&provider{Server: someServer}).configOver(nil), []byte(someKey))
	if err != nil {
		f.Fatal(err)
	}
	good := i.flows.seal(flow{State: "state", Until: time.Now().Add(time.Hour).Unix()})
	f.Add(good)
	f.Add("")
	f.Add(good + "A")
	f.Fuzz(func(t *testing.T, value string) {
		if got, ok := i.flow(flowRequest(value)); ok && got.State != "state" {
			t.Errorf("%q is taken for %+v", value, got)
		}
	})
}
