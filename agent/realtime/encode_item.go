package realtime

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// outItem is an item as a client sends it. The pointers tell a required empty text from one that has no place.
type outItem struct {
	ID        string    `json:"id,omitempty"`
	Type      ItemType  `json:"type"`
	Role      string    `json:"role,omitempty"`
	Content   []outPart `json:"content,omitzero"`
	Name      string    `json:"name,omitempty"`
	CallID    string    `json:"call_id,omitempty"`
	Arguments *string   `json:"arguments,omitempty"`
	Output    *string   `json:"output,omitempty"`
}

type outPart struct {
	Type       string      `json:"type"`
	Text       *string     `json:"text,omitempty"`
	Audio      []byte      `json:"audio,omitempty"` // encoding/json writes base64
	Transcript Opt[string] `json:"transcript,omitzero"`
}

func encodeItem(c codec, it *Item) (*outItem, error) {
	out := &outItem{ID: it.ID, Type: it.Type}
	switch it.Type {
	case ItemMessage:
		return out, encodeMessage(c, it, out)
	case ItemFunctionCall:
		out.Name, out.CallID, out.Arguments = it.Name, it.CallID, &it.Arguments
		return out, nil
	case ItemFunctionCallOutput:
		out.CallID, out.Output = it.CallID, &it.Output
		return out, nil
	}
	return nil, fmt.Errorf("a client cannot create an item of type %q", it.Type)
}

func encodeMessage(c codec, it *Item, out *outItem) error {
	out.Role, out.Content = it.Role, make([]outPart, len(it.Content))
	for i := range it.Content {
		p := &it.Content[i]
		name := c.partName(p.Kind)
		if name == "" {
			return fmt.Errorf("a client cannot create the %s content part of an item", p.Kind)
		}
		out.Content[i].Type = name
		if p.Kind == PartInputAudio {
			out.Content[i].Audio, out.Content[i].Transcript = p.Audio, p.Transcript
		} else {
			out.Content[i].Text = &p.Text
		}
	}
	return nil
}

// outTool is a tool as servers want it: flat, and with these members only. Anything else loses the whole session.update.
type outTool struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Parameters  any    `json:"parameters"`
}

// noParameters is the schema of a function without arguments.
var noParameters = map[string]any{"type": "object", "properties": map[string]any{}}

func encodeTools(tools []Tool) []outTool {
	out := make([]outTool, len(tools)) // not nil: [] removes all tools, null is refused
	for i, t := range tools {
		out[i] = outTool{Type: "function", Name: t.Name, Description: t.Description, Parameters: noParameters}
		if t.Parameters != nil {
			out[i].Parameters = t.Parameters
		}
	}
	return out
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
