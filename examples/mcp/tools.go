package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// stock is what the warehouse has, by article; static.
var stock = map[string]int{"lamp": 12, "chair": 0}

// NewServer makes a server with its tools. A count takes slow.
func NewServer(slow time.Duration) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "warehouse", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{
		Name: "find_article", Description: "Tells how many of an article there are.",
		// It only reads: Trunkline cancels it when the caller cuts in. Without the hint a tool is finished.
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
	}, findArticle)
	mcp.AddTool(s, &mcp.Tool{
		Name: "count_shelf", Description: "Sends somebody to count the articles of a shelf. It takes a moment.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
	}, func(ctx context.Context, _ *mcp.CallToolRequest, in Shelf) (*mcp.CallToolResult, Count, error) {
		return countShelf(ctx, in, slow)
	})
	// An agent has this one only where the configuration allows it, which trunkline.yaml does not.
	mcp.AddTool(s, &mcp.Tool{Name: "clear_shelf", Description: "Throws away everything on a shelf."}, clearShelf)
	return s
}

// Article is what the model says to find one. The SDK makes the schema of the type.
type Article struct {
	Article string `json:"article" jsonschema:"what it is, one word, such as lamp"`
}

// Shelf is what the model says to name one.
type Shelf struct {
	Shelf int `json:"shelf" jsonschema:"number of the shelf"`
}

// Count is how many there are.
type Count struct {
	Count int `json:"count" jsonschema:"how many there are"`
}

// findArticle looks one up. An error of a handler is a result for the model, which reads it and may say it: write it so. What
// should stay private goes to the log.
func findArticle(_ context.Context, _ *mcp.CallToolRequest, in Article) (*mcp.CallToolResult, Count, error) {
	n, known := stock[in.Article]
	if !known {
		return nil, Count{}, fmt.Errorf("we do not have the article %q", in.Article)
	}
	return nil, Count{n}, nil
}

// countShelf takes its time, and stops when nobody waits any more: when the caller cuts in or hangs up, Trunkline cancels the
// call, and the SDK ends ctx.
func countShelf(ctx context.Context, in Shelf, slow time.Duration) (*mcp.CallToolResult, Count, error) {
	log.Printf("counting shelf %d", in.Shelf)
	timer := time.NewTimer(slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil, Count{in.Shelf * 3}, nil
	case <-ctx.Done():
		log.Printf("nobody waits for shelf %d", in.Shelf)
		return nil, Count{}, ctx.Err()
	}
}

// clearShelf would change the world. A tool that does finds an idempotency key in the _meta of each call.
func clearShelf(_ context.Context, r *mcp.CallToolRequest, in Shelf) (*mcp.CallToolResult, any, error) {
	log.Printf("clearing shelf %d, once for %v", in.Shelf, r.Params.Meta["trunkline/invocation"])
	return nil, nil, nil
}
