package supervisor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC lets people in whom an issuer of OpenID Connect knows: Keycloak, Entra ID, Google and others.
type OIDC struct {
	Issuer       string // its URL, such as https://login.example.com/realms/staff
	ClientID     string // of this service at the issuer
	ClientSecret string // "": the issuer knows us as a public client
	RedirectURL  string // where it sends people back: https://NAME/oidc/callback
	// RoleClaim is the claim of the ID token that says the role; a dot leads into an object, as in realm_access.roles.
	RoleClaim string
	Roles     map[string]Role // the role of each of its values; who has several gets the highest, who has none stays out
	// AgentsClaim is the claim that lists the agents whose calls somebody sees; "*" in it: everybody's, and without the
	// claim nobody's. "": everybody sees the calls of all agents.
	AgentsClaim string
	Scopes      []string     // asked for beside openid; nil: profile and email
	HTTP        *http.Client // nil: one that gives up after 10 s
}

// callbackPath is where issuers send people back.
const callbackPath = "/oidc/callback"

// issuer is the other side. It is asked for what it is when somebody first signs in, so that one that is down keeps
// no service from starting.
type issuer struct {
	OIDC  // static, like the others down to turn
	flows *sealer
	mark  string // tells this configuration from others

	turn   chan struct{} // one slot: whoever put something in owns what follows
	found  *found        // nil until the issuer has answered
	failed time.Time     // when it did not
	err    error         // and why
}

// found is what the issuer said of itself. Static.
type found struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newIssuer(c OIDC, key []byte) (*issuer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	bounded := *c.HTTP
	bounded.Transport = boundedTransport{c.HTTP.Transport}
	c.HTTP = &bounded
	if c.Scopes == nil {
		c.Scopes = []string{"profile", "email"}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Issuer, c.ClientID, c.RoleClaim, c.AgentsClaim}, "\x00")))
	return &issuer{OIDC: c, flows: newSealer(key, "trunkline oidc flow 1"), mark: hex.EncodeToString(sum[:8]),
		turn: make(chan struct{}, 1)}, nil
}

// check finds what cannot work, by the keys of the configuration.
func (c OIDC) check() (err error) {
	fault := func(key, text string, args ...any) {
		err = errors.Join(err, fmt.Errorf("supervisor.oidc."+key+": "+text, args...))
	}
	if !overTLS(c.Issuer) {
		fault("issuer", "%q is no https:// URL", c.Issuer)
	}
	if c.ClientID == "" {
		fault("client_id", "missing: the issuer gives one to each service")
	}
	if u, e := url.Parse(c.RedirectURL); e != nil || !overTLS(c.RedirectURL) || u.Path != callbackPath || u.RawQuery+u.Fragment != "" {
		fault("redirect_url", "%q is not https://NAME%s", c.RedirectURL, callbackPath)
	}
	if c.RoleClaim == "" || len(c.Roles) == 0 {
		fault("roles", "nobody could come in: set role_claim and which of its values is which role")
	}
	for value, role := range c.Roles {
		if role < Viewer || role > Admin {
			fault("roles", "the role of %q is none of viewer, supervisor, admin", value)
		}
	}
	return err
}

// overTLS reports whether a URL is one of https, or of this machine.
func overTLS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopbackName(u.Host))
}

// pause is how long an issuer that failed is left alone.
const pause = 5 * time.Second

// discover returns what the issuer says of itself, and asks it when nobody has yet. Meanwhile others wait: they need
// the same answer.
func (p *issuer) discover(ctx context.Context) (*found, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && time.Since(p.failed) < pause {
		return nil, p.err
	}
	// Who asked may go away; the answer is for all. The client has its own time limit.
	provider, err := oidc.NewProvider(p.client(context.WithoutCancel(ctx)), p.Issuer)
	if err != nil {
		p.failed, p.err = time.Now(), err
		return nil, err
	}
	p.found = &found{
		oauth: oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: p.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...)},
		verifier: provider.Verifier(&oidc.Config{ClientID: p.ClientID}),
	}
	return p.found, nil
}

// client makes the libraries use our HTTP client.
func (p *issuer) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.HTTP)
}

// boundedTransport cuts what an issuer says after a megabyte: the libraries read all of it.
type boundedTransport struct{ next http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	return resp, nil
}
