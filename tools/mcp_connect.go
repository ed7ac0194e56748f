package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxMCPMessage bounds what a server may send in one message or response, before the result is cut to MaxResult.
const maxMCPMessage = 1 << 20

// connect opens a session. stop lets go of what is below it, the program or the connections, and is called before the
// session is closed: so no server can hold that up.
func (c *mcpClient) connect(ctx context.Context, legacy bool) (session *mcp.ClientSession, stop func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, c.server.StartTimeout)
	defer cancel()
	transport, stop, err := c.transport()
	if err != nil {
		return nil, nil, err
	}
	opts := &mcp.ClientOptions{Capabilities: &mcp.ClientCapabilities{}} // we offer nothing: no roots, no sampling
	if c.server.URL == "" {
		opts.ToolListChangedHandler = func(context.Context, *mcp.ToolListChangedRequest) { c.again() }
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "trunkline", Version: "1"}, opts)
	var version mcp.ClientSessionOptions
	if legacy {
		version.ProtocolVersion = legacyProtocol
	}
	session, err = client.Connect(ctx, transport, &version)
	if err != nil {
		stop()
		return nil, nil, errors.Join(ctx.Err(), withoutURL(err))
	}
	return session, stop, nil
}

func (c *mcpClient) transport() (mcp.Transport, func(), error) {
	if c.server.URL == "" {
		p, err := startProgram(c.server)
		if err != nil {
			return nil, nil, err
		}
		return &mcp.IOTransport{Reader: p.out, Writer: p.in, MaxLineLength: maxMCPMessage}, p.stop, nil
	}
	u, err := url.Parse(c.server.URL)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be read")
	}
	base := newTransport()
	client := &http.Client{Transport: &guardedTransport{base, u, c.server.Headers}, CheckRedirect: checkRedirect}
	t := &mcp.StreamableClientTransport{
		Endpoint:   (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: publicPath}).String(),
		HTTPClient: client, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxMCPMessage,
	}
	return t, base.CloseIdleConnections, nil
}

// publicPath stands for the path, query and user of the address until a request is sent: net/http and the SDK put
// addresses into errors, and ours may hold keys.
const publicPath = "/mcp-server"

// endSession is how long the service may take to hear that a session is over.
const endSession = time.Second

// guardedTransport sends requests to one address with its secret headers, and bounds the responses. Static.
type guardedTransport struct {
	base    http.RoundTripper
	url     *url.URL
	headers http.Header
}

// RoundTrip implements http.RoundTripper.
func (g *guardedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != g.url.Host {
		return nil, fmt.Errorf("%w: to another host", ErrRedirect)
	}
	ctx := req.Context()
	if req.Method == http.MethodDelete {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, endSession)
		defer cancel()
	}
	req = req.Clone(ctx)
	if req.URL.Path == publicPath {
		req.URL = g.url
	}
	if user := g.url.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	maps.Copy(req.Header, g.headers)
	resp, err := g.base.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, maxMCPMessage}
	}
	return resp, err
}

// canonicalHeaders copies headers that somebody may have written in small letters.
func canonicalHeaders(from http.Header) http.Header {
	to := http.Header{}
	for name, values := range from {
		for _, v := range values {
			to.Add(name, v)
		}
	}
	return to
}

// boundedBody is a response that fails when it is too long. Owned by its reader.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the response is longer than %d bytes", maxMCPMessage)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
