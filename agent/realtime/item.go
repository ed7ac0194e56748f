package realtime

// Item is one entry of the conversation, sent or received.
type Item struct {
	ID     string
	Type   ItemType
	Status string // in_progress, completed, incomplete; servers may leave it out
	Role   string // messages: system, user, assistant
	Phase  string // of received messages: "commentary" is said before a tool call; servers may leave it out
	// Content holds the parts of a message.
	Content []Part
	// Name, CallID and Arguments belong to function_call; CallID and Output to function_call_output.
	Name      string
	CallID    string
	Arguments string
	Output    string
}

// ItemType is the kind of an item.
type ItemType string

// The item kinds a telephone client meets.
const (
	ItemMessage            ItemType = "message"
	ItemFunctionCall       ItemType = "function_call"
	ItemFunctionCallOutput ItemType = "function_call_output"
	// ItemReference stands for the item of this session that has its ID. It is for ResponseOptions.Input and nothing else.
	ItemReference ItemType = "item_reference"
)

// Part is one content part of a message. Kind is normalised: the codec writes text or output_text as its dialect wants.
type Part struct {
	Kind       PartKind
	Text       string
	Transcript Opt[string]
	Audio      []byte // of input_audio: what a client sends, and what ItemRetrieved brings; in the session's input format
}

// PartKind is the normalised kind of a content part.
type PartKind uint8

// Content part kinds of both dialects.
const (
	PartUnknown     PartKind = iota
	PartInputText            // input_text
	PartInputAudio           // input_audio
	PartOutputText           // text, output_text
	PartOutputAudio          // audio, output_audio
)

// String names the kind as the preview dialect does.
func (k PartKind) String() string {
	switch k {
	case PartInputText:
		return "input_text"
	case PartInputAudio:
		return "input_audio"
	case PartOutputText:
		return "text"
	case PartOutputAudio:
		return "audio"
	}
	return "unknown"
}
