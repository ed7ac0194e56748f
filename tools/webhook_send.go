package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	maxResponse   = 64 << 10 // bytes, after decompression
	maxRedirects  = 3
	retryDelay    = 150 * time.Millisecond
	maxRetryAfter = 2 * time.Second // a caller on the line does not wait longer
)

// response is what is kept of an HTTP response.
type response struct {
	status     int
	mediaType  string
	retryAfter time.Duration
	body       []byte
}

// newTransport makes the connections of one tool. One for each tool, so that a stuck service holds up no other.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: maxResponse,
	}
}

// post sends the request once and reads the whole response.
func (h *hook) post(ctx context.Context, id string, body []byte) (response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return response{}, errors.New("the request cannot be built")
	}
	now := time.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/plain")
	req.Header.Set("User-Agent", "trunkline")
	signHeaders(req.Header, h.keys, id, now, body)
	// Not canonical on purpose: with the canonical key net/http takes the request for repeatable and repeats it by
	// itself, also for tools that are not idempotent. On the wire names have no case.
	req.Header["idempotency-key"] = []string{id}
	resp, err := h.client.Do(req)
	if err != nil {
		return response{}, withoutURL(err)
	}
	defer resp.Body.Close()
	return readResponse(resp)
}

func readResponse(resp *http.Response) (response, error) {
	r := response{status: resp.StatusCode, retryAfter: retryAfter(resp.Header)}
	r.mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return r, fmt.Errorf("read response: %w", err)
	}
	if len(body) > maxResponse {
		return r, errTooLong
	}
	r.body = bytes.TrimSpace(body)
	return r, nil
}

// read turns a response into the tool's result.
func (h *hook) read(r response) (reply, error) {
	switch {
	case r.status == http.StatusUnprocessableEntity:
		return reply{}, Tell("%s", refusal(r.body))
	case r.status < 200 || r.status > 299:
		return reply{}, &WebhookError{Host: h.host, Status: r.status}
	}
	rep, err := r.result()
	if err != nil {
		return reply{}, &WebhookError{Host: h.host, Status: r.status, Err: err}
	}
	return rep, nil
}

// result is what a response of success says: JSON or text.
func (r response) result() (reply, error) {
	switch {
	case len(r.body) == 0:
		return reply{text: "done"}, nil
	case !utf8.Valid(r.body):
		return reply{}, errors.New("the response is not UTF-8")
	case isJSON(r.mediaType):
		var compact bytes.Buffer
		if json.Compact(&compact, r.body) == nil {
			return jsonTextReply(compact.Bytes()), nil
		}
		return reply{}, errors.New("the response is not the JSON that it claims to be")
	case r.mediaType == "" || r.mediaType == "text/plain":
		return plainReply(r.body), nil
	}
	return reply{}, fmt.Errorf("the response is %s, not JSON or text", r.mediaType) // a proxy's login page is no result
}

// plainReply takes text, or JSON of a service that does not label it.
func plainReply(body []byte) reply {
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		return jsonTextReply(compact.Bytes())
	}
	return reply{text: string(body)}
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// refusal is the text of a 422 response: the error member of a JSON object, or the body as it is.
func refusal(body []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	switch {
	case len(body) == 0:
		return "the request was refused"
	case json.Unmarshal(body, &said) == nil && said.Error != "":
		return said.Error
	}
	return string(body)
}

var (
	errTooLong = fmt.Errorf("the response is longer than %d bytes", maxResponse)
	// ErrRedirect says that a webhook answered with a redirect that is not followed: to another host, to plain HTTP,
	// with another method than POST, or once too often.
	ErrRedirect = errors.New("redirect refused")
)

// checkRedirect follows 307 and 308 on the same host. The arguments and the signature are for the configured host only,
// and 301, 302 and 303 would turn the POST into a GET.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case !strings.EqualFold(req.URL.Host, first.URL.Host):
		return fmt.Errorf("%w: to another host", ErrRedirect)
	case first.URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: from https to http", ErrRedirect)
	case req.Method != first.Method:
		return fmt.Errorf("%w: it would not be a POST", ErrRedirect)
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	}
	return nil
}

// withoutURL drops what http.Client puts around errors, since a URL may hold a secret.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// worthRetry says whether the same request may succeed the second time.
func worthRetry(r response, err error) bool {
	if err != nil {
		return isBroken(err)
	}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isBroken says whether the connection failed, as opposed to a refused redirect or a deadline.
func isBroken(err error) bool {
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE} {
		if errors.Is(err, target) {
			return true
		}
	}
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// retryAfter reads the header of that name in its form of seconds; 0 if it is absent or a date.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// pause waits before a retry and says whether there is still reason to make it: not if the service wants to be left
// alone for longer than a caller waits, or the deadline comes first.
func pause(ctx context.Context, after time.Duration) bool {
	wait := max(retryDelay, after)
	if deadline, ok := ctx.Deadline(); wait > maxRetryAfter || ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
