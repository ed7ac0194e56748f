package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// mcpMode makes this test program the MCP server of another test, as a process of its own.
const mcpMode = "TRUNKLINE_TEST_MCP"

func serveMCP() {
	server := mcp.NewServer(&mcp.Implementation{Name: "crm", Version: "1"}, nil)
	server.AddTool(&mcp.Tool{Name: "find", Description: "Finds a customer.", InputSchema: json.RawMessage(`{"type":"object"}`)},
		func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "Mrs Smith"}}}, nil
		})
	_ = server.Run(context.Background(), &mcp.StdioTransport{})
}

// toolConfig has tools of several kinds. URL stands for the web service, SELF for this program.
const toolConfig = `version: 1
sip: { listen: ["udp://127.0.0.1:0"] }
trunks: [ { name: carrier, sources: [203.0.113.0/24], transfers: ["+1555*"] } ]
routes: [ { to: "*", agent: desk } ]
realtime: [ { name: ga, url: "ws://127.0.0.1:1/v1/realtime", model: m, api_key: sk-secret } ]
agents:
  - name: desk
    realtime: ga
    instructions: Help.
    tools: [order_status, book, crm_find]
    hand_off: [billing]
    transfers: [ { name: sales, description: Sells., to: "+15550100" } ]
  - { name: billing, realtime: ga, instructions: Bill., tools: [card] }
tools:
  - name: order_status
    description: Looks up an order, by its number, which the caller has in the mail that we sent when it was ordered.
    parameters: { type: object, properties: { order: { type: string } }, required: [order], additionalProperties: false }
    webhook: { url: "URL/hook?key=hunter2" }
  - name: book
    description: Books a table.
    webhook: { url: "URL/broken" }
    once: true
    after_turn: true
  - name: card
    description: Asks for a card number.
    collect: { min: 12, max: 19, secret: true }
mcp:
  - { name: crm, command: SELF, env: ["TRUNKLINE_TEST_MCP=1"], allow: [find] }
store: { path: "DIR/trunkline.db" }
admin: { listen: "" }
`

// writeTools writes the configuration and gives its file and how often the webhook was called.
func writeTools(t *testing.T, more string) (path string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	mux := http.NewServeMux()
	mux.HandleFunc("/hook", func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "+15550199") {
			_, _ = io.WriteString(w, `{"state":"sent to that caller"}`)
			return
		}
		_, _ = io.WriteString(w, `{"state":"sent"}`)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("URL", s.URL, "SELF", self, "DIR", t.TempDir()).Replace(toolConfig)
	return writeFile(t, "trunkline.yaml", text+more), calls
}

func TestToolsList(t *testing.T) {
	path, calls := writeTools(t, "")
	code, out, errs := execute(t, "tools", "list", "--config", path)
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, parts := range [][]string{
		{"order_status", "webhook", "desk", "5s", "Looks up an order, by its number", "…"},
		{"book", "webhook", "once, after turn", "Books a table."},
		{"card", "collect", "billing"},
		{"crm_find", "mcp crm", "desk", "Finds a customer."},
		{"hang_up", "built in", "-"},
	} {
		if !hasLine(out, parts...) {
			t.Errorf("no line with %q in:\n%s", parts, out)
		}
	}
	if calls.Load() != 0 {
		t.Error("a list called the webhook")
	}
	if strings.Contains(out, "hunter2") || strings.Contains(out, "transfer") {
		t.Errorf("a secret, or a tool of one agent alone, is listed:\n%s", out)
	}
	_, out, _ = execute(t, "tools", "list", "--config", path, "--agent", "desk")
	wants(t, out, "transfer", "hand_off", "crm_find")
	if strings.Contains(out, "card") {
		t.Errorf("desk has a tool of another agent:\n%s", out)
	}
}

func TestToolsListAsJSON(t *testing.T) {
	path, _ := writeTools(t, "")
	_, out, _ := execute(t, "tools", "list", "--config", path, "--json")
	for line := range strings.Lines(out) {
		var tool toolJSON
		if err := json.Unmarshal([]byte(line), &tool); err != nil {
			t.Fatal(err)
		}
		if tool.Name == "book" {
			if !tool.Once || !tool.AfterTurn || tool.Background || tool.From != "webhook" || tool.TimeoutMS != 5000 || tool.Duplicates != "join" {
				t.Errorf("%+v", tool)
			}
			return
		}
	}
	t.Errorf("no book in:\n%s", out)
}

// A server that is away costs its own tools and is named; the rest is listed.
func TestToolsListWithAServerAway(t *testing.T) {
	path, _ := writeTools(t, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	path = writeFile(t, "away.yaml", strings.Replace(string(text), "mcp:\n", "mcp:\n  - { name: gone, url: \"http://127.0.0.1:1/mcp\", allow: [find] }\n", 1))
	code, out, errs := execute(t, "tools", "list", "--config", path)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	wants(t, errs, "warning: mcp[gone] is away, its tools are missing", "refused")
	wants(t, out, "crm_find", "order_status")
}

func TestToolsSchemaIsWhatTheModelGets(t *testing.T) {
	path, _ := writeTools(t, "")
	code, out, errs := execute(t, "tools", "schema", "--config", path, "--agent", "desk")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var defs []map[string]any
	if err := json.Unmarshal([]byte(out), &defs); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range defs {
		names = append(names, d["name"].(string))
		if d["type"] != "function" || d["parameters"] == nil || len(d) != 4 {
			t.Errorf("not as session.update has it: %v", d)
		}
	}
	if got := strings.Join(names, " "); got != "order_status book crm_find hand_off transfer" {
		t.Errorf("offers %s", got)
	}
	wants(t, out, `"sales"`, `"billing"`, "\n    ")

	_, out, _ = execute(t, "tools", "schema", "order_status", "--config", path)
	wants(t, out, `"order"`)
	if strings.Contains(out, "hang_up") {
		t.Errorf("more than was asked for:\n%s", out)
	}
	code, _, errs = execute(t, "tools", "schema", "order_stats", "--config", path)
	if code != exitFailed {
		t.Errorf("exit code %d for a tool that is not", code)
	}
	wants(t, errs, "order_stats", "order_status")
}

func TestToolsRunIsForReal(t *testing.T) {
	path, calls := writeTools(t, "")
	code, out, errs := execute(t, "tools", "run", "order_status", `{"order":"7"}`, "--config", path, "--agent", "desk", "--caller", "+15550199")
	if code != 0 || out != `{"state":"sent to that caller"}`+"\n" || calls.Load() != 1 {
		t.Errorf("exit code %d, %d calls, %q, %s", code, calls.Load(), out, errs)
	}
	wants(t, errs, "ok in ", "attempts: 1", "31 bytes")

	code, out, errs = execute(t, "tools", "run", "order_status", `{"order":7}`, "--config", path)
	if code != exitFailed || calls.Load() != 1 {
		t.Errorf("arguments that do not fit: exit code %d, %d calls", code, calls.Load())
	}
	wants(t, out, `{"error":`, "order")
	wants(t, errs, "invalid in ", "attempts: 0")

	code, out, _ = execute(t, "tools", "run", "crm_find", "--config", path)
	if code != 0 || !strings.Contains(out, "Mrs Smith") {
		t.Errorf("the MCP server: exit code %d, %q", code, out)
	}
	code, out, errs = execute(t, "tools", "run", "hang_up", "--config", path)
	if code != 0 {
		t.Errorf("hang_up: exit code %d, %q", code, out)
	}
	wants(t, errs, "in a call the agent would now: hang_up")
}

func TestToolsRunThatFails(t *testing.T) {
	path, _ := writeTools(t, "")
	code, out, errs := execute(t, "tools", "run", "book", "{}", "--config", path, "--json")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	var o outcomeJSON
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		t.Fatal(err)
	}
	if o.Status != "tool_error" || !strings.Contains(o.Error, "500") || o.Ref == "" || !strings.Contains(string(o.Output), o.Ref) {
		t.Errorf("%+v", o)
	}
	if wants(t, errs, "500"); strings.Contains(out+errs, "/broken") {
		t.Errorf("the path of the address is shown: %s%s", out, errs)
	}
	for _, args := range [][]string{{"no_such_tool"}, {"card", "--agent", "desk"}} {
		code, out, _ := execute(t, append([]string{"tools", "run", "--config", path}, args...)...)
		if code != exitFailed || !strings.Contains(out, "no tool of that name") {
			t.Errorf("%v: exit code %d, %q", args, code, out)
		}
	}
}

// A tool that needs the line says so and does not look like one that is broken.
func TestToolsRunWithoutALine(t *testing.T) {
	path, _ := writeTools(t, "")
	for _, args := range [][]string{
		{"card"}, {"collect_digits"}, {"send_digits", `{"digits":"12"}`}, {"transfer", `{"to":"sales","summary":"Buys."}`, "--agent", "desk"},
	} {
		code, out, errs := execute(t, append([]string{"tools", "run", "--config", path}, args...)...)
		if code != exitFailed || !strings.Contains(errs, args[0]+" needs a phone line") {
			t.Errorf("%v: exit code %d, %q, %s", args, code, out, errs)
		}
	}
}

func TestToolArgumentsFromStandardInput(t *testing.T) {
	if got, err := toolArguments(strings.NewReader(`{"a":1}`), []string{"-"}); got != `{"a":1}` || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := toolArguments(strings.NewReader(strings.Repeat(" ", longestArguments+1)), []string{"-"}); err == nil {
		t.Error("endless arguments are taken")
	}
}

func TestToolsUsage(t *testing.T) {
	path, _ := writeTools(t, "")
	for args, says := range map[string]string{"tools run": "name one tool", "tools list --agent nobody": `"nobody"`} {
		code, _, errs := execute(t, append(strings.Fields(args), "--config", path)...)
		if code != exitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: exit code %d, %s", args, code, errs)
		}
	}
}
