package simulator

import "strings"

// updateExtra keeps the members that have no effect on a simulator, checked
// where a mistake would lose the update on the real service.
func (s *settings) updateExtra(o *object, model string) {
	for _, name := range []string{"parallel_tool_calls", "reasoning", "truncation", "include", "prompt", "tracing"} {
		if o.has(name) {
			checkExtra(o, name, model)
			s.setExtra(name, o.values[name])
		}
	}
}

func checkExtra(o *object, name, model string) {
	switch name {
	case "parallel_tool_calls":
		o.boolean(name)
		checkReasons(o, name, model)
	case "reasoning":
		r := o.child(name)
		r.only("effort")
		r.oneOf("effort", "minimal", "low", "medium", "high", "xhigh")
		checkReasons(o, name, model)
	case "include":
		for _, v := range o.texts(name) {
			if v != "item.input_audio_transcription.logprobs" {
				o.complain(codeInvalidValue, o.at(name), "Invalid value: '%s'. Supported values are: 'item.input_audio_transcription.logprobs'.", v)
			}
		}
	case "truncation":
		checkTruncation(o, name)
	case "prompt":
		if o.given(name) {
			checkPrompt(o.child(name))
		}
	case "tracing":
		checkTracing(o, name)
	}
}

// checkReasons: a model that is known not to reason refuses what only a
// reasoning one has. Names that are no model of the provider, such as those of
// deployments, say nothing.
func checkReasons(o *object, name, model string) {
	if strings.HasPrefix(model, "gpt-realtime") && !strings.HasPrefix(model, "gpt-realtime-2") ||
		strings.HasPrefix(model, "gpt-4o-") || strings.HasPrefix(model, "gpt-realtime-2025") {
		o.complain(codeInvalidValue, o.at(name), "Unsupported option for this model: '%s'.", o.at(name))
	}
}

func checkTruncation(o *object, name string) {
	if _, isObject := o.values[name].(*object); !isObject {
		o.oneOf(name, "auto", "disabled")
		return
	}
	t := o.child(name)
	t.only("type", "retention_ratio", "token_limits")
	t.oneOf("type", "retention_ratio")
	t.number("retention_ratio", 0, 1)
	if t.given("token_limits") {
		limits := t.child("token_limits")
		limits.only("post_instructions")
		if limits.has("post_instructions") {
			limits.integer("post_instructions", 0, 1<<30)
		}
	}
}

func checkPrompt(p *object) {
	p.only("id", "version", "variables")
	p.text("id")
	if p.given("version") {
		p.text("version")
	}
	if p.given("variables") {
		p.child("variables")
	}
}

func checkTracing(o *object, name string) {
	if _, isObject := o.values[name].(*object); !isObject {
		if o.given(name) {
			o.oneOf(name, "auto")
		}
		return
	}
	t := o.child(name)
	t.only("workflow_name", "group_id", "metadata")
	for _, member := range []string{"workflow_name", "group_id"} {
		if t.has(member) {
			t.text(member)
		}
	}
	if t.has("metadata") {
		t.child("metadata")
	}
}

// setExtra writes into a fresh slice: s is a copy that shares the old one.
func (s *settings) setExtra(name string, value any) {
	next := make([]extraMember, 0, len(s.extra)+1)
	for _, e := range s.extra {
		if e.name != name {
			next = append(next, e)
		}
	}
	s.extra = append(next, extraMember{name, value})
}
