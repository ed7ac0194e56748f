package realtime

// ClientEvent is what a client sends. The set is closed: the two codecs know every member.
// EventID, where there is one, comes back in the error that the event causes, and nowhere else.
type ClientEvent interface{ clientEvent() }

// SessionUpdate changes the session; answered by SessionUpdated or by an error, in which case nothing of it was applied.
type SessionUpdate struct {
	EventID string
	Session Session
}

// AudioAppend adds caller audio in the session's input format. It is never answered. Send copies Audio, so the
// caller may reuse one AudioAppend for the whole call.
type AudioAppend struct{ Audio []byte }

// AudioCommit turns the input buffer into a user item. Not used under server VAD.
type AudioCommit struct{ EventID string }

// AudioClear discards the input buffer.
type AudioClear struct{ EventID string }

// OutputAudioClear stops what a server plays by itself. A server at the other end of a WebSocket plays nothing and may
// refuse it: there the client owns the playback, see ItemTruncate.
type OutputAudioClear struct{ EventID string }

// ItemCreate adds an item; it starts no response. PreviousItemID "" appends.
type ItemCreate struct {
	EventID        string
	PreviousItemID string
	Item           Item
}

// ItemRetrieve asks for the server's copy of an item.
type ItemRetrieve struct{ EventID, ItemID string }

// ItemTruncate tells the server what the caller really heard of an assistant item.
type ItemTruncate struct {
	EventID      string
	ItemID       string
	ContentIndex int
	AudioEndMS   int // whole milliseconds, never more than the item's audio
}

// ItemDelete removes an item.
type ItemDelete struct{ EventID, ItemID string }

// ResponseCreate starts a response. Only one may be active in the conversation.
type ResponseCreate struct {
	EventID  string
	Response ResponseOptions
}

// ResponseCancel stops the active response; ResponseID is optional and GA only.
type ResponseCancel struct{ EventID, ResponseID string }

func (*SessionUpdate) clientEvent()    {}
func (*AudioAppend) clientEvent()      {}
func (*AudioCommit) clientEvent()      {}
func (*AudioClear) clientEvent()       {}
func (*OutputAudioClear) clientEvent() {}
func (*ItemCreate) clientEvent()       {}
func (*ItemRetrieve) clientEvent()     {}
func (*ItemTruncate) clientEvent()     {}
func (*ItemDelete) clientEvent()       {}
func (*ResponseCreate) clientEvent()   {}
func (*ResponseCancel) clientEvent()   {}
