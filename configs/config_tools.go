package configs

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Tool is a tool that needs no Go: a webhook, or a number that the caller presses.
type Tool struct {
	// Name the model calls it by: 1 to 64 of a-z A-Z 0-9 _ -.
	Name string `yaml:"name" required:"give the tool a name"`
	// Description tells the model when to use it.
	Description string `yaml:"description" required:"tell the model when to use the tool"`
	// Webhook is the HTTP service that does it; nil for one with Collect.
	Webhook *Webhook `yaml:"webhook"`
	// Collect asks the caller for digits instead.
	Collect *Collect `yaml:"collect"`
	// Parameters is the JSON Schema of the arguments, keys with their case. Default: no arguments.
	Parameters json.RawMessage `yaml:"parameters"`
	// OnInterrupt says what happens to it when the caller cuts in: finish or cancel. Default: cancel, but finish for one
	// with Background or Collect.
	OnInterrupt string `yaml:"on_interrupt" enum:"finish|cancel"`
	// AfterTurn starts it only when the caller has heard what the agent said before. Default false.
	AfterTurn bool `yaml:"after_turn" default:"false"`
	// Once lets the same call, same arguments, succeed once in a phone call. Default false.
	Once bool `yaml:"once" default:"false"`
	// Background answers the model at once and tells it the result later. Default false.
	Background bool `yaml:"background" default:"false"`
	// Duplicates says what happens to the same call while it runs: allow, reject or join. Default: allow, but join with Once.
	Duplicates string `yaml:"duplicates" enum:"allow|reject|join"`
	// Start is what the agent says as soon as it runs, at most 300 bytes. Default: nothing.
	Start string `yaml:"start"`
	// Say is what the caller hears while it runs; nil for nothing.
	Say *Say `yaml:"say"`
	// Failed is what the agent says when it fails, at most 300 bytes. Default: what the model makes of it.
	Failed string `yaml:"failed"`
}

// Webhook is where a tool is called.
type Webhook struct {
	// URL is http or https.
	URL URL `yaml:"url" required:"write https://HOST/PATH"`
	// Secret signs the requests: whsec_ and base64; several with spaces between while it changes. Default: unsigned.
	Secret Secret `yaml:"secret"`
	// Timeout of one call. Default 5 s.
	Timeout Duration `yaml:"timeout" default:"5s" min:"100ms" max:"5m"`
	// Idempotent says that the service does the same request only once, so that it may be repeated. Default false.
	Idempotent bool `yaml:"idempotent" default:"false"`
	// Collected names tools with a secret Collect whose digits are sent along. Default: none.
	Collected []string `yaml:"collected"`
}

// Collect are the rules of a number that the caller presses. # ends it, * begins anew.
type Collect struct {
	// Min is how many digits it has at least, 1 to 32. Default 1.
	Min int `yaml:"min" default:"1" min:"1" max:"32"`
	// Max is how many at most; the last one ends it. Default 32.
	Max int `yaml:"max" default:"32" min:"1" max:"32"`
	// First is how long the first key may take. Default 15 s.
	First Duration `yaml:"first" default:"15s" min:"1s" max:"2m"`
	// Between is how long each further one may take. Default 4 s.
	Between Duration `yaml:"between" default:"4s" min:"1s" max:"2m"`
	// Luhn says that the last digit is a check digit, as that of cards. Default false.
	Luhn bool `yaml:"luhn" default:"false"`
	// Secret keeps the number from record, log and model: webhooks get it by their Collected. Default false.
	Secret bool `yaml:"secret" default:"false"`
}

// Say is what the caller hears of a tool that takes its time, when nobody speaks: a text in the agent's voice, or a clip.
type Say struct {
	// After is how long the tool has to run. Default 1.5 s.
	After Duration `yaml:"after" default:"1.5s" min:"200ms" max:"1m"`
	// Text of at most 300 bytes.
	Text string `yaml:"text"`
	// Clip is a file instead, of at most 30 s.
	Clip Clip `yaml:"clip"`
}

// MCP is a server of the Model Context Protocol: a program of this machine, or a service over HTTP.
type MCP struct {
	// Name of 1 to 32 letters, digits, _ and -.
	Name string `yaml:"name" required:"give the server a name"`
	// Command is a program that speaks over its standard input and output.
	Command string `yaml:"command"`
	// Args of Command.
	Args []string `yaml:"args"`
	// Env of the program beside PATH, HOME and the like: NAME=VALUE, or NAME for a variable of our own. Default: none.
	Env []Secret `yaml:"env"`
	// URL is a service instead, http or https.
	URL URL `yaml:"url"`
	// Headers are sent to it. Default: none.
	Headers []Header `yaml:"headers"`
	// Allow names the tools of the server that agents may have, by its names for them, or is * alone for all.
	Allow []string `yaml:"allow" required:"name the tools of the server that agents may have, or write [\"*\"] for all"`
	// Prefix comes before the names of its tools. Default: the name and _.
	Prefix string `yaml:"prefix"`
	// Timeout of one call. Default 10 s.
	Timeout Duration `yaml:"timeout" default:"10s" min:"100ms" max:"5m"`
}

// CommandLine is the program and its arguments; nil for a service.
func (m *MCP) CommandLine() []string {
	if m.Command == "" {
		return nil
	}
	return append([]string{m.Command}, m.Args...)
}

// Environment is Env as the program gets it. It holds secrets.
func (m *MCP) Environment() []string {
	env := make([]string, len(m.Env))
	for i, e := range m.Env {
		env[i] = e.Reveal()
	}
	return env
}

// AllowAll reports that all tools of the server are allowed, whatever they are.
func (m *MCP) AllowAll() bool { return len(m.Allow) == 1 && m.Allow[0] == everyTool }

const everyTool = "*"

// OpenAPI is an HTTP service with an OpenAPI document, operations of which become tools.
type OpenAPI struct {
	// Name of 1 to 32 letters, digits, _ and -.
	Name string `yaml:"name" required:"give the service a name"`
	// Document is a file, JSON or YAML, or an address that it is fetched from once, at the start.
	Document Document `yaml:"document" required:"name the file of the document, or its address"`
	// BaseURL is what the document's paths come after.
	BaseURL URL `yaml:"base_url" required:"write https://HOST/PATH; the servers of the document are not used"`
	// Operations are the operationIds that become tools.
	Operations []string `yaml:"operations" required:"list the operationIds that agents may have"`
	// Headers are sent with each request. Default: none.
	Headers []Header `yaml:"headers"`
	// Prefix comes before the names of the tools. Default: the name and _.
	Prefix string `yaml:"prefix"`
	// Timeout of one call. Default 10 s.
	Timeout Duration `yaml:"timeout" default:"10s" min:"100ms" max:"5m"`
}

// HTTPHeaders are headers as net/http takes them. They hold secrets.
func HTTPHeaders(list []Header) http.Header {
	headers := http.Header{}
	for _, h := range list {
		headers.Set(h.Name, h.Value.Reveal())
	}
	return headers
}

// DocumentHeaders are the headers that the document is fetched with: Headers, when it is of the same scheme and host as
// BaseURL, and else none, because the keys are for that host.
func (o *OpenAPI) DocumentHeaders() http.Header {
	document, err := url.Parse(string(o.Document))
	base, baseErr := url.Parse(o.BaseURL.Reveal())
	if err != nil || baseErr != nil || document.Scheme != base.Scheme || !strings.EqualFold(document.Host, base.Host) {
		return http.Header{}
	}
	return HTTPHeaders(o.Headers)
}

// setPrefixes fills the defaults that depend on a name.
func (c *Config) setPrefixes() {
	for i := range c.MCP {
		if m := &c.MCP[i]; m.Prefix == "" && m.Name != "" {
			m.Prefix = m.Name + "_"
		}
	}
	for i := range c.OpenAPI {
		if o := &c.OpenAPI[i]; o.Prefix == "" && o.Name != "" {
			o.Prefix = o.Name + "_"
		}
	}
}
