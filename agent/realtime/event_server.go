package realtime

import "time"

// ServerEvent is what a server sends, in one vocabulary for both dialects.
type ServerEvent interface{ serverEvent() }

// Loc places a delta: the response, the item, and the part of the item it belongs to.
type Loc struct {
	ResponseID   string
	ItemID       string
	OutputIndex  int
	ContentIndex int
}

// AudioDelta is a piece of spoken answer, decoded from base64, of any length. The Conn reuses it: it is valid until
// the next Recv.
type AudioDelta struct {
	Loc
	Audio []byte
}

type (
	// SessionCreated is the first event of every connection.
	SessionCreated struct{ Session Session }
	// SessionUpdated holds the whole effective session.
	SessionUpdated struct{ Session Session }
	// ConversationCreated may be missing; nothing depends on it.
	ConversationCreated struct{ ID string }

	// ItemAdded: an item entered the conversation (conversation.item.created, conversation.item.added).
	// PreviousItemID links it; null or absent is "".
	ItemAdded struct {
		PreviousItemID string
		Item           Item
	}
	// ItemDone: the item is complete (GA only).
	ItemDone struct {
		PreviousItemID string
		Item           Item
	}
	// ItemRetrieved answers ItemRetrieve.
	ItemRetrieved struct{ Item Item }
	// ItemDeleted answers ItemDelete.
	ItemDeleted struct{ ItemID string }
	// ItemTruncated answers ItemTruncate.
	ItemTruncated struct {
		ItemID       string
		ContentIndex int
		AudioEndMS   int
	}

	// TranscriptionDelta is a piece of the caller's words.
	TranscriptionDelta struct {
		ItemID       string
		ContentIndex int
		Delta        string
		Logprobs     []Logprob // when asked for, see IncludeLogprobs
	}
	// TranscriptionCompleted is what the caller said. It may come at any time after the commit, or never.
	TranscriptionCompleted struct {
		ItemID       string
		ContentIndex int
		Transcript   string
		Usage        TranscriptionUsage // zero when the server does not say
		Languages    []string           // that were recognised, ISO 639-1; few models tell
		Logprobs     []Logprob          // when asked for, see IncludeLogprobs
	}
	// TranscriptionSegment is a stretch of the caller's words by one speaker (GA, diarising models). It comes in addition
	// to TranscriptionCompleted.
	TranscriptionSegment struct {
		ID           string
		ItemID       string
		ContentIndex int
		Text         string
		Speaker      string
		Start, End   time.Duration // from the begin of the item's audio
	}
	// TranscriptionFailed comes instead of it; never fatal.
	TranscriptionFailed struct {
		ItemID       string
		ContentIndex int
		Error        Error
	}

	// AudioCommitted: the input buffer became the user item ItemID.
	AudioCommitted struct{ PreviousItemID, ItemID string }
	// AudioCleared answers AudioClear.
	AudioCleared struct{}
	// SpeechStarted is the barge-in signal. AudioStartMS counts all audio appended in the session.
	SpeechStarted struct {
		AudioStartMS int
		ItemID       string
	}
	// SpeechStopped ends the caller's turn; AudioEndMS includes the silence that ended it.
	SpeechStopped struct {
		AudioEndMS int
		ItemID     string
	}
	// IdleTimeout is input_audio_buffer.timeout_triggered (GA): the server will speak by itself.
	IdleTimeout struct {
		AudioStartMS, AudioEndMS int
		ItemID                   string
	}

	// DTMFReceived: the caller pressed a key. Only a server that answers the telephone itself says so; through a WebSocket no
	// key reaches it.
	DTMFReceived struct {
		Key        string    // 0-9, *, #, A-D
		ReceivedAt time.Time // zero when the server does not say
	}
	// OutputAudioStarted, OutputAudioStopped and OutputAudioCleared tell about the playback of a server that plays by
	// itself; on a WebSocket the client does.
	OutputAudioStarted struct{ ResponseID string }
	// OutputAudioStopped: all of the response was played.
	OutputAudioStopped struct{ ResponseID string }
	// OutputAudioCleared: the rest of the response will not be played.
	OutputAudioCleared struct{ ResponseID string }

	// ResponseCreated opens a response, ours or one that turn detection started.
	ResponseCreated struct{ Response Response }
	// ResponseDone ends it, whatever became of it.
	ResponseDone struct{ Response Response }

	// OutputItemAdded opens an item of a response.
	OutputItemAdded struct {
		ResponseID  string
		OutputIndex int
		Item        Item
	}
	// OutputItemDone closes it; see Item.Status for whether it is whole.
	OutputItemDone struct {
		ResponseID  string
		OutputIndex int
		Item        Item
	}
	// ContentPartAdded opens a part of a message.
	ContentPartAdded struct {
		Loc
		Part Part
	}
	// ContentPartDone closes it.
	ContentPartDone struct {
		Loc
		Part Part
	}

	// AudioDone: no more audio of this part; playing it out takes seconds yet.
	AudioDone struct{ Loc }
	// TranscriptDelta is a piece of what the model says.
	TranscriptDelta struct {
		Loc
		Delta string
	}
	// TranscriptDone replaces the sum of the deltas.
	TranscriptDone struct {
		Loc
		Transcript string
	}
	// TextDelta is a piece of a text answer.
	TextDelta struct {
		Loc
		Delta string
	}
	// TextDone replaces the sum of the deltas.
	TextDone struct {
		Loc
		Text string
	}
	// ArgumentsDelta is a piece of a function call's arguments. Loc.ContentIndex is unused.
	ArgumentsDelta struct {
		Loc
		CallID string
		Delta  string
	}
	// ArgumentsDone is all of them; Name only where the server sends it.
	ArgumentsDone struct {
		Loc
		CallID    string
		Name      string
		Arguments string
	}

	// RateLimits informs; nothing waits for it.
	RateLimits struct{ Limits []RateLimit }
	// ErrorEvent is an `error`; most leave the session open. See Error.Class.
	ErrorEvent struct{ Error Error }
	// Unknown is an event this client has no use for; it is counted and dropped. The life of MCP tools is among them.
	Unknown struct{ Type string }
)

// RateLimit is one line of rate_limits.updated.
type RateLimit struct {
	Name             string
	Limit, Remaining int
	ResetSeconds     float64
}

// Logprob is how sure the recognition was of one token.
type Logprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"` // natural logarithm, at most 0
}

func (*AudioDelta) serverEvent()             {}
func (*SessionCreated) serverEvent()         {}
func (*SessionUpdated) serverEvent()         {}
func (*ConversationCreated) serverEvent()    {}
func (*ItemAdded) serverEvent()              {}
func (*ItemDone) serverEvent()               {}
func (*ItemRetrieved) serverEvent()          {}
func (*ItemDeleted) serverEvent()            {}
func (*ItemTruncated) serverEvent()          {}
func (*TranscriptionDelta) serverEvent()     {}
func (*TranscriptionCompleted) serverEvent() {}
func (*TranscriptionSegment) serverEvent()   {}
func (*TranscriptionFailed) serverEvent()    {}
func (*AudioCommitted) serverEvent()         {}
func (*AudioCleared) serverEvent()           {}
func (*SpeechStarted) serverEvent()          {}
func (*SpeechStopped) serverEvent()          {}
func (*IdleTimeout) serverEvent()            {}
func (*DTMFReceived) serverEvent()           {}
func (*OutputAudioStarted) serverEvent()     {}
func (*OutputAudioStopped) serverEvent()     {}
func (*OutputAudioCleared) serverEvent()     {}
func (*ResponseCreated) serverEvent()        {}
func (*ResponseDone) serverEvent()           {}
func (*OutputItemAdded) serverEvent()        {}
func (*OutputItemDone) serverEvent()         {}
func (*ContentPartAdded) serverEvent()       {}
func (*ContentPartDone) serverEvent()        {}
func (*AudioDone) serverEvent()              {}
func (*TranscriptDelta) serverEvent()        {}
func (*TranscriptDone) serverEvent()         {}
func (*TextDelta) serverEvent()              {}
func (*TextDone) serverEvent()               {}
func (*ArgumentsDelta) serverEvent()         {}
func (*ArgumentsDone) serverEvent()          {}
func (*RateLimits) serverEvent()             {}
func (*ErrorEvent) serverEvent()             {}
func (*Unknown) serverEvent()                {}
