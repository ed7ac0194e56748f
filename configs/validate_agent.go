package configs

import (
	"regexp"
	"slices"
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
		if k.serverOf(name) == nil {
			k.reference(at, "tool", name, slices.Concat(k.allTools, k.serverTools()))
		}
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
