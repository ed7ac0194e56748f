package trunkline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// serversWithin is how long the start waits for MCP servers to tell of their tools. A call before that has the others.
const serversWithin = 5 * time.Second

// addTools enters the built-in tools and those of the configuration.
func addTools(r *tools.Registry, cfg *configs.Config, log *slog.Logger) error {
	if err := tools.AddBuiltins(r); err != nil {
		return err
	}
	for i := range cfg.Tools {
		if err := addTool(r, &cfg.Tools[i]); err != nil {
			return fmt.Errorf("tools[%d]: %w", i, err)
		}
	}
	for i := range cfg.OpenAPI {
		if err := addOpenAPI(context.Background(), r, &cfg.OpenAPI[i]); err != nil {
			return fmt.Errorf("openapi[%d]: %w", i, err)
		}
	}
	for i := range cfg.MCP {
		if err := addMCP(r, &cfg.MCP[i], log); err != nil {
			return fmt.Errorf("mcp[%d]: %w", i, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), serversWithin)
	defer cancel()
	if err := r.Ready(ctx); err != nil {
		log.Warn("starting without some tools; they come when their servers do", "err", err)
	}
	return nil
}

func closeTools(r *tools.Registry) error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	return r.Close(ctx)
}

func addTool(r *tools.Registry, t *configs.Tool) error {
	opts, err := toolOptions(t)
	if err != nil {
		return err
	}
	if c := t.Collect; c != nil {
		return tools.AddCollect(r, t.Name, t.Description, tools.Collect{Min: c.Min, Max: c.Max, First: c.First.Std(),
			Between: c.Between.Std(), Luhn: c.Luhn, Secret: c.Secret}, opts...)
	}
	w := t.Webhook
	return tools.AddWebhook(r, tools.Webhook{Name: t.Name, Description: t.Description, URL: w.URL.Reveal(),
		Secret: w.Secret.Reveal(), Timeout: w.Timeout.Std(), Idempotent: w.Idempotent, Collected: w.Collected,
		Parameters: t.Parameters}, opts...)
}

// toolOptions says how a tool wants to be run.
func toolOptions(t *configs.Tool) (opts []tools.Option, err error) {
	if t.Once {
		opts = append(opts, tools.Once())
	}
	if t.Background {
		opts = append(opts, tools.Background())
	}
	if t.AfterTurn {
		opts = append(opts, tools.AfterTurn())
	}
	switch t.Duplicates {
	case "allow":
		opts = append(opts, tools.OnDuplicate(tools.Allow))
	case "reject":
		opts = append(opts, tools.OnDuplicate(tools.Reject))
	case "join":
		opts = append(opts, tools.OnDuplicate(tools.Join))
	}
	switch t.OnInterrupt {
	case "finish":
		opts = append(opts, tools.OnInterrupt(tools.Finish))
	case "cancel":
		opts = append(opts, tools.OnInterrupt(tools.Cancel))
	}
	if s := t.Say; s != nil {
		line := tools.Line{Text: s.Text}
		if s.Clip != "" {
			if line.Clip, err = samplesOf(string(s.Clip)); err != nil {
				return nil, fmt.Errorf("say.clip: read clip %s: %w", s.Clip, err)
			}
		}
		opts = append(opts, tools.SayLineAfter(s.After.Std(), line))
	}
	if t.Start != "" {
		opts = append(opts, tools.SayAtStart(t.Start))
	}
	if t.Failed != "" {
		opts = append(opts, tools.SayOnFailure(t.Failed))
	}
	return opts, nil
}

func addOpenAPI(ctx context.Context, r *tools.Registry, o *configs.OpenAPI) error {
	document, err := tools.ReadOpenAPI(ctx, string(o.Document), o.DocumentHeaders())
	if err != nil {
		return err
	}
	return tools.AddOpenAPI(r, tools.OpenAPI{Name: o.Name, Prefix: o.Prefix, Document: document, BaseURL: o.BaseURL.Reveal(),
		Operations: o.Operations, Headers: configs.HTTPHeaders(o.Headers), Timeout: o.Timeout.Std()})
}

func addMCP(r *tools.Registry, m *configs.MCP, log *slog.Logger) error {
	server := tools.MCPServer{Name: m.Name, Prefix: m.Prefix, Command: m.CommandLine(), Env: m.Environment(), URL: m.URL.Reveal(),
		Headers: configs.HTTPHeaders(m.Headers), AllowAll: m.AllowAll(), Timeout: m.Timeout.Std(), Log: log}
	if !server.AllowAll {
		server.Allow = m.Allow
	}
	return tools.AddMCP(r, server)
}
