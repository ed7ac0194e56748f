package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"
)

// maxArguments is the largest arguments text that is looked at. Models write a few hundred bytes.
const maxArguments = 64 << 10

// parameters are what a tool may be called with: the schema that the model reads and the judge of what it writes, made
// from the same value so that they cannot disagree. Static after construction.
type parameters struct {
	schema *jsonschema.Schema
	judge  *jsonschema.Resolved
	text   json.RawMessage // schema as the model gets it
	known  map[string]bool // names of all members, at any depth
	closed bool            // every object lists its members
}

// newParameters finishes a schema of an object. The schema must not be changed afterwards.
func newParameters(s *jsonschema.Schema) (*parameters, error) {
	if s.Properties == nil {
		s.Properties = map[string]*jsonschema.Schema{} // strict servers want the member even if it is empty
	}
	judge, err := s.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("read the schema of the arguments: %w", err)
	}
	text, err := marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the schema of the arguments: %w", err)
	}
	p := &parameters{schema: s, judge: judge, text: text, known: map[string]bool{}, closed: true}
	_ = eachSchema("", s, func(_ string, s *jsonschema.Schema) error {
		for name := range s.Properties {
			p.known[name] = true
		}
		p.closed = p.closed && (!isObject(s) || isFalse(s.AdditionalProperties))
		return nil
	})
	return p, nil
}

// check reads the model's arguments and returns them as JSON that fits the schema, or an *ArgumentError.
func (p *parameters) check(arguments string) (json.RawMessage, error) {
	if len(arguments) > maxArguments {
		return nil, argumentFault("they are %d bytes long, at most %d are allowed", len(arguments), maxArguments)
	}
	raw := bytes.TrimSpace([]byte(arguments))
	if len(raw) == 0 {
		raw = []byte("{}") // models write nothing for a function without arguments
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, argumentFault("%s", syntaxFault(err))
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, argumentFault("they must be a JSON object, not %s", kindOf(v))
	}
	if err := p.judge.Validate(v); err != nil {
		return nil, &ArgumentError{Faults: explain(p.schema, v)}
	}
	return raw, nil
}

// syntaxFault words an error of encoding/json without the text that caused it.
func syntaxFault(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return "they are not valid JSON, at byte " + strconv.FormatInt(syntax.Offset, 10)
	}
	return "a number in them is out of range"
}

// canonical rewrites JSON so that every member occurs once, with the value that was checked: receivers in other languages
// may take the first of two equal names where Go takes the last. Numbers keep their digits.
func canonical(raw json.RawMessage) (json.RawMessage, error) {
	v, err := decodeNumbers(raw)
	if err != nil {
		return nil, err
	}
	return marshal(v)
}

// decodeNumbers decodes any JSON and keeps numbers as they are written.
func decodeNumbers(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
