package supervisor

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const someKey = "a key of more than thirty-two bytes"

func withKey(tokens ...Token) *SignIn { return &SignIn{Tokens: tokens, Key: someKey} }

func TestCookieAttributes(t *testing.T) {
	d := newDoorStand(t, someTokens)
	lines := d.ask("POST", "/sign-in", withForm("token", annasToken)).Header["Set-Cookie"]
	name, rest, _ := strings.Cut(strings.Join(lines, "\n"), "=")
	_, attributes, _ := strings.Cut(rest, "; ")
	if name != "__Host-trunkline" || attributes != "Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("%q", lines)
	}
	if strings.Contains(rest, HashToken(annasToken)) || strings.Contains(rest, "anna") {
		t.Error("the cookie can be read")
	}
	// On this machine without TLS, where Secure and the prefix would lose it in some browsers.
	lines = d.ask("POST", "/sign-in", withForm("token", annasToken), withOrigin(here)).Header["Set-Cookie"]
	name, rest, _ = strings.Cut(strings.Join(lines, "\n"), "=")
	_, attributes, _ = strings.Cut(rest, "; ")
	if name != "trunkline" || attributes != "Path=/; HttpOnly; SameSite=Lax" {
		t.Errorf("%q", lines)
	}
}

// A cookie that plain HTTP could have set does not count where there is TLS.
func TestCookieOfPlainHTTP(t *testing.T) {
	d := newDoorStand(t, someTokens)
	c := d.signedIn(annasToken)
	c.Name = "trunkline"
	expectAnswer(t, d.ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
	expectAnswer(t, d.ask("GET", "/calls", withCookies(c), withOrigin(here)), http.StatusOK)
}

func TestSessionEndsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorStand(t, someTokens)
		c := d.signedIn(annasToken)
		time.Sleep(sessionIdle - time.Second)
		expectAnswer(t, d.ask("GET", "/calls", withCookies(c)), http.StatusOK)
		time.Sleep(time.Second)
		expectAnswer(t, d.ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
	})
}

func TestSessionIsRenewedAndEndsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorStand(t, someTokens)
		c, began := d.signedIn(annasToken), time.Now()
		if resp := d.ask("GET", "/calls", withCookies(c)); len(resp.Cookies()) > 0 {
			t.Error("a new cookie with every request")
		}
		for time.Since(began) < sessionLength-time.Hour {
			time.Sleep(time.Hour)
			resp := d.ask("GET", "/calls", withCookies(c))
			if resp.StatusCode == http.StatusOK {
				c = cookieOf(t, resp, "__Host-trunkline")
			} else {
				t.Fatalf("over after %v", time.Since(began))
			}
		}
		time.Sleep(time.Hour)
		expectAnswer(t, d.ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
	})
}

func TestSignOut(t *testing.T) {
	d := newDoorStand(t, someTokens)
	c, other := d.signedIn(annasToken), d.signedIn(annasToken)
	following, ended := make(chan struct{}), make(chan struct{})
	d.mux.HandleFunc("/follow", func(_ http.ResponseWriter, r *http.Request) {
		close(following)
		<-r.Context().Done()
	})
	go func() {
		defer close(ended)
		d.ask("GET", "/follow", withCookies(c))
	}()
	<-following
	resp := d.ask("POST", "/sign-out", withCookies(c))
	if gone := cookieOf(t, resp, "__Host-trunkline"); gone.Value != "" || gone.MaxAge >= 0 || !gone.Secure || resp.Header.Get("Location") != "/sign-in" {
		t.Errorf("%+v to %s", gone, resp.Header.Get("Location"))
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("what was followed goes on")
	}
	expectAnswer(t, d.ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized) // a copy somebody kept
	expectAnswer(t, d.ask("GET", "/calls", withCookies(other)), http.StatusOK)
	if all := strings.Join(d.archive.actions(), "\n"); all != "sign_in anna token 203.0.113.7\nsign_in anna token 203.0.113.7\nsign_out anna  203.0.113.7" {
		t.Error(all)
	}
	if n := len(d.door.sessions.held); n != 0 {
		t.Errorf("%d sessions are held by nobody", n)
	}
}

func TestFollowingEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorStand(t, someTokens)
		c, began := d.signedIn(annasToken), time.Now()
		d.mux.HandleFunc("/follow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		d.ask("GET", "/follow", withCookies(c))
		if after := time.Since(began); after != sessionIdle {
			t.Errorf("followed for %v", after)
		}
	})
}

// Sessions say who, the configuration says what: another process stands for a restart with other tokens.
func TestSessionsFollowTheConfiguration(t *testing.T) {
	anna := Token{Name: "anna", Role: Admin, SHA256: HashToken(annasToken)}
	bob := Token{Name: "bob", Role: Admin, SHA256: HashToken(bobsToken)}
	c := newDoorStand(t, withKey(anna)).signedIn(annasToken)

	expectAnswer(t, newDoorStand(t, withKey(anna)).ask("GET", "/calls", withCookies(c)), http.StatusOK, "anna admin []")
	expectAnswer(t, newDoorStand(t, withKey(bob)).ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
	anna.Role, anna.Agents = Viewer, []string{"frontdesk"}
	expectAnswer(t, newDoorStand(t, withKey(bob, anna)).ask("GET", "/calls", withCookies(c)), http.StatusOK, "anna viewer [frontdesk]")
	otherKey := &SignIn{Tokens: []Token{anna}, Key: strings.ToUpper(someKey)}
	expectAnswer(t, newDoorStand(t, otherKey).ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
	expectAnswer(t, newDoorStand(t, &SignIn{Tokens: []Token{anna}}).ask("GET", "/calls", withCookies(c)), http.StatusUnauthorized)
}

func TestSignedOutAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions([]byte(someKey))
		first := newSession()
		s.signOut(first)
		time.Sleep(time.Minute)
		for range maxSignedOut {
			s.signOut(newSession())
		}
		last := newSession()
		s.signOut(last)
		if len(s.out) != maxSignedOut {
			t.Errorf("%d are remembered", len(s.out))
		}
		if _, _, ok := s.hold(t.Context(), last); ok {
			t.Error("the last one is forgotten")
		}
		time.Sleep(sessionLength)
		s.signOut(newSession())
		if len(s.out) != 1 {
			t.Errorf("%d are remembered when all are over", len(s.out)-1)
		}
	})
}
