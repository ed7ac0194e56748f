package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// handOffName is the name of the built-in tool that gives a call to another agent.
const handOffName = "hand_off"

type handOffArguments struct {
	Agent  string `json:"agent"`
	Reason string `json:"reason,omitempty"`
}

// AddHandOff adds the tool hand_off, by which an agent gives the call to one of targets, the names of other agents. It
// goes into a registry of that agent alone, see [Registry.Subset].
//
// hand_off does nothing itself. Its Outcome carries [HandOff] and the target; the agent opens a session for the other one
// and tells it what was said. Without targets it is an error.
func AddHandOff(r *Registry, targets ...string) error {
	t := &tool{
		name: handOffName,
		description: "Hands the phone call to another agent, who knows all that was said and goes on with it. " +
			"Use it when the caller needs what that agent is there for. Tell the caller in a few words first.",
		run: handOff,
	}
	err := errors.New("there is nobody to hand a call to")
	if len(targets) > 0 {
		t.params, err = parseParameters(handOffSchema(targets))
	}
	if err == nil {
		t.settings, err = newSettings(nil)
	}
	if err == nil {
		err = r.add(t)
	}
	if err != nil {
		return fmt.Errorf("add built-in tool %q: %w", handOffName, err)
	}
	return nil
}

// handOffSchema is written by hand, because the names are known at run time only.
func handOffSchema(targets []string) json.RawMessage {
	return objectSchema([]string{"agent"}, map[string]textProperty{
		"agent":  {Type: "string", Description: "who takes the call over", Enum: targets},
		"reason": {Type: "string", Description: "why, and what the other agent should do, in a few words", MaxLength: 200},
	})
}

// textProperty is one argument of a schema that is made at run time.
type textProperty struct {
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Enum        []string `json:"enum,omitempty"`
	MaxLength   int      `json:"maxLength,omitempty"`
}

func objectSchema(required []string, properties map[string]textProperty) json.RawMessage {
	schema, err := json.Marshal(map[string]any{
		"type": "object", "required": required, "additionalProperties": false, "properties": properties,
	})
	if err != nil {
		panic("tools: " + err.Error()) // texts and numbers always have a form in JSON
	}
	return schema
}

func handOff(_ context.Context, _ *Call, args json.RawMessage) (reply, error) {
	in, err := decode[handOffArguments](args)
	if err != nil {
		return reply{}, err
	}
	return reply{text: "the call is handed over", effect: HandOff, target: in.Agent, reason: in.Reason}, nil
}
