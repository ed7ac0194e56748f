package outbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/trunkline/trunkline/store"
)

// Webhook is a receiver that gets events by POST.
type Webhook struct {
	URL     string        // http or https; it may hold a secret and is not logged
	Timeout time.Duration // of one request; 0: 5 s
	// Sign adds the headers that prove where a body comes from and name the event; nil: it is not signed.
	Sign   func(h http.Header, id string, now time.Time, body []byte)
	Source string // of the events, such as the name of the host
}

// message is an event in the form of CloudEvents 1.0.
type message struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        content   `json:"data"`
}

// content is what it is about.
type content struct {
	Call store.Call   `json:"call"`
	Line *store.Entry `json:"line,omitzero"`
}

// Deliver returns what a [Courier] delivers with. Answers of the 2xx kind are success; 4xx but 408, 425 and 429 are a
// refusal; redirects are not followed.
func (w Webhook) Deliver() Deliver {
	client := &http.Client{Timeout: cmp.Or(w.Timeout, 5*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, p *Parcel) error {
		body, err := json.Marshal(message{"1.0", p.ID, w.Source, p.Type, p.Call, p.At.UTC(), "application/json", content{p.Record, p.Line}})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("%w: the address is none", ErrRefused)
		}
		req.Header.Set("Content-Type", "application/cloudevents+json")
		if w.Sign != nil {
			w.Sign(req.Header, p.ID, time.Now(), body)
		}
		return answered(client.Do(req))
	}
}

// answered judges an answer.
func answered(res *http.Response, err error) error {
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	switch code := res.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("receiver answers %d", code)
	default:
		return fmt.Errorf("%w: receiver answers %d", ErrRefused, code)
	}
}
