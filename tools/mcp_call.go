package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// mcpInvocation is where a server finds the idempotency key of a call, in its _meta.
const mcpInvocation = "trunkline/invocation"

// tool makes a tool of what the server offers.
func (c *mcpClient) tool(offered *mcp.Tool) (*tool, error) {
	schema, err := adopt(offered.InputSchema, offered.InputSchema)
	if err != nil {
		return nil, err
	}
	if schema["type"] == nil {
		schema["type"] = "object"
	}
	text, err := marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("write its schema: %w", err)
	}
	if err := checkSize(text); err != nil {
		return nil, err
	}
	params, err := parseParameters(text)
	if err != nil {
		return nil, err
	}
	name, settings := offered.Name, c.writing
	if hints := offered.Annotations; hints != nil && hints.ReadOnlyHint {
		settings = c.reading
	}
	return &tool{
		name: c.server.ToolName(name), description: describe(offered), params: params, settings: settings,
		run: func(ctx context.Context, call *Call, args json.RawMessage) (reply, error) {
			return c.call(ctx, call, name, args)
		},
	}, nil
}

// maxDescription bounds what a server tells the model in each session.
const maxDescription = 2000

func describe(offered *mcp.Tool) string {
	text := offered.Description
	if text == "" {
		text = offered.Title
	}
	return cut(strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD")), maxDescription)
}

// call runs a tool on the server. The server is told when ctx ends before it has answered.
func (c *mcpClient) call(ctx context.Context, call *Call, name string, args json.RawMessage) (reply, error) {
	session := c.current()
	if session == nil {
		return reply{}, &MCPError{Server: c.server.Name, Err: ErrUnavailable}
	}
	args, err := canonical(args)
	if err != nil {
		return reply{}, fmt.Errorf("write arguments: %w", err)
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{
		Meta: mcp.Meta{mcpInvocation: call.Invocation}, Name: name, Arguments: args,
	})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			c.again() // the tool may be gone, or the server
		}
		return reply{}, &MCPError{Server: c.server.Name, Err: unreached(err)}
	}
	return mcpReply(result)
}

// unreached marks an error of a server that nothing was sent to, so that the model hears that nothing was done.
func unreached(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: %w", ErrUnavailable, withoutURL(err))
	}
	return err
}

// mcpReply makes an answer of the text in a result. What is said as an error is for the model, as the protocol means it.
func mcpReply(result *mcp.CallToolResult) (reply, error) {
	text := mcpText(result.Content)
	if text == "" && result.StructuredContent != nil {
		return jsonReply(result.StructuredContent)
	}
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	switch {
	case result.IsError && text == "":
		return reply{attempts: 1}, Tell("the tool refused, without saying why")
	case result.IsError:
		return reply{attempts: 1}, Tell("%s", text)
	case text == "":
		return reply{text: "done"}, nil
	}
	return plainReply([]byte(text)), nil
}

// mcpText joins the text of a result and names what is none: a model on the telephone has no use for it.
func mcpText(content []mcp.Content) string {
	var parts []string
	for _, part := range content {
		switch part := part.(type) {
		case *mcp.TextContent:
			parts = append(parts, part.Text)
		case *mcp.ImageContent:
			parts = append(parts, "[image left out]")
		case *mcp.AudioContent:
			parts = append(parts, "[audio left out]")
		default:
			parts = append(parts, "[resource left out]")
		}
	}
	return strings.Join(parts, "\n")
}
