package supervisor

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// openapiDoc is the document as a stranger's library reads it.
var openapiDoc = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(openapiJSON) })

func TestOpenAPIIsValid(t *testing.T) {
	doc, err := openapiDoc()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
}

// TestOpenAPIHasEveryRoute compares both ways.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	s := newAPIStand(t)
	doc, err := openapiDoc()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+strings.TrimPrefix(path, "/")] = op.Description
		}
	}
	for _, rt := range s.server.api.routes {
		name := rt.method + " " + rt.path
		if !strings.Contains(described[name], rt.role.String()) {
			t.Errorf("%s, for %s, is described as %q", name, rt.role, described[name])
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("%s is described and not there", name)
	}
	resp, text := s.ask("vera", "GET", "openapi.json", "")
	if resp.StatusCode != http.StatusOK || text != string(openapiJSON) {
		t.Errorf("GET openapi.json: %s", resp.Status)
	}
}

// asDescribed holds an answer to the document. Every answer that [apiStand.ask] reads goes through here.
func (s *apiStand) asDescribed(req *http.Request, resp *http.Response, text string) {
	s.Helper()
	doc, err := openapiDoc()
	if err != nil {
		s.Fatal(err)
	}
	_, pattern := s.server.api.mux.Handler(req)
	method, path, found := strings.Cut(pattern, " ")
	if !found || req.Method == http.MethodHead {
		return
	}
	op := doc.Paths.Value("/" + strings.TrimPrefix(path, apiPrefix)).GetOperation(method)
	answer := op.Responses.Value(strconv.Itoa(resp.StatusCode))
	if answer == nil {
		s.Errorf("%s answers %d, which is not described", pattern, resp.StatusCode)
		return
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if len(answer.Value.Content) == 0 {
		if text != "" {
			s.Errorf("%s answers %d with a body, which is not described", pattern, resp.StatusCode)
		}
		return
	}
	media := answer.Value.Content[kind]
	if media == nil {
		s.Errorf("%s answers %d with %q, which is not described", pattern, resp.StatusCode, kind)
		return
	}
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		s.Errorf("%s answers no JSON: %v", pattern, err)
		return
	}
	if err := media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()); err != nil {
		s.Errorf("%s answers %d with what is not described: %v\n%s", pattern, resp.StatusCode, err, text)
	}
}

// TestWhatIsNotDescribedIsSeen proves that the check above can fail.
func TestWhatIsNotDescribedIsSeen(t *testing.T) {
	doc, err := openapiDoc()
	if err != nil {
		t.Fatal(err)
	}
	schema := doc.Components.Schemas["Entry"].Value
	for text, good := range map[string]bool{
		`{"id":"1-0","kind":"turn"}`:         true,
		`{"id":"1-0","kind":"turn","new":1}`: false,
		`{"id":"1-0","kind":7}`:              false,
		`{"id":"x","kind":"turn"}`:           false,
		`{"kind":"turn"}`:                    false,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.VisitJSON(value, openapi3.EnableJSONSchema2020()); (err == nil) != good {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
