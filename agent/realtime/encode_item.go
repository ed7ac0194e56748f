package realtime

import (
	"errors"
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

// encodeInput writes the context of a response. Here an item may also be one that the conversation holds.
func encodeInput(c codec, items []Item) ([]*outItem, error) {
	if items == nil {
		return nil, nil
	}
	out := make([]*outItem, len(items)) // [] means an empty context
	for i := range items {
		var err error
		if out[i], err = encodeInputItem(c, &items[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encodeInputItem(c codec, it *Item) (*outItem, error) {
	if it.Type != ItemReference {
		return encodeItem(c, it)
	}
	if it.ID == "" {
		return nil, errors.New("an item reference needs an id")
	}
	return &outItem{ID: it.ID, Type: it.Type}, nil
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
