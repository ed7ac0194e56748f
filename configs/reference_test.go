package configs

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const reference = "trunkline.yaml"

func loadReference(t testing.TB, env ...string) *Config {
	t.Helper()
	c, err := Load(Options{Path: reference, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReferenceLoads reads the reference file as it is shipped: without any variable, and with those it asks for.
func TestReferenceLoads(t *testing.T) {
	loadReference(t, "NONE=")
	c := loadReference(t, "OPENAI_API_KEY=k", "AZURE_OPENAI_API_KEY=k", "PUBLIC_ADDRESS=198.51.100.1", "PBX_PASSWORD=long-enough-for-us")
	for _, w := range c.Warnings() {
		t.Errorf("the reference is warned of: %v", w)
	}
	if a := c.Agent("nightdesk"); !strings.HasPrefix(a.Instructions, "You answer the telephone") {
		t.Errorf("nightdesk's prompt is %q", a.Instructions)
	}
	if p := string(c.Tools[0].Parameters); !strings.Contains(p, `"orderNumber"`) {
		t.Errorf("parameters lost the case of a key: %s", p)
	}
}

// TestReferenceIsComplete holds the reference to its promise: every key of the structs is in it, with a comment that
// says whether it is required, or what its default is.
func TestReferenceIsComplete(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	comments := commentsOf(t, data)
	eachKey(reflect.TypeFor[Config](), "", func(path string, f field, typ reflect.Type) {
		said, ok := comments[path]
		switch {
		case !ok:
			t.Errorf("%s is missing", path)
		case f.required != "" && f.def == "" && !slices.ContainsFunc(said, has("Required.")):
			t.Errorf("%s: no comment says Required.", path)
		case f.def != "" && !slices.ContainsFunc(said, has("Default: "+f.def)):
			t.Errorf("%s: no comment says Default: %s", path, f.def)
		case f.required == "" && f.def == "" && !isBlock(typ) && !slices.ContainsFunc(said, has("Default: ")):
			t.Errorf("%s: no comment says Default:", path)
		}
		for _, value := range f.enum {
			if ok && !slices.ContainsFunc(said, has(value)) {
				t.Errorf("%s: no comment mentions the value %s", path, value)
			}
		}
	})
}

func has(part string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, part) }
}

// isBlock reports types that are documented by their members.
func isBlock(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isScalar(t) || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !isScalarList(t)
}

// eachKey visits every key below t: path is agents[].turn_detection.type.
func eachKey(t reflect.Type, path string, visit func(path string, f field, typ reflect.Type)) {
	for _, f := range fieldsOf(t) {
		typ, at := t.FieldByIndex(f.index).Type, join(path, f.name)
		visit(at, f, typ)
		switch {
		case isScalar(typ) || isScalarList(typ) || typ == jsonType:
		case typ.Kind() == reflect.Slice:
			eachKey(typ.Elem(), at+"[]", visit)
		default:
			eachKey(base(typ), at, visit)
		}
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// commentsOf finds the comments above and behind each key of the file.
func commentsOf(t *testing.T, data []byte) map[string][]string {
	t.Helper()
	r := newReport(reference)
	root, ok := readNode(data, r)
	if !ok {
		t.Fatal(r.err())
	}
	d := &decoder{report: r, budget: maxNodes}
	var c Config
	d.value(root, reflect.ValueOf(&c).Elem(), &field{}, "")
	lines := strings.Split(string(data), "\n")
	all := map[string][]string{}
	for key := range r.marks.places {
		path := index.ReplaceAllString(key, "[]")
		all[path] = append(all[path], commentAt(lines, keyLine(lines, r.marks.places[key].Line-1, key)))
	}
	return all
}

// keyLine goes up from where a value begins to the line of its key.
func keyLine(lines []string, line int, key string) int {
	written := regexp.MustCompile(`(^|[\s{,])` + regexp.QuoteMeta(key[strings.LastIndexByte(key, '.')+1:]) + `:(\s|$)`)
	for up := line; up >= 0; up-- {
		if written.MatchString(lines[up]) && !strings.HasPrefix(strings.TrimSpace(lines[up]), "#") {
			return up
		}
	}
	return line
}

func commentAt(lines []string, line int) string {
	_, text, _ := strings.Cut(lines[line], "#")
	for up := line - 1; up >= 0 && strings.HasPrefix(strings.TrimSpace(lines[up]), "#"); up-- {
		text = strings.TrimPrefix(strings.TrimSpace(lines[up]), "#") + text
	}
	return text
}
