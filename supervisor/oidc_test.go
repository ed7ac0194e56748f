package supervisor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An issuer that is down keeps nothing from starting, is not asked by everybody at once, and is found when it is back.
func TestIssuerThatIsDown(t *testing.T) {
	p := newProvider(t)
	p.set(func() { p.down = true })
	d := newDoorStand(t, &SignIn{Tokens: someTokens.Tokens, OIDC: p.config()})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { expectAnswer(t, d.ask("GET", "/oidc/start"), http.StatusServiceUnavailable, "does not answer") })
	}
	all.Wait()
	if p.asked != 1 {
		t.Errorf("asked %d times", p.asked)
	}
	d.signedIn(annasToken) // the other way in
	p.set(func() { p.down = false })
	expectAnswer(t, d.ask("GET", "/oidc/start"), http.StatusServiceUnavailable)
	d.door.issuer.failed = d.door.issuer.failed.Add(-pause)
	for range 3 {
		d.startFlow("/")
	}
	if p.asked != 2 {
		t.Errorf("asked %d times", p.asked)
	}
}

// Who waits for another's question to the issuer can go away.
func TestWaitingForTheIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, release := make(chan struct{}), make(chan struct{})
		c := (&provider{Server: &httptest.Server{URL: "https://issuer.example"}}).configOver(roundTrip(func(*http.Request) (*http.Response, error) {
			close(asked)
			<-release
			return nil, http.ErrHandlerTimeout
		}))
		i, err := newIssuer(*c, []byte(someKey))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = i.discover(t.Context()) }()
		<-asked
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := i.discover(ctx); err != ctx.Err() || err == nil {
			t.Errorf("it says %v", err)
		}
		close(release)
	})
}

func TestIssuerThatTalksForEver(t *testing.T) {
	sent := 0
	c := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			n, err := w.Write([]byte(strings.Repeat(" ", 1<<20)))
			if sent += n; err != nil {
				return
			}
		}
	}))
	p := &provider{Server: c}
	d := newDoorStand(t, &SignIn{OIDC: p.config()})
	expectAnswer(t, d.ask("GET", "/oidc/start"), http.StatusServiceUnavailable)
	c.Client().CloseIdleConnections()
	c.Close() // joins the handler
	if sent > 32<<20 {
		t.Errorf("%d bytes were read", sent)
	}
}

func TestFaultyOIDC(t *testing.T) {
	p := &provider{Server: &httptest.Server{URL: "https://issuer.example"}}
	for says, change := range map[string]func(*OIDC){
		"supervisor.oidc.issuer":       func(c *OIDC) { c.Issuer = "http://issuer.example" },
		"supervisor.oidc.client_id":    func(c *OIDC) { c.ClientID = "" },
		"supervisor.oidc.redirect_url": func(c *OIDC) { c.RedirectURL = "https://calls.example.com/" },
		`"http://calls.example.com/oi`: func(c *OIDC) { c.RedirectURL = "http://calls.example.com/oidc/callback" },
		"set role_claim":               func(c *OIDC) { c.RoleClaim = "" },
		"nobody could come in":         func(c *OIDC) { c.Roles = nil },
		`the role of "it"`:             func(c *OIDC) { c.Roles["it"] = 0 },
	} {
		c := p.configOver(nil)
		change(c)
		if _, err := New(Options{Archive: &doorArchive{}, SignIn: &SignIn{OIDC: c}}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	c := p.configOver(nil)
	c.Issuer, c.RedirectURL = "http://localhost:8081/realms/a", "http://127.0.0.1:8080/oidc/callback"
	if _, err := newIssuer(*c, []byte(someKey)); err != nil {
		t.Errorf("on this machine: %v", err)
	}
}
