package supervisor

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestRolesOfClaims(t *testing.T) {
	p := newProvider(t)
	for _, c := range []struct {
		name   string
		claims map[string]any
		change func(*OIDC)
		says   string // "": stays out
	}{
		{"the highest of several", map[string]any{"groups": []string{"it", "phone", "staff"}}, nil, "248289761001 admin []"},
		{"one text", map[string]any{"groups": "phone"}, nil, "248289761001 viewer []"},
		{"none of ours", map[string]any{"groups": []string{"staff"}}, nil, ""},
		{"no claim", nil, nil, ""},
		{"other types", map[string]any{"groups": []any{1, true, map[string]any{"it": "it"}}}, nil, ""},
		{"an object", map[string]any{"groups": map[string]any{"it": true}}, nil, ""},
		{"inside an object", map[string]any{"realm_access": map[string]any{"roles": []string{"it"}}}, func(c *OIDC) { c.RoleClaim = "realm_access.roles" }, "248289761001 admin []"},
		{"a URL as name", map[string]any{"https://example.com/roles": "it"}, func(c *OIDC) { c.RoleClaim = "https://example.com/roles" }, "248289761001 admin []"},
		{"agents", map[string]any{"groups": "it", "agents": []string{"frontdesk", "night"}}, func(c *OIDC) { c.AgentsClaim = "agents" }, "admin [frontdesk night]"},
		{"all agents", map[string]any{"groups": "it", "agents": "*"}, func(c *OIDC) { c.AgentsClaim = "agents" }, "admin []"},
		{"address", map[string]any{"groups": "it", "email": "a@example.com", "email_verified": true}, nil, "a@example.com admin"},
		{"address of anybody", map[string]any{"groups": "it", "email": "boss@example.com", "email_verified": false}, nil, "248289761001 admin"},
		{"address with a line end", map[string]any{"groups": "it", "email": "a@example.com\nb"}, nil, "248289761001 admin"},
		{"a subject of any shape", map[string]any{"groups": "it", "sub": strings.Repeat("x", 200)}, nil, HashToken(strings.Repeat("x", 200))[:32] + " admin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.set(func() { p.claims = c.claims })
			conf := p.config()
			if c.change != nil {
				c.change(conf)
			}
			d := newDoorStand(t, &SignIn{OIDC: conf})
			resp := d.signInOIDC(p)
			if c.says == "" {
				expectAnswer(t, resp, http.StatusForbidden, "no role here")
				if all := d.archive.actions(); len(all) != 1 || !strings.HasPrefix(all[0], "sign_in_failed  oidc: no role") {
					t.Errorf("%q", all)
				}
				return
			}
			expectAnswer(t, d.ask("GET", "/calls", withCookies(cookieOf(t, resp, "__Host-trunkline"))), http.StatusOK, c.says)
		})
	}
}

// Who has no agents sees nobody's calls, and not everybody's.
func TestNoAgentsAreNotAll(t *testing.T) {
	p := newProvider(t)
	conf := p.config()
	conf.AgentsClaim = "agents"
	d := newDoorStand(t, &SignIn{OIDC: conf})
	var u *User
	d.mux.HandleFunc("/me", func(_ http.ResponseWriter, r *http.Request) { u = userOf(r.Context()) })
	d.ask("GET", "/me", withCookies(cookieOf(t, d.signInOIDC(p), "__Host-trunkline")))
	if u == nil || u.Agents == nil || u.Sees("frontdesk") {
		t.Errorf("%+v", u)
	}
}

// Like those of tokens, sessions of an issuer follow the configuration.
func TestOIDCSessionsFollowTheConfiguration(t *testing.T) {
	p := newProvider(t)
	c := cookieOf(t, newDoorStand(t, &SignIn{OIDC: p.config(), Key: someKey}).signInOIDC(p), "__Host-trunkline")
	later := func(change func(*SignIn)) *http.Response {
		s := &SignIn{OIDC: p.config(), Key: someKey}
		change(s)
		return newDoorStand(t, s).ask("GET", "/calls", withCookies(c))
	}
	expectAnswer(t, later(func(s *SignIn) { s.OIDC.Roles["phone-leads"] = Viewer }), http.StatusOK, "anna@example.com viewer")
	for name, change := range map[string]func(*SignIn){
		"role taken away": func(s *SignIn) { delete(s.OIDC.Roles, "phone-leads") },
		"other issuer":    func(s *SignIn) { s.OIDC.Issuer = "https://other.example" },
		"other client":    func(s *SignIn) { s.OIDC.ClientID = "other" },
		"agents limited":  func(s *SignIn) { s.OIDC.AgentsClaim = "agents" },
		"no OIDC":         func(s *SignIn) { s.OIDC, s.Tokens = nil, someTokens.Tokens },
	} {
		if resp := later(change); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
}

func TestValuesOf(t *testing.T) {
	claims := map[string]any{"a": map[string]any{"b": map[string]any{"c": "deep"}, "b.c": "dotted"}, "a.x": "whole"}
	for name, want := range map[string][]string{"a.b.c": {"dotted"}, "a.x": {"whole"}, "a.b.d": nil, "a.b": nil, "z.z": nil, "": nil, ".": nil, "a.": nil} {
		if got := valuesOf(claims, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %q instead of %q", name, got, want)
		}
	}
}
