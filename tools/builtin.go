package tools

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Builtins are the names of the tools that AddBuiltins adds.
func Builtins() []string {
	return []string{"collect_digits", "current_time", "escalate", "hang_up", "leave_note", "send_digits"}
}

// AddBuiltins adds the tools that come with the product:
//
//	hang_up         ends the call when the last word was heard
//	current_time    what time it is, where the agent lives or elsewhere
//	leave_note      something for the supervisors, in the record
//	escalate        the same, when somebody has to look at it
//	send_digits     presses keys
//	collect_digits  reads the keys that the caller presses, see [AddCollect] for one with rules of its own
//
// hand_off and transfer depend on the agent, see [AddHandOff] and [AddTransfer].
func AddBuiltins(r *Registry) error {
	return errors.Join(
		builtin(r, "hang_up", "Ends the phone call. Say goodbye first; what you have said is played to its end. "+
			"Use it when the caller wants to end the call or there is nothing left to do.", hangUp),
		builtin(r, "current_time", "Tells the present date, time and weekday.", currentTime),
		builtin(r, "leave_note", "Leaves a note for the people who read the record of this call. The caller does not hear it. "+
			"Use it for what should be followed up.", leaveNote, OnInterrupt(Finish)),
		builtin(r, "escalate", "Marks this call as one that a person must look at soon, for example because of a complaint, "+
			"a threat or an emergency. It calls nobody and the caller does not hear it.", escalate, OnInterrupt(Finish)),
		builtin(r, "send_digits", "Presses telephone keys, to operate an automatic menu at the other end.", sendDigits, OnInterrupt(Finish)),
		builtin(r, "collect_digits", "Reads a number that the caller presses on the telephone keys. Say first what to press. "+
			"# ends the number.", collectAny, Timeout(collectTimeout), OnInterrupt(Finish)),
	)
}

// builtin adds a tool whose handler may have effects.
func builtin[In any](r *Registry, name, description string, h func(context.Context, *Call, In) (reply, error), opts ...Option) error {
	if err := addReplying(r, &tool{name: name, description: description}, h, opts); err != nil {
		return fmt.Errorf("add built-in tool %q: %w", name, err)
	}
	return nil
}

type hangUpArguments struct {
	Reason string `json:"reason,omitempty" jsonschema:"why the call ends, in a few words, for the record" max:"200"`
}

// hangUp does not cut the line. Its Outcome carries [HangUp] and the reason; the agent lets the last words be played
// and then ends the call, so that a goodbye is heard to its end.
func hangUp(_ context.Context, _ *Call, in hangUpArguments) (reply, error) {
	return reply{text: "the call ends after your last words", effect: HangUp, reason: in.Reason}, nil
}

type noteArguments struct {
	Text string `json:"text" jsonschema:"the note, in one or two sentences" min:"1" max:"1000"`
	Tag  string `json:"tag,omitempty" jsonschema:"one word to find such notes by, such as complaint or callback" pattern:"^[a-z0-9_-]{1,32}$"`
}

func leaveNote(_ context.Context, _ *Call, in noteArguments) (reply, error) {
	return reply{text: "noted", effect: Note, reason: in.Text, target: in.Tag}, nil
}

type escalateArguments struct {
	Reason string `json:"reason" jsonschema:"what is the matter, in one or two sentences" min:"1" max:"1000"`
}

func escalate(_ context.Context, _ *Call, in escalateArguments) (reply, error) {
	return reply{text: "the call is marked; a person will look at it", effect: Escalate, reason: in.Reason}, nil
}

type timeArguments struct {
	Zone string `json:"time_zone,omitempty" jsonschema:"IANA time zone such as Europe/Berlin, when it is not the usual one" max:"64"`
}

// currentTime answers in words that a model reads aloud without counting.
func currentTime(_ context.Context, c *Call, in timeArguments) (reply, error) {
	zone := c.TimeZone
	if in.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(in.Zone); err != nil || in.Zone == "Local" {
			return reply{}, Tell("there is no time zone %q; write one such as Europe/Berlin", in.Zone)
		}
	}
	if zone == nil {
		zone = time.UTC
	}
	now := time.Now().In(zone)
	return jsonReply(map[string]string{"date": now.Format(time.DateOnly), "weekday": now.Weekday().String(),
		"time": now.Format("15:04"), "time_zone": zone.String(), "utc_offset": now.Format("-07:00")})
}

type sendDigitsArguments struct {
	Digits string `json:"digits" jsonschema:"the keys to press, in order" pattern:"^[0-9*#A-D]{1,32}$"`
}

func sendDigits(ctx context.Context, c *Call, in sendDigitsArguments) (reply, error) {
	if err := c.Control.SendDigits(ctx, in.Digits); err != nil {
		return reply{}, err
	}
	return reply{text: "the keys are being pressed"}, nil
}
