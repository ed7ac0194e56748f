package realtime

// Response is the server's record of one inference.
type Response struct {
	ID             string
	Status         string // in_progress, completed, cancelled, incomplete, failed
	Reason         string // status_details.reason: turn_detected, client_cancelled, max_output_tokens, content_filter
	Error          *Error // status_details.error of a failed response
	Output         []Item
	Usage          *Usage
	Metadata       map[string]string
	ConversationID string
	OutOfBand      bool // GA: conversation_id was an explicit null

	// What the response was made with, where the server says so.
	TextOnly        bool
	Voice           string
	OutputFormat    AudioFormat
	MaxOutputTokens TokenLimit
	Temperature     Opt[float64] // preview only
}

// Usage counts the tokens of one response. All earlier turns count as input again.
type Usage struct {
	Total, Input, Output               int
	InputText, InputAudio, InputCached int
	OutputText, OutputAudio            int

	// The parts of InputCached, where the server tells them (GA), and the images that are never ours.
	CachedText, CachedAudio, CachedImage int
	InputImage                           int
}

// TranscriptionUsage is what the recognition of one utterance costs: tokens or time, as the model is billed. It is not
// part of a response's Usage.
type TranscriptionUsage struct {
	Seconds               float64 // of audio; 0 when tokens are counted
	Total, Input, Output  int     // tokens; 0 when time is counted
	InputText, InputAudio int     // the parts of Input
}

// ResponseOptions override the session for one response. What is not set is as in the session. Instructions replace the
// session's, they are not added to them.
//
// A question beside the conversation, which the caller does not hear, is OutOfBand and TextOnly. Metadata comes back in the
// response and tells it from the others; its items never enter the conversation.
type ResponseOptions struct {
	Instructions    string
	TextOnly        bool
	Voice           string // not after the session's first audio
	VoiceIsID       bool   // as in Session; GA only
	OutputFormat    AudioFormat
	Tools           Opt[[]Tool]  // [] means none; null is none, too
	ToolChoice      string       // auto, none, required, function
	ToolName        string       // what must be called when ToolChoice is function; GA only
	Temperature     Opt[float64] // 0.6..1.2, preview only
	MaxOutputTokens TokenLimit   // GA only: its name differs between servers of the other dialect

	// GA only from here on.
	ParallelToolCalls Opt[bool]
	ReasoningEffort   string
	Metadata          map[string]string // at most 16 pairs, keys of 64 and values of 512 characters
	OutOfBand         bool              // conversation "none": nothing is added to it, and several may run
	Input             []Item            // replaces the conversation as context when not nil; see ItemReference
}
