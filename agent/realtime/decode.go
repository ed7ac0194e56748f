package realtime

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Decoder reads server events. One connection has one; it is not for several goroutines.
type Decoder struct {
	dialect Dialect    // static
	audio   AudioDelta // reused: of 20 deltas a second hardly one brings a new id
	unread  int64      // members of events so far that nobody reads
}

// NewDecoder returns a decoder for a server that speaks d. Names and shapes of the other dialect are understood as well.
func NewDecoder(d Dialect) *Decoder { return &Decoder{dialect: d} }

// Decode reads one message. It may overwrite msg, and an *AudioDelta is valid until msg is reused or Decode is called
// again. An event without a use is *Unknown. Members may be missing, null or of an odd type: they read as zero. The error
// says that msg is no JSON object with a type, or that its audio is no base64; the connection is none the worse for it.
func (d *Decoder) Decode(msg []byte) (ServerEvent, error) {
	if span, ok := scanAudio(msg); ok {
		return d.delta(span)
	}
	w := wireEvent{decoder: d}
	if err := unlessMistyped(json.Unmarshal(msg, &w)); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if w.Type == "" {
		return nil, fmt.Errorf("decode event: %w", errNoType)
	}
	build, known := builders[w.Type]
	if !known {
		return &Unknown{Type: w.Type}, nil
	}
	d.unread += countUnread(msg)
	ev, err := build(&w)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", w.Type, err)
	}
	return ev, nil
}

var errNoType = errors.New("message is not an object with a type")

// delta decodes the audio where it lies.
func (d *Decoder) delta(span audioSpan) (ServerEvent, error) {
	d.unread += span.unread
	audio, err := decodeInPlace(span.delta)
	if err != nil {
		return nil, fmt.Errorf("decode audio delta: %w", err)
	}
	intern(&d.audio.ResponseID, span.responseID)
	intern(&d.audio.ItemID, span.itemID)
	d.audio.OutputIndex, d.audio.ContentIndex, d.audio.Audio = span.outputIndex, span.contentIndex, audio
	return &d.audio, nil
}

// intern keeps the old string when the new text is the same; comparing does not allocate.
func intern(id *string, text []byte) {
	if *id != string(text) {
		*id = string(text)
	}
}

// wireEvent is any server event. The names of the protocol mean the same thing in each, so one pass over the message
// does.
type wireEvent struct {
	decoder *Decoder

	Type           string        `json:"type"`
	Session        *wireSession  `json:"session"`
	Conversation   *wireID       `json:"conversation"`
	PreviousItemID string        `json:"previous_item_id"`
	Item           *wireItem     `json:"item"`
	ItemID         string        `json:"item_id"`
	Response       *wireResponse `json:"response"`
	ResponseID     string        `json:"response_id"`
	OutputIndex    count         `json:"output_index"`
	ContentIndex   count         `json:"content_index"`
	Part           *wirePart     `json:"part"`
	Content        *wirePart     `json:"content"` // what early servers called part
	Delta          string        `json:"delta"`
	Text           string        `json:"text"`
	Transcript     string        `json:"transcript"`
	CallID         string        `json:"call_id"`
	Name           string        `json:"name"`
	Arguments      string        `json:"arguments"`
	AudioStartMS   count         `json:"audio_start_ms"`
	AudioEndMS     count         `json:"audio_end_ms"`
	RateLimits     []wireLimit   `json:"rate_limits"`
	Usage          *wireUsage    `json:"usage"`
	Languages      []named       `json:"languages"`
	Logprobs       []Logprob     `json:"logprobs"`
	ID             string        `json:"id"` // of a segment
	Speaker        string        `json:"speaker"`
	Start          seconds       `json:"start"`
	End            seconds       `json:"end"`
	Key            string        `json:"event"`
	ReceivedAt     seconds       `json:"received_at"`
	Error          *wireError    `json:"error"`
}

func (w *wireEvent) loc() Loc {
	return Loc{ResponseID: w.ResponseID, ItemID: w.ItemID, OutputIndex: int(w.OutputIndex), ContentIndex: int(w.ContentIndex)}
}

func (w *wireEvent) part() Part {
	if w.Part != nil {
		return w.Part.part()
	}
	return w.Content.part()
}

// audio is a delta that the scan declined.
func (w *wireEvent) audio() (ServerEvent, error) {
	audio, err := base64.StdEncoding.DecodeString(w.Delta)
	if err != nil {
		return nil, err
	}
	w.decoder.audio = AudioDelta{Loc: w.loc(), Audio: audio}
	return &w.decoder.audio, nil
}
