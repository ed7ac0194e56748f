package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Webhook is a tool that is an HTTP service: the call is POSTed there as a signed [WebhookRequest] and the response is
// the result.
//
//	Trunkline                                            service
//	    │ POST url                                          │
//	    │ webhook-id: inv_…            same on a retry      │
//	    │ webhook-timestamp: 1796083200                     │
//	    │ webhook-signature: v1,…      of id.timestamp.body │
//	    │ idempotency-key: inv_…                            │
//	    │ {"tool":…,"call":{…},"call_id":…,"arguments":{…}} │
//	    │──────────────────────────────────────────────────►│ VerifyWebhook
//	    │◄──────────────────────────────────────────────────│
//	    │ 2xx  JSON or text: the result                     │
//	    │ 422  its text is read by the model, like Tell     │
//	    │ else private: the model reads "the tool failed"   │
//
// The signature is that of the Standard Webhooks convention, so receivers in other languages have verifiers already.
type Webhook struct {
	Name        string // as in Add
	Description string // as in Add
	// URL is where to POST; http or https. It comes from the configuration only, never from a caller.
	URL string
	// Secret is "whsec_" and base64 key bytes. Several, separated by spaces, each sign, for the time of a key change.
	// Empty means unsigned.
	Secret string
	// Timeout is as the option of that name; 0 means 10 s.
	Timeout time.Duration
	// Idempotent says that the service acts once for each webhook-id. Only then is a request sent a second time, after
	// 429, 502, 503, 504 or a broken connection.
	Idempotent bool
	// Parameters is the JSON Schema of the arguments, of type object, without $ref. Objects that list their properties
	// allow no others unless additionalProperties says so. Empty means no arguments.
	Parameters json.RawMessage
	// Collected names tools of [AddCollect] whose secret numbers are sent along, those that the caller has pressed so far.
	// They are in the body alone: neither the model nor the record has them.
	Collected []string
	// Client sends the requests; nil means a client of this tool's own. Its redirect policy is replaced.
	Client *http.Client
}

// WebhookRequest is the body of a webhook.
type WebhookRequest struct {
	Tool      string          `json:"tool"`
	Call      WebhookCall     `json:"call"`
	CallID    string          `json:"call_id"` // Realtime id of the function call
	Arguments json.RawMessage `json:"arguments"`
	// Collected holds numbers that the caller pressed and the model has not seen, by the tool that asked for them.
	Collected map[string]string `json:"collected,omitempty"`
}

// WebhookCall is the phone call that a webhook belongs to.
type WebhookCall struct {
	ID      string `json:"id"`
	Caller  string `json:"caller"` // as the trunk claims it
	Dialled string `json:"dialled"`
	Agent   string `json:"agent"`
}

// String names the webhook without its secret and URL, which may hold one.
func (w Webhook) String() string { return fmt.Sprintf("webhook %s", w.Name) }

// GoString is String: %#v must not print the secret either.
func (w Webhook) GoString() string { return w.String() }

// LogValue implements slog.LogValuer.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// MarshalJSON refuses: a webhook holds a secret.
func (w Webhook) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a webhook holds a secret and is not written out")
}

// AddWebhook puts a webhook into the registry as a tool. Options are applied after the fields of w.
func AddWebhook(r *Registry, w Webhook, opts ...Option) error {
	if err := addWebhook(r, w, opts); err != nil {
		return fmt.Errorf("add webhook %q: %w", w.Name, err)
	}
	return nil
}

func addWebhook(r *Registry, w Webhook, opts []Option) error {
	h, err := newHook(w)
	if err != nil {
		return err
	}
	t := &tool{name: w.Name, description: w.Description, run: h.run}
	if w.Timeout != 0 {
		opts = append([]Option{Timeout(w.Timeout)}, opts...)
	}
	if t.settings, err = newSettings(opts); err != nil {
		return err
	}
	if t.settings.schema != nil {
		return errors.New("the option Parameters is for Go functions: use the field")
	}
	if t.params, err = parseParameters(w.Parameters); err != nil {
		return err
	}
	if w.Client == nil {
		t.settings.closers = append(t.settings.closers, h.client.CloseIdleConnections)
	}
	return r.add(t)
}

// hook sends the webhooks of one tool. Static after construction.
type hook struct {
	name       string
	url        string
	host       string // of url, for messages
	keys       [][]byte
	idempotent bool
	collected  []string
	client     *http.Client
}

func newHook(w Webhook) (*hook, error) {
	u, err := url.Parse(w.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be read") // the error of url.Parse shows the URL
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("the URL must be http:// or https:// with a host")
	}
	keys, err := webhookKeys(w.Secret)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: newTransport()}
	if w.Client != nil {
		client = *w.Client
	}
	client.CheckRedirect = checkRedirect
	for _, name := range w.Collected {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("collected %q: %w", name, err)
		}
	}
	return &hook{w.Name, w.URL, u.Host, keys, w.Idempotent, slices.Clone(w.Collected), &client}, nil
}

// run is the handler.
func (h *hook) run(ctx context.Context, c *Call, args json.RawMessage) (reply, error) {
	body, err := h.body(c, args)
	if err != nil {
		return reply{}, err
	}
	resp, err := h.post(ctx, c.Invocation, body)
	attempts := 1
	if h.idempotent && worthRetry(resp, err) && pause(ctx, resp.retryAfter) {
		resp, err = h.post(ctx, c.Invocation, body)
		attempts = 2
	}
	if err != nil {
		return reply{attempts: attempts}, &WebhookError{Host: h.host, Err: err}
	}
	rep, err := h.read(resp)
	rep.attempts = attempts
	return rep, err
}

func (h *hook) body(c *Call, args json.RawMessage) ([]byte, error) {
	args, err := canonical(args)
	if err != nil {
		return nil, fmt.Errorf("write arguments: %w", err)
	}
	return marshal(WebhookRequest{
		Tool:      h.name,
		Call:      WebhookCall{ID: c.ID, Caller: c.Caller, Dialled: c.Dialled, Agent: c.Agent},
		CallID:    c.CallID,
		Arguments: args,
		Collected: c.collected(h.collected),
	})
}

// collected are the secret numbers that the tools named have kept; nil if there are none.
func (c *Call) collected(names []string) map[string]string {
	var all map[string]string
	for _, name := range names {
		v, _ := c.Get(name)
		if digits, ok := v.(string); ok {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = digits
		}
	}
	return all
}

// WebhookError says that a webhook gave no result. It holds neither URL nor bodies: they may hold secrets.
type WebhookError struct {
	Host   string // with port
	Status int    // of the HTTP response; 0 if there was none
	Err    error  // why there is no result; nil if Status says it
}

// Error implements error.
func (e *WebhookError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("call webhook at %s: status %d", e.Host, e.Status)
	case e.Status == 0:
		return fmt.Sprintf("call webhook at %s: %v", e.Host, e.Err)
	}
	return fmt.Sprintf("call webhook at %s: status %d: %v", e.Host, e.Status, e.Err)
}

// Unwrap gives the cause.
func (e *WebhookError) Unwrap() error { return e.Err }
