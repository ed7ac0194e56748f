package supervisor

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWho(t *testing.T) {
	d := newDoorStand(t, someTokens)
	expectAnswer(t, d.ask("GET", "/api/v1/calls", withToken(annasToken)), http.StatusOK, "anna supervisor []")
	expectAnswer(t, d.ask("GET", "/api/v1/calls", withToken(bobsToken)), http.StatusOK, "bob viewer [frontdesk]")
	expectAnswer(t, d.ask("GET", "/api/v1/calls", withHeader("Authorization", "bearer  "+bobsToken)), http.StatusOK, "bob")
	expectAnswer(t, d.ask("GET", "/calls", withCookies(d.signedIn(bobsToken))), http.StatusOK, "bob viewer [frontdesk]")
	for name, set := range map[string]func(*http.Request){
		"nothing":         withHeader("Accept", "*/*"),
		"wrong":           withToken(annasToken + "x"),
		"empty":           withToken(""),
		"the hash":        withToken(HashToken(annasToken)),
		"another scheme":  withHeader("Authorization", "Basic YW5uYTphbm5h"),
		"foreign cookie":  withCookies(&http.Cookie{Name: "__Host-trunkline", Value: "AAAA"}),
		"a page in there": asPage,
	} {
		resp := d.ask("GET", "/api/v1/calls", set)
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != `Bearer realm="trunkline"` {
			t.Errorf("%s: status %d, %q", name, resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
		}
		expectAnswer(t, resp, http.StatusUnauthorized, `"status":401`)
	}
}

// A token that is wrong is not made good by a session beside it.
func TestWrongTokenBesideSession(t *testing.T) {
	d := newDoorStand(t, someTokens)
	resp := d.ask("GET", "/calls", withToken("wrong"), withCookies(d.signedIn(annasToken)))
	expectAnswer(t, resp, http.StatusUnauthorized)
}

func TestPeopleAreLedToTheSignIn(t *testing.T) {
	d := newDoorStand(t, someTokens)
	resp := d.ask("GET", "/calls?agent=frontdesk&tag=a", asPage)
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != "/sign-in?next=%2Fcalls%3Fagent%3Dfrontdesk%26tag%3Da" {
		t.Errorf("status %d to %q", resp.StatusCode, to)
	}
	expectAnswer(t, d.ask("POST", "/calls", asPage), http.StatusUnauthorized)
	expectAnswer(t, d.ask("GET", "/calls", withHeader("Accept", "text/event-stream")), http.StatusUnauthorized)
}

// What is open is so by its exact path: no spelling of another path may pass for it.
func TestOpenPaths(t *testing.T) {
	d := newDoorStand(t, someTokens)
	d.mux.HandleFunc("/{x}/v1/{y}", func(http.ResponseWriter, *http.Request) { t.Error("a stranger came in") })
	expectAnswer(t, d.ask("GET", "/static/style.css"), http.StatusOK)
	for _, path := range []string{"/static%2f..%2fapi/v1/calls", "/static", "/sign-in/", "/static%2Fstyle.css", "/Sign-In", "//static/style.css",
		"/api/v1/calls/../../../static/x", "/oidc/"} {
		if resp := d.ask("GET", path); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
	// The mux sends these on to the path without dots, and there is the door.
	for _, path := range []string{"/static/../api/v1/calls", "/static/%2e%2e/api/v1/calls"} {
		if resp := d.ask("GET", path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, bodyText(resp))
		}
	}
	// For CONNECT it cleans nothing.
	r := httptest.NewRequest("CONNECT", "https://calls.example.com/static/../api/v1/calls", nil)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r.WithContext(stranger.with(t.Context())))
	if w.Code == http.StatusOK {
		t.Error("CONNECT comes in")
	}
}
