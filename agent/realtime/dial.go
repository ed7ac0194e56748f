package realtime

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

// DialOptions says where the server is and how patient to be. Only URL is required.
type DialOptions struct {
	// URL is the whole ws:// or wss:// address with its query.
	URL string
	// Header is sent with the upgrade as it is: credentials, and OpenAI-Beta where the endpoint wants it. Credentials are
	// read by the server at the upgrade only, so make the header anew for every Dial.
	Header http.Header
	// Dialect that the endpoint speaks.
	Dialect Dialect
	// Log gets the connection's few lines; nil means none. It never sees keys, audio or texts.
	Log *slog.Logger
	// AudioQueue is how much caller audio may wait for the network before the oldest is dropped. Default 2 s.
	AudioQueue time.Duration
	// PingEvery is the pause between WebSocket pings, PingTimeout the wait for the pong. Default 20 s each.
	PingEvery, PingTimeout time.Duration
	// WriteTimeout bounds the write of one message. Default 5 s.
	WriteTimeout time.Duration
	// HTTPClient makes the upgrade request; nil means one like http.DefaultClient. Its Timeout bounds the upgrade. Redirects
	// are never followed, whatever its policy: they would carry the credentials elsewhere.
	HTTPClient *http.Client
}

func (o DialOptions) withDefaults() DialOptions {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = http.DefaultClient
	}
	o.AudioQueue = orDefault(o.AudioQueue, 2*time.Second)
	o.PingEvery = orDefault(o.PingEvery, 20*time.Second)
	o.PingTimeout = orDefault(o.PingTimeout, 20*time.Second)
	o.WriteTimeout = orDefault(o.WriteTimeout, 5*time.Second)
	return o
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// readLimit is the longest server message that is kept; a longer one is passed over. The library's own limit of 32 KiB
// breaks on the first long answer, and any limit of the library ends the connection.
const readLimit = 16 << 20

// Dial connects to a Realtime server; ctx bounds the connecting, not the connection. The error is a *DialError.
//
// The owner calls Recv until it fails, and then Close. While nobody is in Recv a dead link is noticed only by its writes.
func Dial(ctx context.Context, o DialOptions) (*Conn, error) {
	o = o.withDefaults()
	address, err := url.Parse(o.URL)
	if err != nil {
		return nil, &DialError{Address: "(unreadable address)", Err: errAddress} // the text of err holds the address
	}
	if address.Scheme != "ws" && address.Scheme != "wss" {
		return nil, &DialError{Address: publicAddress(address), Err: errScheme}
	}
	up := &upgrade{base: cmp.Or[http.RoundTripper](o.HTTPClient.Transport, http.DefaultTransport)}
	ws, resp, err := websocket.Dial(ctx, o.URL, &websocket.DialOptions{
		HTTPClient: up.client(o.HTTPClient.Timeout), HTTPHeader: o.Header, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, dialError(publicAddress(address), resp, err)
	}
	ws.SetReadLimit(-1)
	return newConn(o, ws, up.socket), nil
}

// upgrade is the HTTP client of one dial. It keeps the socket: closing a websocket.Conn waits for locks and timeouts of its
// own, and a call cannot; cutting the socket ends both at once.
type upgrade struct {
	base   http.RoundTripper
	socket io.Closer // set by the round trip
}

func (u *upgrade) client(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport:     u,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper.
func (u *upgrade) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := u.base.RoundTrip(r)
	if err == nil {
		u.socket = resp.Body
	}
	return resp, err
}

var (
	errAddress = errors.New("address is not a URL")
	errScheme  = errors.New("address must begin with ws:// or wss://")
)
