package configs

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// supervisor checks who may read calls, and from where.
func (k *checker) supervisor() {
	s := &k.Supervisor
	if s.Listen != "" && !s.Listen.Loopback() {
		if len(s.Tokens) == 0 && s.OIDC == nil {
			k.fault("supervisor.listen", "can be reached from other machines and nobody has to sign in; add tokens (trunkline supervisor token NAME) or oidc, or write 127.0.0.1:8080")
		}
		if !s.Encrypted() && len(s.Proxies) == 0 {
			k.fault("supervisor.listen", "can be reached from other machines without TLS; add tls: { certificate: fullchain.pem, key: privkey.pem }, or name the proxies that do TLS in proxies")
		}
	}
	if s.TLS != nil {
		k.pair(s.TLS.Certificate, s.TLS.Key, "supervisor.tls")
	}
	if key := s.SessionKey.Reveal(); key != "" {
		if bytes, err := base64.StdEncoding.DecodeString(key); err != nil || len(bytes) != 32 {
			k.fault("supervisor.session_key", "must be 32 bytes in base64, such as the output of: openssl rand -base64 32")
		}
	}
	k.tokens(s.Tokens)
	if s.OIDC != nil {
		k.oidc(s.OIDC)
	}
}

func (k *checker) tokens(all []Token) {
	seen := map[string]bool{}
	for i, t := range all {
		if t.Name != "" && seen[t.Name] {
			k.fault(element("supervisor.tokens", i)+".name", "%q is taken already; the list of who did what could not tell them apart", t.Name)
		}
		seen[t.Name] = true
		at := element("supervisor.tokens", i)
		if sum, err := hex.DecodeString(t.SHA256); t.SHA256 != "" && (err != nil || len(sum) != 32) {
			k.fault(at+".sha256", "must be 64 hexadecimal digits, as trunkline supervisor token NAME prints them; the token itself is not written here")
		}
		for j, name := range t.Agents {
			k.reference(element(at+".agents", j), "agent", name, k.agents)
		}
	}
}

func (k *checker) oidc(o *OIDC) {
	for key, u := range map[string]URL{"issuer": o.Issuer, "redirect_url": o.RedirectURL} {
		if u.IsZero() {
			continue // required says so
		}
		parsed, err := u.parse("https", "http")
		switch {
		case err != nil:
			k.fault("supervisor.oidc."+key, "%v", err)
		case parsed.Scheme == "http" && !loopback(parsed.Hostname()):
			k.fault("supervisor.oidc."+key, "is not encrypted; write https://")
		case key == "redirect_url" && !isCallback(parsed):
			k.fault("supervisor.oidc.redirect_url", "must be our address and /oidc/callback, such as https://calls.example.com/oidc/callback")
		}
	}
}

func isCallback(u *url.URL) bool {
	return strings.HasSuffix(u.Path, "/oidc/callback") && u.RawQuery == ""
}

// events checks what other systems are told.
func (k *checker) events() {
	var names []string
	for i := range k.Events.Webhooks {
		h, at := &k.Events.Webhooks[i], element("events.webhooks", i)
		names = append(names, h.Name)
		k.webhookURL(h.URL, at+".url")
		k.webhookSecret(h.Secret, at+".secret")
	}
	k.unique("events.webhooks", names)
	if cdr := k.Events.CDR; cdr != "" && (cdr == k.Store.Path || cdr == k.Store.Spool) {
		k.fault("events.cdr", "is the same file as that of the store; name another")
	}
}
