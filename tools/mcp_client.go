package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// legacyProtocol is the newest version that begins with initialize. Servers of it that do not answer what they do not
// know hang at the question that newer versions begin with, so after such an attempt comes one with this version.
const legacyProtocol = "2025-11-25"

// mcpClient keeps the connection to one MCP server. Its goroutine is run, owned by the registry's crew: AddMCP starts it,
// Registry.Close ends and joins it.
type mcpClient struct {
	// Static.

	server   MCPServer
	reading  settings // of tools that only read
	writing  settings // of all others
	registry *Registry
	known    chan struct{} // closed by run when the tools are known
	done     chan struct{} // closed by run at its end
	look     chan struct{} // one element: the tools are to be listed again, or the connection tried

	mu       sync.Mutex
	session  *mcp.ClientSession // guarded by mu; nil while there is none
	tools    []string           // guarded by mu; names in the registry
	err      error              // guarded by mu
	connects int                // guarded by mu
}

func newMCPClient(r *Registry, s MCPServer, reading, writing settings) *mcpClient {
	return &mcpClient{
		server: s, reading: reading, writing: writing, registry: r,
		known: make(chan struct{}), done: make(chan struct{}), look: make(chan struct{}, 1),
	}
}

var _ source = (*mcpClient)(nil)

func (c *mcpClient) String() string           { return c.server.String() }
func (c *mcpClient) learned() <-chan struct{} { return c.known }
func (c *mcpClient) logger() *slog.Logger     { return c.server.Log }

func (c *mcpClient) mayBring(name string) bool {
	if c.server.AllowAll {
		return strings.HasPrefix(name, c.server.Prefix)
	}
	return slices.ContainsFunc(c.server.Allow, func(own string) bool { return c.server.ToolName(own) == name })
}

func (c *mcpClient) state() Source {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Source{Name: c.server.Name, Connected: c.session != nil, Tools: slices.Clone(c.tools), Err: c.err, Connects: c.connects}
}

// run connects, and again after each loss, until ctx ends.
func (c *mcpClient) run(ctx context.Context) {
	defer close(c.done)
	wait, legacy := firstBackoff, false
	for ctx.Err() == nil {
		began := time.Now()
		err := c.live(ctx, legacy)
		legacy = !legacy && errors.Is(err, context.DeadlineExceeded)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > c.server.StartTimeout+lastBackoff {
			wait = firstBackoff // it was there for a while
		}
		c.lost(err, wait)
		select {
		case <-time.After(wait/2 + rand.N(wait)): // not all at once when a server comes back
		case <-ctx.Done():
		}
		wait = min(2*wait, lastBackoff)
	}
}

// live is one connection from its beginning to its end.
func (c *mcpClient) live(ctx context.Context, legacy bool) error {
	session, stop, err := c.connect(ctx, legacy)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ended := make(chan error, 1)
	var watch sync.WaitGroup
	watch.Go(func() { ended <- session.Wait() })
	err = c.attend(ctx, session, ended)
	c.hold(nil)
	if c.server.URL == "" {
		stop() // first, so that a program that does not read cannot hold up the rest
	}
	_ = session.Close()
	stop()
	watch.Wait()
	return err
}

// attend keeps the registry up to date until the connection is lost, which ended tells, or ctx ends.
func (c *mcpClient) attend(ctx context.Context, session *mcp.ClientSession, ended <-chan error) error {
	if err := c.list(ctx, session, c.server.StartTimeout); err != nil {
		return err
	}
	c.hold(session)
	refresh := time.NewTicker(mcpRefresh)
	defer refresh.Stop()
	if c.server.URL == "" {
		refresh.Stop() // a program says when its tools change, and its end is seen
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return errors.Join(errors.New("the connection ended"), err)
		case <-c.look:
		case <-refresh.C:
		}
		if err := c.list(ctx, session, c.server.Timeout); err != nil {
			return err
		}
	}
}

// list asks for the tools and enters them.
func (c *mcpClient) list(ctx context.Context, session *mcp.ClientSession, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var list []*tool
	var faults []error
	var seen []string
	for offered, err := range session.Tools(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list tools: %w", err)
		}
		seen = append(seen, offered.Name)
		if !c.server.allows(offered.Name) {
			continue
		}
		if len(list) == maxAllowed {
			faults = append(faults, fmt.Errorf("there are more than %d tools; name those to allow", maxAllowed))
			break
		}
		t, err := c.tool(offered)
		if err != nil {
			faults = append(faults, fmt.Errorf("tool %q: %w", cut(offered.Name, maxName), err))
			continue
		}
		list = append(list, t)
	}
	faults = append(faults, c.missing(seen)...)
	c.enter(list, faults)
	return nil
}

// missing tells which tools were allowed and are not offered.
func (c *mcpClient) missing(seen []string) (faults []error) {
	for _, name := range c.server.Allow {
		if !slices.Contains(seen, name) {
			faults = append(faults, fmt.Errorf("tool %q: the server does not offer it", name))
		}
	}
	return faults
}

// enter puts the tools into the registry and says what is wrong with the others.
func (c *mcpClient) enter(list []*tool, faults []error) {
	faults = append(faults, c.registry.learn(c, list)...)
	var names []string
	for _, t := range list {
		if t.source != nil {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	err := errors.Join(faults...)
	c.mu.Lock()
	changed := !slices.Equal(names, c.tools) || fmt.Sprint(err) != fmt.Sprint(c.err)
	c.tools, c.err = names, err
	c.mu.Unlock()
	if changed && err != nil {
		c.server.Log.Warn("some tools are left out", "server", c.server.Name, "err", err)
	}
}

// hold makes a session, whose tools are entered, the one that calls use; nil takes it away.
func (c *mcpClient) hold(session *mcp.ClientSession) {
	c.mu.Lock()
	c.session = session
	if session != nil {
		c.connects++
	}
	n := len(c.tools)
	c.mu.Unlock()
	if session == nil {
		return
	}
	c.server.Log.Info("MCP server connected", "server", c.server.Name, "tools", n)
	select {
	case <-c.known:
	default:
		close(c.known) // last, so that who waits for it can call the tools
	}
}

func (c *mcpClient) lost(err error, wait time.Duration) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	c.server.Log.Warn("MCP server is not connected", "server", c.server.Name, "again_within", wait*3/2, "err", err)
}

func (c *mcpClient) current() *mcp.ClientSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// again has run list the tools soon, which also finds out whether the server is still there.
func (c *mcpClient) again() {
	select {
	case c.look <- struct{}{}:
	default:
	}
}
