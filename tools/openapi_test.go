package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func crmDocument(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/crm.yaml")
	must(t, err)
	return text
}

// crmRegistry has operations of the document, at a service that answers.
func crmRegistry(t *testing.T, answer http.HandlerFunc, operations ...string) (*Registry, *service, *[]string) {
	t.Helper()
	var asked []string // by the one request that is under way
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		answer(w, r)
	})
	r := NewRegistry()
	must(t, AddOpenAPI(r, OpenAPI{
		Name: "crm", Document: crmDocument(t), BaseURL: s.URL + "/api/", Operations: operations,
		Headers: http.Header{"x-api-key": {"hunter2"}},
	}))
	t.Cleanup(func() { must(t, r.Close(context.Background())) })
	return r, s, &asked
}

func fine(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"name": "Ada"}`)
}

func TestOpenAPIDefinitions(t *testing.T) {
	r, _, _ := crmRegistry(t, fine, "getCustomer", "moveCustomer", "add.note")
	defs, err := r.Describe([]string{"crm_getCustomer", "crm_moveCustomer", "crm_add_note"})
	must(t, err)
	for i, want := range []string{
		`{"type":"object","properties":{"X-Trace":{"type":"string"},"fields":{"type":"array","items":{"type":"string","enum":["name","day"]}},` +
			`"filter_x_":{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false},` +
			`"id":{"type":"string","description":"number of the customer"},"limit":{"type":"integer","exclusiveMinimum":0},` +
			`"tags":{"type":"array","items":{"type":"string"}}},"required":["id"],"additionalProperties":false}`,
		`{"type":"object","properties":{"body_id":{"type":"integer","description":"of the booking"},"day":{"type":["string","null"]},` +
			`"path_id":{"type":"string","description":"number of the customer"}},"required":["path_id","day","body_id"],"additionalProperties":false}`,
		`{"type":"object","properties":{"body":{"type":"array","items":{"type":"object","properties":{"answers":{"type":"array","items":{"type":"object"}},` +
			`"text":{"type":"string"}},"additionalProperties":false}}},"additionalProperties":false}`,
	} {
		if got := string(defs[i].Parameters); got != want {
			t.Errorf("%s\n got %s\nwant %s", defs[i].Name, got, want)
		}
	}
	for name, want := range map[string]Interrupt{"crm_getCustomer": Cancel, "crm_moveCustomer": Finish} {
		if info, _ := r.Info(name); info.OnInterrupt != want {
			t.Errorf("%s: %s when the caller cuts in", name, info.OnInterrupt)
		}
	}
	if defs[0].Description != "Finds a customer.\nBy number." {
		t.Errorf("description %q", defs[0].Description)
	}
}

func TestOpenAPIRequests(t *testing.T) {
	r, s, asked := crmRegistry(t, fine, "getCustomer", "moveCustomer", "add.note")
	for _, tc := range []struct{ name, arguments, want, body string }{
		{"crm_getCustomer", `{"id":"A 1/../?#%{id}","fields":["name","day"],"tags":["a,b","c&d"],"limit":12345678901234567890,"filter_x_":{"a":1},"X-Trace":"t\r\nEvil: 1"}`,
			"GET /api/customers/A%201%2F..%2F%3F%23%25%7Bid%7D?fields=name&fields=day&filter%5Bx%5D=%7B%22a%22%3A1%7D&limit=12345678901234567890&tags=a%2Cb%2Cc%26d", ""},
		{"crm_getCustomer", `{"id":"1"}`, "GET /api/customers/1", ""},
		{"crm_moveCustomer", `{"path_id":"c","body_id":7,"day":null}`, "PUT /api/customers/c", `{"day":null,"id":7}`},
		{"crm_add_note", `{"body":[{"text":"<a>"}]}`, "POST /api/notes", `[{"text":"<a>"}]`},
		{"crm_add_note", ``, "POST /api/notes", ``},
	} {
		*asked = nil
		if o := runTool(r, tc.name, tc.arguments); o.Output != `{"name":"Ada"}` || o.Attempts != 1 {
			t.Errorf("%s(%s): %+v", tc.name, tc.arguments, o)
			continue
		}
		h := s.heads[len(s.heads)-1]
		if got := (*asked)[0]; got != tc.want || s.body[len(s.body)-1] != tc.body {
			t.Errorf("%s(%s)\n got %s %s\nwant %s %s", tc.name, tc.arguments, got, s.body[len(s.body)-1], tc.want, tc.body)
		}
		key := (&Call{ID: "c1"}).For("f1").Invocation
		if wrote := !strings.HasPrefix(tc.want, "GET"); h.Get("X-Api-Key") != "hunter2" || (h.Get("Idempotency-Key") == key) != wrote {
			t.Errorf("%s: headers %v", tc.name, h)
		}
		if h.Get("Evil") != "" {
			t.Error("an argument became a header")
		}
	}
}

// A value that is only dots would name another path to many servers.
func TestOpenAPIPathStaysWhereItIs(t *testing.T) {
	r, s, _ := crmRegistry(t, fine, "getCustomer")
	for _, id := range []string{"..", ".", "", "..."} {
		o := runTool(r, "crm_getCustomer", `{"id":"`+id+`"}`)
		if o.Status != StatusInvalid || !strings.Contains(o.Output, "id must have something other than dots") {
			t.Errorf("%q: %+v", id, o)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests", s.count())
	}
}

func TestOpenAPIResponses(t *testing.T) {
	for _, tc := range []struct {
		name, mediaType string
		status          int
		body            string
		want            string // "" for hidden
	}{
		{"json", "application/json", 200, `{"a": 1}`, `{"a":1}`},
		{"text", "text/plain; charset=utf-8", 201, `made`, `{"result":"made"}`},
		{"nothing", "", 204, ``, `{"result":"done"}`},
		{"page", "text/html", 200, `<p>hunter2`, ""},
		{"not json", "application/json", 200, `{hunter2`, ""},
		{"too long", "text/plain", 200, strings.Repeat("x", maxResponse+1), ""},
		{"problem", "application/problem+json", 409, `{"title":"Conflict","detail":"that day is taken"}`, `{"error":"the service refused the request (conflict): that day is taken"}`},
		{"nested", "application/json", 400, `{"error":{"message":"bad day"}}`, `{"error":"the service refused the request (bad request): bad day"}`},
		{"page about it", "text/html", 404, `<p>hunter2`, `{"error":"the service refused the request (not found)"}`},
		{"our key", "application/json", 401, `{"detail":"hunter2"}`, ""},
		{"forbidden", "application/json", 403, `{"detail":"hunter2"}`, ""},
		{"too often", "application/json", 429, `{"detail":"hunter2"}`, ""},
		{"fault", "application/json", 500, `{"detail":"hunter2"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, _, _ := crmRegistry(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.mediaType)
				if tc.mediaType == "" {
					w.Header()["Content-Type"] = nil
				}
				w.Header().Set("Retry-After", "60") // so that nothing is tried twice
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			}, "getCustomer")
			o := runTool(r, "crm_getCustomer", `{"id":"1"}`)
			var failed *OpenAPIError
			switch {
			case tc.want != "" && o.Output != tc.want:
				t.Errorf("got %s", o.Output)
			case tc.want == "" && (fault(t, o) != "the tool failed (ref "+o.Ref+")" || !errors.As(o.Err, &failed) || failed.Operation != "getCustomer"):
				t.Errorf("not hidden: %+v", o)
			}
			wantNot(t, fmt.Sprint(o.Err), "hunter2")
		})
	}
}

func TestOpenAPIRepeatsOnlyReading(t *testing.T) {
	r, s, _ := crmRegistry(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "getCustomer", "moveCustomer")
	if o := runTool(r, "crm_moveCustomer", `{"path_id":"c","body_id":7,"day":"x"}`); o.Attempts != 1 || s.count() != 1 {
		t.Errorf("a change was tried %d times, %+v", s.count(), o)
	}
	if o := runTool(r, "crm_getCustomer", `{"id":"1"}`); o.Attempts != 2 || s.count() != 3 {
		t.Errorf("%d requests, %+v", s.count(), o)
	}
}

func TestOpenAPIGoesToNoOtherHost(t *testing.T) {
	other := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fine(w, r) })
	r, _, _ := crmRegistry(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/hunter2", http.StatusTemporaryRedirect)
	}, "getCustomer")
	o := runTool(r, "crm_getCustomer", `{"id":"1"}`)
	if !errors.Is(o.Err, ErrRedirect) || other.count() != 0 {
		t.Errorf("%+v, the other host got %d requests", o, other.count())
	}
	wantNot(t, o.Err.Error(), "hunter2")
}

func TestOpenAPIIsRefused(t *testing.T) {
	big := `{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"/a":{"get":{"operationId":"a","parameters":[{"name":"q","in":"query","schema":{"type":"string","description":"` +
		strings.Repeat("x", maxSchema) + `"}}],"responses":{"200":{"description":"ok"}}}}}}`
	outside := `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{"/a":{"$ref":"PLACE"}}}`
	other := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fine(w, r) })
	for name, tc := range map[string]struct {
		change func(*OpenAPI)
		want   string
	}{
		"none":      {func(o *OpenAPI) { o.Operations = nil }, "list the operationIds"},
		"unknown":   {func(o *OpenAPI) { o.Operations = []string{"gone"} }, `operation "gone" is not in the document, known are add.note, cookie`},
		"twice":     {func(o *OpenAPI) { o.Operations = []string{"twice"} }, "in the document twice"},
		"repeated":  {func(o *OpenAPI) { o.Operations = []string{"add.note", "add.note"} }, "of this name already"},
		"path":      {func(o *OpenAPI) { o.Operations = []string{"noParameter"} }, "no parameter for it"},
		"form":      {func(o *OpenAPI) { o.Operations = []string{"form"} }, "multipart/form-data, only JSON"},
		"cookie":    {func(o *OpenAPI) { o.Operations = []string{"cookie"} }, "cookies are not sent"},
		"deep":      {func(o *OpenAPI) { o.Operations = []string{"deep"} }, "its style is deepObject"},
		"object":    {func(o *OpenAPI) { o.Operations = []string{"object"} }, "it is an object"},
		"no base":   {func(o *OpenAPI) { o.BaseURL = "" }, "servers are not trusted"},
		"base":      {func(o *OpenAPI) { o.BaseURL = "http://h/?key=hunter2" }, "no ?, # or { }"},
		"scheme":    {func(o *OpenAPI) { o.BaseURL = "file:///hunter2" }, "http:// or https://"},
		"name":      {func(o *OpenAPI) { o.Name = "ä" }, "letters, digits"},
		"nothing":   {func(o *OpenAPI) { o.Document = nil }, "there is no document"},
		"garbage":   {func(o *OpenAPI) { o.Document = []byte("{{{") }, "read the document"},
		"swagger":   {func(o *OpenAPI) { o.Document = []byte(`{"swagger":"2.0","paths":{}}`) }, "not OpenAPI 3"},
		"big":       {func(o *OpenAPI) { o.Document, o.Operations = []byte(big), []string{"a"} }, "at most 16384 are sent to a model; leave the tool out"},
		"elsewhere": {func(o *OpenAPI) { o.Document = []byte(strings.Replace(outside, "PLACE", other.URL+"/x", 1)) }, "another document"},
		"file":      {func(o *OpenAPI) { o.Document = []byte(strings.Replace(outside, "PLACE", "/etc/passwd", 1)) }, "another document"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry()
			o := OpenAPI{Name: "crm", Document: crmDocument(t), BaseURL: "http://127.0.0.1:1", Operations: []string{"getCustomer"}}
			tc.change(&o)
			err := AddOpenAPI(r, o)
			if err == nil {
				t.Fatal("accepted")
			}
			wantContains(t, err.Error(), tc.want)
			wantNot(t, err.Error(), "hunter2")
			if len(r.Names()) != 0 || other.count() != 0 {
				t.Errorf("left behind: %v; fetched %d", r.Names(), other.count())
			}
		})
	}
}

func TestOpenAPIServersOfATrustedDocument(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fine(w, r) })
	doc := strings.Replace(string(crmDocument(t)), "https://elsewhere.example/", s.URL, 1)
	r := NewRegistry()
	must(t, AddOpenAPI(r, OpenAPI{Name: "crm", Prefix: "c-", Document: []byte(doc), TrustServers: true, Operations: []string{"getCustomer"}, Headers: http.Header{"X-Api-Key": {"k"}}}))
	if o := runTool(r, "c-getCustomer", `{"id":"1"}`); o.Status != StatusOK {
		t.Errorf("%+v", o)
	}
	must(t, r.Close(context.Background()))
}

func TestReadOpenAPI(t *testing.T) {
	other := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { fine(w, r) })
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/doc":
			_, _ = w.Write([]byte("openapi: 3 " + r.Header.Get("X-Key")))
		case "/long":
			_, _ = w.Write(make([]byte, maxDocument+1))
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	file := filepath.Join(t.TempDir(), "crm.yaml")
	must(t, os.WriteFile(file, []byte("openapi: 3"), 0o600))
	for place, want := range map[string]string{
		file: "openapi: 3", s.URL + "/doc": "openapi: 3 k", s.URL + "/long": "longer than 8388608 bytes", s.URL + "/other": "to another host",
		s.URL + "/gone?key=hunter2": "status 404; a copy in a file", file + "x": "no such file", "http://127.0.0.1:1/hunter2": "refused; a copy in a file",
	} {
		text, err := ReadOpenAPI(t.Context(), place, http.Header{"X-Key": {"k"}})
		if got := string(text) + fmt.Sprint(err); !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: got %q, want %q", place, got, want)
		}
	}
	if other.count() != 0 {
		t.Error("a redirect to another host was followed")
	}
}

func TestOpenAPIIsNotPrinted(t *testing.T) {
	o := OpenAPI{Name: "crm", BaseURL: "http://hunter2", Headers: http.Header{"X-Api-Key": {"hunter2"}}}
	var log lockedBuffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("service", "service", o)
	_, err := o.MarshalJSON()
	wantNot(t, log.String()+o.String()+o.GoString(), "hunter2")
	if err == nil {
		t.Error("written out")
	}
}

// FuzzOpenAPI: a document from outside becomes tools or errors, whatever it holds, and no request leaves the base URL.
func FuzzOpenAPI(f *testing.F) {
	f.Add(string(crmDocument(f)), `{"id":"1"}`)
	f.Add(`{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"//evil.example/{a}":{"get":{"operationId":"a","parameters":[{"name":"a","in":"path","required":true}]}}}}`, `{"a":"@evil"}`)
	f.Fuzz(func(t *testing.T, text, arguments string) {
		doc, err := parseOpenAPI([]byte(text))
		if err != nil || doc.Paths == nil {
			return
		}
		s, err := newService(OpenAPI{Name: "x", BaseURL: "https://base.example/api"}, doc.T)
		must(t, err)
		for _, item := range doc.Paths.Map() {
			for _, op := range item.Operations() {
				found, err := doc.find(op.OperationID)
				if err != nil || op.OperationID == "" {
					continue
				}
				rest, params, err := doc.operation(found, nil)
				if err != nil {
					continue
				}
				args, err := params.check(arguments)
				if err != nil {
					continue
				}
				rest.service = s
				members, err := decodeNumbers(args)
				must(t, err)
				req, err := rest.request(t.Context(), members.(map[string]any))
				if err == nil && (req.URL.Host != "base.example" || !strings.HasPrefix(req.URL.EscapedPath(), "/api/")) {
					t.Errorf("the request goes to %s", req.URL)
				}
			}
		}
	})
}
