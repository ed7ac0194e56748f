package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The servers of the tests are this test program once more, as a process of its own: TestMain sees the variable mcpMode.
const (
	mcpMode = "TRUNKLINE_TEST_MCP"
	mcpMark = "TRUNKLINE_TEST_MARK" // file that the tool wait writes to when it is cancelled
)

// serveMCP is a server over standard input and output, or, in mode http, over HTTP at the address that it prints.
func serveMCP(mode string) {
	switch mode {
	case "hang":
		_, _ = io.Copy(io.Discard, os.Stdin) // never answers
	case "deaf":
		select {} // nor ends
	case "garbage":
		fmt.Println("Listening on stdio! \x00{{{")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "http":
		handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return newMCPServer() }, nil)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer hunter2" || r.URL.Query().Get("key") != "hunter3" || r.URL.Path != "/mcp" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			handler.ServeHTTP(w, r)
		}))
		fmt.Println(s.URL + "/mcp?key=hunter3")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "old":
		server := newMCPServer()
		server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
			return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
				if method == "server/discover" {
					<-ctx.Done() // as programs do that only know their own methods
					return nil, ctx.Err()
				}
				return next(ctx, method, r)
			}
		})
		_ = server.Run(context.Background(), &mcp.StdioTransport{})
	default:
		fmt.Fprintln(os.Stderr, "started in mode", mode)
		_ = newMCPServer().Run(context.Background(), &mcp.StdioTransport{})
	}
}

type findArguments struct {
	Name string `json:"name" jsonschema:"whom to find"`
}

func newMCPServer() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "find", Description: "Finds a customer.", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}, find)
	for name, h := range map[string]mcp.ToolHandler{
		"wait": wait, "broken": broken, "picture": picture, "die": die, "env": env, "spawn": spawn, "long.name": longAnswer, "huge": huge,
	} {
		s.AddTool(&mcp.Tool{Name: name, Description: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, h)
	}
	s.AddTool(&mcp.Tool{Name: "old", InputSchema: json.RawMessage(`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object",
		"$defs":{"day":{"type":"string","title":"Day","pattern":"^(?=x)"}},"properties":{"day":{"$ref":"#/$defs/day"}}}`)}, longAnswer)
	s.AddTool(&mcp.Tool{Name: "grow", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			s.AddTool(&mcp.Tool{Name: "grown", InputSchema: json.RawMessage(`{"type":"object"}`)}, longAnswer)
			s.RemoveTools("picture")
			return said("grown"), nil
		})
	return s
}

func said(text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

func find(_ context.Context, r *mcp.CallToolRequest, in findArguments) (*mcp.CallToolResult, any, error) {
	if in.Name == "nobody" {
		return nil, nil, errors.New("there is nobody of that name")
	}
	return said(fmt.Sprintf(`{"id": %q, "invocation": %q}`, in.Name, r.Params.Meta[mcpInvocation])), nil, nil
}

// wait writes the mark when the caller does not wait any more.
func wait(ctx context.Context, _ *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	_ = os.WriteFile(os.Getenv(mcpMark), []byte("started"), 0o600)
	<-ctx.Done()
	_ = os.WriteFile(os.Getenv(mcpMark), []byte("cancelled"), 0o600)
	return nil, ctx.Err()
}

func broken(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return nil, errors.New("pq: password hunter2 refused")
}

func picture(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	r := said("a cat")
	r.Content = append(r.Content, &mcp.ImageContent{Data: []byte("hunter2"), MIMEType: "image/png"},
		&mcp.AudioContent{Data: []byte("hunter2"), MIMEType: "audio/wav"}, &mcp.ResourceLink{URI: "file:///hunter2", Name: "x"})
	return r, nil
}

func die(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	os.Exit(3)
	return nil, nil
}

func env(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return said(strings.Join(os.Environ(), "\n")), nil
}

// spawn leaves a child behind and tells its number.
func spawn(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	cmd := exec.Command("sleep", "600")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return said("pid " + strconv.Itoa(cmd.Process.Pid)), nil
}

func longAnswer(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return said(strings.Repeat("ä", 3000)), nil
}

func huge(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return said(strings.Repeat("x", 2*maxMCPMessage)), nil
}
