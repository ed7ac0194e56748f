package realtime

// builders has a line for each server event this client has a use for, in the names of both dialects.
var builders = map[string]func(*wireEvent) (ServerEvent, error){
	"error":                        event(func(w *wireEvent) ServerEvent { return &ErrorEvent{Error: w.Error.error()} }),
	"session.created":              event(func(w *wireEvent) ServerEvent { return &SessionCreated{Session: w.Session.session()} }),
	"session.updated":              event(func(w *wireEvent) ServerEvent { return &SessionUpdated{Session: w.Session.session()} }),
	"conversation.created":         event(conversationCreated),
	"conversation.item.created":    event(itemAdded), // preview, and some servers of the other dialect
	"conversation.item.added":      event(itemAdded),
	"conversation.item.done":       event(itemDone),
	"conversation.item.retrieved":  event(func(w *wireEvent) ServerEvent { return &ItemRetrieved{Item: w.Item.item()} }),
	"conversation.item.deleted":    event(func(w *wireEvent) ServerEvent { return &ItemDeleted{ItemID: w.ItemID} }),
	"conversation.item.truncated":  event(itemTruncated),
	"input_audio_buffer.committed": event(audioCommitted),
	"input_audio_buffer.cleared":   event(func(*wireEvent) ServerEvent { return &AudioCleared{} }),
	"response.created":             event(func(w *wireEvent) ServerEvent { return &ResponseCreated{Response: w.response()} }),
	"response.done":                event(func(w *wireEvent) ServerEvent { return &ResponseDone{Response: w.response()} }),
	"response.output_item.added":   event(outputItemAdded),
	"response.output_item.done":    event(outputItemDone),
	"response.content_part.added":  event(func(w *wireEvent) ServerEvent { return &ContentPartAdded{w.loc(), w.part()} }),
	"response.content_part.done":   event(func(w *wireEvent) ServerEvent { return &ContentPartDone{w.loc(), w.part()} }),
	"rate_limits.updated":          event(rateLimits),
	"input_audio_buffer.speech_started": event(func(w *wireEvent) ServerEvent {
		return &SpeechStarted{AudioStartMS: int(w.AudioStartMS), ItemID: w.ItemID}
	}),
	"input_audio_buffer.speech_stopped": event(func(w *wireEvent) ServerEvent {
		return &SpeechStopped{AudioEndMS: int(w.AudioEndMS), ItemID: w.ItemID}
	}),
	"input_audio_buffer.timeout_triggered":                  event(idleTimeout),
	"conversation.item.input_audio_transcription.delta":     event(transcriptionDelta),
	"conversation.item.input_audio_transcription.completed": event(transcriptionCompleted),
	"conversation.item.input_audio_transcription.segment":   event(transcriptionSegment),
	"conversation.item.input_audio_transcription.failed":    event(transcriptionFailed),
	"input_audio_buffer.dtmf_event_received":                event(dtmfReceived),
	"output_audio_buffer.started":                           event(outputStarted),
	"output_audio_buffer.stopped":                           event(outputStopped),
	"output_audio_buffer.cleared":                           event(outputCleared),

	"response.audio.delta":                   (*wireEvent).audio,
	"response.output_audio.delta":            (*wireEvent).audio,
	"response.audio.done":                    event(audioDone),
	"response.output_audio.done":             event(audioDone),
	"response.audio_transcript.delta":        event(transcriptDelta),
	"response.output_audio_transcript.delta": event(transcriptDelta),
	"response.audio_transcript.done":         event(transcriptDone),
	"response.output_audio_transcript.done":  event(transcriptDone),
	"response.text.delta":                    event(textDelta),
	"response.output_text.delta":             event(textDelta),
	"response.text.done":                     event(textDone),
	"response.output_text.done":              event(textDone),
	"response.function_call_arguments.delta": event(argumentsDelta),
	"response.function_call_arguments.done":  event(argumentsDone),
}

// event adapts a builder that cannot fail.
func event(build func(*wireEvent) ServerEvent) func(*wireEvent) (ServerEvent, error) {
	return func(w *wireEvent) (ServerEvent, error) { return build(w), nil }
}

func conversationCreated(w *wireEvent) ServerEvent {
	if w.Conversation == nil {
		return &ConversationCreated{}
	}
	return &ConversationCreated{ID: w.Conversation.ID}
}

func itemAdded(w *wireEvent) ServerEvent {
	return &ItemAdded{PreviousItemID: w.PreviousItemID, Item: w.Item.item()}
}

func itemDone(w *wireEvent) ServerEvent {
	return &ItemDone{PreviousItemID: w.PreviousItemID, Item: w.Item.item()}
}

func itemTruncated(w *wireEvent) ServerEvent {
	return &ItemTruncated{ItemID: w.ItemID, ContentIndex: int(w.ContentIndex), AudioEndMS: int(w.AudioEndMS)}
}

func audioCommitted(w *wireEvent) ServerEvent {
	return &AudioCommitted{PreviousItemID: w.PreviousItemID, ItemID: w.ItemID}
}

func outputItemAdded(w *wireEvent) ServerEvent {
	return &OutputItemAdded{ResponseID: w.ResponseID, OutputIndex: int(w.OutputIndex), Item: w.Item.item()}
}

func outputItemDone(w *wireEvent) ServerEvent {
	return &OutputItemDone{ResponseID: w.ResponseID, OutputIndex: int(w.OutputIndex), Item: w.Item.item()}
}

func rateLimits(w *wireEvent) ServerEvent {
	ev := &RateLimits{Limits: make([]RateLimit, len(w.RateLimits))}
	for i, l := range w.RateLimits {
		ev.Limits[i] = RateLimit{Name: l.Name, Limit: int(l.Limit), Remaining: int(l.Remaining), ResetSeconds: l.ResetSeconds}
	}
	return ev
}

func idleTimeout(w *wireEvent) ServerEvent {
	return &IdleTimeout{AudioStartMS: int(w.AudioStartMS), AudioEndMS: int(w.AudioEndMS), ItemID: w.ItemID}
}

func transcriptionDelta(w *wireEvent) ServerEvent {
	return &TranscriptionDelta{ItemID: w.ItemID, ContentIndex: int(w.ContentIndex), Delta: w.Delta, Logprobs: w.Logprobs}
}

func transcriptionCompleted(w *wireEvent) ServerEvent {
	ev := &TranscriptionCompleted{ItemID: w.ItemID, ContentIndex: int(w.ContentIndex), Transcript: w.Transcript,
		Usage: w.Usage.transcription(), Logprobs: w.Logprobs}
	for _, code := range w.Languages {
		ev.Languages = append(ev.Languages, string(code))
	}
	return ev
}

func transcriptionSegment(w *wireEvent) ServerEvent {
	return &TranscriptionSegment{ID: w.ID, ItemID: w.ItemID, ContentIndex: int(w.ContentIndex),
		Text: w.Text, Speaker: w.Speaker, Start: w.Start.span(), End: w.End.span()}
}

func dtmfReceived(w *wireEvent) ServerEvent {
	return &DTMFReceived{Key: w.Key, ReceivedAt: w.ReceivedAt.time()}
}

func outputStarted(w *wireEvent) ServerEvent { return &OutputAudioStarted{w.ResponseID} }
func outputStopped(w *wireEvent) ServerEvent { return &OutputAudioStopped{w.ResponseID} }
func outputCleared(w *wireEvent) ServerEvent { return &OutputAudioCleared{w.ResponseID} }

func transcriptionFailed(w *wireEvent) ServerEvent {
	return &TranscriptionFailed{ItemID: w.ItemID, ContentIndex: int(w.ContentIndex), Error: w.Error.error()}
}

func audioDone(w *wireEvent) ServerEvent       { return &AudioDone{w.loc()} }
func transcriptDelta(w *wireEvent) ServerEvent { return &TranscriptDelta{w.loc(), w.Delta} }
func transcriptDone(w *wireEvent) ServerEvent  { return &TranscriptDone{w.loc(), w.Transcript} }
func textDelta(w *wireEvent) ServerEvent       { return &TextDelta{w.loc(), w.Delta} }
func textDone(w *wireEvent) ServerEvent        { return &TextDone{w.loc(), w.Text} }

func argumentsDelta(w *wireEvent) ServerEvent {
	return &ArgumentsDelta{Loc: w.loc(), CallID: w.CallID, Delta: w.Delta}
}

func argumentsDone(w *wireEvent) ServerEvent {
	return &ArgumentsDone{Loc: w.loc(), CallID: w.CallID, Name: w.Name, Arguments: w.Arguments}
}
