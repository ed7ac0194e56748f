package simulator

// settings is the effective configuration of a session, the same for both
// dialects; settings_preview.go and settings_ga.go read and write it. It is a
// value: an update works on a copy, which replaces the original only when all
// of it was accepted.
type settings struct {
	textOnly      bool
	instructions  string
	voice         string
	in, out       format
	transcription *transcription // nil: off
	turns         *turnDetection // nil: manual commit and response.create
	noise         any            // noise reduction, echoed only
	tools         []tool
	toolChoice    any // "auto", "none", "required" or *object
	temperature   float64
	maxTokens     any // "inf" or int
	speed         float64
	extra         []extraMember // GA members that the simulator only echoes
}

// extraMember is a checked member without effect here (reasoning, truncation …).
type extraMember struct {
	name  string
	value any
}

// transcription asks for the caller's words.
type transcription struct {
	model string
	echo  *object // as sent
}

// turnDetection are the settings of the detector.
type turnDetection struct {
	kind      string // server_vad, semantic_vad
	threshold float64
	prefixMS  int
	silenceMS int
	eagerness string // semantic_vad
	create    bool   // a response after each turn
	interrupt bool   // speech cancels the running response
	idleMS    int    // 0: no idle timeout
	late      bool   // show the members that the first preview did not have
}

// tool is a function that the model may call.
type tool struct {
	name string
	echo *object // as sent
}

// The limits of the API.
const (
	maxOutputTokens = 4096
	defaultSilence  = 200 // ms, as real sessions echo it; documents say 500
	maxTurnMS       = 60_000
)

func defaultSettings(ga bool) settings {
	s := settings{
		instructions: "You are a helpful assistant.",
		voice:        "alloy",
		turns:        defaultTurns(),
		toolChoice:   "auto",
		temperature:  0.8,
		maxTokens:    "inf",
		speed:        1,
	}
	s.turns.late = ga
	return s
}

func defaultTurns() *turnDetection {
	return &turnDetection{kind: "server_vad", threshold: 0.5, prefixMS: 300, silenceMS: defaultSilence,
		create: true, interrupt: true}
}

// offers reports that the model may call the tool: it is in the list, and the
// tool choice allows it.
func (s *settings) offers(name string) bool {
	if s.toolChoice == "none" {
		return false
	}
	for _, t := range s.tools {
		if t.name == name {
			return true
		}
	}
	return false
}

// semanticSilence is how long the caller may pause under semantic_vad: shorter
// than the most that the service waits (8, 4 and 2 s), because the simulator
// has no meaning to go by.
var semanticSilence = map[string]int{"low": 2000, "medium": 1000, "auto": 1000, "high": 500}

// readTurns reads a turn_detection object; the dialect's own members are in
// allowed.
func readTurns(o *object, kinds []string, allowed []string) *turnDetection {
	t := defaultTurns()
	t.kind = o.oneOf("type", kinds...)
	if t.kind == "semantic_vad" {
		readSemantic(o, t)
	} else {
		o.only(append([]string{"type", "threshold", "prefix_padding_ms", "silence_duration_ms"}, allowed...)...)
		readServerVAD(o, t)
	}
	if o.has("create_response") {
		t.create, t.late = o.boolean("create_response"), true
	}
	if o.has("interrupt_response") {
		t.interrupt, t.late = o.boolean("interrupt_response"), true
	}
	return t
}

func readSemantic(o *object, t *turnDetection) {
	o.only("type", "eagerness", "create_response", "interrupt_response")
	t.eagerness, t.late = "auto", true
	if o.has("eagerness") {
		t.eagerness = o.oneOf("eagerness", "low", "medium", "high", "auto")
	}
	t.silenceMS = semanticSilence[t.eagerness]
}

func readServerVAD(o *object, t *turnDetection) {
	if o.has("threshold") {
		t.threshold = o.number("threshold", 0, 1)
	}
	if o.has("prefix_padding_ms") {
		t.prefixMS = o.integer("prefix_padding_ms", 0, maxTurnMS)
	}
	if o.has("silence_duration_ms") {
		t.silenceMS = o.integer("silence_duration_ms", 0, maxTurnMS)
	}
	if o.given("idle_timeout_ms") {
		t.idleMS = o.integer("idle_timeout_ms", 5000, 30000)
	}
}

// body is turn_detection as a session shows it.
func (t *turnDetection) body(ga bool) any {
	if t == nil {
		return nil
	}
	f := fields{"type", t.kind}
	if t.kind == "semantic_vad" {
		f = append(f, "eagerness", t.eagerness)
	} else {
		f = append(f, "threshold", t.threshold, "prefix_padding_ms", t.prefixMS, "silence_duration_ms", t.silenceMS)
	}
	if t.late {
		f = append(f, "create_response", t.create, "interrupt_response", t.interrupt)
	}
	if ga && t.kind == "server_vad" {
		var idle any
		if t.idleMS > 0 {
			idle = t.idleMS
		}
		f = append(f, "idle_timeout_ms", idle)
	}
	return f
}

// readTools reads the tool list. A function has exactly these four members; a
// nested `function`, `strict` or anything else loses the whole update. GA has
// tools on other servers besides.
func readTools(o *object, ga bool) []tool {
	tools := []tool{}
	for _, t := range o.objects("tools") {
		if ga && t.values["type"] == "mcp" {
			t.only("type", "server_label", "server_url", "connector_id", "server_description", "authorization", "headers",
				"allowed_tools", "require_approval", "defer_loading")
			tools = append(tools, tool{name: "mcp:" + t.text("server_label"), echo: t})
			continue
		}
		tools = append(tools, tool{name: readFunction(t), echo: t})
	}
	return tools
}

func readFunction(t *object) (name string) {
	t.only("type", "name", "description", "parameters")
	t.oneOf("type", "function")
	name = t.textUpTo("name", 64)
	if t.err == nil && containsNotID(name) {
		t.complain(codeInvalidValue, t.at("name"), "Invalid '%s': only letters, numbers, underscores and dashes are allowed.", t.at("name"))
	}
	if t.has("description") {
		t.text("description")
	}
	if t.given("parameters") {
		t.child("parameters")
	}
	return name
}

func containsNotID(s string) bool {
	for _, r := range s {
		if notInID(r) {
			return true
		}
	}
	return false
}

// readLimit reads a token limit: 1..4096 or "inf".
func readLimit(o *object, name string) any {
	if s, ok := o.values[name].(string); ok {
		if s != "inf" {
			o.complain(codeInvalidValue, o.at(name), "Invalid value: '%s'. Supported values are: 'inf' or an integer.", s)
		}
		return "inf"
	}
	return o.integer(name, 1, maxOutputTokens)
}

// readVoice refuses another voice once the model has spoken.
func readVoice(o *object, name, now string, spoken bool, voices []string) string {
	v := o.oneOf(name, voices...)
	if spoken && v != now {
		o.complain(codeVoice, o.at(name), "Cannot update a conversation's voice if assistant audio is present.")
	}
	return v
}
