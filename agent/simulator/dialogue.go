package simulator

import (
	"encoding/json"
	"slices"
	"strings"
)

// dialogue follows a script: it knows the state, what the caller said last and
// which tool results are due, and names the next answer. Owned by one session;
// a copy is a snapshot.
type dialogue struct {
	script  *Script
	clips   []Clip // of the assistant
	known   []Clip // of callers
	state   string
	heard   heard // the caller's last turn
	pending bool  // it has not been answered
	spoken  bool  // the caller said something, ever
	last    []Action

	results []Result // due after the outputs of the last calls
	outputs []string // those that have come
}

func newDialogue(s *Script, clips, known []Clip) dialogue {
	d := dialogue{script: s, clips: clips, known: known, state: s.Start}
	if d.state == "" {
		d.state = s.States[0].Name
	}
	return d
}

// turn takes what the caller said.
func (d *dialogue) turn(h heard) { d.heard, d.pending, d.spoken = h, true, true }

// output takes a tool's output.
func (d *dialogue) output(text string) { d.outputs = append(d.outputs, text) }

// next chooses the answer to a response that starts now. A turn that the script
// knows goes before tool results; these go before not understanding.
func (d *dialogue) next() Answer {
	var answer Answer
	if a := d.toTurn(); a != nil {
		answer = *a
	} else if a := d.toResults(); a != nil {
		answer = *a
	} else if a := d.toNothing(); a != nil {
		answer = *a
	}
	d.answered(answer.Do)
	if answer.Goto != "" {
		d.state = answer.Goto
	}
	answer.Do = d.repeat(answer.Do)
	return answer
}

// answered notes that all the caller said has its answer.
func (d *dialogue) answered(do []Action) {
	d.pending = false
	if slices.ContainsFunc(do, func(a Action) bool { return a.Call != "" }) {
		d.outputs = nil // those of earlier calls, which this answer did not wait for
	}
}

// called arms the results of an answer whose response was completed. Outputs
// may have come already: a client need not wait for response.done.
func (d *dialogue) called(a Answer) { d.results = a.Results }

func (d *dialogue) toTurn() *Answer {
	if !d.pending {
		return nil
	}
	state := d.script.find(d.state)
	for _, list := range [][]Heard{state.Heard, d.script.Anywhere} {
		for i := range list {
			if d.fits(&list[i]) {
				return &list[i].Answer
			}
		}
	}
	return nil
}

func (d *dialogue) fits(h *Heard) bool {
	said := normal(d.heard.text)
	if said == "" {
		return false
	}
	if h.Contains != "" && strings.Contains(said, normal(h.Contains)) {
		return true
	}
	return slices.ContainsFunc(h.Says, func(s string) bool {
		c, ok := findClip(d.known, s)
		return ok && normal(c.Text) == said
	})
}

func (d *dialogue) toResults() *Answer {
	if len(d.outputs) == 0 {
		return nil
	}
	all := strings.ToLower(strings.Join(d.outputs, "\n"))
	d.outputs = nil
	if len(d.results) == 0 && d.pending {
		return nil // the script has nothing to say to the outputs, but something to the caller
	}
	for i := range d.results {
		if strings.Contains(all, strings.ToLower(d.results[i].Contains)) {
			return &d.results[i].Answer
		}
	}
	return &Answer{}
}

// toNothing answers a turn that was not understood, or a request with nothing
// new to answer: the greeting, or what is said when nobody says anything.
func (d *dialogue) toNothing() *Answer {
	state := d.script.find(d.state)
	switch {
	case d.pending && state.Otherwise != nil:
		return state.Otherwise
	case d.pending:
		return d.script.Otherwise
	case !d.spoken && len(d.last) == 0 && state.Greeting != nil:
		return state.Greeting
	}
	return d.script.Idle
}

// repeat replaces Repeat by what was said last, and remembers what is said now.
func (d *dialogue) repeat(do []Action) []Action {
	var out, said []Action
	for _, a := range do {
		switch {
		case a.Repeat:
			out, said = append(out, d.last...), append(said, d.last...)
		case len(a.Say) > 0 || a.Text != "":
			out, said = append(out, a), append(said, a)
		default:
			out = append(out, a)
		}
	}
	if len(said) > 0 {
		d.last = said
	}
	return out
}

// arguments are the JSON text of a call.
func (d *dialogue) arguments(a Action) string {
	if a.Raw != "" {
		return a.Raw
	}
	fill := strings.NewReplacer("{heard}", d.heard.text, "{digits}", digits(d.heard.text))
	args := make(map[string]string, len(a.Arguments))
	for name, value := range a.Arguments {
		args[name] = fill.Replace(value)
	}
	text, err := json.Marshal(args)
	if err != nil { // a map of strings always encodes
		return "{}"
	}
	return string(text)
}
