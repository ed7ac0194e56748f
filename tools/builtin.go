package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// hangUpName is the name of the built-in tool that ends a call.
const hangUpName = "hang_up"

type hangUpArguments struct {
	Reason string `json:"reason,omitempty" jsonschema:"why the call ends, in a few words, for the record" max:"200"`
}

// AddBuiltins adds the tools that come with the product: hang_up. hand_off and transfer depend on the
// agent, see [AddHandOff] and [AddTransfer].
//
// hang_up does not cut the line. Its Outcome carries [HangUp] and the reason; the agent lets the last words be played
// and then ends the call, so that a goodbye is heard to its end.
func AddBuiltins(r *Registry) error {
	t := &tool{
		name: hangUpName,
		description: "Ends the phone call. Say goodbye first; what you have said is played to its end. " +
			"Use it when the caller wants to end the call or there is nothing left to do.",
		run: hangUp,
	}
	if err := addTyped(r, reflect.TypeFor[hangUpArguments](), t, nil); err != nil {
		return fmt.Errorf("add built-in tool %q: %w", t.name, err)
	}
	return nil
}

func hangUp(_ context.Context, _ *Call, args json.RawMessage) (reply, error) {
	in, err := decode[hangUpArguments](args)
	if err != nil {
		return reply{}, err
	}
	return reply{text: "the call ends after your last words", effect: HangUp, reason: in.Reason}, nil
}
