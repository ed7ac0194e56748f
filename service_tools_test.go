package trunkline

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// everyKind has a tool of each kind that the configuration knows. URL stands for the one server behind them.
const everyKind = `version: 1
trunks: [ { name: carrier, sources: [203.0.113.0/24] } ]
routes: [ { to: "*", agent: desk } ]
realtime: [ { name: ga, url: "wss://model.test/v1/realtime", model: gpt-realtime-2.1, api_key: sk-secret } ]
agents: [ { name: desk, realtime: ga, instructions: Help., tools: [order_status, card, crm_find, stock_item, book] } ]
tools:
  - name: order_status
    description: Looks up an order.
    webhook: { url: "URL/hook" }
    duplicates: reject
    say: { after: 2s, text: "One moment." }
    failed: "I cannot look that up."
  - name: card
    description: Asks for a card number.
    collect: { min: 12, max: 19, luhn: true, secret: true }
    say: { clip: wait.wav }
  - name: book
    description: Books a table.
    webhook: { url: "URL/hook", collected: [card] }
    once: true
    after_turn: true
    on_interrupt: finish
  - name: report
    description: Writes a report.
    webhook: { url: "URL/hook" }
    background: true
mcp:
  - { name: crm, url: "URL/mcp", allow: [find], headers: [ { name: Authorization, value: Bearer hunter2 } ] }
  - { name: gone, url: "URL/nowhere", allow: ["*"] }
openapi:
  - { name: stock, document: stock.json, base_url: "URL/stock", operations: [item], headers: [ { name: X-Key, value: hunter3 } ] }
`

const stockDocument = `{"openapi":"3.0.3","info":{"title":"stock","version":"1"},"paths":{"/items/{id}":{"get":{"operationId":"item",
	"summary":"How many there are.","parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
	"responses":{"200":{"description":"ok"}}}}}}`

// backend answers the webhook, the MCP server and the service with an OpenAPI document, each behind its own key.
func backend(t *testing.T) string {
	server := mcp.NewServer(&mcp.Implementation{Name: "crm", Version: "1"}, nil)
	for _, name := range []string{"find", "erase"} {
		server.AddTool(&mcp.Tool{Name: name, Description: name, InputSchema: json.RawMessage(`{"type":"object"}`)},
			func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "Mrs Smith"}}}, nil
			})
	}
	crm := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/mcp", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		crm.ServeHTTP(w, r)
	})
	mux.HandleFunc("/hook", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `"sent"`) })
	mux.HandleFunc("/stock/items/7", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "hunter3" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"left": 12}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func everyKindConfig(t *testing.T) *configs.Config {
	t.Helper()
	dir := t.TempDir()
	var wav bytes.Buffer
	must(t, transcode.WriteWAV(&wav, make([]int16, 800), transcode.SampleRate))
	must(t, os.WriteFile(filepath.Join(dir, "wait.wav"), wav.Bytes(), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "stock.json"), []byte(stockDocument), 0o600))
	path := filepath.Join(dir, "trunkline.yaml")
	must(t, os.WriteFile(path, []byte(strings.ReplaceAll(everyKind, "URL", backend(t))), 0o600))
	cfg, err := configs.Load(configs.Options{Path: path, Env: []string{"NONE=1"}})
	must(t, err)
	return cfg
}

// Every kind of tool of the file can be run, the way that the file says, and a server that is away costs its own alone.
func TestToolsOfTheConfiguration(t *testing.T) {
	cfg := everyKindConfig(t)
	var log logText // the server that is away is tried again meanwhile
	r := tools.NewRegistry()
	t.Cleanup(func() { must(t, closeTools(r)) })
	must(t, addTools(r, cfg, slog.New(slog.NewTextHandler(&log, nil))))

	for call, want := range map[string]string{
		`order_status {}`: "sent", `crm_find {}`: "Mrs Smith", `stock_item {"id": "7"}`: "12",
	} {
		name, args, _ := strings.Cut(call, " ")
		o := r.Run(t.Context(), tools.Invocation{Name: name, Arguments: args, Call: &tools.Call{ID: "c", CallID: name}})
		if !strings.Contains(o.Output, want) {
			t.Errorf("%s: %q, want %q in it", call, o.Output, want)
		}
	}
	if _, there := r.Info("crm_erase"); there {
		t.Error("a tool of a server that was not allowed is there")
	}
	if !strings.Contains(log.String(), "gone") || strings.Contains(log.String(), "hunter") {
		t.Errorf("the log does not name the server that is away, or tells a key: %s", log.String())
	}
}

func TestToolsRunAsTheConfigurationSays(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.MCP = nil
	r := tools.NewRegistry()
	t.Cleanup(func() { must(t, closeTools(r)) })
	must(t, addTools(r, cfg, slog.New(slog.DiscardHandler)))

	status, _ := r.Info("order_status")
	if e := status.Effects; e.Say.After != 2*time.Second || e.Say.Slow.Text != "One moment." || e.Say.Failed.Text != "I cannot look that up." {
		t.Errorf("order_status says %+v", e.Say)
	}
	if status.Effects.Duplicate != tools.Reject || status.OnInterrupt != tools.Cancel {
		t.Errorf("order_status: %+v, interrupted %s", status.Effects, status.OnInterrupt)
	}
	if card, _ := r.Info("card"); len(card.Effects.Say.Slow.Clip) != 800 {
		t.Errorf("card plays %d samples", len(card.Effects.Say.Slow.Clip))
	}
	book, _ := r.Info("book")
	if e := book.Effects; !e.Once || !e.AfterTurn || e.Duplicate != tools.Join || book.OnInterrupt != tools.Finish {
		t.Errorf("book: %+v, interrupted %s", e, book.OnInterrupt)
	}
	report, _ := r.Info("report")
	if !report.Effects.Background || report.OnInterrupt != tools.Finish {
		t.Errorf("report: %+v, interrupted %s", report.Effects, report.OnInterrupt)
	}
}

// A tool that cannot be made names its place, and the programs of those before it are ended.
func TestToolsThatCannotBe(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.OpenAPI[0].Operations = []string{"items"}
	r := tools.NewRegistry()
	_, err := New(cfg, WithTools(r))
	if err == nil || !strings.Contains(err.Error(), "openapi[0]") || !strings.Contains(err.Error(), "items") {
		t.Fatalf("%v, want the place and the operation", err)
	}
	if o := r.Run(t.Context(), tools.Invocation{Name: "order_status", Arguments: "{}", Call: &tools.Call{}}); o.Err == nil {
		t.Error("the tools are still open")
	}
}
