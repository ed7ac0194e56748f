package share

import (
	"context"

	"github.com/trunkline/trunkline/store"
)

// Owner is what a second process may do with the store through the process that owns it. Its Delete is the one that also
// removes what is kept elsewhere, such as recordings.
type Owner interface {
	store.Reader
	store.Labeller
	store.Feeder
	store.Auditor
	Append(ctx context.Context, callID string, entries ...store.Entry) error
	Delete(ctx context.Context, id string) error
}

var _ Owner = (*Client)(nil)

// nothing is the answer of a method that only fails or does not.
type nothing struct{}

// deskMethods are those beside the ones of a Reader.
func deskMethods(s Owner) map[string]method {
	return map[string]method{
		"search": func(ctx context.Context, r request) (any, error) {
			return store.Search(ctx, s, r.Query, r.Text, r.Limit)
		},
		"feed":   func(ctx context.Context, r request) (any, error) { return s.Feed(ctx, r.After) },
		"audits": func(ctx context.Context, r request) (any, error) { return s.Audits(ctx, r.ID, r.After, r.Limit) },
		"label": func(ctx context.Context, r request) (any, error) {
			return nothing{}, s.Label(ctx, r.ID, r.Add, r.Remove)
		},
		"append": func(ctx context.Context, r request) (any, error) { return nothing{}, s.Append(ctx, r.ID, r.Entries...) },
		"record": func(ctx context.Context, r request) (any, error) { return nothing{}, s.Record(ctx, r.Audit) },
		"delete": func(ctx context.Context, r request) (any, error) { return nothing{}, s.Delete(ctx, r.ID) },
	}
}

// Search implements store.Searcher: the owner searches.
func (c *Client) Search(ctx context.Context, q store.Query, text string, limit int) (store.Found, error) {
	return ask[store.Found](ctx, c, "search", request{Query: q, Text: text, Limit: limit})
}

// Feed implements store.Feeder.
func (c *Client) Feed(ctx context.Context, after string) ([]store.News, error) {
	return ask[[]store.News](ctx, c, "feed", request{After: after})
}

// Label implements store.Labeller.
func (c *Client) Label(ctx context.Context, callID string, add, remove []string) error {
	_, err := ask[nothing](ctx, c, "label", request{ID: callID, Add: add, Remove: remove})
	return err
}

// Append adds notes to a transcript.
func (c *Client) Append(ctx context.Context, callID string, entries ...store.Entry) error {
	_, err := ask[nothing](ctx, c, "append", request{ID: callID, Entries: entries})
	return err
}

// Record implements store.Auditor.
func (c *Client) Record(ctx context.Context, a store.Audit) error {
	_, err := ask[nothing](ctx, c, "record", request{Audit: a})
	return err
}

// Audits implements store.Auditor.
func (c *Client) Audits(ctx context.Context, call, before string, n int) ([]store.Audit, error) {
	return ask[[]store.Audit](ctx, c, "audits", request{ID: call, After: before, Limit: n})
}

// Delete removes a call with all that belongs to it.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := ask[nothing](ctx, c, "delete", request{ID: id})
	return err
}
