package realtime

import (
	"sync/atomic"
	"time"
)

// Family groups events for counting: few names, so that they can be labels of a metric.
type Family uint8

// The families.
const (
	FamilyOther     Family = iota // unknown events, rate limits, the conversation
	FamilyAudio                   // audio in both directions
	FamilyWords                   // texts and transcripts of either side
	FamilySpeech                  // turn detection, keys and the buffers
	FamilyResponse                // life of responses
	FamilyItem                    // items and their parts
	FamilyArguments               // function call arguments
	FamilySession
	FamilyError
	families
)

var familyNames = [families]string{"other", "audio", "words", "speech", "response", "item", "arguments", "session", "error"}

// String is the family's name in metrics.
func (f Family) String() string {
	if f < families {
		return familyNames[f]
	}
	return "other"
}

// counters are written by the writer, by Recv and by Send.
type counters struct {
	in, out           [families]atomic.Int64
	bytesIn, bytesOut atomic.Int64
	audioDroppedMS    atomic.Int64
	undecodable       atomic.Int64
	unknown, unread   atomic.Int64
	queueFull         atomic.Int64
	roundTrip         atomic.Int64
}

// Stats are the figures of one connection so far.
type Stats struct {
	In, Out        map[string]int64 // events by Family name, only those that occurred
	BytesIn        int64            // message bytes, without framing
	BytesOut       int64
	AudioDroppedMS int64         // caller audio that was too old to be sent
	Undecodable    int64         // messages passed over: no event, or longer than 16 MiB
	Unknown        int64         // events without a use
	Unread         int64         // members at the top of known events that nobody reads; "obfuscation" is not counted
	QueueFull      int64         // events refused because the link was dead
	RoundTrip      time.Duration // of the last ping; 0 before the first
}

// Stats returns the figures so far.
func (c *Conn) Stats() Stats {
	s := &c.stats
	return Stats{
		In: byFamily(&s.in), Out: byFamily(&s.out), BytesIn: s.bytesIn.Load(), BytesOut: s.bytesOut.Load(),
		AudioDroppedMS: s.audioDroppedMS.Load(), Undecodable: s.undecodable.Load(), Unknown: s.unknown.Load(), Unread: s.unread.Load(), QueueFull: s.queueFull.Load(),
		RoundTrip: time.Duration(s.roundTrip.Load()),
	}
}

func byFamily(counts *[families]atomic.Int64) map[string]int64 {
	m := map[string]int64{}
	for f := range families {
		if n := counts[f].Load(); n > 0 {
			m[f.String()] = n
		}
	}
	return m
}

func clientFamily(ev ClientEvent) Family {
	switch ev.(type) {
	case *SessionUpdate:
		return FamilySession
	case *AudioAppend:
		return FamilyAudio
	case *AudioCommit, *AudioClear, *OutputAudioClear:
		return FamilySpeech
	case *ResponseCreate, *ResponseCancel:
		return FamilyResponse
	case *ItemCreate, *ItemRetrieve, *ItemTruncate, *ItemDelete:
		return FamilyItem
	}
	return FamilyOther
}

func serverFamily(ev ServerEvent) Family {
	switch ev.(type) {
	case *AudioDelta, *AudioDone:
		return FamilyAudio
	case *TranscriptDelta, *TranscriptDone, *TextDelta, *TextDone,
		*TranscriptionDelta, *TranscriptionCompleted, *TranscriptionSegment, *TranscriptionFailed:
		return FamilyWords
	case *SpeechStarted, *SpeechStopped, *AudioCommitted, *AudioCleared, *IdleTimeout, *DTMFReceived,
		*OutputAudioStarted, *OutputAudioStopped, *OutputAudioCleared:
		return FamilySpeech
	case *ResponseCreated, *ResponseDone:
		return FamilyResponse
	case *ArgumentsDelta, *ArgumentsDone:
		return FamilyArguments
	case *SessionCreated, *SessionUpdated:
		return FamilySession
	case *ErrorEvent:
		return FamilyError
	}
	return itemFamily(ev)
}

func itemFamily(ev ServerEvent) Family {
	switch ev.(type) {
	case *ItemAdded, *ItemDone, *ItemRetrieved, *ItemDeleted, *ItemTruncated,
		*OutputItemAdded, *OutputItemDone, *ContentPartAdded, *ContentPartDone:
		return FamilyItem
	}
	return FamilyOther
}
