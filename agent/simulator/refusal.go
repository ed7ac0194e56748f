package simulator

import "fmt"

// The error codes of the Realtime API that the simulator uses. Some refusals
// of the real service carry no code at all; these have an empty one here and
// null on the wire. No trace was found of the three marked ours.
const (
	codeUnknownParameter = "unknown_parameter"
	codeMissing          = "missing_required_parameter"
	codeInvalidType      = "invalid_type"
	codeInvalidValue     = "invalid_value"
	codeInvalidJSON      = "invalid_json" // ours
	codeCommitEmpty      = "input_audio_buffer_commit_empty"
	codeActiveResponse   = "conversation_already_has_active_response"
	codeNotActive        = "response_cancel_not_active"
	codeVoice            = "cannot_update_voice"
	codeToolCallID       = "invalid_tool_call_id"
	codeTruncateItem     = "item_truncate_invalid_item_id"
	codeDeleteItem       = "item_delete_invalid_item_id"
	codeRetrieveItem     = "item_retrieve_invalid_item_id"
	codeDuplicateItem    = "item_create_duplicate_item_id"        // ours
	codePreviousItem     = "item_create_invalid_previous_item_id" // ours
	codeExpired          = "session_expired"
	codeBetaShape        = "beta_api_shape_disabled"
	codeInvalidBeta      = "invalid_beta"
)

// refusal is why a client event was not accepted. It becomes the `error`
// object of an error event.
type refusal struct {
	kind    string // error.type; "" is invalid_request_error
	code    string // "" is null
	param   string // "" is null
	message string
}

func refuse(code, param, format string, args ...any) *refusal {
	return &refusal{code: code, param: param, message: fmt.Sprintf(format, args...)}
}

// body is the error object on the wire; eventID names the client event at fault.
func (r *refusal) body(eventID string) fields {
	kind := r.kind
	if kind == "" {
		kind = "invalid_request_error"
	}
	return fields{
		"type", kind,
		"code", orNull(r.code),
		"message", r.message,
		"param", orNull(r.param),
		"event_id", orNull(eventID),
	}
}

// orNull turns an empty text into JSON null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
