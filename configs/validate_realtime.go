package configs

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var azureResource = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{1,63}$`)

// service checks one entry of realtime.
func (k *checker) service(r *Realtime, key string) {
	switch {
	case k.spoilt(key+".provider") || k.spoilt(key+".url"):
	case r.Provider == "" && r.URL.IsZero():
		k.fault(key, "has neither url nor provider; write url: wss://HOST/v1/realtime, or provider: openai or azure")
	case r.Provider != "" && !r.URL.IsZero():
		k.fault(key+".url", "is given beside provider, which knows the address; remove one, or write endpoint: https://HOST for another host of the provider")
	case r.Provider == "":
		k.serviceURL(r, key)
	case r.Provider == OpenAI:
		k.onlyAzure(r, key)
	case r.Provider == Azure:
		k.azure(r, key)
	}
	k.endpoint(r, key)
	k.secretHeader(r.APIKey, key+".api_key")
	k.headers(r, key)
	k.key(r, key)
	if r.Provider == OpenAI && r.Dialect == Preview {
		k.warn(key+".dialect", "is preview, which OpenAI switched off in May 2026: calls will fail; write ga")
	}
}

func (k *checker) serviceURL(r *Realtime, key string) {
	k.onlyAzure(r, key)
	if !r.Base.IsZero() {
		k.fault(key+".endpoint", "belongs to a provider; write the whole address in url")
	}
	u, err := r.URL.parse("wss", "ws")
	switch {
	case err != nil:
		k.fault(key+".url", "%v", err)
	case u.User != nil:
		k.fault(key+".url", "has a user or password in it, which is not sent; write api_key, or headers")
	case u.Scheme == "ws" && !loopback(u.Hostname()) && !r.APIKey.IsZero():
		k.warn(key+".url", "sends api_key and the calls' audio unencrypted; write wss://")
	}
}

// onlyAzure refuses what only Azure knows.
func (k *checker) onlyAzure(r *Realtime, key string) {
	for _, m := range []struct{ name, value string }{
		{"resource", r.Resource}, {"deployment", r.Deployment}, {"api_version", r.APIVersion}} {
		if m.value != "" {
			k.fault(key+"."+m.name, "belongs to provider: azure; remove it, or write that")
		}
	}
}

func (k *checker) azure(r *Realtime, key string) {
	switch {
	case r.Resource == "" && r.Base.IsZero():
		k.fault(key, "names neither resource nor endpoint; write resource: NAME, the NAME of https://NAME.openai.azure.com")
	case r.Resource != "" && !r.Base.IsZero():
		k.fault(key+".endpoint", "is given beside resource; keep one of the two")
	case r.Resource != "" && !azureResource.MatchString(r.Resource):
		k.fault(key+".resource", "is not the name of a resource; write the NAME of https://NAME.openai.azure.com, or endpoint: https://HOST")
	}
	if r.Deployment == "" {
		k.fault(key+".deployment", "is missing; write the name that the model was deployed under")
	}
	if r.Model != "" {
		k.fault(key+".model", "is not used by azure, where the deployment says which model runs; remove it")
	}
	if r.APIVersion != "" && r.Dialect == GA {
		k.fault(key+".api_version", "belongs to dialect: preview; Azure answers 401 to it in the ga dialect, so remove it")
	}
}

// endpoint checks the address of a provider.
func (k *checker) endpoint(r *Realtime, key string) {
	if r.Base.IsZero() || r.Provider == "" {
		return
	}
	u, err := r.Base.parse("https", "http", "wss", "ws")
	switch {
	case err != nil:
		k.fault(key+".endpoint", "%v", err)
	case u.User != nil || u.RawQuery != "":
		k.fault(key+".endpoint", "holds more than a host; write https://HOST")
	case strings.Contains(u.Path, "/openai") || strings.Contains(u.Path, "/v1") || strings.Contains(u.Path, "/realtime"):
		k.fault(key+".endpoint", "holds the path that provider adds; write https://HOST, or the whole address in url without provider")
	}
}

// secretHeader refuses what cannot be sent in a header: mostly a line break that was copied along.
func (k *checker) secretHeader(s Secret, key string) {
	bad := func(r rune) bool { return r < ' ' || r > '~' }
	if strings.IndexFunc(s.Reveal(), bad) >= 0 || strings.TrimSpace(s.Reveal()) != s.Reveal() {
		k.fault(key, "holds a line break, a space at its end or another character that a header cannot carry; copy it again")
	}
}

// ownHeaders are written by the WebSocket handshake itself.
var ownHeaders = []string{"Connection", "Content-Length", "Host", "Transfer-Encoding", "Upgrade"}

func (k *checker) headers(r *Realtime, key string) {
	for i, h := range r.Headers {
		at := element(key+".headers", i)
		name := http.CanonicalHeaderKey(h.Name)
		switch {
		case slices.Contains(ownHeaders, name) || strings.HasPrefix(name, "Sec-Websocket-"):
			k.fault(at+".name", "is a header that the connection writes itself; remove it")
		case name == "Openai-Beta" && r.Dialect == GA:
			k.fault(at+".name", "is a header that the ga dialect is refused with; remove it")
		case (name == "Authorization" || name == "Api-Key") && !r.APIKey.IsZero():
			k.fault(at+".name", "is given beside api_key, which is sent in such a header; keep one of the two")
		}
		k.secretHeader(h.Value, at+".value")
	}
}

// key warns of a provider without any credentials. It is no fault, so that a file can be checked where its key is not.
func (k *checker) key(r *Realtime, key string) {
	if r.Provider == "" || !r.APIKey.IsZero() {
		return
	}
	for _, h := range r.Headers {
		if name := http.CanonicalHeaderKey(h.Name); name == "Authorization" || name == "Api-Key" {
			return
		}
	}
	k.warn(key+".api_key", "is empty, and %s refuses every session without one", r.Provider)
}
