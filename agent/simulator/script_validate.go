package simulator

import (
	"errors"
	"fmt"
	"slices"
)

// ErrScript is what every error of Script.Validate is.
var ErrScript = errors.New("bad script")

// Validate checks a script against the built-in clips and those given: states
// exist, clips are known, actions make sense. The error lists everything found
// wrong, one sentence each, and answers to errors.Is(err, ErrScript).
func (s *Script) Validate(more ...Clip) error {
	v := validator{script: s, clips: append(slices.Clone(builtIn().agent), more...),
		known: append(slices.Clone(builtIn().caller), more...)}
	v.check()
	if len(v.errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrScript, errors.Join(v.errs...))
}

type validator struct {
	script       *Script
	clips, known []Clip
	errs         []error
}

func (v *validator) bad(where, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (v *validator) check() {
	s := v.script
	if len(s.States) == 0 {
		v.bad("states", "there must be at least one")
	}
	v.state("start", s.Start)
	seen := map[string]bool{}
	for i, st := range s.States {
		where := fmt.Sprintf("states[%d]", i)
		if st.Name == "" || seen[st.Name] {
			v.bad(where, "the name %q is empty or used twice", st.Name)
		}
		seen[st.Name] = true
		v.optional(where+".greeting", st.Greeting)
		v.heards(where+".heard", st.Heard)
		v.optional(where+".otherwise", st.Otherwise)
	}
	v.heards("anywhere", s.Anywhere)
	v.optional("otherwise", s.Otherwise)
	v.optional("idle", s.Idle)
	v.optional("out_of_band", s.OutOfBand)
	if err := s.Faults.validate(); err != nil {
		v.bad("faults", "%v", err)
	}
}

func (v *validator) state(where, name string) {
	if name != "" && v.script.find(name) == nil {
		v.bad(where, "there is no state %q", name)
	}
}

func (v *validator) heards(where string, list []Heard) {
	for i, h := range list {
		at := fmt.Sprintf("%s[%d]", where, i)
		if len(h.Says) == 0 && h.Contains == "" {
			v.bad(at, "says or contains must name what the caller says")
		}
		for _, s := range h.Says {
			if _, ok := findClip(v.known, s); !ok {
				v.bad(at, "no clip of a caller has the name or the words %q", s)
			}
		}
		v.answer(at, &h.Answer)
	}
}

func (v *validator) optional(where string, a *Answer) {
	if a != nil {
		v.answer(where, a)
	}
}

func (v *validator) answer(where string, a *Answer) {
	v.state(where+".goto", a.Goto)
	if a.Delay < 0 {
		v.bad(where+".delay", "%v is negative", a.Delay)
	}
	if !contains([]string{"", "completed", "incomplete", "failed", "unanswered", "endless"}, a.Status) {
		v.bad(where+".status", "%q is none of completed, incomplete, failed, unanswered, endless", a.Status)
	}
	if !contains([]string{"", "max_output_tokens", "content_filter"}, a.Reason) {
		v.bad(where+".reason", "%q is none of max_output_tokens, content_filter", a.Reason)
	}
	for i, act := range a.Do {
		v.action(fmt.Sprintf("%s.do[%d]", where, i), act)
	}
	for i := range a.Results {
		v.answer(fmt.Sprintf("%s.results[%d]", where, i), &a.Results[i].Answer)
	}
}

func (v *validator) action(where string, a Action) {
	n := 0
	for _, set := range []bool{len(a.Say) > 0, a.Text != "", a.Call != "", a.Repeat, a.Fault != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		v.bad(where, "exactly one of say, text, call, repeat and fault must be set, not %d", n)
	}
	for _, s := range a.Say {
		if _, ok := findClip(v.clips, s); !ok {
			v.bad(where+".say", "no clip of the assistant has the name or the words %q", s)
		}
	}
	if a.Cut < 0 || a.Cut > 0 && len(a.Say) == 0 {
		v.bad(where+".cut", "a positive time that belongs to say, not %v", a.Cut)
	}
	if a.Delay < 0 {
		v.bad(where+".delay", "%v is negative", a.Delay)
	}
	if (a.Raw != "" || a.Always || len(a.Arguments) > 0) && a.Call == "" {
		v.bad(where, "arguments, raw and always belong to call")
	}
	if a.Fault != "" && !contains(scriptFaults, a.Fault) {
		v.bad(where+".fault", "%q is none of %v", a.Fault, scriptFaults)
	}
}

// find returns the named state, or nil.
func (s *Script) find(name string) *State {
	for i := range s.States {
		if s.States[i].Name == name {
			return &s.States[i]
		}
	}
	return nil
}
