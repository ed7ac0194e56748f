package configs

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The two dialects of the Realtime protocol.
const (
	GA      = "ga"
	Preview = "preview"
)

// The services whose addresses and headers are known.
const (
	OpenAI = "openai"
	Azure  = "azure"
)

// What is used when the file names nothing. Both can be set to anything.
const (
	defaultOpenAIModel   = "gpt-realtime-2.1"
	defaultAPIVersion    = "2024-10-01-preview" // the version that the preview dialect began with
	defaultOpenAIAddress = "https://api.openai.com"
	azureHost            = ".openai.azure.com"
)

// Realtime is one service that runs a model: an address, or a provider whose address is known.
type Realtime struct {
	Name string `yaml:"name" required:"give the service a name"`
	// URL is ws:// or wss://, for any server that speaks the protocol. Instead of Provider.
	URL URL `yaml:"url"`
	// Provider builds address and headers: openai or azure.
	Provider string `yaml:"provider" enum:"openai|azure"`
	// Resource is the name of the Azure resource, the first part of RESOURCE.openai.azure.com.
	Resource string `yaml:"resource"`
	// Base is https://HOST of the provider where it is not the usual one, such as a regional host; endpoint in the file.
	Base URL `yaml:"endpoint"`
	// Deployment of the model; azure only.
	Deployment string `yaml:"deployment"`
	// APIVersion of the preview dialect; azure only. Default 2024-10-01-preview.
	APIVersion string `yaml:"api_version"`
	// Dialect is ga, what services speak today, or preview. Default ga.
	Dialect string `yaml:"dialect" enum:"ga|preview" default:"ga"`
	// Model's name. Default gpt-realtime-2.1 for provider openai; none elsewhere.
	Model string `yaml:"model"`
	// APIKey is sent as the provider wants it, and to a URL as a bearer token. Default: none.
	APIKey Secret `yaml:"api_key"`
	// Headers are sent besides. Default: none.
	Headers []Header `yaml:"headers"`
	// Audio of the session: auto (the caller's law, nothing is converted), pcmu or pcma. Default auto.
	Audio string `yaml:"audio" enum:"auto|pcmu|pcma" default:"auto"`
	// Timeouts of the connection.
	Timeouts Timeouts `yaml:"timeouts"`
	// Prices of the model; nil: nobody knows what a call costs.
	Prices *Prices `yaml:"prices"`
}

// Prices are what a million tokens cost, in any currency. What is left out costs nothing.
type Prices struct {
	TextIn      float64 `yaml:"text_in" default:"0" min:"0" max:"1000000"`
	TextCached  float64 `yaml:"text_cached" default:"0" min:"0" max:"1000000"` // input that the service had in its cache
	TextOut     float64 `yaml:"text_out" default:"0" min:"0" max:"1000000"`
	AudioIn     float64 `yaml:"audio_in" default:"0" min:"0" max:"1000000"`
	AudioCached float64 `yaml:"audio_cached" default:"0" min:"0" max:"1000000"`
	AudioOut    float64 `yaml:"audio_out" default:"0" min:"0" max:"1000000"`

	// The caller's words in writing are billed apart: by tokens, or by the minute of audio.
	TranscribeIn     float64 `yaml:"transcribe_in" default:"0" min:"0" max:"1000000"`
	TranscribeOut    float64 `yaml:"transcribe_out" default:"0" min:"0" max:"1000000"`
	TranscribeMinute float64 `yaml:"transcribe_minute" default:"0" min:"0" max:"1000000"`
}

// Header is one HTTP header of the WebSocket request.
type Header struct {
	Name  string `yaml:"name" required:"name the header"`
	Value Secret `yaml:"value" required:"write the header's value"`
}

// Timeouts of a connection to a model service.
type Timeouts struct {
	// Connect bounds DNS, TCP, TLS and the WebSocket handshake together. Default 5 s.
	Connect Duration `yaml:"connect" default:"5s" min:"100ms" max:"1m"`
	// Session bounds the wait for session.updated. Default 5 s.
	Session Duration `yaml:"session" default:"5s" min:"100ms" max:"1m"`
	// Ping is the time between WebSocket pings, which tell a lost connection from a quiet one. Default 20 s.
	Ping Duration `yaml:"ping" default:"20s" min:"1s" max:"10m"`
	// Pong is how long a ping may be without its pong before the connection counts as lost. Default 20 s.
	Pong Duration `yaml:"pong" default:"20s" min:"1s" max:"10m"`
}

// setDefaults fills what depends on other members.
func (r *Realtime) setDefaults() {
	if r.Provider == OpenAI && r.Model == "" {
		r.Model = defaultOpenAIModel
	}
	if r.Provider == Azure && r.Dialect == Preview && r.APIVersion == "" {
		r.APIVersion = defaultAPIVersion
	}
}

// Endpoint gives the address of the WebSocket and the headers of its request. The headers hold the key, the address
// whatever was written into it: neither is for a log.
//
//	              ga                                             preview
//	openai   wss://api.openai.com/v1/realtime?model=M       the same, and OpenAI-Beta: realtime=v1
//	         Authorization: Bearer KEY
//	azure    wss://RES.openai.azure.com/openai/v1/realtime  …/openai/realtime?api-version=V&deployment=D
//	           ?model=DEPLOYMENT, no api-version            api-key: KEY
//	         api-key: KEY
//	url      as written, model=M added when it has none     the same, and OpenAI-Beta: realtime=v1
//	         Authorization: Bearer KEY
//
// An error means that the entry would not have passed Validate.
func (r *Realtime) Endpoint() (address string, headers http.Header, err error) {
	u, err := r.address()
	if err != nil {
		return "", nil, fmt.Errorf("build address of realtime %q: %w", r.Name, err)
	}
	headers = http.Header{}
	switch key := r.APIKey.Reveal(); {
	case key == "":
	case r.Provider == Azure:
		headers.Set("api-key", key)
	default:
		headers.Set("Authorization", "Bearer "+key)
	}
	if r.Provider != Azure && r.Dialect == Preview {
		headers.Set("OpenAI-Beta", "realtime=v1")
	}
	for _, h := range r.Headers {
		headers.Set(h.Name, h.Value.Reveal())
	}
	return u.String(), headers, nil
}

func (r *Realtime) address() (*url.URL, error) {
	switch r.Provider {
	case OpenAI:
		return r.openAI()
	case Azure:
		return r.azure()
	}
	u, err := r.URL.parse("wss", "ws")
	if err != nil {
		return nil, fmt.Errorf("url %w", err)
	}
	if r.Model != "" && !u.Query().Has("model") {
		addQuery(u, "model", r.Model)
	}
	return u, nil
}

func (r *Realtime) openAI() (*url.URL, error) {
	u, err := r.base(defaultOpenAIAddress)
	if err != nil {
		return nil, err
	}
	u = u.JoinPath("v1", "realtime")
	addQuery(u, "model", r.Model)
	return u, nil
}

// azure: the ga path answers 401 to any api-version, and takes the deployment in the place of the model.
func (r *Realtime) azure() (*url.URL, error) {
	if r.Deployment == "" {
		return nil, errors.New("deployment is missing")
	}
	u, err := r.base("https://" + r.Resource + azureHost)
	if err != nil {
		return nil, err
	}
	if r.Dialect == Preview {
		u = u.JoinPath("openai", "realtime")
		addQuery(u, "api-version", r.APIVersion)
		addQuery(u, "deployment", r.Deployment)
		return u, nil
	}
	u = u.JoinPath("openai", "v1", "realtime")
	addQuery(u, "model", r.Deployment)
	return u, nil
}

// base is the provider's address, before the path that is the same everywhere, as a WebSocket address.
func (r *Realtime) base(usual string) (*url.URL, error) {
	base := r.Base
	if base.IsZero() {
		base = NewURL(usual)
	}
	u, err := base.parse("https", "http", "wss", "ws")
	if err != nil {
		return nil, fmt.Errorf("endpoint %w", err)
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	return u, nil
}

// addQuery appends a member and leaves what is there as it was written.
func addQuery(u *url.URL, name, value string) {
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += name + "=" + url.QueryEscape(value)
}
