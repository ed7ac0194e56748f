package configs

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// toolServer is an entry of mcp or openapi as far as the names of its tools go. Which tools an MCP server has is known only
// when it runs, so what is not excluded is allowed: with allow: ["*"] every name that begins with its prefix.
type toolServer struct {
	key    string
	prefix string
	own    []string // names of its tools without prefix
	all    bool
}

// name is that of a tool as models take it: other characters than letters, digits, _ and - become _.
func (s *toolServer) name(own string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r < 0x80 && isAlnum(r) {
			return r
		}
		return '_'
	}, s.prefix+own)
}

// brings reports whether the tool is, or may be, one of the server.
func (s *toolServer) brings(name string) bool {
	if s.prefix == "" {
		return false
	}
	if s.all {
		return strings.HasPrefix(name, s.prefix)
	}
	return slices.ContainsFunc(s.own, func(own string) bool { return s.name(own) == name })
}

func (s *toolServer) example() string {
	if s.all || len(s.own) == 0 {
		return s.prefix + "NAME"
	}
	return s.name(s.own[0])
}

func (k *checker) gatherServers() {
	for i := range k.MCP {
		m := &k.MCP[i]
		s := toolServer{element("mcp", i), orName(m.Prefix, m.Name), m.Allow, m.AllowAll()}
		if s.all {
			s.own = nil
		}
		k.servers = append(k.servers, s)
	}
	for i := range k.OpenAPI {
		o := &k.OpenAPI[i]
		k.servers = append(k.servers, toolServer{element("openapi", i), orName(o.Prefix, o.Name), o.Operations, false})
	}
}

// orName is the prefix of a configuration made in Go, where defaults are not filled in.
func orName(prefix, name string) string {
	if prefix == "" && name != "" {
		return name + "_"
	}
	return prefix
}

// serverOf finds the server that a tool comes from; nil when there is none.
func (k *checker) serverOf(name string) *toolServer {
	for i := range k.servers {
		if k.servers[i].brings(name) {
			return &k.servers[i]
		}
	}
	return nil
}

// serverTools lists the names that are known, for hints.
func (k *checker) serverTools() (names []string) {
	for i := range k.servers {
		for _, own := range k.servers[i].own {
			names = append(names, k.servers[i].name(own))
		}
	}
	return names
}

// serverName is also that of models, since the names of the tools begin with it.
var serverName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,32}$`)

// longestPrefix leaves room for the name of a tool.
const longestPrefix = 33

// serverNames checks the names of servers, and that their tools are told apart.
func (k *checker) serverNames() {
	var mcps, apis []string
	for _, m := range k.MCP {
		mcps = append(mcps, m.Name)
	}
	for _, o := range k.OpenAPI {
		apis = append(apis, o.Name)
	}
	k.unique("mcp", mcps)
	k.unique("openapi", apis)
	for i := range k.servers {
		s := &k.servers[i]
		if k.spoilt(s.key + ".name") {
			continue
		}
		if len(s.prefix) > longestPrefix || s.prefix != "" && !toolName.MatchString(s.prefix) {
			k.fault(s.key+".prefix", "is not the beginning of a name that models take: 1 to %d letters, digits, _ and -", longestPrefix)
			continue
		}
		k.ownNames(s)
		for j := range k.servers[:i] {
			k.apart(&k.servers[j], s)
		}
		for _, name := range slices.Concat(k.knownTools, []string{handOffTool, transferTool}) {
			if s.brings(name) {
				k.fault(s.key+".prefix", "leads to %q, a tool that is there already; write another", name)
			}
		}
	}
}

// ownNames checks the names of the tools of one server.
func (k *checker) ownNames(s *toolServer) {
	list := ".allow"
	if strings.HasPrefix(s.key, "openapi") {
		list = ".operations"
	}
	seen := map[string]string{}
	for i, own := range s.own {
		at, name := element(s.key+list, i), s.name(own)
		other, twice := seen[name]
		seen[name] = own
		switch {
		case own == "":
			k.fault(at, "is empty; remove it")
		case own == everyTool && list == ".allow":
			k.fault(at, "stands for all tools; remove the others, or it")
		case twice && other == own:
			k.fault(at, "%s is named twice; remove one", quote(own))
		case twice:
			k.fault(at, "%s and %s are one name for models, %s; remove one", quote(other), quote(own), name)
		case !toolName.MatchString(name):
			k.fault(at, "makes a name of more than 64 characters, %s; write a shorter prefix", quote(name))
		}
	}
}

// apart refuses two servers whose tools could have the same names.
func (k *checker) apart(a, b *toolServer) {
	clash := a.all && b.all && (strings.HasPrefix(a.prefix, b.prefix) || strings.HasPrefix(b.prefix, a.prefix))
	for _, own := range b.own {
		clash = clash || a.brings(b.name(own))
	}
	for _, own := range a.own {
		clash = clash || b.brings(a.name(own))
	}
	if clash && a.prefix != "" && b.prefix != "" {
		k.fault(b.key+".prefix", "leads to names that may be tools of %s; write another prefix", k.marks.pretty(a.key))
	}
}

// mcp checks the MCP servers.
func (k *checker) mcp() {
	for i := range k.MCP {
		m, key := &k.MCP[i], element("mcp", i)
		k.serverName(m.Name, key)
		switch {
		case k.spoilt(key+".command") || k.spoilt(key+".url"):
		case m.Command == "" && m.URL.IsZero():
			k.fault(key, "has neither command nor url; write command: PROGRAM, or url: https://HOST/mcp")
		case m.Command != "" && !m.URL.IsZero():
			k.fault(key+".url", "is given beside command; keep one of the two")
		case m.Command != "":
			k.program(m, key)
		default:
			k.remote(m, key)
		}
	}
}

// serverName checks what unique leaves open.
func (k *checker) serverName(name, key string) {
	if name != "" && validName(name) && !serverName.MatchString(name) {
		k.fault(key+".name", "begins the names of its tools; write at most 32 letters, digits, _ and -")
	}
}

func (k *checker) program(m *MCP, key string) {
	if len(m.Headers) > 0 {
		k.fault(key+".headers", "belongs to url; a program gets its secrets by env")
	}
	for i, e := range m.Env {
		if name, _, _ := strings.Cut(e.Reveal(), "="); !variableName.MatchString(name) {
			k.fault(element(key+".env", i), "must be NAME=VALUE, or NAME for a variable of the environment of this program")
		}
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (k *checker) remote(m *MCP, key string) {
	for name, given := range map[string]bool{"args": len(m.Args) > 0, "env": len(m.Env) > 0} {
		if given {
			k.fault(key+"."+name, "belongs to command; remove it")
		}
	}
	k.serviceAddress(m.URL, m.Headers, key+".url")
	k.plainHeaders(m.Headers, key)
}

// serviceAddress checks where tools are called, and warns of secrets that are sent in the clear.
func (k *checker) serviceAddress(address URL, headers []Header, key string) {
	if address.IsZero() {
		return // required says so
	}
	u, err := address.parse("https", "http")
	switch {
	case err != nil:
		k.fault(key, "%v", err)
	case u.Scheme == "http" && !loopback(u.Hostname()) && (len(headers) > 0 || u.User != nil):
		k.warn(key, "sends the headers unencrypted; write https://")
	}
}

func (k *checker) plainHeaders(headers []Header, key string) {
	names := make([]string, len(headers))
	for i, h := range headers {
		names[i] = h.Name
		at := element(key+".headers", i)
		name := http.CanonicalHeaderKey(h.Name)
		if slices.Contains(ownHeaders, name) || strings.HasPrefix(name, "Mcp-") || name == "Accept" || name == "Content-Type" {
			k.fault(at+".name", "is a header that the connection writes itself; remove it")
		}
		k.secretHeader(h.Value, at+".value")
	}
	k.unique(key+".headers", names)
}

// openAPI checks the services with a document. What the document says is checked where it is used.
func (k *checker) openAPI() {
	for i := range k.OpenAPI {
		o, key := &k.OpenAPI[i], element("openapi", i)
		k.serverName(o.Name, key)
		k.serviceAddress(o.BaseURL, o.Headers, key+".base_url")
		if u, err := url.Parse(o.BaseURL.Reveal()); err == nil && u.RawQuery != "" {
			k.fault(key+".base_url", "has a ? in it, and the document's paths come after it; remove that, and write keys into headers")
		}
		if u, err := url.Parse(string(o.Document)); o.Document.Remote() && (err != nil || u.Hostname() == "" || u.User != nil) {
			k.fault(key+".document", "must be a file, or https://HOST/PATH without a user; write keys into headers")
		}
		k.plainHeaders(o.Headers, key)
	}
}
