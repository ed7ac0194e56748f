package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trunkline/trunkline/tools"
)

// A tool is a struct for its arguments and a function. The model reads the schema that the struct stands for; the
// function is called only with arguments that fit.
func ExampleAdd() {
	type Order struct {
		Number string `json:"number" jsonschema:"order number, as on the receipt" pattern:"^[A-Z]{2}[0-9]{4}$"`
	}
	type Status struct {
		State string `json:"state"`
		Day   string `json:"day"`
	}
	r := tools.NewRegistry()
	err := tools.Add(r, "order_status", "Looks up an order by its number.",
		func(ctx context.Context, c *tools.Call, in Order) (Status, error) {
			if in.Number != "AB1234" {
				return Status{}, tools.Tell("there is no order %s", in.Number) // the model reads this
			}
			return Status{State: "shipped", Day: "Tuesday"}, nil // any other error would stay private
		}, tools.Timeout(5*time.Second))
	fmt.Println(err)

	for _, arguments := range []string{`{"number":"AB1234"}`, `{"number":"ZZ9999"}`, `{"number":12}`} {
		o := r.Run(context.Background(), tools.Invocation{Name: "order_status", Arguments: arguments})
		fmt.Println(o.Status, o.Output)
	}
	// Output:
	// <nil>
	// ok {"state":"shipped","day":"Tuesday"}
	// tool_error {"error":"there is no order ZZ9999"}
	// invalid {"error":"the arguments of order_status were refused and nothing was done: number must be a string, not a number"}
}

// Tell chooses the words that the model reads; the text of every other error goes to the log only.
func ExampleTell() {
	r := tools.NewRegistry()
	_ = tools.Add(r, "book", "Books a table.", func(context.Context, *tools.Call, struct{}) (string, error) {
		err := errors.New("pq: password authentication failed for user crm")
		return "", fmt.Errorf("%w: %w", tools.Tell("bookings are closed today"), err)
	})
	o := r.Run(context.Background(), tools.Invocation{Name: "book"})
	fmt.Println(o.Output)
	fmt.Println(o.Err)
	// Output:
	// {"error":"bookings are closed today"}
	// run tool book: bookings are closed today: pq: password authentication failed for user crm
}

// Describe gives the tools in the form that session.update wants.
func ExampleRegistry_Describe() {
	r := tools.NewRegistry()
	_ = tools.AddBuiltins(r)
	defs, _ := r.Describe([]string{"hang_up"})
	text, _ := json.Marshal(defs[0].Parameters)
	fmt.Println(defs[0].Name, string(text))

	_, err := r.Describe([]string{"hangup"})
	fmt.Println(err)
	// Output:
	// hang_up {"type":"object","properties":{"reason":{"type":"string","description":"why the call ends, in a few words, for the record","maxLength":200}},"additionalProperties":false}
	// describe tools: unknown tool "hangup", known are collect_digits, current_time, escalate, hang_up, leave_note, send_digits
}

// The service behind a webhook checks the signature over the body as it was received, and only then decodes it.
func ExampleVerifyWebhook() {
	const secret = "whsec_dGVzdA=="
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
		if err != nil || tools.VerifyWebhook(secret, req.Header, body, time.Now()) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var in tools.WebhookRequest
		if json.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s for %s: shipped", in.Arguments, in.Call.Agent)
	}))
	defer service.Close()

	r := tools.NewRegistry()
	err := tools.AddWebhook(r, tools.Webhook{
		Name: "order_status", Description: "Looks up an order.", URL: service.URL, Secret: secret, Idempotent: true,
		Parameters: json.RawMessage(`{"type":"object","required":["order"],"properties":{"order":{"type":"string"}}}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close(context.Background()) }()
	o := r.Run(context.Background(), tools.Invocation{
		Name: "order_status", Arguments: `{"order":"A17"}`, Call: &tools.Call{ID: "c1", Agent: "frontdesk"},
	})
	fmt.Println(o.Status, o.Output)
	// Output: ok {"result":"{\"order\":\"A17\"} for frontdesk: shipped"}
}

// A server says itself what it can do; the allow-list says what of that the model may. It is connected in the background,
// so a program waits for it once, at its start, and no longer than it likes to.
func ExampleAddMCP() {
	server := mcp.NewServer(&mcp.Implementation{Name: "crm", Version: "1"}, nil)
	type customer struct {
		Name string `json:"name" jsonschema:"whom to find"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "find_customer", Description: "Finds a customer."},
		func(_ context.Context, _ *mcp.CallToolRequest, in customer) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Name + " has two orders"}}}, nil, nil
		})
	service := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil))
	defer service.Close()

	r := tools.NewRegistry()
	err := tools.AddMCP(r, tools.MCPServer{
		Name: "crm", URL: service.URL, Headers: http.Header{"Authorization": {"Bearer …"}}, Allow: []string{"find_customer"},
	}, tools.SayAfter(time.Second, "One moment."))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close(context.Background()) }()
	desk, err := r.Subset("crm_find_customer") // also before the server has told of it
	fmt.Println(err)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(r.Ready(ctx))
	o := desk.Run(ctx, tools.Invocation{Name: "crm_find_customer", Arguments: `{"name":"Ada"}`})
	fmt.Println(o.Output)
	// Output:
	// <nil>
	// <nil>
	// {"result":"Ada has two orders"}
}

// Operations of a service become tools by their operationId. Address and keys are of the program, not of the document.
func ExampleAddOpenAPI() {
	const document = `
openapi: 3.1.0
info: { title: Stock, version: "1" }
paths:
  /items/{number}:
    get:
      operationId: getItem
      summary: Says how many of an item there are.
      parameters: [{ name: number, in: path, required: true, schema: { type: string } }]
      responses: { "200": { description: the item } }
`
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"asked":%q,"left":3}`, req.URL.EscapedPath())
	}))
	defer service.Close()

	r := tools.NewRegistry()
	err := tools.AddOpenAPI(r, tools.OpenAPI{
		Name: "stock", Document: []byte(document), BaseURL: service.URL + "/api", Operations: []string{"getItem"},
		Headers: http.Header{"X-Api-Key": {"…"}},
	})
	fmt.Println(err)
	defer func() { _ = r.Close(context.Background()) }()
	o := r.Run(context.Background(), tools.Invocation{Name: "stock_getItem", Arguments: `{"number":"A/1"}`})
	fmt.Println(o.Output)
	// Output:
	// <nil>
	// {"asked":"/api/items/A%2F1","left":3}
}
