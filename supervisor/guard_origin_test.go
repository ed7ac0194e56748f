package supervisor

import (
	"net/http"
	"testing"
)

func TestOtherSitesChangeNothing(t *testing.T) {
	d := newDoorStand(t, someTokens)
	session := d.signedIn(annasToken)
	attack := func(set ...func(*http.Request)) *http.Response {
		return d.ask("POST", "/api/v1/calls", append(set, withCookies(session))...)
	}
	for name, resp := range map[string]*http.Response{
		"cross-site":      attack(withHeader("Sec-Fetch-Site", "cross-site")),
		"same-site":       attack(withHeader("Sec-Fetch-Site", "same-site")),
		"origin":          attack(withHeader("Origin", "https://evil.example")),
		"origin null":     attack(withHeader("Origin", "null")),
		"other port":      attack(withHeader("Origin", "https://calls.example.com:8443")),
		"host in front":   attack(withHeader("Origin", "https://calls.example.com.evil.example")),
		"lies in Origin":  attack(withHeader("Sec-Fetch-Site", "cross-site"), withHeader("Origin", "https://calls.example.com")),
		"signing in":      d.ask("POST", "/sign-in", withForm("token", annasToken), withHeader("Sec-Fetch-Site", "cross-site")),
		"signing out":     d.ask("POST", "/sign-out", withCookies(session), withHeader("Origin", "https://evil.example")),
		"nobody signs in": newDoorStand(t, nil).ask("DELETE", "/api/v1/calls", func(r *http.Request) { r.Host = "localhost" }, withHeader("Origin", "https://evil.example")),
	} {
		if resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
			t.Errorf("%s: status %d, cookies %v", name, resp.StatusCode, resp.Cookies())
		}
	}
	for name, resp := range map[string]*http.Response{
		"same origin":   attack(withHeader("Sec-Fetch-Site", "same-origin"), withHeader("Origin", "https://calls.example.com")),
		"older browser": attack(withHeader("Origin", "https://calls.example.com")),
		"program":       d.ask("POST", "/api/v1/calls", withToken(annasToken)),
		"a link to us":  d.ask("GET", "/calls", withCookies(session), withHeader("Sec-Fetch-Site", "cross-site")),
	} {
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
	if d.ask("GET", "/sign-out", withCookies(session)).StatusCode != http.StatusMethodNotAllowed {
		t.Error("a link signs people out")
	}
}
