package supervisor

import (
	"net/http"
	"net/netip"
	"testing"
)

// here is a client on this machine, over plain HTTP.
var here = origin{addr: netip.MustParseAddr("127.0.0.1")}

func TestHeaders(t *testing.T) {
	d := newDoorStand(t, someTokens)
	d.mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("oh") })
	for _, c := range []struct {
		name string
		resp *http.Response
	}{
		{"an answer", d.ask("GET", "/calls", withToken(annasToken))},
		{"to the sign-in", d.ask("GET", "/calls", asPage)},
		{"the sign-in", d.ask("GET", "/sign-in")},
		{"a refusal", d.ask("GET", "/api/v1/calls")},
		{"another site", d.ask("POST", "/calls", withHeader("Sec-Fetch-Site", "cross-site"))},
		{"not found", d.ask("GET", "/nowhere", withToken(annasToken))},
		{"a panic", d.ask("GET", "/panic", withToken(annasToken))},
		{"a style", d.ask("GET", "/static/style.css")},
	} {
		t.Run(c.name, func(t *testing.T) {
			wanted := map[string]string{
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; " +
					"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types trunkline",
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
				"X-Frame-Options":              "DENY",
				"Strict-Transport-Security":    "max-age=31536000",
				"Cache-Control":                "no-store",
				"Server":                       "",
			}
			if c.name == "a style" {
				wanted["Cache-Control"] = ""
			}
			for name, value := range wanted {
				if got := c.resp.Header.Get(name); got != value {
					t.Errorf("%s is %q instead of %q", name, got, value)
				}
			}
		})
	}
}

func TestNoHSTSOnThisMachine(t *testing.T) {
	d := newDoorStand(t, someTokens)
	overTLS := here
	overTLS.secure = true
	for _, o := range []origin{here, overTLS} {
		if got := d.ask("GET", "/sign-in", withOrigin(o)).Header.Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%+v gets %q: every service on localhost would need TLS", o, got)
		}
	}
}
