package configs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// agent checks one agent.
func (k *checker) agent(a *Agent, key string) {
	k.reference(key+".realtime", "entry of realtime", a.Realtime, k.services)
	k.turnDetection(&a.TurnDetection, key+".turn_detection")
	k.manners(a, key)
	k.texts(a, key)
	k.agentTools(a, key+".tools")
	if a.Instructions == "" {
		k.warn(key, "has no instructions; write them, or name a prompt_file")
	}
	if a.Transcription == nil {
		k.warn(key, "has no transcription, so transcripts will lack the caller's words; write transcription: { model: gpt-4o-transcribe }")
	}
	if service := k.Service(a.Realtime); service != nil {
		k.dialect(a, key, service.Dialect)
	}
	k.disclosure(a, key)
}

// gaVoices came with the ga dialect.
var gaVoices = []string{"marin", "cedar"}

// dialect warns of what the dialect of the agent's service does not have: it is not sent.
func (k *checker) dialect(a *Agent, key, dialect string) {
	if dialect == GA && a.Temperature != nil {
		k.warn(key+".temperature", "is left out, because the ga dialect has none")
	}
	if dialect == Preview && a.Speed != nil {
		k.warn(key+".speed", "is left out, because the preview dialect has none")
	}
	if dialect == Preview && a.ReasoningEffort != "" {
		k.warn(key+".reasoning_effort", "is left out, because the preview dialect has none")
	}
	if dialect == Preview && slices.Contains(gaVoices, a.Voice) {
		k.warn(key+".voice", "is a voice of the ga dialect; servers of the preview dialect may refuse the session")
	}
	if dialect == Preview && a.TurnDetection.IdleTimeoutMS != nil {
		k.warn(key+".turn_detection.idle_timeout_ms", "is not known to the preview dialect; servers may refuse the session")
	}
}

// turnDetection refuses what the type does not have, as the services do.
func (k *checker) turnDetection(t *TurnDetection, key string) {
	for _, m := range []struct {
		name  string
		set   bool
		types []string
	}{
		{"threshold", t.Threshold != nil, []string{ServerVAD}},
		{"prefix_padding_ms", t.PrefixPaddingMS != nil, []string{ServerVAD}},
		{"silence_duration_ms", t.SilenceDurationMS != nil, []string{ServerVAD}},
		{"idle_timeout_ms", t.IdleTimeoutMS != nil, []string{ServerVAD}},
		{"eagerness", t.Eagerness != "", []string{SemanticVAD}},
		{"create_response", t.CreateResponse != nil, []string{ServerVAD, SemanticVAD}},
		{"interrupt_response", t.InterruptResponse != nil, []string{ServerVAD, SemanticVAD}},
	} {
		if m.set && !slices.Contains(m.types, t.Type) {
			k.fault(key+"."+m.name, "belongs to type: %s and is refused with %s; remove it", list(m.types, "or"), t.Type)
		}
	}
}

// agentTools checks that each tool exists and is named once.
func (k *checker) agentTools(a *Agent, key string) {
	for i, name := range a.Tools {
		at := element(key, i)
		k.ownTool(name, at)
		k.reference(at, "tool", name, k.allTools)
		if slices.Index(a.Tools, name) < i {
			k.fault(at, "%s is named twice; remove one", quote(name))
		}
	}
}

// aiWords are words by which a greeting says that a machine speaks. Greetings in other languages get the warning too;
// it is only a warning.
var aiWords = regexp.MustCompile(`(?i)\b(a\.?i\.?|k\.?i\.?|i\.?a\.?|robot|bot|voicebot|chatbot|machine|computer|automated|automatic|` +
	`virtual|virtuell\w*|virtuel\w*|artificial|künstlich\w*|artificiel\w*|automatisch\w*|automatisé\w*|digital\w*)(\W|$)`)

// disclosure warns of agents that do not say what they are. One that only takes over calls from others need not.
func (k *checker) disclosure(a *Agent, key string) {
	routed := slices.ContainsFunc(k.Routes, func(r Route) bool { return r.Agent == a.Name })
	switch {
	case !routed:
	case a.Greeting == "":
		k.warn(key, "has no greeting; callers must be told that they talk to an AI (EU AI Act, article 50), so let it begin with that")
	case !aiWords.MatchString(a.Greeting):
		k.warn(key+".greeting", "does not seem to say that an AI speaks; callers must be told (EU AI Act, article 50)")
	}
}

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// tools checks the webhooks.
func (k *checker) tools() {
	for i, t := range k.Tools {
		key := element("tools", i)
		switch {
		case t.Name != "" && !toolName.MatchString(t.Name):
			k.fault(key+".name", "is not a name that models take: 1 to 64 letters, digits, _ and -")
		case k.taken(t.Name):
			k.fault(key+".name", "%q is a tool of the program itself; take another name", t.Name)
		}
		if t.Webhook != nil {
			k.webhookURL(t.Webhook.URL, key+".webhook.url")
			k.webhookSecret(t.Webhook.Secret, key+".webhook.secret")
		}
		k.parameters(t.Parameters, key+".parameters")
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
