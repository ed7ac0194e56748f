package supervisor

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestEverybodyIsAdminWhereNobodySignsIn(t *testing.T) {
	d := newDoorStand(t, nil)
	for _, host := range []string{"localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "127.9.9.9"} {
		resp := d.ask("GET", "/calls", func(r *http.Request) { r.Host = host })
		expectAnswer(t, resp, http.StatusOK, "local admin []")
	}
	expectAnswer(t, d.ask("GET", "/sign-in", func(r *http.Request) { r.Host = "localhost" }), http.StatusNotFound)
}

// A page of a stranger whose name resolves to 127.0.0.1 is of the same origin as we for the browser: only the Host
// header gives it away.
func TestRebinding(t *testing.T) {
	d := newDoorStand(t, nil)
	for _, host := range []string{"", "evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", "203.0.113.7", "0.0.0.0", "[::]:80", "localhost:80:80", "@localhost"} {
		resp := d.ask("GET", "/calls", func(r *http.Request) { r.Host = host })
		expectAnswer(t, resp, http.StatusMisdirectedRequest, "supervisor.tokens")
	}
	// With a sign-in the name does not matter: a cookie is of one host.
	d = newDoorStand(t, someTokens)
	expectAnswer(t, d.ask("GET", "/calls", withToken(annasToken)), http.StatusOK, "anna")
}

func TestNoProxyWhereNobodySignsIn(t *testing.T) {
	d := newDoorStand(t, nil)
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"} {
		resp := d.ask("GET", "/calls", withHeader(name, "203.0.113.9"), func(r *http.Request) { r.Host = "localhost" })
		expectAnswer(t, resp, http.StatusForbidden, "proxy")
	}
}

func TestTokensNotInTheClear(t *testing.T) {
	d := newDoorStand(t, someTokens)
	clear := stranger
	clear.secure = false
	expectAnswer(t, d.ask("GET", "/calls", withToken(annasToken), withOrigin(clear)), http.StatusForbidden, "HTTPS")
	expectAnswer(t, d.ask("GET", "/sign-in", withOrigin(clear)), http.StatusForbidden, "HTTPS")
	expectAnswer(t, d.ask("GET", "/calls", withToken(annasToken), withOrigin(here)), http.StatusOK, "anna")
}

func TestBodiesAreBounded(t *testing.T) {
	d := newDoorStand(t, nil)
	for size, whole := range map[int]bool{maxBody: true, maxBody + 1: false} {
		d.mux.HandleFunc("POST /"+strconv.Itoa(size), func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if len(body) != maxBody || (err == nil) != whole {
				t.Errorf("of %d bytes %d are read: %v", size, len(body), err)
			}
		})
		resp := d.ask("POST", "/"+strconv.Itoa(size), func(r *http.Request) {
			r.Host, r.Body = "localhost", io.NopCloser(strings.NewReader(strings.Repeat("a", size)))
		})
		expectAnswer(t, resp, http.StatusOK)
	}
}
