package configs

import (
	"reflect"
	"slices"
	"strings"
)

// builtinTools come with the product and need no entry in tools.
var builtinTools = []string{"collect_digits", "current_time", "escalate", "hang_up", "leave_note", "send_digits"}

// checker looks at a decoded configuration as a whole. Owned by one Parse or Validate.
type checker struct {
	*report
	*Config
	knownTools []string // of Go

	// Names that may be referred to.
	trunkNames, services, agents, allTools, headerNames []string

	servers []toolServer
}

// check reports everything that is wrong between settings that are each well formed.
func (c *Config) check(r *report, knownTools []string) {
	k := &checker{report: r, Config: c, knownTools: slices.Clone(builtinTools)}
	for _, name := range knownTools {
		if !slices.Contains(k.knownTools, name) {
			k.knownTools = append(k.knownTools, name)
		}
	}
	k.gather()
	k.required()
	if c.Version != version && c.Version != 0 {
		k.fault("version", "is %d, and this program reads version %d; see the upgrade notes", c.Version, version)
	}
	k.names()
	k.sip()
	k.limits()
	k.trunks()
	k.trunkLists()
	k.routes()
	for i := range c.Realtime {
		k.service(&c.Realtime[i], element("realtime", i))
	}
	for i := range c.Agents {
		k.agent(&c.Agents[i], element("agents", i))
	}
	k.tools()
	k.mcp()
	k.openAPI()
	k.serverNames()
	k.store()
	k.supervisor()
	k.events()
	k.admin()
	k.unused()
}

// gather lists the names.
func (k *checker) gather() {
	for _, t := range k.Trunks {
		k.trunkNames = append(k.trunkNames, t.Name)
		for _, h := range t.Headers {
			k.headerNames = append(k.headerNames, string(h))
		}
	}
	for _, r := range k.Realtime {
		k.services = append(k.services, r.Name)
	}
	for _, a := range k.Agents {
		k.agents = append(k.agents, a.Name)
	}
	k.allTools = slices.Clone(k.knownTools)
	for _, t := range k.Tools {
		k.allTools = append(k.allTools, t.Name)
	}
	k.gatherServers()
}

// required reports what was left out.
func (k *checker) required() {
	k.requiredIn(reflect.ValueOf(k.Config).Elem(), "")
}

func (k *checker) requiredIn(v reflect.Value, key string) {
	for _, f := range fieldsOf(v.Type()) {
		member, at := v.FieldByIndex(f.index), join(key, f.name)
		empty := member.IsZero() || member.Kind() == reflect.Slice && member.Len() == 0
		if empty && f.required != "" {
			k.fault(at, "is missing; %s", f.required)
		}
		if member.Kind() == reflect.Pointer {
			member = member.Elem()
		}
		switch {
		case !member.IsValid() || isScalar(member.Type()):
		case member.Kind() == reflect.Struct:
			k.requiredIn(member, at)
		case member.Kind() == reflect.Slice && member.Type().Elem().Kind() == reflect.Struct && !isScalarList(member.Type()):
			for i := range member.Len() {
				k.requiredIn(member.Index(i), element(at, i))
			}
		}
	}
}

// names checks that names are well formed and lead to one thing each, also as parts of variables.
func (k *checker) names() {
	k.unique("trunks", k.trunkNames)
	k.unique("realtime", k.services)
	k.unique("agents", k.agents)
	k.unique("tools", k.allTools[len(k.knownTools):])
	k.languages()
	for i, r := range k.Realtime {
		var headers []string
		for _, h := range r.Headers {
			headers = append(headers, h.Name)
		}
		k.unique(element("realtime", i)+".headers", headers)
	}
}

func (k *checker) unique(key string, names []string) {
	seen := map[string]int{}
	for i, text := range names {
		at := join(element(key, i), "name")
		if text == "" {
			continue
		}
		if !validName(text) {
			k.fault(at, "may hold letters, digits and . _ - only, at most 64 of them, and begins with a letter or digit")
			continue
		}
		first, taken := seen[envName(text)]
		switch {
		case !taken:
			seen[envName(text)] = i
		case names[first] == text:
			k.fault(at, "%q is taken already%s; names must differ", text, k.line(join(element(key, first), "name")))
		default:
			k.fault(at, "%q and %q%s would share their environment variables; make them differ by more than case and punctuation",
				text, names[first], k.line(join(element(key, first), "name")))
		}
	}
}

// languages refuses the one way in which agents of different names can share a variable: agents.NAME.transcription.language
// and agents.NAME_TRANSCRIPTION.language.
func (k *checker) languages() {
	for i, name := range k.agents {
		base, ok := strings.CutSuffix(envName(name), "_TRANSCRIPTION")
		first := slices.IndexFunc(k.agents, func(other string) bool { return envName(other) == base })
		if ok && base != "" && first >= 0 {
			k.fault(join(element("agents", i), "name"), "%q and %q%s would share the environment variable of their languages; take another name",
				name, k.agents[first], k.line(join(element("agents", first), "name")))
		}
	}
}

// line points to another place: " at line 12", or nothing when it is not in the file.
func (k *checker) line(key string) string {
	at := k.marks.find(key)
	if at.Line == 0 {
		return ""
	}
	return " (" + at.String() + ")"
}

// reference checks a name that refers to an element of a list.
func (k *checker) reference(key, what, name string, have []string) {
	if name == "" || slices.Contains(have, name) {
		return
	}
	hint := didYouMean(name, have)
	if hint == "" && len(have) > 0 {
		hint = "; there is " + list(have[:min(len(have), 10)], "and")
	}
	k.fault(key, "no %s is named %s%s", what, quote(name), hint)
}

func (k *checker) limits() {
	if k.Media.Ports != (PortRange{}) && k.Media.Ports.Pairs() < k.Limits.Calls {
		k.warn("media.ports", "has room for %d calls and limits.calls allows %d; widen it to two ports a call", k.Media.Ports.Pairs(), k.Limits.Calls)
	}
}

// admin warns of an operator's listener that others reach.
func (k *checker) admin() {
	if l := k.Admin.Listen; l != "" && !l.Loopback() {
		k.warn("admin.listen", "can be reached from other machines and has no sign-in; keep it behind a firewall, or write 127.0.0.1:9090")
	}
}

// unused warns of what nothing leads to.
func (k *checker) unused() {
	var agents, services, tools []string
	for _, r := range k.Routes {
		agents = append(agents, r.Agent)
	}
	for _, a := range k.Agents {
		services = append(services, a.Realtime)
		tools = append(tools, a.Tools...)
		agents = append(agents, others(a.HandOff, a.Name)...)
	}
	for i, a := range k.Agents {
		if !slices.Contains(agents, a.Name) {
			k.warn(element("agents", i), "is not named by any route or hand_off, and so never answers")
		}
	}
	for i, r := range k.Realtime {
		if !slices.Contains(services, r.Name) {
			k.warn(element("realtime", i), "is not named by any agent")
		}
	}
	for i, t := range k.Tools {
		if !slices.Contains(tools, t.Name) {
			k.warn(element("tools", i), "is not named by any agent")
		}
	}
	for _, s := range k.servers {
		if !slices.ContainsFunc(tools, s.brings) {
			k.warn(s.key, "has no tool that an agent names; write %s into its tools", quote(s.example()))
		}
	}
}
