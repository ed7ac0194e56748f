package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MCPServer is a server of the Model Context Protocol whose tools the model may use: a program of this machine that speaks
// over its standard input and output, or a service over HTTP (the transport named streamable HTTP).
//
//	AddMCP ──► connect ──► list tools ──► registry ◄── Describe, Run
//	              ▲            ▲  │
//	              │ back-off   │  └── list_changed, each minute over HTTP, after a call that failed
//	              └── lost ────┘
//
// The server may be down when it is added, and may go away at any time: no call waits for it. Its tools stay registered
// and answer at once that they are not available, until it is back.
type MCPServer struct {
	// Name is of the configuration; 1 to 32 of a-z A-Z 0-9 _ -. It is new to the registry.
	Name string
	// Prefix comes before the name of each tool; empty stands for Name and _. What begins with it is for the tools of
	// this server alone.
	Prefix string

	// Command is a program and its arguments. It runs in a process group of its own, which is killed at Close.
	Command []string
	// Env is the environment of the program beside PATH, HOME, LANG, TMPDIR and the like: NAME=VALUE, or NAME for a
	// variable of our own. Nothing else of our environment reaches it: there are keys in it.
	Env []string

	// URL is the service instead; http or https. Its session is closed at Close.
	URL string
	// Headers are sent to it with each request and to no other host. They are secrets.
	Headers http.Header

	// Allow names the tools that are taken, as the server names them. Without AllowAll no others are: a server may come
	// to offer more than was meant.
	Allow    []string
	AllowAll bool

	// Timeout is as the option of that name, and bounds each request to the server; 0 means 10 s.
	Timeout time.Duration
	// StartTimeout is how long the server may take until its tools are known; 0 means 20 s. Nothing waits for it but Ready.
	StartTimeout time.Duration

	// Log is told of connections and losses, and at level debug of what the program writes to its standard error; nil
	// discards.
	Log *slog.Logger
}

const (
	mcpStart     = 20 * time.Second
	maxMCPName   = 32
	maxAllowed   = 128 // tools of one server: no model tells so many apart
	mcpRefresh   = time.Minute
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// String names the server without its URL, headers and environment, which may hold secrets.
func (s MCPServer) String() string { return fmt.Sprintf("MCP server %s", s.Name) }

// GoString is String: %#v must not print secrets either.
func (s MCPServer) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s MCPServer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON refuses: a server holds secrets.
func (s MCPServer) MarshalJSON() ([]byte, error) {
	return nil, errors.New("an MCP server holds secrets and is not written out")
}

// AddMCP connects to an MCP server in the background and puts its tools into the registry as they become known, under the
// names of [MCPServer.ToolName]. It returns at once, with an error only for what is wrong with s or opts; see
// [Registry.Ready] for waiting and [Registry.Sources] for how it stands. Options are those of each tool. Without
// [OnInterrupt] a tool finishes when the caller cuts in, unless the server says that it only reads.
//
// The connection ends with [Registry.Close].
func AddMCP(r *Registry, s MCPServer, opts ...Option) error {
	if err := addMCP(r, s, opts); err != nil {
		return fmt.Errorf("add MCP server %q: %w", s.Name, err)
	}
	return nil
}

func addMCP(r *Registry, s MCPServer, opts []Option) error {
	s = s.withDefaults()
	if err := s.check(); err != nil {
		return err
	}
	reading, err := newSettings(append([]Option{Timeout(s.Timeout)}, opts...))
	switch {
	case err != nil:
		return err
	case reading.schema != nil:
		return errors.New("the option Parameters is for Go functions: the server brings its schemas")
	}
	writing, err := newSettings(append([]Option{Timeout(s.Timeout), OnInterrupt(Finish)}, opts...))
	if err != nil {
		return err
	}
	c := newMCPClient(r, s, reading, writing)
	if err := r.addSource(c, s.Prefix); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go c.run(ctx)
	r.crew.atClose([]func(){func() { cancel(); <-c.done }})
	return nil
}

func (s MCPServer) withDefaults() MCPServer {
	if s.Prefix == "" {
		s.Prefix = s.Name + "_"
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.StartTimeout == 0 {
		s.StartTimeout = mcpStart
	}
	s.Headers = canonicalHeaders(s.Headers)
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	return s
}

// check says what cannot work.
func (s MCPServer) check() error {
	if err := checkName(s.Name); err != nil || len(s.Name) > maxMCPName {
		return errors.Join(err, fmt.Errorf("its name has at most %d characters", maxMCPName))
	}
	if err := checkName(s.Prefix); err != nil || len(s.Prefix) > maxMCPName+1 {
		return errors.Join(fmt.Errorf("the prefix has at most %d characters", maxMCPName+1), err)
	}
	switch {
	case len(s.Command) == 0 && s.URL == "":
		return errors.New("there is neither a command nor a URL")
	case len(s.Command) > 0 && (s.URL != "" || len(s.Headers) > 0):
		return errors.New("there is a command beside URL or headers; keep one of the two")
	case s.URL != "" && len(s.Env) > 0:
		return errors.New("a service has no environment; leave Env out")
	case len(s.Allow) > 0 && s.AllowAll:
		return errors.New("some tools are allowed and all; keep one of the two")
	case len(s.Allow) > maxAllowed:
		return fmt.Errorf("%d tools are allowed, more than %d", len(s.Allow), maxAllowed)
	case s.StartTimeout < 0:
		return fmt.Errorf("a start within %s cannot be", s.StartTimeout)
	}
	if err := s.checkAllow(); err != nil {
		return err
	}
	return s.checkURL()
}

func (s MCPServer) checkAllow() error {
	taken := map[string]string{}
	for _, name := range s.Allow {
		fitted := s.ToolName(name)
		if other, is := taken[fitted]; is {
			return fmt.Errorf("the tools %q and %q are one name for a model, %s; allow one of them", other, name, fitted)
		}
		taken[fitted] = name
	}
	return nil
}

func (s MCPServer) checkURL() error {
	if s.URL == "" {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return errors.New("the URL cannot be read") // the error of url.Parse shows the URL
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("the URL must be http:// or https:// with a host")
	}
	return nil
}

// ToolName is the name in the registry of a tool that the server calls name: the prefix and name, in the letters and the
// length that models take. A name that is too long is cut and ends in a part of its hash.
func (s MCPServer) ToolName(name string) string {
	prefix := s.Prefix
	if prefix == "" {
		prefix = s.Name + "_"
	}
	return fitName(prefix + name)
}

// fitName makes a name of [a-zA-Z0-9_-]{1,64}: other characters become _, and the end of a long one a hash.
func fitName(name string) string {
	fitted := strings.Map(func(c rune) rune {
		if c < 0x80 && isWordByte(byte(c)) || c == '-' {
			return c
		}
		return '_'
	}, name)
	if len(fitted) > maxName {
		const hash = 8
		fitted = fitted[:maxName-hash-1] + "_" + shortHash(name, hash)
	}
	return fitted
}

// allows reports whether a tool of the server is taken.
func (s MCPServer) allows(name string) bool { return s.AllowAll || slices.Contains(s.Allow, name) }

// MCPError says that an MCP server gave no result. It holds no arguments and no address.
type MCPError struct {
	Server string // its name in the configuration
	Err    error
}

// Error implements error.
func (e *MCPError) Error() string { return fmt.Sprintf("call MCP server %s: %v", e.Server, e.Err) }

// Unwrap gives the cause.
func (e *MCPError) Unwrap() error { return e.Err }

// shortHash is the beginning of a hash of text, n hexadecimal digits.
func shortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}
