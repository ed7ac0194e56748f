package simulator

import "time"

// Script is what the simulated model does: a dialogue in states. It is data,
// written in Go or decoded from YAML (by the caller; the tags name the keys).
// Check it with Validate before use.
//
//	start: open
//	states:
//	  - name: open
//	    greeting: { do: [ { say: [a01] } ] }
//	    heard:
//	      - says: [c03, "i want to check my order status"]
//	        do: [ { say: [a03] } ]
//	        goto: number
//	  - name: number
//	    heard:
//	      - contains: "4271"
//	        do: [ { say: [a04] }, { call: order_status, arguments: { order: "{digits}" } } ]
//	        results:
//	          - contains: shipped
//	            do: [ { say: [a05, a08] } ]
//	anywhere:
//	  - says: [c12]
//	    do: [ { say: [a09] }, { call: hang_up } ]
//	otherwise: { do: [ { say: [a10] } ] }
type Script struct {
	Start     string  `yaml:"start"`       // the first state; "" is the first of the list
	States    []State `yaml:"states"`      // at least one
	Anywhere  []Heard `yaml:"anywhere"`    // tried in every state, after its own
	Otherwise *Answer `yaml:"otherwise"`   // when nothing fits; nil: an answer without words
	Idle      *Answer `yaml:"idle"`        // after an idle timeout, or a response.create with nothing new
	OutOfBand *Answer `yaml:"out_of_band"` // to response.create with conversation "none"
	Faults    Faults  `yaml:"faults"`      // for every session
}

// State is a place in the dialogue.
type State struct {
	Name      string  `yaml:"name"`
	Greeting  *Answer `yaml:"greeting"`  // to a response.create before the caller said anything
	Heard     []Heard `yaml:"heard"`     // tried in order
	Otherwise *Answer `yaml:"otherwise"` // before the script's
}

// Heard is an answer to something that the caller said.
type Heard struct {
	Says     []string `yaml:"says"`     // any of these clips (name, or short name for either voice) or texts
	Contains string   `yaml:"contains"` // or words within what was said; digits may be figures or words
	Answer   `yaml:",inline"`
}

// Answer is one response of the model.
type Answer struct {
	Delay  time.Duration `yaml:"delay"`  // from the request to the first output
	Do     []Action      `yaml:"do"`     // the output items, in order; none is an empty response
	Goto   string        `yaml:"goto"`   // the state after it; "" stays
	Status string        `yaml:"status"` // completed (""), incomplete, failed; unanswered: no event at all; endless: no response.done
	Reason string        `yaml:"reason"` // incomplete: max_output_tokens (""), content_filter
	Code   string        `yaml:"code"`   // failed: the error's code; "" is server_error

	// Results are the answers to the outputs of this response's calls, tried in order.
	Results []Result `yaml:"results"`
}

// Result is the answer to what the tools returned.
type Result struct {
	Contains string `yaml:"contains"` // in any of the outputs, without regard to case; "" always fits
	Answer   `yaml:",inline"`
}

// Action is one output item of a response, or something that happens there.
// Exactly one of Say, Text, Call, Repeat and Fault is set.
type Action struct {
	Say       []string          `yaml:"say"`       // a spoken message: clips (name or words), one after the other
	Delay     time.Duration     `yaml:"delay"`     // from the item's beginning to its first delta
	Cut       time.Duration     `yaml:"cut"`       // with Say: only so much of it, as when tokens run out
	Text      string            `yaml:"text"`      // a message in writing
	Call      string            `yaml:"call"`      // a function call
	Arguments map[string]string `yaml:"arguments"` // its arguments; "{heard}" and "{digits}" stand for what was said
	Raw       string            `yaml:"raw"`       // with Call: the arguments as they are, valid JSON or not
	Always    bool              `yaml:"always"`    // with Call: also a tool that the session does not offer
	Repeat    bool              `yaml:"repeat"`    // what was said last
	Fault     string            `yaml:"fault"`     // close, drop, freeze, expire, garbage, broken_frame, unknown_event, error
}
