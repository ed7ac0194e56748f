package share

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/trunkline/trunkline/store"
)

// Client uses a store through the process that owns its file.
type Client struct{ http *http.Client }

var _ store.Reader = (*Client)(nil)

// Open connects to the owner of the file at path. The error says that nobody answers there.
func Open(ctx context.Context, path string) (*Client, error) {
	socket := SocketPath(path)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, fmt.Errorf("ask the owner of %s: %w", path, err)
	}
	conn.Close()
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// Close frees idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Call implements store.Reader.
func (c *Client) Call(ctx context.Context, id string) (store.Call, error) {
	return ask[store.Call](ctx, c, "call", request{ID: id})
}

// Entries implements store.Reader.
func (c *Client) Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error) {
	return ask[[]store.Entry](ctx, c, "entries", request{ID: id, After: after, Limit: limit})
}

// Follow implements store.Reader.
func (c *Client) Follow(ctx context.Context, id, after string) ([]store.Entry, error) {
	return ask[[]store.Entry](ctx, c, "follow", request{ID: id, After: after})
}

// List implements store.Reader.
func (c *Client) List(ctx context.Context, q store.Query) (store.Page, error) {
	return ask[store.Page](ctx, c, "list", request{Query: q})
}

func ask[T any](ctx context.Context, c *Client, method string, r request) (result T, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return result, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://owner/"+method, bytes.NewReader(body))
	if err != nil {
		return result, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return result, fmt.Errorf("ask the owner of the store: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return result, failure(res)
	}
	return result, json.NewDecoder(res.Body).Decode(&result)
}

// failure gives the error of the owner its meaning back.
func failure(res *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // half a text is better than none
	said := string(bytes.TrimSpace(text))
	if known, ok := failures[res.StatusCode]; ok {
		return &answered{said, known}
	}
	return fmt.Errorf("owner of the store: %s", said)
}

// answered is an error in the owner's words, which errors.Is knows for what it is.
type answered struct {
	text string
	kind error
}

func (e *answered) Error() string { return e.text }
func (e *answered) Unwrap() error { return e.kind }
