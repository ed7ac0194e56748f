package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// transferName is the name of the built-in tool that puts a caller through to somebody.
const transferName = "transfer"

// Destination is somebody whom an agent may put callers through to.
type Destination struct {
	Name        string // what the model calls it, such as "sales"
	Description string // when to use it, for the model; may be empty
	To          string // number or SIP URI; the model never sees it

	// Attended calls To first, while the caller is still with the agent, tells who answers what it is about, and
	// connects the two when that is wanted. Otherwise the caller is sent there and the call is out of our hands.
	Attended bool
	// Ring is how long To may ring, attended only; zero: 25 s.
	Ring time.Duration
}

// transferTimeout is for a phone that rings long and somebody who wants to know more.
const transferTimeout = 4 * time.Minute

type transferArguments struct {
	To      string `json:"to"`
	Summary string `json:"summary"`
}

// AddTransfer adds the tool transfer, by which an agent puts the caller through to one of a fixed list of destinations.
// The model chooses a name and never a number, so that nobody can talk it into calling theirs. It goes into a registry
// of that agent alone, see [Registry.Subset]. Without destinations, or with two of one name, it is an error.
//
// A run lasts until the outcome is known, and goes on when the caller speaks meanwhile. For an attended one that
// succeeded the Outcome carries [PutThrough]: the agent leaves, and the two talk to each other.
func AddTransfer(r *Registry, to ...Destination) error {
	t := &tool{name: transferName, description: transferDescription(to), run: transfer(to)}
	err := checkDestinations(to)
	if err == nil {
		t.params, err = parseParameters(transferSchema(to))
	}
	if err == nil {
		t.settings, err = newSettings([]Option{Timeout(transferTimeout), OnInterrupt(Finish)})
	}
	if err == nil {
		err = r.add(t)
	}
	if err != nil {
		return fmt.Errorf("add built-in tool %q: %w", transferName, err)
	}
	return nil
}

func checkDestinations(to []Destination) error {
	if len(to) == 0 {
		return errors.New("there is nobody to put a caller through to")
	}
	seen := map[string]bool{}
	for _, d := range to {
		switch {
		case d.Name == "" || d.To == "":
			return errors.New("a destination needs a name and somewhere to call")
		case seen[d.Name]:
			return fmt.Errorf("destination %q is listed twice", d.Name)
		}
		seen[d.Name] = true
	}
	return nil
}

// transferDescription lists the destinations for the model.
func transferDescription(to []Destination) string {
	var b strings.Builder
	b.WriteString("Puts the caller through to somebody. Tell the caller in a few words first. " +
		"If it fails you are told why: tell the caller, and go on. Destinations:")
	for _, d := range to {
		b.WriteString("\n- " + d.Name)
		if d.Description != "" {
			b.WriteString(": " + d.Description)
		}
		if d.Attended {
			b.WriteString(" (they are asked first, which takes a while; the caller stays with you meanwhile)")
		}
	}
	return b.String()
}

// transferSchema is written by hand, because the names are known at run time only.
func transferSchema(to []Destination) json.RawMessage {
	names := make([]string, len(to))
	for i, d := range to {
		names[i] = d.Name
	}
	return objectSchema([]string{"to", "summary"}, map[string]textProperty{
		"to": {Type: "string", Description: "who gets the call", Enum: names},
		"summary": {Type: "string", MaxLength: 500,
			Description: "who is calling and what about, in one or two sentences; it is told to whoever answers"},
	})
}

// transfer is the tool's handler.
func transfer(to []Destination) handler {
	return func(ctx context.Context, c *Call, args json.RawMessage) (reply, error) {
		in, err := decode[transferArguments](args)
		if err != nil {
			return reply{}, err
		}
		for _, d := range to {
			if d.Name == in.To {
				return d.put(ctx, c, in.Summary)
			}
		}
		return reply{}, Tell("there is nobody of that name") // the schema has said so before
	}
}

func (d *Destination) put(ctx context.Context, c *Call, summary string) (reply, error) {
	if !d.Attended {
		if err := c.Control.Transfer(ctx, d.To); err != nil {
			return reply{}, err
		}
		return reply{text: "the caller was put through; the call is over for you"}, nil
	}
	if err := c.Control.Consult(ctx, Consultation{Agent: c.Agent, Name: d.Name, To: d.To, Ring: d.Ring, Summary: summary}); err != nil {
		return reply{}, err
	}
	return reply{text: "they talk to each other now", effect: PutThrough, target: d.Name, reason: summary}, nil
}
