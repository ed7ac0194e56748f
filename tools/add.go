package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Add puts a Go function into the registry as a tool.
//
// name has 1 to 64 characters of a-z A-Z 0-9 _ -, and is new to the registry. description tells the model when to call the
// tool. In is a struct whose fields become the arguments, or a map[string]T for arguments without a fixed shape (see
// [Parameters]).
//
// A field is required unless it is a pointer or its json tag says omitempty or omitzero. More is said by tags:
//
//	jsonschema:"day to move to, YYYY-MM-DD"   what the model reads about the field
//	enum:"morning|afternoon"                  the values allowed, for text and numbers
//	min:"1" max:"12"                          bounds of a number, length of a text, number of items of a list
//	pattern:"^[A-Z0-9]{6}$"                   regular expression (RE2) for text
//
// On a list, enum and pattern speak of its items. Types whose JSON a model cannot know (time.Duration, json.RawMessage,
// interfaces, …) are refused with the field and the remedy; time.Time and types with UnmarshalText are text.
//
// What h returns goes to the model as JSON: an object or a list as it is, anything else as {"result": …}. Of errors, the
// model reads only those made by [Tell]. h must return soon after its context ends; see [Registry.Run].
func Add[In, Out any](r *Registry, name, description string, h func(context.Context, *Call, In) (Out, error), opts ...Option) error {
	run := func(ctx context.Context, c *Call, args json.RawMessage) (reply, error) {
		in, err := decode[In](args)
		if err != nil {
			return reply{}, err
		}
		out, err := h(ctx, c, in)
		if err != nil {
			return reply{}, err
		}
		return jsonReply(out)
	}
	if h == nil {
		run = nil
	}
	if err := addTyped(r, reflect.TypeFor[In](), &tool{name: name, description: description, run: run}, opts); err != nil {
		return fmt.Errorf("add tool %q: %w", name, err)
	}
	return nil
}

// addTyped is the part of Add that is the same for all types.
func addTyped(r *Registry, in reflect.Type, t *tool, opts []Option) (err error) {
	if t.settings, err = newSettings(opts); err != nil {
		return err
	}
	if t.params, err = parametersOf(in, t.settings.schema); err != nil {
		return err
	}
	return r.add(t)
}

// parametersOf makes the parameters of a handler that takes in.
func parametersOf(in reflect.Type, schema json.RawMessage) (*parameters, error) {
	switch {
	case in.Kind() == reflect.Map && schema != nil:
		if err := checkType(in); err != nil {
			return nil, err
		}
		return parseParameters(schema)
	case schema != nil:
		return nil, errors.New("the option Parameters is for map arguments: the fields of a struct are its schema")
	case in.Kind() == reflect.Struct, in.Kind() == reflect.Map:
		return inferParameters(in)
	case in.Kind() == reflect.Pointer:
		return nil, fmt.Errorf("arguments of type %s: use %s, without the pointer", in, in.Elem())
	}
	return nil, fmt.Errorf("arguments of type %s: use a struct, one field for each argument", in)
}
