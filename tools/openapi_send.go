package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxRefusal bounds what a service says to the model about a request that it does not do.
const maxRefusal = 500

// run is the handler.
func (op *restOperation) run(ctx context.Context, c *Call, args json.RawMessage) (reply, error) {
	values, err := decodeNumbers(args)
	if err != nil {
		return reply{}, fmt.Errorf("read arguments: %w", err)
	}
	members, _ := values.(map[string]any)
	resp, err := op.send(ctx, c, members)
	attempts := 1
	if op.method == http.MethodGet && worthRetry(resp, err) && pause(ctx, resp.retryAfter) {
		resp, err = op.send(ctx, c, members)
		attempts = 2
	}
	var fault *ArgumentError
	switch {
	case errors.As(err, &fault):
		return reply{}, fault
	case err != nil:
		return reply{attempts: attempts}, &OpenAPIError{Service: op.service.name, Operation: op.id, Err: err}
	}
	rep, err := op.read(resp)
	rep.attempts = attempts
	return rep, err
}

// send sends the request once and reads the whole response.
func (op *restOperation) send(ctx context.Context, c *Call, members map[string]any) (response, error) {
	req, err := op.request(ctx, members)
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Accept", "application/json, text/plain")
	req.Header.Set("User-Agent", "trunkline")
	maps.Copy(req.Header, op.service.headers)
	if op.method != http.MethodGet && op.method != http.MethodHead {
		req.Header["idempotency-key"] = []string{c.Invocation} // see hook.post for the small letters
	}
	resp, err := op.service.client.Do(req)
	if err != nil {
		return response{}, withoutURL(err)
	}
	defer resp.Body.Close()
	return readResponse(resp)
}

// request puts each argument in its place.
func (op *restOperation) request(ctx context.Context, members map[string]any) (*http.Request, error) {
	path, query, header, body := op.path, url.Values{}, http.Header{}, map[string]any{}
	for _, a := range op.arguments {
		v, given := members[a.name]
		if !given || v == nil && a.in != wholeBody {
			continue
		}
		switch a.in {
		case openapi3.ParameterInPath:
			text := a.text(v)
			if strings.Trim(text, ".") == "" {
				return nil, argumentFault("%s must have something other than dots in it: it is a part of an address", a.name)
			}
			path = strings.ReplaceAll(path, "{"+a.original+"}", url.PathEscape(text))
		case openapi3.ParameterInQuery:
			a.query(query, v)
		case openapi3.ParameterInHeader:
			header.Set(a.original, strings.Map(headerRune, a.text(v)))
		case wholeBody:
			body[a.original] = v
		}
	}
	if strings.ContainsAny(path, "{}") {
		return nil, errors.New("a part of the path is missing")
	}
	return op.build(ctx, path, query, header, body)
}

func (op *restOperation) build(ctx context.Context, path string, query url.Values, header http.Header, body map[string]any) (*http.Request, error) {
	base := op.service.base
	u, err := url.Parse(strings.TrimRight(base.EscapedPath(), "/") + path)
	if err != nil {
		return nil, errors.New("the address cannot be built")
	}
	u.Scheme, u.Host, u.User, u.RawQuery = base.Scheme, base.Host, base.User, query.Encode()
	text, err := op.body(body)
	if err != nil {
		return nil, err
	}
	var content io.Reader = http.NoBody
	if text != nil {
		content = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, op.method, u.String(), content)
	if err != nil {
		return nil, errors.New("the request cannot be built")
	}
	req.Header = header
	return req, nil
}

// body is the JSON to send, or nil.
func (op *restOperation) body(members map[string]any) ([]byte, error) {
	hasBody := op.bodyRequired || len(members) > 0
	if !hasBody {
		return nil, nil
	}
	var v any = members
	if op.whole {
		v = members[wholeBody]
	}
	text, err := marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	return text, nil
}

// query adds a parameter once, or once for each item of a list.
func (a restArgument) query(to url.Values, v any) {
	list, isList := v.([]any)
	if !isList || a.sep != "" || a.json {
		to.Add(a.original, a.text(v))
		return
	}
	for _, item := range list {
		to.Add(a.original, scalarText(item))
	}
}

// text is a value as it stands in an address or a header.
func (a restArgument) text(v any) string {
	if a.json {
		text, err := marshal(v)
		if err == nil {
			return string(text)
		}
	}
	list, isList := v.([]any)
	if !isList {
		return scalarText(v)
	}
	items := make([]string, len(list))
	for i := range list {
		items[i] = scalarText(list[i])
	}
	return strings.Join(items, a.sep)
}

func scalarText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// headerRune keeps what the model wrote from ending a header.
func headerRune(c rune) rune {
	if c < ' ' || c == 0x7f {
		return ' '
	}
	return c
}

// aboutTheRequest are the responses that say what is wrong with what the model asked for, so that it can ask better or
// tell the caller. Others are about our keys (401, 403, 407), how much we ask (429), or what only an operator can mend.
var aboutTheRequest = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity}

// read turns a response into the tool's result.
func (op *restOperation) read(r response) (reply, error) {
	if slices.Contains(aboutTheRequest, r.status) {
		return reply{}, Tell("the service refused the request (%s)%s", strings.ToLower(http.StatusText(r.status)), r.complaint())
	}
	failed := &OpenAPIError{Service: op.service.name, Operation: op.id, Status: r.status}
	if r.status < 200 || r.status > 299 {
		return reply{}, failed
	}
	rep, err := r.result()
	if err != nil {
		failed.Err = err
		return reply{}, failed
	}
	return rep, nil
}

// complaint is what JSON or plain text says of a refused request, the members of RFC 9457 and the usual ones. Pages for
// people are left out.
func (r response) complaint() string {
	text := ""
	switch {
	case !utf8.Valid(r.body):
	case r.mediaType == "text/plain":
		text = string(r.body)
	case isJSON(r.mediaType):
		var said map[string]any
		_ = json.Unmarshal(r.body, &said)
		if inner, ok := said["error"].(map[string]any); ok {
			said = inner
		}
		for _, name := range []string{"detail", "message", "error", "title"} {
			if s, ok := said[name].(string); ok && text == "" {
				text = s
			}
		}
	}
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return ": " + cut(text, maxRefusal)
}
