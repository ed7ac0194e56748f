package configs

// Agent is one character that answers calls.
type Agent struct {
	Name string `yaml:"name" required:"give the agent a name"`
	// Realtime names the service that runs the model.
	Realtime string `yaml:"realtime" required:"name an entry of realtime"`
	// Voice of the service. Default: the service's own.
	Voice string `yaml:"voice"`
	// Greeting is said first. Default: the agent waits for the caller.
	Greeting string `yaml:"greeting"`
	// Language the agent speaks, in words or as a tag such as de. A tag of two letters is also that of the transcription,
	// unless that names one. Default: the model's choice.
	Language string `yaml:"language"`
	// TimeZone of {{now}} and its relatives. Default: UTC.
	TimeZone TimeZone `yaml:"time_zone"`
	// Instructions are the prompt. After loading they also hold what PromptFile had in it.
	Instructions string `yaml:"instructions"`
	// PromptFile holds the prompt instead, seen from the directory of the configuration file.
	PromptFile string `yaml:"prompt_file"`
	// Transcription of the caller's words; nil for none, and then transcripts have the agent's side only.
	Transcription *Transcription `yaml:"transcription"`
	// TurnDetection decides when the caller has finished.
	TurnDetection TurnDetection `yaml:"turn_detection"`
	// NoiseReduction before the model: near_field (handset), far_field (speaker phone). Default: none.
	NoiseReduction string `yaml:"noise_reduction" enum:"near_field|far_field"`
	// Temperature of the preview dialect, 0.6 to 1.2. Default: the service's own.
	Temperature *float64 `yaml:"temperature" min:"0.6" max:"1.2"`
	// MaxOutputTokens bounds one answer, 1 to 4096 or inf. Default: the service's own.
	MaxOutputTokens TokenLimit `yaml:"max_output_tokens"`
	// Speed of speech in the ga dialect, 0.25 to 1.5. Default: the service's own.
	Speed *float64 `yaml:"speed" min:"0.25" max:"1.5"`
	// ReasoningEffort of models that think, in the ga dialect. Default: the service's own.
	ReasoningEffort string `yaml:"reasoning_effort" enum:"minimal|low|medium|high|xhigh"`
	// Interruption says when the caller's voice stops the agent's.
	Interruption Interruption `yaml:"interruption"`
	// Idle is what happens when the caller says nothing at all.
	Idle Idle `yaml:"idle"`
	// MaxDuration ends the agent's calls earlier than limits.call_duration; 0 leaves it at that. Default 0.
	MaxDuration Duration `yaml:"max_duration" default:"0s" max:"24h"`
	// MaxDurationWarning lets the agent say so long before that the call will end; 0 not at all. Default 0.
	MaxDurationWarning Duration `yaml:"max_duration_warning" default:"0s" max:"24h"`
	// MaxDurationNotice is what the model is told to say then. Default: that the call will end soon.
	MaxDurationNotice string `yaml:"max_duration_notice"`
	// Filler is what the caller hears while a tool runs.
	Filler Filler `yaml:"filler"`
	// SilenceGuard gives an answer up that brings no sound for so long, 1 s to 60 s. Default 6 s.
	SilenceGuard Duration `yaml:"silence_guard" default:"6s" min:"1s" max:"60s"`
	// Fallback is what the caller gets when the model gives no answer any more.
	Fallback Fallback `yaml:"fallback"`
	// Reconnect says what happens when the connection to the model is lost in a call.
	Reconnect Reconnect `yaml:"reconnect"`
	// Rotate says when a session is replaced before the service ends it.
	Rotate Rotate `yaml:"rotate"`
	// DTMF says what becomes of the keys that the caller presses.
	DTMF DTMF `yaml:"dtmf"`
	// Tools the agent may use: entries of tools, those of mcp and openapi with their prefix, names registered in Go, and
	// those of the program.
	Tools []string `yaml:"tools"`
	// HandOff names the agents that this one may hand its calls to; with any it has the tool hand_off. Default: none.
	HandOff []string `yaml:"hand_off"`
	// Transfers are those whom this one may put callers through to; with any it has the tool transfer. The model knows
	// their names and not their numbers. Default: none.
	Transfers []Destination `yaml:"transfers"`
	// Redact says what is taken out of transcripts before they are kept: cards, ibans, ssns, emails, phones, whether written
	// or spoken. Default cards, ibans, ssns, emails.
	Redact []string `yaml:"redact" enum:"cards|ibans|ssns|emails|phones" default:"cards,ibans,ssns,emails"`
	// Recording, when given, records the calls. Default: none.
	Recording *Recording `yaml:"recording"`
	// Retention of its calls instead of store.retention; 0 for ever.
	Retention *Duration `yaml:"retention" min:"0s" max:"36500d"`
}

// Transcription writes down what the caller says.
type Transcription struct {
	// Model of the transcription, such as gpt-4o-transcribe. Services retire these models, so none is built in.
	Model string `yaml:"model" required:"name the transcription model, such as gpt-4o-transcribe"`
	// Language as ISO 639-1, such as en. Default: found by the model.
	Language string `yaml:"language"`
	// Prompt helps with names and terms. Default: none.
	Prompt string `yaml:"prompt"`
}

// Types of turn detection.
const (
	ServerVAD   = "server_vad"
	SemanticVAD = "semantic_vad"
	NoVAD       = "none"
)

// TurnDetection decides when the caller's turn ends. What is nil is left to the service.
type TurnDetection struct {
	// Type is server_vad (silence), semantic_vad (meaning) or none (nothing is detected). Default server_vad.
	Type string `yaml:"type" enum:"server_vad|semantic_vad|none" default:"server_vad"`
	// Threshold of loudness, 0 to 1; server_vad only. Default there 0.5.
	Threshold *float64 `yaml:"threshold" min:"0" max:"1"`
	// PrefixPaddingMS is the audio kept from before the speech, in milliseconds; server_vad only. Default there 300.
	PrefixPaddingMS *int `yaml:"prefix_padding_ms" min:"0" max:"10000"`
	// SilenceDurationMS ends a turn, in milliseconds; server_vad only. Default there 500.
	SilenceDurationMS *int `yaml:"silence_duration_ms" min:"0" max:"10000"`
	// Eagerness is low, medium, high or auto; semantic_vad only. Default: the service's own (auto).
	Eagerness string `yaml:"eagerness" enum:"low|medium|high|auto"`
	// CreateResponse lets the service answer a finished turn by itself. Default: false, Trunkline asks for each answer.
	CreateResponse *bool `yaml:"create_response"`
	// InterruptResponse lets the service stop an answer when it hears speech. Default: true, or false when Interruption
	// has anything to say in it.
	InterruptResponse *bool `yaml:"interrupt_response"`
	// IdleTimeoutMS of silence after which the model speaks by itself, 5000 to 30000 ms; server_vad of the ga dialect
	// only. Default: never.
	IdleTimeoutMS *int `yaml:"idle_timeout_ms" min:"5000" max:"30000"`
}

// setDefaults fills what server_vad takes and a service may otherwise choose: services differ in their silence.
func (t *TurnDetection) setDefaults() {
	if t.Type != ServerVAD {
		return
	}
	t.Threshold = orElse(t.Threshold, 0.5)
	t.PrefixPaddingMS = orElse(t.PrefixPaddingMS, 300)
	t.SilenceDurationMS = orElse(t.SilenceDurationMS, 500)
}

func orElse[T any](have *T, def T) *T {
	if have == nil {
		return &def
	}
	return have
}
