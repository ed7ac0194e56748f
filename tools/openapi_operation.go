package tools

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// restOperation is an operation of a service as it is called. Static after construction.
type restOperation struct {
	service      *restService
	id           string
	method, path string
	arguments    []restArgument
	bodyRequired bool
	whole        bool // the body is one argument, not one for each member
}

// restArgument leads an argument of the tool to its place in the request.
type restArgument struct {
	name     string // of the argument
	original string // of the parameter, or of the member of the body
	in       string // path, query, header or body
	sep      string // between the items of a list; "" repeats the parameter
	json     bool   // the value is JSON
	schema   map[string]any
	required bool
}

// wholeBody is the argument that is the body, where that is no plain object.
const wholeBody = "body"

// operation makes an operation and the schema of its arguments.
func (d *openAPIDocument) operation(f *foundOperation, secret http.Header) (*restOperation, *parameters, error) {
	op := &restOperation{id: f.OperationID, method: f.method, path: f.path}
	if err := op.takeParameters(d, f, secret); err != nil {
		return nil, nil, err
	}
	if err := op.takeBody(d, f.RequestBody); err != nil {
		return nil, nil, err
	}
	if err := op.checkPath(); err != nil {
		return nil, nil, err
	}
	if err := op.nameArguments(); err != nil {
		return nil, nil, err
	}
	params, err := op.parameters()
	return op, params, err
}

// takeParameters reads the parameters of the path and of the operation, which come before those.
func (op *restOperation) takeParameters(d *openAPIDocument, f *foundOperation, secret http.Header) error {
	taken := map[string]bool{}
	for _, ref := range slices.Concat(f.Parameters, f.item.Parameters) {
		p := ref.Value
		if p == nil || taken[p.In+" "+p.Name] {
			continue
		}
		taken[p.In+" "+p.Name] = true
		switch {
		case p.In == openapi3.ParameterInHeader && notForModel(p.Name, secret):
			continue
		case p.In == openapi3.ParameterInCookie && !p.Required:
			continue
		case p.In == openapi3.ParameterInCookie:
			return fmt.Errorf("it needs the cookie %q, and cookies are not sent; put a service in front that adds it", p.Name)
		}
		a, err := d.argument(p)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		op.arguments = append(op.arguments, a)
	}
	return nil
}

// notForModel reports headers that are of the configuration or of HTTP itself (OpenAPI 3.1 §4.8.12.1).
func notForModel(name string, secret http.Header) bool {
	name = http.CanonicalHeaderKey(name)
	return name == "Accept" || name == "Content-Type" || name == "Authorization" || len(secret.Values(name)) > 0
}

// separators are how lists are written in one value, by style.
var separators = map[string]string{"": ",", openapi3.SerializationForm: ",", openapi3.SerializationSimple: ",",
	openapi3.SerializationSpaceDelimited: " ", openapi3.SerializationPipeDelimited: "|"}

func (d *openAPIDocument) argument(p *openapi3.Parameter) (restArgument, error) {
	a := restArgument{original: p.Name, in: p.In, required: p.Required || p.In == openapi3.ParameterInPath}
	ref := p.Schema
	for mediaType, content := range p.Content {
		a.json, ref = isJSON(mediaType), content.Schema
		if !a.json {
			return a, fmt.Errorf("it is written as %s, only JSON is; put a service in front", mediaType)
		}
	}
	sep, known := separators[p.Style]
	if !known {
		return a, fmt.Errorf("its style is %s, which is not written; put a service in front", p.Style)
	}
	if a.sep = sep; p.In == openapi3.ParameterInQuery && (p.Explode == nil && (p.Style == "" || p.Style == openapi3.SerializationForm) || p.Explode != nil && *p.Explode) {
		a.sep = ""
	}
	var err error
	if a.schema, err = d.schema(ref); err != nil {
		return a, err
	}
	if a.schema["type"] == "object" && !a.json {
		return a, errors.New("it is an object, which is not written into addresses and headers; put a service in front")
	}
	if p.Description != "" {
		a.schema["description"] = p.Description
	}
	return a, nil
}

// takeBody reads the JSON body: one argument for each member of a plain object, else one for all of it.
func (op *restOperation) takeBody(d *openAPIDocument, ref *openapi3.RequestBodyRef) error {
	if ref == nil || ref.Value == nil || len(ref.Value.Content) == 0 {
		return nil
	}
	op.bodyRequired = ref.Value.Required
	media := slices.Sorted(maps.Keys(ref.Value.Content))
	i := slices.IndexFunc(media, isJSON)
	if i < 0 {
		return fmt.Errorf("its body is %s, only JSON is sent; put a service in front", strings.Join(media, " or "))
	}
	schema, err := d.schema(ref.Value.Content[media[i]].Schema)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if !isPlainObject(schema) {
		op.whole = true
		op.arguments = append(op.arguments, restArgument{original: wholeBody, in: wholeBody, schema: schema, required: op.bodyRequired})
		return nil
	}
	required, _ := schema["required"].([]any)
	props, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(props)) {
		member, ok := props[name].(map[string]any)
		if !ok {
			member = map[string]any{}
		}
		must := op.bodyRequired && slices.Contains(required, any(name))
		op.arguments = append(op.arguments, restArgument{original: name, in: wholeBody, schema: member, required: must})
	}
	return nil
}

// isPlainObject reports a schema that says nothing but which members an object has.
func isPlainObject(schema map[string]any) bool {
	for key := range schema {
		switch key {
		case "type", "properties", "required", "description", "additionalProperties":
		default:
			return false
		}
	}
	open, said := schema["additionalProperties"]
	return schema["properties"] != nil && (!said || open == false)
}

var pathVariable = regexp.MustCompile(`\{([^{}]*)\}`)

// checkPath finds variables of the path without a parameter, and parameters without a variable.
func (op *restOperation) checkPath() error {
	in := map[string]bool{}
	for _, a := range op.arguments {
		if a.in == openapi3.ParameterInPath {
			in[a.original] = true
		}
	}
	for _, m := range pathVariable.FindAllStringSubmatch(op.path, -1) {
		if !in[m[1]] {
			return fmt.Errorf("its path has {%s}, and there is no parameter for it; add it to the document", m[1])
		}
		delete(in, m[1])
	}
	for name := range in {
		return fmt.Errorf("its parameter %q is not in the path; correct the document", name)
	}
	if !strings.HasPrefix(op.path, "/") {
		return errors.New("its path does not begin with /; correct the document")
	}
	return nil
}

// nameArguments gives each argument a name of its own. Those whose names occur twice get their place before them.
func (op *restOperation) nameArguments() error {
	count := map[string]int{}
	for i := range op.arguments {
		a := &op.arguments[i]
		a.name = fitName(a.original)
		count[a.name]++
	}
	seen := map[string]bool{}
	for i := range op.arguments {
		a := &op.arguments[i]
		if count[a.name] > 1 {
			a.name = fitName(a.in + "_" + a.original)
		}
		if seen[a.name] {
			return fmt.Errorf("two of its arguments are named %s; rename one in the document", a.name)
		}
		seen[a.name] = true
	}
	return nil
}

// parameters is the schema of all arguments.
func (op *restOperation) parameters() (*parameters, error) {
	props, required := map[string]any{}, []string{}
	for _, a := range op.arguments {
		props[a.name] = a.schema
		if a.required {
			required = append(required, a.name)
		}
	}
	text, err := marshal(map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false})
	if err != nil {
		return nil, fmt.Errorf("write its schema: %w", err)
	}
	if err := checkSize(text); err != nil {
		return nil, err
	}
	return parseParameters(text)
}
