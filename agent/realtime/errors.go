package realtime

import (
	"errors"
	"slices"
	"strings"
)

// Error is the error object of the protocol: of an `error` event, of a failed response or of a failed transcription.
type Error struct {
	Type    string
	Code    string // often empty; servers send null
	Message string // for people, never parsed
	Param   string
	EventID string // the client event that caused it; often empty even when there was one
}

// Error implements error.
func (e *Error) Error() string {
	s := "realtime: " + e.Type
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Class sorts errors of a server by what they mean to a call.
type Class uint8

const (
	// Other is any error that is not listed: log it and go on. Most errors leave the session open.
	Other Class = iota
	// Benign is the lost half of a race (nothing left to cancel, an item already gone): nothing has to be done.
	Benign
	// Retryable is a fault of the server or a rate limit: the same request may succeed after a pause.
	Retryable
	// Fatal means that this session is over, or that no session will work: see IsFatal and IsRetryable.
	Fatal
)

// String names the class for logs.
func (c Class) String() string {
	switch c {
	case Benign:
		return "benign"
	case Retryable:
		return "retryable"
	case Fatal:
		return "fatal"
	}
	return "other"
}

// codeSessionExpired ends the connection but not the service: a new session works at once.
const codeSessionExpired = "session_expired"

// classes are the codes known from real servers. Codes are in no specification.
var classes = map[string]Class{
	"input_audio_buffer_commit_empty":          Benign,
	"conversation_already_has_active_response": Benign,
	"response_cancel_not_active":               Benign,
	"item_truncate_invalid_item_id":            Benign,
	"item_delete_invalid_item_id":              Benign,
	"item_retrieve_invalid_item_id":            Benign,

	"rate_limit_exceeded":           Retryable,
	"inference_rate_limit_exceeded": Retryable,
	"server_error":                  Retryable,

	codeSessionExpired:           Fatal,
	"insufficient_quota":         Fatal,
	"invalid_api_key":            Fatal,
	"account_deactivated":        Fatal,
	"billing_hard_limit_reached": Fatal,
	"model_not_found":            Fatal,
	codeBetaDisabled:             Fatal,
	"invalid_beta":               Fatal,
}

// Class sorts the error by its code, and where servers send none by its type.
func (e *Error) Class() Class {
	switch c, known := classes[e.Code]; {
	case known:
		return c
	case e.Code == "" && tooLateToTruncate(e.Message):
		return Benign
	case e.Type == "server_error":
		return Retryable
	}
	return Other
}

// tooLateToTruncate recognises the two refusals of conversation.item.truncate that have no code. Messages are not to be
// parsed; here a wrong guess only changes the level of a log line.
func tooLateToTruncate(message string) bool {
	return strings.HasPrefix(message, "Audio content of ") && strings.Contains(message, " is already shorter than ") ||
		strings.HasPrefix(message, "Only model output audio messages can be truncated")
}

const codeBetaDisabled = "beta_api_shape_disabled"

// oneDialectOnly are the session members that one dialect has and the other refuses as unknown, from either side. Members
// that came or went within a dialect (temperature, speed) prove nothing.
var oneDialectOnly = []string{
	"session.type", "session.audio", "session.output_modalities",
	"session.modalities", "session.voice", "session.input_audio_format", "session.output_audio_format",
	"session.input_audio_transcription", "session.turn_detection", "session.max_response_output_tokens",
}

// WrongDialect reports that err says: this server speaks the other dialect, or no longer speaks this one. It is a matter
// of configuration, so trying again is no use.
func WrongDialect(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.wrongDialect()
	}
	c, ok := errors.AsType[*CloseError](err)
	return ok && strings.Contains(c.Reason, codeBetaDisabled)
}

func (e *Error) wrongDialect() bool {
	switch e.Code {
	case codeBetaDisabled, "invalid_beta":
		return true
	case "unknown_parameter":
		return slices.Contains(oneDialectOnly, e.Param)
	case "missing_required_parameter", "invalid_value", "invalid_type":
		return e.Param == "session.type"
	}
	return false
}
