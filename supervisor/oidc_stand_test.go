package supervisor

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// provider is an issuer of OpenID Connect: discovery, keys, and a token endpoint that insists on what RFC 6749 and
// RFC 7636 ask for. Its faults are to be set before somebody signs in.
type provider struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey

	mu       sync.Mutex
	claims   map[string]any       // of who signs in, beside those that the protocol needs
	change   func(map[string]any) // of the ID token, at the end
	forge    func(jwt string) string
	down     bool
	asked    int                   // discoveries
	codes    map[string]url.Values // what each code was asked for with
	redeemed int
}

var providerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, key: providerKey(), codes: map[string]url.Values{},
		claims: map[string]any{"email": "anna@example.com", "groups": []string{"staff", "phone-leads"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(func() {
		p.Client().CloseIdleConnections()
		p.Close()
	})
	return p
}

// set changes the provider under its lock.
func (p *provider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked++; p.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	p.reply(w, http.StatusOK, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	e := big.NewInt(int64(p.key.E)).Bytes()
	p.reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": b64(p.key.N.Bytes()), "e": b64(e)}}})
}

// authorize is what happens in the browser: somebody signs in at the provider and comes back with a code.
func (p *provider) authorize(location string) url.Values {
	p.t.Helper()
	u, err := url.Parse(location)
	if err != nil || u.Path != "/authorize" {
		p.t.Fatalf("people are sent to %q: %v", location, err)
	}
	q := u.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": "trunkline", "scope": "openid profile email",
		"redirect_uri": "https://calls.example.com/oidc/callback", "code_challenge_method": "S256"} {
		if q.Get(name) != want {
			p.t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if len(q.Get("state")) < 26 || len(q.Get("nonce")) < 26 || len(q.Get("code_challenge")) != 43 || q.Get("state") == q.Get("nonce") {
		p.t.Errorf("weak: %v", q)
	}
	code := rand.Text()
	p.set(func() { p.codes[code] = q })
	return url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := r.PostFormValue("code")
	asked, known := p.codes[code]
	id, secret, basic := r.BasicAuth()
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case !basic || id != "trunkline" || secret != "s3cret":
		p.reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri"),
		b64(verifier[:]) != asked.Get("code_challenge"):
		p.reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	delete(p.codes, code) // once
	p.redeemed++
	claims := map[string]any{"iss": p.URL, "aud": "trunkline", "sub": "248289761001", "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	for name, value := range p.claims {
		claims[name] = value
	}
	if p.change != nil {
		p.change(claims)
	}
	jwt := p.sign(claims)
	if p.forge != nil {
		jwt = p.forge(jwt)
	}
	p.reply(w, http.StatusOK, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": jwt})
}

// sign makes a JWT with RS256 (RFC 7515).
func (p *provider) sign(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	signed := b64([]byte(`{"alg":"RS256","kid":"one","typ":"JWT"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	return signed + "." + b64(signature)
}

func (p *provider) reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func b64(p []byte) string { return base64.RawURLEncoding.EncodeToString(p) }

// config is that of a service which trusts the provider.
func (p *provider) config() *OIDC {
	return &OIDC{Issuer: p.URL, ClientID: "trunkline", ClientSecret: "s3cret", RedirectURL: "https://calls.example.com/oidc/callback",
		RoleClaim: "groups", Roles: map[string]Role{"phone": Viewer, "phone-leads": Supervisor, "it": Admin}, HTTP: p.Client()}
}

// startFlow begins a sign-in and returns where it leads and the cookie.
func (d *doorStand) startFlow(next string) (location string, c *http.Cookie) {
	d.t.Helper()
	resp := d.ask("GET", "/oidc/start?next="+url.QueryEscape(next))
	if resp.StatusCode != http.StatusSeeOther {
		d.t.Fatalf("the start says %d: %s", resp.StatusCode, bodyText(resp))
	}
	return resp.Header.Get("Location"), cookieOf(d.t, resp, "__Host-trunkline-oidc")
}

// signInOIDC goes all the way.
func (d *doorStand) signInOIDC(p *provider) *http.Response {
	d.t.Helper()
	location, c := d.startFlow("/calls?tag=a")
	return d.ask("GET", "/oidc/callback?"+p.authorize(location).Encode(), withCookies(c), withHeader("Sec-Fetch-Site", "cross-site"))
}

// configOver is config with another transport.
func (p *provider) configOver(transport http.RoundTripper) *OIDC {
	return &OIDC{Issuer: p.URL, ClientID: "trunkline", RedirectURL: "https://calls.example.com/oidc/callback",
		RoleClaim: "groups", Roles: map[string]Role{"it": Admin}, HTTP: &http.Client{Transport: transport}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// someServer is one that is never asked.
var someServer = &httptest.Server{URL: "https://issuer.example"}

// flowRequest comes back from an issuer with the cookie of a flow.
func flowRequest(sealed string) *http.Request {
	r := httptest.NewRequest("GET", "https://calls.example.com/oidc/callback?code=code&state=state", nil)
	r.Header["Cookie"] = []string{"__Host-trunkline-oidc=" + sealed}
	return r
}
