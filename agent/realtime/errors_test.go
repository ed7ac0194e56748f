package realtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestR05ClassesOfErrors(t *testing.T) {
	for _, c := range []struct {
		err  Error
		want Class
	}{
		{Error{Code: "input_audio_buffer_commit_empty"}, Benign},
		{Error{Code: "conversation_already_has_active_response"}, Benign},
		{Error{Code: "response_cancel_not_active"}, Benign},
		{Error{Code: "item_truncate_invalid_item_id"}, Benign},
		{Error{Type: "invalid_request_error", Message: "Audio content of 1000ms is already shorter than 1300ms"}, Benign},
		{Error{Type: "invalid_request_error", Message: "Only model output audio messages can be truncated"}, Benign},
		{Error{Code: "invalid_value", Message: "Only model output audio messages can be truncated"}, Other},
		{Error{Code: "rate_limit_exceeded", Type: "invalid_request_error"}, Retryable},
		{Error{Code: "inference_rate_limit_exceeded"}, Retryable},
		{Error{Type: "server_error"}, Retryable},
		{Error{Type: "server_error", Code: "something_new"}, Retryable},
		{Error{Code: "session_expired"}, Fatal},
		{Error{Code: "insufficient_quota", Type: "server_error"}, Fatal},
		{Error{Code: "invalid_api_key"}, Fatal},
		{Error{Code: "beta_api_shape_disabled"}, Fatal},
		{Error{Code: "cannot_update_voice"}, Other},
		{Error{Code: "invalid_tool_call_id"}, Other},
		{Error{}, Other},
	} {
		if got := c.err.Class(); got != c.want {
			t.Errorf("%v is %s, want %s", &c.err, got, c.want)
		}
	}
}

func TestP64WrongDialect(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&Error{Code: "unknown_parameter", Param: "session.type"}, true},
		{&Error{Code: "unknown_parameter", Param: "session.audio"}, true},
		{&Error{Code: "unknown_parameter", Param: "session.input_audio_format"}, true},
		{&Error{Code: "missing_required_parameter", Param: "session.type"}, true},
		{&Error{Code: "beta_api_shape_disabled"}, true},
		{&Error{Code: "invalid_beta"}, true},
		{fmt.Errorf("open: %w", &RefusedError{Err: &Error{Code: "unknown_parameter", Param: "session.modalities"}}), true},
		{&CloseError{Code: 4000, Reason: "invalid_request_error.beta_api_shape_disabled"}, true},
		{&CloseError{Code: 4000, Reason: "busy"}, false},
		{&Error{Code: "unknown_parameter", Param: "session.audio.input.foo"}, false},
		{&Error{Code: "unknown_parameter", Param: "session.temperature"}, false},
		{&Error{Code: "invalid_value", Param: "session.audio"}, false},
		{io.EOF, false},
		{nil, false},
	} {
		if got := WrongDialect(c.err); got != c.want {
			t.Errorf("WrongDialect(%v) = %v", c.err, got)
		}
	}
	err := &RefusedError{Dialect: DialectPreview, Err: &Error{Code: "unknown_parameter", Param: "session.modalities"}}
	if text := err.Error(); !strings.Contains(text, `does not speak the "preview" dialect`) || !strings.Contains(text, `with dialect "ga"`) {
		t.Errorf("not in plain words: %s", text)
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Verdict
	}{
		{ErrStalled, VerdictRetry},
		{fmt.Errorf("receive: %w", ErrPingTimeout), VerdictRetry},
		{fmt.Errorf("wait: %w", ErrOpenTimeout), VerdictRetry},
		{ErrClosed, VerdictEnded},
		{context.Canceled, VerdictEnded},
		{nil, VerdictEnded},
		{&Error{Code: "session_expired"}, VerdictRetry},
		{&Error{Code: "invalid_api_key"}, VerdictFatal},
		{&Error{Code: "unknown_parameter", Param: "session.audio"}, VerdictFatal},
		{&Error{Code: "rate_limit_exceeded"}, VerdictRetry},
		{&Error{Code: "conversation_already_has_active_response"}, VerdictEnded},
		{&RefusedError{Err: &Error{Code: "invalid_value", Param: "session.temperature"}}, VerdictFatal},
		{&RefusedError{Err: &Error{Type: "server_error"}}, VerdictRetry},
		{&DialError{Status: 401}, VerdictFatal},
		{&DialError{Status: 403}, VerdictFatal},
		{&DialError{Status: 404}, VerdictFatal},
		{&DialError{Status: 302}, VerdictFatal},
		{&DialError{Status: 101, Err: io.EOF}, VerdictFatal},
		{&DialError{Status: 429}, VerdictRetry},
		{&DialError{Status: 429, Code: "insufficient_quota"}, VerdictFatal},
		{&DialError{Status: 408}, VerdictRetry},
		{&DialError{Status: 503}, VerdictRetry},
		{&DialError{Status: 501}, VerdictFatal},
		{&DialError{Err: io.EOF}, VerdictRetry},
		{&DialError{Err: context.DeadlineExceeded}, VerdictRetry},
		{&DialError{Err: context.Canceled}, VerdictEnded},
		{&DialError{Err: errScheme}, VerdictFatal},
	} {
		if got := verdictOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
		if IsFatal(c.err) != (c.want == VerdictFatal) || IsRetryable(c.err) != (c.want == VerdictRetry) {
			t.Errorf("%v: the questions answer otherwise", c.err)
		}
	}
}

func TestCloseCodes(t *testing.T) {
	want := map[Verdict][]int{
		VerdictEnded: {1000},
		VerdictRetry: {1001, 1005, 1006, 1011, 1012, 1013, 1014},
		VerdictFatal: {1002, 1003, 1007, 1008, 1009, 1010, 1015, 3000, 4000, 4001, 4999},
	}
	for verdict, codes := range want {
		for _, code := range codes {
			if got := closeVerdict(code); got != verdict {
				t.Errorf("close code %d: %s, want %s", code, got, verdict)
			}
		}
	}
}

func TestReadError(t *testing.T) {
	lost := errors.New("connection reset")
	for _, c := range []struct {
		err  error
		want CloseError
	}{
		{fmt.Errorf("read: %w", websocket.CloseError{Code: 1001, Reason: "expired"}), CloseError{1001, "expired", VerdictRetry, nil}},
		{lost, CloseError{1006, "", VerdictRetry, lost}},
	} {
		if got := readError(c.err); *got != c.want {
			t.Errorf("%v is %+v, want %+v", c.err, *got, c.want)
		}
	}
}

func TestR17AddressWithoutKey(t *testing.T) {
	for address, want := range map[string]string{
		"wss://api.openai.com/v1/realtime?model=gpt-realtime":                                                    "wss://api.openai.com/v1/realtime?model=gpt-realtime",
		"wss://user:secret@x.example/openai/realtime?api-version=2024-10-01-preview&deployment=d&api-key=secret": "wss://x.example/openai/realtime?api-version=2024-10-01-preview&deployment=d",
		"wss://x.example/v1?token=secret#secret":                                                                 "wss://x.example/v1",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := publicAddress(u); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "-1": 0, "soon": 0, "99999999999": 24 * time.Hour, "100000": 24 * time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", header, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	for text, want := range map[string]string{"short": "short", "123456789": "12345678", "1234567é": "1234567", "": ""} {
		if got := clip(text, 8); got != want {
			t.Errorf("clip(%q) = %q, want %q", text, got, want)
		}
	}
}
