package realtime

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// outTool is a tool as servers want it: flat, and with these members only. Anything else loses the whole session.update.
type outTool struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Parameters  any    `json:"parameters"`
}

// noParameters is the schema of a function without arguments.
var noParameters = map[string]any{"type": "object", "properties": map[string]any{}}

// encodeTools makes null an empty list: [] removes all tools, null is refused.
func encodeTools(tools Opt[[]Tool]) Opt[[]outTool] {
	if tools.IsZero() {
		return Opt[[]outTool]{}
	}
	list := tools.Or(nil)
	out := make([]outTool, len(list))
	for i, t := range list {
		out[i] = outTool{Type: "function", Name: t.Name, Description: t.Description, Parameters: noParameters}
		if t.Parameters != nil {
			out[i].Parameters = t.Parameters
		}
	}
	return Some(out)
}

// checkTools finds the schema that would lose the whole session.update.
func checkTools(tools []Tool) error {
	for _, t := range tools {
		if t.Parameters != nil && (!json.Valid(t.Parameters) || bytes.TrimSpace(t.Parameters)[0] != '{') {
			return fmt.Errorf("parameters of tool %q are not a JSON object", t.Name)
		}
	}
	return nil
}

// toolChoice is a word, or {"type":"function","name":N}.
type toolChoice struct{ kind, name string }

const choiceFunction = "function"

var errChoiceName = errors.New("a tool choice of function needs the name of the function, and no other has one")

// encodeChoice refuses what servers would, with the whole update.
func encodeChoice(kind, name string) (toolChoice, error) {
	if (kind == choiceFunction) != (name != "") {
		return toolChoice{}, errChoiceName
	}
	return toolChoice{kind, name}, nil
}

// MarshalJSON implements json.Marshaler.
func (t toolChoice) MarshalJSON() ([]byte, error) {
	if t.name == "" {
		return appendJSON(nil, t.kind)
	}
	return appendJSON(nil, struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}{t.kind, t.name})
}

// UnmarshalJSON reads a word or an object, in which three generations of servers put the name in three places. It never
// fails on well-formed JSON.
func (t *toolChoice) UnmarshalJSON(data []byte) error {
	*t = toolChoice{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &t.kind)
	}
	var object struct {
		Type     string `json:"type"`
		Name     string `json:"name"`
		Function named  `json:"function"`
	}
	err := unlessMistyped(json.Unmarshal(data, &object))
	t.kind, t.name = object.Type, cmp.Or(object.Name, string(object.Function))
	return err
}

// named is a name, or an object with a name or a code.
type named string

// UnmarshalJSON never fails on well-formed JSON.
func (n *named) UnmarshalJSON(data []byte) error {
	*n = ""
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(n))
	}
	var object struct {
		Name string `json:"name"`
		Code string `json:"code"`
	}
	err := unlessMistyped(json.Unmarshal(data, &object))
	*n = named(cmp.Or(object.Name, object.Code))
	return err
}
