package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxSchema is the largest schema of a tool that others wrote. Each session sends it, and each answer is billed for it.
	maxSchema = 16 << 10
	// maxSchemaNodes bounds a schema while its references are written out, which can grow beyond any size.
	maxSchemaNodes = 4000
	maxSchemaDepth = 32
)

// adopter rewrites a schema that was written for others, of MCP servers and OpenAPI documents, into one that
// parseParameters takes: references are written out, keywords of older drafts and of OpenAPI 3.0 become those of JSON
// Schema 2020-12, and what neither checks nor explains anything is left out. It is used once.
//
//	{"$ref": "#/components/schemas/Day"}   ──►  the schema itself; one that holds itself is cut there, to its type
//	type: string, nullable: true           ──►  type: [string, null]
//	minimum: 1, exclusiveMinimum: true     ──►  exclusiveMinimum: 1
//	items: [a, b]                          ──►  prefixItems: [a, b]
//	pattern that RE2 cannot read           ──►  left out: the server checks it anyway
type adopter struct {
	root  any // document that references point into
	nodes int
	open  map[string]bool // references that are being written out
}

// adopt rewrites schema, whose references point into root. The error says what is in the way and what to do.
func adopt(root, schema any) (map[string]any, error) {
	a := &adopter{root: root, open: map[string]bool{}}
	v, err := a.schema(schema, 0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return map[string]any{}, nil // true, which allows anything
	}
	return m, nil
}

// checkSize refuses a schema that would burden every turn of every call.
func checkSize(schema json.RawMessage) error {
	if len(schema) > maxSchema {
		return fmt.Errorf("its schema has %d bytes, at most %d are sent to a model; leave the tool out, or put a smaller one in front of it",
			len(schema), maxSchema)
	}
	return nil
}

var errSchemaSize = fmt.Errorf("its schema has more than %d parts once references are written out; leave the tool out, or put a smaller one in front of it",
	maxSchemaNodes)

func (a *adopter) schema(v any, depth int) (any, error) {
	if a.nodes++; a.nodes > maxSchemaNodes || depth > maxSchemaDepth {
		return nil, errSchemaSize
	}
	m, ok := v.(map[string]any)
	if !ok {
		if b, isBool := v.(bool); isBool {
			return b, nil
		}
		return nil, errors.New("its schema holds something that is no schema")
	}
	if ref, ok := m["$ref"].(string); ok {
		return a.reference(ref, m, depth)
	}
	out := map[string]any{}
	for key, value := range m {
		kept, err := a.keyword(key, value, depth)
		if err != nil {
			return nil, err
		}
		if kept != nil {
			out[key] = kept
		}
	}
	if tuple, old := m["items"].([]any); old {
		list, err := a.list(tuple, depth)
		if err != nil {
			return nil, err
		}
		out["prefixItems"] = list
	}
	modernize(m, out)
	return out, nil
}

// reference writes out what ref points to. A description beside it is the better one.
func (a *adopter) reference(ref string, beside map[string]any, depth int) (any, error) {
	target, err := follow(a.root, ref)
	if err != nil {
		return nil, err
	}
	if a.open[ref] {
		cut := map[string]any{}
		if m, ok := target.(map[string]any); ok && m["type"] != nil {
			cut["type"] = m["type"]
		}
		return cut, nil
	}
	a.open[ref] = true
	defer delete(a.open, ref)
	v, err := a.schema(target, depth+1)
	if m, ok := v.(map[string]any); ok && err == nil {
		if text, ok := beside["description"].(string); ok {
			m["description"] = text
		}
	}
	return v, err
}

// follow resolves a JSON Pointer of RFC 6901 in the form of a fragment. Other documents are not read.
func follow(root any, ref string) (any, error) {
	path, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, fmt.Errorf("its schema refers to another document, %q; bundle them into one", cut(ref, 100))
	}
	v := root
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path == "" || path == "/" {
			break
		}
		m, _ := v.(map[string]any)
		next, ok := m[strings.NewReplacer("~1", "/", "~0", "~", "%20", " ").Replace(part)]
		if !ok {
			return nil, fmt.Errorf("its schema refers to %q, which is not there", cut(ref, 100))
		}
		v = next
	}
	return v, nil
}

// keyword rewrites the value of one keyword; nil leaves it out.
func (a *adopter) keyword(key string, v any, depth int) (any, error) {
	switch key {
	case "type", "description", "enum", "const", "default", "format", "required", "uniqueItems", "multipleOf", "minimum", "maximum",
		"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains", "dependentRequired":
		return v, nil
	case "exclusiveMinimum", "exclusiveMaximum":
		if _, old := v.(bool); old {
			return nil, nil // see modernize
		}
		return v, nil
	case "pattern":
		text, _ := v.(string)
		if _, err := regexp.Compile(text); err != nil {
			return nil, nil
		}
		return v, nil
	case "items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else", "unevaluatedProperties", "unevaluatedItems":
		if _, old := v.([]any); old {
			return nil, nil // see schema
		}
		return a.schema(v, depth+1)
	case "allOf", "anyOf", "oneOf", "prefixItems":
		return a.list(v, depth)
	case "properties", "patternProperties", "dependentSchemas":
		return a.table(key, v, depth)
	}
	return nil, nil
}

func (a *adopter) list(v any, depth int) (any, error) {
	list, _ := v.([]any)
	out := make([]any, len(list))
	for i := range list {
		var err error
		if out[i], err = a.schema(list[i], depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// table rewrites named schemas, without members that only responses have and patterns that cannot be read.
func (a *adopter) table(key string, v any, depth int) (any, error) {
	table, _ := v.(map[string]any)
	out := make(map[string]any, len(table))
	for name, sub := range table {
		m, _ := sub.(map[string]any)
		if _, err := regexp.Compile(name); m["readOnly"] == true || key == "patternProperties" && err != nil {
			continue
		}
		var err error
		if out[name], err = a.schema(sub, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// modernize adds to out what in has in the manner of an older draft or of OpenAPI 3.0.
func modernize(in, out map[string]any) {
	if text, one := in["type"].(string); one && in["nullable"] == true {
		out["type"] = []any{text, "null"}
		if choices, ok := in["enum"].([]any); ok {
			out["enum"] = append(choices[:len(choices):len(choices)], nil)
		}
	}
	for _, b := range [][2]string{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		if in[b[1]] == true && in[b[0]] != nil {
			out[b[1]] = in[b[0]]
			delete(out, b[0])
		}
	}
	if props, ok := out["properties"].(map[string]any); ok {
		dropRequired(in, out, props)
	}
}

// dropRequired takes members that were left out, because only responses have them, from those that must be there.
func dropRequired(in, out, props map[string]any) {
	all, _ := in["properties"].(map[string]any)
	names, _ := in["required"].([]any)
	kept := []any{}
	for _, n := range names {
		name, _ := n.(string)
		if _, listed := all[name]; listed && props[name] == nil {
			continue
		}
		kept = append(kept, n)
	}
	if len(names) > 0 {
		out["required"] = kept
	}
}
