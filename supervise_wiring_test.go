package trunkline

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/supervisor"
)

// Tokens of the configuration let people in with their role and their agents, and the metrics count who was not.
func TestTokensOfTheConfiguration(t *testing.T) {
	sum := sha256.Sum256([]byte("secret-of-ada"))
	st := stage(t, setup{yaml: "supervisor: { listen: \"127.0.0.1:0\", tokens: [ { name: ada, role: viewer, agents: [frontdesk], sha256: " +
		hex.EncodeToString(sum[:]) + " } ] }\n"})
	must(t, st.kept.store.Begin(t.Context(), store.Call{ID: "hers", Agent: "frontdesk", Started: time.Now()}))
	must(t, st.kept.store.Begin(t.Context(), store.Call{ID: "others", Agent: "billing", Started: time.Now()}))
	for _, tc := range []struct {
		token, method, path string
		status              int
	}{
		{"", "GET", "calls", 401}, {"guess", "GET", "calls", 401}, {"secret-of-ada", "GET", "calls/hers", 200},
		{"secret-of-ada", "GET", "calls/others", 404}, {"secret-of-ada", "DELETE", "calls/hers", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, st.PageURL()+"api/v1/"+tc.path, nil)
		must(t, err)
		if tc.token != "" {
			req.Header.Set("Authorization", "Bearer "+tc.token)
		}
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != tc.status {
			t.Errorf("%s %s as %q: %d, want %d", tc.method, tc.path, tc.token, res.StatusCode, tc.status)
		}
	}
	if _, text := get(t, st.Service, "/metrics"); !strings.Contains(text, `trunkline_sign_ins_total{outcome="failed"} 1`) {
		t.Error("the metrics do not tell of the token that was wrong")
	}
}

// What the file says of an identity provider reaches the sign-in whole.
func TestIdentityProviderOfTheConfiguration(t *testing.T) {
	o := signIn(&configs.Supervisor{OIDC: &configs.OIDC{Issuer: configs.NewURL("https://i"), ClientID: "c", ClientSecret: configs.NewSecret("s"),
		RedirectURL: configs.NewURL("https://r/oidc/callback"), Scopes: []string{"x"}, RoleClaim: "groups", AgentsClaim: "agents",
		Roles: []configs.RoleOf{{Value: "boss", Role: "admin"}}}, SessionKey: configs.NewSecret("k")})
	if i := o.OIDC; o.Key != "k" || i.Issuer != "https://i" || i.ClientID != "c" || i.ClientSecret != "s" || i.RedirectURL != "https://r/oidc/callback" ||
		len(i.Scopes) != 1 || i.RoleClaim != "groups" || i.AgentsClaim != "agents" || i.Roles["boss"] != supervisor.Admin {
		t.Errorf("%+v", i)
	}
	if signIn(&configs.Supervisor{}) != nil {
		t.Error("somebody has to sign in where nothing says how")
	}
}

// An agent's own retention is that of its calls, and of their recordings.
func TestRetentionOfTheConfiguration(t *testing.T) {
	own := configs.Duration(90 * 24 * time.Hour)
	cfg := configs.Default()
	cfg.Store.Path = t.TempDir() + "/calls.db"
	cfg.Store.Retention = configs.Duration(time.Hour)
	cfg.Agents = []configs.Agent{{Name: "own", Retention: &own}, {Name: "usual"}}
	s, err := openStore(cfg, testLog(t))
	must(t, err)
	defer s.Close()
	now := time.Now()
	service := &Service{cfg: cfg}
	for agent, want := range map[string]time.Duration{"own": own.Std(), "usual": time.Hour} {
		must(t, s.Begin(t.Context(), store.Call{ID: agent, Agent: agent, Started: now}))
		must(t, s.Finish(t.Context(), store.Call{ID: agent, Ended: now}))
		c, err := s.Call(t.Context(), agent)
		must(t, err)
		if got := c.Expires.Sub(c.Ended); got != want || service.expiry(agent, now).Sub(now) != want {
			t.Errorf("%s is kept for %s, its recording for %s", agent, got, service.expiry(agent, now).Sub(now))
		}
	}
}
