package configs

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

const toolsYAML = `
agents:
  - { name: frontdesk, realtime: main, greeting: "The AI of Acme speaks.", instructions: Be brief., transcription: { model: m },
      tools: [pay, pin, crm_find_customer, any_whatever, shop-get_item, hang_up] }
tools:
  - { name: pay, description: d, webhook: { url: "https://example.com/", collected: [pin] }, on_interrupt: finish, after_turn: true,
      once: true, background: true, duplicates: join, say: { text: Wait. }, failed: No. }
  - { name: pin, description: d, collect: { secret: true } }
mcp:
  - { name: crm, url: "https://example.com/mcp?k=hunter2", headers: [{ name: authorization, value: "Bearer ${TOKEN}" }], allow: [find.customer] }
  - { name: some, command: server, args: [-v], env: ["KEY=${TOKEN}", LANG], allow: ["*"], prefix: any_, timeout: 3s }
openapi:
  - { name: shop, document: "https://example.com/api.json", base_url: "https://EXAMPLE.com/v1", operations: ["get item"], prefix: shop-,
      headers: [{ name: X-Key, value: "${TOKEN}" }] }
`

func parseTools(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("trunkline.yaml", []byte(text+without(readTestdata(t, "base.yaml"), text)), Options{Env: []string{"TOKEN=hunter2"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestToolsAndServers(t *testing.T) {
	c := parseTools(t, toolsYAML)
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("warnings %v", w)
	}
	pay, pin, crm, some, shop := &c.Tools[0], &c.Tools[1], &c.MCP[0], &c.MCP[1], &c.OpenAPI[0]
	for i, check := range []struct{ got, want any }{
		{*pay.Say, Say{After: Duration(1500 * time.Millisecond), Text: "Wait."}},
		{[]any{pay.OnInterrupt, pay.AfterTurn, pay.Once, pay.Background, pay.Duplicates, pay.Failed}, []any{"finish", true, true, true, "join", "No."}},
		{pay.Webhook.Collected, []string{"pin"}},
		{*pin.Collect, Collect{Min: 1, Max: 32, First: Duration(15 * time.Second), Between: Duration(4 * time.Second), Secret: true}},
		{[]any{pin.OnInterrupt, pin.Duplicates, pin.Say == nil}, []any{"", "", true}},
		{[]any{crm.Prefix, crm.AllowAll(), crm.Timeout.Std(), crm.CommandLine() == nil}, []any{"crm_", false, 10 * time.Second, true}},
		{HTTPHeaders(crm.Headers), http.Header{"Authorization": {"Bearer hunter2"}}},
		{[]any{some.Prefix, some.AllowAll(), some.Timeout.Std()}, []any{"any_", true, 3 * time.Second}},
		{some.CommandLine(), []string{"server", "-v"}},
		{some.Environment(), []string{"KEY=hunter2", "LANG"}},
		{shop.DocumentHeaders(), http.Header{"X-Key": {"hunter2"}}},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%d: got %v, want %v", i, check.got, check.want)
		}
	}
	shown := fmt.Sprintf("%+v %+v", c.MCP, c.OpenAPI)
	for _, s := range c.Settings() {
		shown += s.Value
	}
	if strings.Contains(shown, "hunter2") {
		t.Errorf("a secret is in %s", shown)
	}
}

// The keys of a service are for its host: a document of another one is fetched without.
func TestDocumentHeadersAreForOneHost(t *testing.T) {
	for document, want := range map[Document]int{
		"https://example.com/doc": 1, "https://Example.com/": 1, "https://other.example/doc": 0, "http://example.com/doc": 0, "https://example.com:444/": 0, "file.yaml": 0,
	} {
		o := OpenAPI{Document: document, BaseURL: NewURL("https://example.com/v1"), Headers: []Header{{"X-Key", NewSecret("k")}}}
		if got := len(o.DocumentHeaders()); got != want {
			t.Errorf("%s: %d headers", document, got)
		}
	}
}

func TestServersAreWarnedOf(t *testing.T) {
	c := parseTools(t, `
mcp:
  - { name: crm, url: "http://crm.example.com/mcp", headers: [{ name: A, value: hunter2 }], allow: [find] }
openapi:
  - { name: shop, document: "https://example.com/", base_url: "https://example.com", operations: ["get item"] }
`)
	var got strings.Builder
	for _, w := range c.Warnings() {
		fmt.Fprintln(&got, w)
	}
	want := `trunkline.yaml:3:5: mcp[crm]: has no tool that an agent names; write "crm_find" into its tools
trunkline.yaml:3:23: mcp[crm].url: sends the headers unencrypted; write https://
trunkline.yaml:5:5: openapi[shop]: has no tool that an agent names; write "shop_get_item" into its tools
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}
