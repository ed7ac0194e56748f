package configs

import (
	"log/slog"
	"net/netip"
	"strings"
)

// Config is the whole configuration. It is not changed after it was loaded, so that any goroutine may read it; a call
// keeps the one it began with. Printing it is safe: secrets are ***.
type Config struct {
	Version    int        `yaml:"version" required:"write version: 1 at the top"` // format of the file; 1
	SIP        SIP        `yaml:"sip"`
	Media      Media      `yaml:"media"`
	Limits     Limits     `yaml:"limits"`
	Trunks     []Trunk    `yaml:"trunks" required:"list who may call, such as - { name: carrier, sources: [203.0.113.0/24] }"`
	Routes     []Route    `yaml:"routes" required:"say which agent answers, such as - { to: \"*\", agent: NAME }"`
	Realtime   []Realtime `yaml:"realtime" required:"name a model service, such as - { name: main, provider: openai, api_key: \"${OPENAI_API_KEY}\" }"`
	Agents     []Agent    `yaml:"agents" required:"describe one, such as - { name: frontdesk, realtime: main, instructions: Be brief. }"`
	Tools      []Tool     `yaml:"tools"`
	MCP        []MCP      `yaml:"mcp"`
	OpenAPI    []OpenAPI  `yaml:"openapi"`
	Store      Store      `yaml:"store"`
	Recordings Recordings `yaml:"recordings"`
	Supervisor Supervisor `yaml:"supervisor"`
	Events     Events     `yaml:"events"`
	Admin      Admin      `yaml:"admin"`
	Log        Log        `yaml:"log"`

	meta *meta // how it was loaded; nil for one made in Go
}

// SIP is the signalling side.
type SIP struct {
	// Listen is where calls arrive, over UDP, TCP or TLS. Default UDP and TCP on port 5060 of every address.
	Listen []ListenAddr `yaml:"listen" default:"udp://0.0.0.0:5060,tcp://0.0.0.0:5060" required:"write where to listen"`
	// Advertise is the address peers are told in Contact, Via and SDP. Default: the one that faces the peer.
	Advertise Host `yaml:"advertise"`
	// Strangers says what sources outside of every trunk get: forbid (403) or ignore (silence). Default ignore.
	Strangers string `yaml:"strangers" enum:"forbid|ignore" default:"ignore"`
	// TLS holds certificates; needed to listen on tls://.
	TLS *TLS `yaml:"tls"`
	// SessionTimers find calls whose far end is gone.
	SessionTimers SessionTimers `yaml:"session_timers"`
}

// Media is the RTP side.
type Media struct {
	// Ports is the range for RTP and RTCP, two ports a call. Default 20000-20999.
	Ports PortRange `yaml:"ports" default:"20000-20999"`
	// ReorderWindow is how long a missing packet is waited for, 0 to 200 ms. Default 60 ms.
	ReorderWindow Duration `yaml:"reorder_window" default:"60ms" min:"0s" max:"200ms"`
	// FirstTimeout ends a call whose caller sent no packet at all for so long; 0 never. Default 30 s.
	FirstTimeout Duration `yaml:"first_timeout" default:"30s" min:"0s" max:"1h"`
	// Timeout ends a call whose packets stopped for so long; 0 never. Default 15 s.
	Timeout Duration `yaml:"timeout" default:"15s" min:"0s" max:"1h"`
}

// Limits bounds what one process takes on.
type Limits struct {
	// Calls at once; more get 503. Default 500.
	Calls int `yaml:"calls" default:"500" min:"1" max:"100000"`
	// CallsPerSecond that may begin; more get 503. Default 50.
	CallsPerSecond int `yaml:"calls_per_second" default:"50" min:"1" max:"100000"`
	// MessagesPerSecond of signalling that one trunk may send; more are dropped. Default 1000.
	MessagesPerSecond int `yaml:"messages_per_second" default:"1000" min:"10" max:"1000000"`
	// CallDuration ends longer calls. Default 1 h, which is also the longest session of today's services.
	CallDuration Duration `yaml:"call_duration" default:"1h" min:"1s" max:"24h"`
	// DrainTimeout is how long running calls may go on after SIGTERM. Default 10 min.
	DrainTimeout Duration `yaml:"drain_timeout" default:"10m" min:"0s" max:"24h"`
}

// Route says which agent answers which number. The first that fits is taken.
type Route struct {
	// To is a number as it is dialled, a beginning such as +1555*, or * for every number.
	To string `yaml:"to" required:"write a number, a beginning such as +1555*, or *"`
	// Agent names the one who answers.
	Agent string `yaml:"agent" required:"name the agent that answers"`
	// Trunk limits the route to calls of one trunk. Default: any.
	Trunk string `yaml:"trunk"`
}

// Matches reports whether the route takes a call that came over trunk for the number dialled.
func (r Route) Matches(trunk, dialled string) bool {
	if r.Trunk != "" && r.Trunk != trunk {
		return false
	}
	if beginning, ok := strings.CutSuffix(r.To, "*"); ok {
		return strings.HasPrefix(dialled, beginning)
	}
	return r.To == dialled
}

// Route finds the first route for a call; false means that nobody answers that number (404).
func (c *Config) Route(trunk, dialled string) (Route, bool) {
	for _, r := range c.Routes {
		if r.Matches(trunk, dialled) {
			return r, true
		}
	}
	return Route{}, false
}

// TrunkOf finds the trunk that an address belongs to; false means a stranger.
func (c *Config) TrunkOf(addr netip.Addr) (string, bool) {
	addr = addr.Unmap().WithZone("")
	for _, t := range c.Trunks {
		for _, source := range t.Sources {
			if source.Contains(addr) {
				return t.Name, true
			}
		}
	}
	return "", false
}

// Agent finds an agent by its name; nil when there is none.
func (c *Config) Agent(name string) *Agent {
	for i := range c.Agents {
		if c.Agents[i].Name == name {
			return &c.Agents[i]
		}
	}
	return nil
}

// Service finds an entry of realtime by its name; nil when there is none.
func (c *Config) Service(name string) *Realtime {
	for i := range c.Realtime {
		if c.Realtime[i].Name == name {
			return &c.Realtime[i]
		}
	}
	return nil
}

// Admin is the operator's HTTP listener: /healthz, /readyz and /metrics.
type Admin struct {
	// Listen is its address; empty for none. Default 127.0.0.1:9090. There is no sign-in: keep it private.
	Listen HostPort `yaml:"listen" default:"127.0.0.1:9090"`
}

// Log says what is logged and how.
type Log struct {
	// Level is debug, info, warn or error. Default info.
	Level string `yaml:"level" enum:"debug|info|warn|error" default:"info"`
	// Format is text, json, or auto: text on a terminal and JSON elsewhere. Default auto.
	Format string `yaml:"format" enum:"auto|text|json" default:"auto"`
}

// SlogLevel is Level for log/slog; info when it is none.
func (l Log) SlogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
