package supervisor

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestSignInPage(t *testing.T) {
	d := newDoorStand(t, someTokens)
	resp := d.ask("GET", "/sign-in?next=/calls%3Ftag=%22%3E%3Cscript%3E")
	if got := resp.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Error(got)
	}
	page := bodyText(resp)
	for _, part := range []string{`<html lang="en">`, `<form method="post" action="/sign-in">`, `type="password"`, `name="token"`, `<label for="token">`,
		`href="/static/style.css"`, `name="next" value="/calls?tag=&#34;&gt;&lt;script&gt;"`} {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in\n%s", part, page)
		}
	}
	for _, part := range []string{"<script", "style=", "/oidc/start", "role=\"alert\""} {
		if strings.Contains(page, part) {
			t.Errorf("%s in\n%s", part, page)
		}
	}
}

func TestSignInLeadsOn(t *testing.T) {
	d := newDoorStand(t, someTokens)
	for next, want := range map[string]string{"/calls?agent=frontdesk": "/calls?agent=frontdesk", "": "/", "https://evil.example/": "/", "//evil.example": "/"} {
		resp := d.ask("POST", "/sign-in", withForm("token", bobsToken, "next", next))
		if got := resp.Header.Get("Location"); got != want || resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%q leads to %q with status %d", next, got, resp.StatusCode)
		}
	}
	if n := d.Door().SignIns; n != 4 {
		t.Errorf("%d are counted", n)
	}
}

func TestTokenIsPasted(t *testing.T) {
	newDoorStand(t, someTokens).signedIn(" " + annasToken + "\r\n")
}

// The token is never taken from where it would be kept: a URL is in histories and logs.
func TestTokenInTheURL(t *testing.T) {
	d := newDoorStand(t, someTokens)
	expectAnswer(t, d.ask("POST", "/sign-in?token="+annasToken), http.StatusUnauthorized)
	expectAnswer(t, d.ask("GET", "/calls?token="+annasToken), http.StatusUnauthorized)
}

func TestFailuresLookAlike(t *testing.T) {
	d := newDoorStand(t, someTokens)
	first := bodyText(d.ask("POST", "/sign-in", withForm("token", "guess")))
	if !strings.Contains(first, "not known") {
		t.Error(first)
	}
	for _, token := range []string{"", annasToken[:10], annasToken + ".", HashToken(annasToken), "anna", "\x00", strings.Repeat("a", 5000)} {
		resp := d.ask("POST", "/sign-in", withForm("token", token))
		if again := bodyText(resp); again != first || resp.StatusCode != http.StatusUnauthorized || len(resp.Cookies()) > 0 {
			t.Errorf("%q: status %d, cookies %v, %s", token, resp.StatusCode, resp.Cookies(), again)
		}
	}
}

func TestSignInWhileTheStoreIsAway(t *testing.T) {
	d := newDoorStand(t, someTokens)
	d.archive.fault = errors.New("away")
	d.signedIn(annasToken)
	if n := d.Door().AuditsLost; n != 1 {
		t.Errorf("%d entries are counted as lost", n)
	}
}

func TestSignInLanguages(t *testing.T) {
	d := newDoorStand(t, someTokens)
	for accept, lang := range map[string]string{"": "en", "de": "de", "de-AT,en;q=0.5": "de", "fr, DE;q=0.8": "de", "en-GB,de": "en", "xx;;,": "en"} {
		page := bodyText(d.ask("POST", "/sign-in", withForm("token", "x"), withHeader("Accept-Language", accept), withOrigin(here)))
		if !strings.Contains(page, `<html lang="`+lang+`">`) || lang == "de" != strings.Contains(page, "Anmelden") {
			t.Errorf("%q: %s", accept, page)
		}
	}
	for key, english := range signInWords["en"] {
		if german := signInWords["de"][key]; german == "" || german == english && key != "token" {
			t.Errorf("%s is not translated", key)
		}
	}
	if len(signInWords["de"]) != len(signInWords["en"]) {
		t.Error("German has words that English has not")
	}
}
