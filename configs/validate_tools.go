package configs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// longestLine bounds what is said because of a tool, in bytes.
const longestLine = 300

// tools checks the tools that need no Go.
func (k *checker) tools() {
	for i := range k.Tools {
		t, key := &k.Tools[i], element("tools", i)
		k.toolName(t.Name, key+".name")
		switch {
		case t.Webhook == nil && t.Collect == nil:
			k.fault(key, "has neither webhook nor collect; say where it is called, webhook: { url: ... }, or write collect: { max: 4 } for one that asks for digits")
		case t.Webhook != nil && t.Collect != nil:
			k.fault(key+".collect", "is given beside webhook; keep one of the two, and name the tool in the webhook's collected to send its digits")
		case t.Webhook != nil:
			k.webhook(t.Webhook, key+".webhook")
		default:
			k.collect(t, key)
		}
		k.parameters(t.Parameters, key+".parameters")
		k.effects(t, key)
		k.sayings(t, key)
	}
}

func (k *checker) toolName(name, key string) {
	server := k.serverOf(name)
	switch {
	case name != "" && !toolName.MatchString(name):
		k.fault(key, "is not a name that models take: 1 to 64 letters, digits, _ and -")
	case k.taken(name):
		k.fault(key, "%q is a tool of the program itself; take another name", name)
	case server != nil:
		k.fault(key, "%q is for a tool of %s; take another name, or give that another prefix", name, k.marks.pretty(server.key))
	}
}

func (k *checker) webhook(w *Webhook, key string) {
	k.webhookURL(w.URL, key+".url")
	k.webhookSecret(w.Secret, key+".secret")
	for i, name := range w.Collected {
		at := element(key+".collected", i)
		j := slices.IndexFunc(k.Tools, func(t Tool) bool { return t.Name == name })
		switch {
		case j < 0:
			k.reference(at, "entry of tools", name, k.secretCollects())
		case k.Tools[j].Collect == nil || !k.Tools[j].Collect.Secret:
			k.fault(at, "%s keeps no digits; write collect: { secret: true } there, or have the model pass them as an argument", quote(name))
		case slices.Index(w.Collected, name) < i:
			k.fault(at, "%s is named twice; remove one", quote(name))
		}
	}
}

// secretCollects are the tools whose digits a webhook can ask for.
func (k *checker) secretCollects() (names []string) {
	for _, t := range k.Tools {
		if t.Collect != nil && t.Collect.Secret {
			names = append(names, t.Name)
		}
	}
	return names
}

// collect checks the rules of a number against each other.
func (k *checker) collect(t *Tool, key string) {
	c := t.Collect
	switch {
	case c.Min > c.Max:
		k.fault(key+".collect.min", "is more than max, which is %d", c.Max)
	case c.Luhn && c.Min < 2:
		k.fault(key+".collect.luhn", "needs at least 2 digits; write min: 2 or more, such as 12 for cards")
	}
	if t.Parameters != nil {
		k.fault(key+".parameters", "belongs to a webhook; a tool that collects digits has no arguments, so remove it")
	}
	if t.Background {
		k.fault(key+".background", "belongs to a webhook; the conversation waits for the caller's digits, so remove it")
	}
}

// effects refuses ways of running that contradict each other.
func (k *checker) effects(t *Tool, key string) {
	if t.Background && t.OnInterrupt == "cancel" {
		k.fault(key+".on_interrupt", "is cancel, and a tool in the background runs on when the caller cuts in; remove it")
	}
	if t.Once && t.Duplicates != "" && t.Duplicates != "join" {
		k.fault(key+".duplicates", "is %s, and with once the same call joins the first; remove it", t.Duplicates)
	}
}

// sayings checks what the caller hears because of a tool.
func (k *checker) sayings(t *Tool, key string) {
	if len(t.Start) > longestLine {
		k.fault(key+".start", "has %d bytes, more than %d; say less", len(t.Start), longestLine)
	}
	if len(t.Failed) > longestLine {
		k.fault(key+".failed", "has %d bytes, more than %d; say less", len(t.Failed), longestLine)
	}
	switch s := t.Say; {
	case s == nil:
	case s.Text == "" && s.Clip == "":
		k.fault(key+".say", "says nothing; write text: \"One moment.\", or clip: FILE")
	case s.Text != "" && s.Clip != "":
		k.fault(key+".say.clip", "is given beside text; keep one of the two")
	case len(s.Text) > longestLine:
		k.fault(key+".say.text", "has %d bytes, more than %d; say less", len(s.Text), longestLine)
	}
}

func (k *checker) webhookURL(u URL, key string) {
	if u.IsZero() {
		return // required says so
	}
	if _, err := u.parse("https", "http"); err != nil {
		k.fault(key, "%v", err)
	}
}

// webhookSecret checks the form of the Standard Webhooks convention.
func (k *checker) webhookSecret(s Secret, key string) {
	for text := range strings.FieldsSeq(s.Reveal()) {
		encoded, ok := strings.CutPrefix(text, "whsec_")
		bytes, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(bytes) == 0 {
			k.fault(key, "must be whsec_ and base64, such as the output of: echo whsec_$(openssl rand -base64 24)")
			return
		}
	}
}

// parameters checks that the schema describes an object, as arguments are. What else it says is checked where it is used.
func (k *checker) parameters(schema json.RawMessage, key string) {
	if schema == nil {
		return
	}
	var object struct {
		Type any `json:"type"`
	}
	if !bytes.HasPrefix(schema, []byte("{")) || json.Unmarshal(schema, &object) != nil {
		k.fault(key, "must be a JSON Schema, such as { type: object, properties: { ... } }")
		return
	}
	if object.Type != "object" {
		k.fault(key, "must have type: object, because the arguments of a tool are one")
	}
}
