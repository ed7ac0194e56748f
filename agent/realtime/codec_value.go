package realtime

import (
	"encoding/json"
	"errors"
	"reflect"
)

// The values of a session that are a word on most servers and an object on some. Inside an Opt, a value that is neither
// reads as left out.

// voice is a name, or {"id":…} of a voice of one's own.
type voice struct {
	name string
	isID bool
}

// encodeVoice keeps left out and null what they are.
func encodeVoice(name Opt[string], isID bool) Opt[voice] {
	return mapOpt(name, func(s string) voice { return voice{s, isID} })
}

// fillVoice copies what a server says about its voice.
func fillVoice(s *Session, v Opt[voice]) {
	setOpt(&s.Voice, mapOpt(v, func(v voice) string { return v.name }))
	set(&s.VoiceIsID, v.Or(voice{}).isID)
}

// MarshalJSON implements json.Marshaler.
func (v voice) MarshalJSON() ([]byte, error) {
	if !v.isID {
		return appendJSON(nil, v.name)
	}
	return appendJSON(nil, struct {
		ID string `json:"id"`
	}{v.name})
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *voice) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, &v.name)
	case '{':
		var object wireID
		err := unlessMistyped(json.Unmarshal(data, &object))
		*v = voice{object.ID, true}
		return err
	}
	return neither(data, v)
}

// noise is the object around a kind of noise reduction.
type noise struct {
	Type     string       `json:"type"`
	Strength Opt[float64] `json:"strength,omitzero"`
}

func encodeNoise(kind Opt[string], strength Opt[float64]) Opt[noise] {
	return mapOpt(kind, func(s string) noise { return noise{s, strength} })
}

func (n noise) kind() string { return n.Type }

// fillNoise copies what a server says about its noise reduction.
func fillNoise(s *Session, n Opt[noise]) {
	setOpt(&s.NoiseReduction, mapOpt(n, noise.kind))
	v, _ := n.Get()
	setOpt(&s.NoiseStrength, v.Strength)
}

// truncation is a word, or {"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":8000}}.
type truncation struct {
	Type   string          `json:"type"`
	Ratio  float64         `json:"retention_ratio"`
	Limits truncationLimit `json:"token_limits,omitzero"`
}

type truncationLimit struct {
	PostInstructions count `json:"post_instructions,omitempty"`
}

const keepRatio = "retention_ratio"

var errRatio = errors.New("the truncation retention_ratio needs TruncationRatio, and TruncationTokens is a part of it")

// encodeTruncation refuses what servers would, with the whole update.
func encodeTruncation(s *Session) (truncation, error) {
	ratio, ok := s.TruncationRatio.Get()
	if ok {
		return truncation{keepRatio, ratio, truncationLimit{count(s.TruncationTokens)}}, nil
	}
	if s.Truncation == keepRatio || s.TruncationTokens != 0 {
		return truncation{}, errRatio
	}
	return truncation{Type: s.Truncation}, nil
}

// fill copies what a server says.
func (t truncation) fill(s *Session) {
	set(&s.Truncation, t.Type)
	set(&s.TruncationTokens, int(t.Limits.PostInstructions))
	if t.Type == keepRatio {
		s.TruncationRatio = Some(t.Ratio)
	}
}

// MarshalJSON implements json.Marshaler.
func (t truncation) MarshalJSON() ([]byte, error) {
	if t.Type != keepRatio {
		return appendJSON(nil, t.Type)
	}
	type plain truncation // without this method
	return appendJSON(nil, plain(t))
}

// UnmarshalJSON never fails on well-formed JSON.
func (t *truncation) UnmarshalJSON(data []byte) error {
	*t = truncation{}
	if data[0] == '"' {
		return json.Unmarshal(data, &t.Type)
	}
	type plain truncation // without this method
	return unlessMistyped(json.Unmarshal(data, (*plain)(t)))
}

// tracing is "auto", or an object with names.
type tracing Tracing

func encodeTracing(t Tracing) tracing { return tracing(t) }
func (t tracing) tracing() Tracing    { return Tracing(t) }

// MarshalJSON implements json.Marshaler.
func (t tracing) MarshalJSON() ([]byte, error) {
	if t.Workflow == "" && t.Group == "" && t.Metadata == nil {
		return []byte(`"auto"`), nil
	}
	return appendJSON(nil, Tracing(t))
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *tracing) UnmarshalJSON(data []byte) error {
	*t = tracing{}
	switch data[0] {
	case '"':
		return nil
	case '{':
		return unlessMistyped(json.Unmarshal(data, (*Tracing)(t)))
	}
	return neither(data, t)
}

// neither is what encoding/json says of a value of the wrong type.
func neither(data []byte, v any) error {
	return &json.UnmarshalTypeError{Value: string(data[:1]) + "…", Type: reflect.TypeOf(v)}
}
