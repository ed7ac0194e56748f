package configs

// Supervisor is the page on which people read calls, and its HTTP interface.
type Supervisor struct {
	// Listen is its address; empty for none. Default 127.0.0.1:8080. Beyond this machine it needs a sign-in and TLS, or a
	// proxy that does TLS.
	Listen HostPort `yaml:"listen" default:"127.0.0.1:8080"`
	// TLS holds our certificate. Default: none, HTTP.
	TLS *PageTLS `yaml:"tls"`
	// Proxies are the addresses of proxies that do TLS before us; what they say of the client is believed. Default: none.
	Proxies []CIDR `yaml:"proxies"`
	// Tokens are for people and programs. Default: none.
	Tokens []Token `yaml:"tokens"`
	// OIDC lets people sign in at an identity provider. Default: none.
	OIDC *OIDC `yaml:"oidc"`
	// SessionKey seals the cookies of those who signed in, so that every node knows them: 32 bytes in base64. Default: one
	// made at the start, and then a restart signs everybody out.
	SessionKey Secret `yaml:"session_key"`
}

// PageTLS is the certificate of the page.
type PageTLS struct {
	// Certificate is a PEM file with our certificate and those between it and the root.
	Certificate File `yaml:"certificate"`
	// Key is the PEM file with its private key.
	Key File `yaml:"key"`
}

// Encrypted reports whether there is a certificate.
func (s *Supervisor) Encrypted() bool { return s.TLS != nil && s.TLS.Certificate != "" }

// Token lets somebody in who knows it.
type Token struct {
	// Name of who has it, for the list of who did what.
	Name string `yaml:"name" required:"name who has the token"`
	// Role is viewer, supervisor or admin. Default viewer.
	Role string `yaml:"role" enum:"viewer|supervisor|admin" default:"viewer"`
	// Agents whose calls they see. Default: all.
	Agents []string `yaml:"agents"`
	// SHA256 of the token, in hex.
	SHA256 string `yaml:"sha256" required:"make one with: trunkline supervisor token NAME"`
}

// OIDC is an identity provider (OpenID Connect).
type OIDC struct {
	// Issuer is its address.
	Issuer URL `yaml:"issuer" required:"write the address of the identity provider, such as https://login.example.com"`
	// ClientID that the provider knows us by.
	ClientID string `yaml:"client_id" required:"write the client id that the provider gave"`
	// ClientSecret of it. Default: none, for public clients.
	ClientSecret Secret `yaml:"client_secret"`
	// RedirectURL is where the provider sends people back to: our address and /oidc/callback.
	RedirectURL URL `yaml:"redirect_url" required:"write our address and /oidc/callback, such as https://calls.example.com/oidc/callback"`
	// Scopes to ask for beside openid. Default profile, email.
	Scopes []string `yaml:"scopes" default:"profile,email"`
	// RoleClaim is the claim that says who somebody is. Default groups.
	RoleClaim string `yaml:"role_claim" default:"groups"`
	// Roles are what its values mean; somebody with none of them is not let in.
	Roles []RoleOf `yaml:"roles" required:"say who may do what, such as - { value: callcentre, role: supervisor }"`
	// AgentsClaim names the agents whose calls somebody sees. Default: all agents.
	AgentsClaim string `yaml:"agents_claim"`
}

// RoleOf gives those a role whose claim has a value.
type RoleOf struct {
	// Value of the claim.
	Value string `yaml:"value" required:"write a value of the claim"`
	// Role is viewer, supervisor or admin.
	Role string `yaml:"role" enum:"viewer|supervisor|admin" required:"write viewer, supervisor or admin"`
}

// Events are told to other systems.
type Events struct {
	// Webhooks are where they are posted.
	Webhooks []EventHook `yaml:"webhooks"`
	// CDR is a file that gets a line of JSON for each call that is over. Default: none.
	CDR string `yaml:"cdr"`
	// CDRBytes is how large it gets before it is renamed and a new one begun. Default 104857600, 100 MiB.
	CDRBytes int `yaml:"cdr_bytes" default:"104857600" min:"65536" max:"1099511627776"`
	// CDRFiles is how many renamed ones stay. Default 10.
	CDRFiles int `yaml:"cdr_files" default:"10" min:"1" max:"10000"`
}

// EventHook is one receiver of events.
type EventHook struct {
	// Name of the receiver, which keeps its place in the events: changing it begins anew.
	Name string `yaml:"name" required:"name the receiver"`
	// URL is http or https.
	URL URL `yaml:"url" required:"write https://HOST/PATH"`
	// Secret signs the requests: whsec_ and base64; several with spaces between while it changes. Default: unsigned.
	Secret Secret `yaml:"secret"`
	// Types of events: call.started, call.ended, call.escalated, tool.failed. Default: all.
	Types []string `yaml:"types" enum:"call.started|call.ended|call.escalated|tool.failed"`
	// Timeout of one request. Default 5 s.
	Timeout Duration `yaml:"timeout" default:"5s" min:"100ms" max:"1m"`
	// Attempts are made, over hours, before an event is put aside. Default 30.
	Attempts int `yaml:"attempts" default:"30" min:"1" max:"100"`
}
