package realtime

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// vocabulary lists the types in a file of the package that have a method, which is what makes them events.
func vocabulary(t *testing.T, file, method string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if ok && f.Recv != nil && f.Name.Name == method {
			names = append(names, f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
		}
	}
	if len(names) < 10 {
		t.Fatalf("%s has the events %v only: this test looks for them in the wrong way", file, names)
	}
	return names
}

// TestEveryClientEventHasGoldenJSON: an event without golden JSON is an event that nobody looked at.
func TestEveryClientEventHasGoldenJSON(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		golden := map[string]string{}
		for _, s := range readSections(t, "testdata/encode_"+d.String()+".txtar") {
			golden[s.name] = s.text
		}
		seen := map[string]bool{}
		for _, c := range clientCases {
			if text := golden[c.name]; strings.HasPrefix(text, "{") {
				seen[typeName(c.ev)] = true
			}
		}
		for _, name := range vocabulary(t, "event_client.go", "clientEvent") {
			if !seen[name] {
				t.Errorf("no golden JSON of %s in the %s dialect", name, d)
			}
		}
	}
}

// TestEveryServerEventHasGoldenJSON holds for both dialects: a decoder takes the names of the other one, too.
func TestEveryServerEventHasGoldenJSON(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		seen := map[string]bool{}
		for _, s := range readSections(t, "testdata/decode_"+d.String()+".txtar") {
			_, result, _ := strings.Cut(s.text, "\n=> ")
			name, _, _ := strings.Cut(result, "{")
			seen[name] = true
		}
		for _, name := range vocabulary(t, "event_server.go", "serverEvent") {
			if !seen[name] {
				t.Errorf("no golden JSON of %s in the %s dialect", name, d)
			}
		}
	}
}

// typeName is the name of an event's type without its package.
func typeName(ev any) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", ev), "*realtime.")
}
