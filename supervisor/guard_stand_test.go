package supervisor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/trunkline/trunkline/store"
)

// doorArchive keeps the audit list and nothing else.
type doorArchive struct {
	Archive

	mu     sync.Mutex
	audits []store.Audit
	fault  error
}

func (a *doorArchive) Record(_ context.Context, e store.Audit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.audits = append(a.audits, e)
	return a.fault
}

// actions are those of the audit list, with who and detail.
func (a *doorArchive) actions() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.audits {
		all = append(all, strings.Join([]string{e.Action, e.Who, e.Detail, e.From}, " "))
	}
	return all
}

// doorStand is a server whose routes behind the door say who asks.
type doorStand struct {
	*Server
	t       *testing.T
	archive *doorArchive
	mux     *http.ServeMux
}

var (
	annasToken = NewToken()
	bobsToken  = NewToken()
	someTokens = &SignIn{Tokens: []Token{
		{Name: "anna", Role: Supervisor, SHA256: HashToken(annasToken)},
		{Name: "bob", Role: Viewer, Agents: []string{"frontdesk"}, SHA256: strings.ToUpper(HashToken(bobsToken))},
	}}
)

func newDoorStand(t *testing.T, c *SignIn) *doorStand {
	t.Helper()
	a := &doorArchive{}
	s, err := New(Options{Archive: a, SignIn: c})
	if err != nil {
		t.Fatal(err)
	}
	d := &doorStand{Server: s, t: t, archive: a, mux: http.NewServeMux()}
	who := func(w http.ResponseWriter, r *http.Request) {
		u := userOf(r.Context())
		fmt.Fprintf(w, "%s %s %v", u.Name, u.Role, u.Agents)
	}
	d.mux.HandleFunc("/calls", who)
	d.mux.HandleFunc("/api/v1/calls", who)
	d.mux.HandleFunc("/static/style.css", who)
	s.signInRoutes(d.mux)
	s.handler = s.guarded(d.mux)
	return d
}

// stranger is a client of the internet that came over TLS.
var stranger = origin{addr: netip.MustParseAddr("203.0.113.7"), secure: true}

// ask sends a request. set changes it before.
func (d *doorStand) ask(method, target string, set ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, "https://calls.example.com"+target, nil)
	r = r.WithContext(stranger.with(d.t.Context()))
	for _, f := range set {
		f(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result()
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func withToken(token string) func(*http.Request) { return withHeader("Authorization", "Bearer "+token) }

func withOrigin(o origin) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(o.with(r.Context())) }
}

func withCookies(cookies ...*http.Cookie) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range cookies {
			r.AddCookie(c)
		}
	}
}

func withForm(pairs ...string) func(*http.Request) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return func(r *http.Request) {
		body := form.Encode()
		fresh := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
		fresh.Header = r.Header
		fresh.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		*r = *fresh.WithContext(r.Context())
	}
}

var asPage = withHeader("Accept", "text/html,application/xhtml+xml")

// signedIn returns the session cookie of a token.
func (d *doorStand) signedIn(token string) *http.Cookie {
	d.t.Helper()
	resp := d.ask("POST", "/sign-in", withForm("token", token))
	if resp.StatusCode != http.StatusSeeOther {
		d.t.Fatalf("signing in says %d: %s", resp.StatusCode, bodyText(resp))
	}
	return cookieOf(d.t, resp, "__Host-trunkline")
}

func cookieOf(t *testing.T, resp *http.Response, name string) *http.Cookie {
	t.Helper()
	for _, c := range resp.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s among %q", name, resp.Header["Set-Cookie"])
	return nil
}

func bodyText(resp *http.Response) string {
	var b strings.Builder
	_ = resp.Write(&b)
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

func expectAnswer(t *testing.T, resp *http.Response, status int, parts ...string) {
	t.Helper()
	body := bodyText(resp)
	if resp.StatusCode != status {
		t.Errorf("status %d instead of %d: %s", resp.StatusCode, status, body)
	}
	for _, p := range parts {
		if !strings.Contains(body, p) {
			t.Errorf("no %q in %s", p, body)
		}
	}
}
