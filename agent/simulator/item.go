package simulator

import (
	"encoding/base64"
)

// item is one entry of the conversation. Owned by the session that holds it.
type item struct {
	id     string
	kind   string // message, function_call, function_call_output
	role   string // messages
	status string // in_progress, completed, incomplete
	parts  []part
	name   string // function_call
	callID string // function_call, function_call_output
	args   string // function_call
	output string // function_call_output
	done   bool   // function_call: has its output
	spoken int    // bytes of audio sent for it, and not truncated since
	perMS  int    // of these, in a millisecond
	cut    bool   // truncated: it has no transcript any more
	sound  []byte // user audio sent with the item, as the client coded it
}

// part is one content part of a message. Kinds are those of the preview
// dialect; GA writes `output_text` and `output_audio` for the assistant's.
type part struct {
	kind       string // input_text, input_audio, input_image, text, audio
	text       string
	transcript *string // nil is null
}

// gaParts are the names of assistant parts in GA items.
var gaParts = map[string]string{"text": "output_text", "audio": "output_audio"}

// body is the item on the wire. Faults may take members away from it.
func (it *item) body(ga bool) fields {
	f := fields{"id", it.id, "object", "realtime.item", "type", it.kind}
	switch it.kind {
	case "message":
		f = append(f, "status", it.status, "role", it.role, "content", it.content(ga))
	case "function_call":
		f = append(f, "status", it.status, "name", it.name, "call_id", it.callID, "arguments", it.args)
	case "function_call_output":
		f = append(f, "call_id", it.callID, "output", it.output)
	}
	return f
}

func (it *item) content(ga bool) []fields {
	parts := make([]fields, len(it.parts))
	for i, p := range it.parts {
		parts[i] = p.body(ga)
	}
	return parts
}

func (p part) body(ga bool) fields {
	kind := p.kind
	if name, renamed := gaParts[kind]; ga && renamed {
		kind = name
	}
	switch p.kind {
	case "audio", "input_audio":
		return fields{"type", kind, "transcript", p.transcript}
	case "input_image":
		return fields{"type", kind}
	}
	return fields{"type", kind, "text", p.text}
}

// words is what a text message says, for the dialogue.
func (it *item) words() string {
	s := ""
	for _, p := range it.parts {
		if p.kind == "input_text" {
			s += p.text + " "
		}
	}
	return s
}

// readItem reads the item of conversation.item.create. Whether it was accepted
// is in o.err.
func readItem(o *object, ga bool) *item {
	it := &item{status: "completed"}
	it.kind = o.oneOf("type", "message", "function_call", "function_call_output")
	common := []string{"id", "type", "object", "status"}
	switch it.kind {
	case "message":
		o.only(append(common, "role", "content")...)
		readMessage(o, it, ga)
	case "function_call":
		o.only(append(common, "name", "call_id", "arguments")...)
		readCall(o, it, ga)
	case "function_call_output":
		o.only(append(common, "call_id", "output")...)
		it.callID, it.output = o.id("call_id"), o.text("output")
	}
	if o.has("id") {
		it.id = o.id("id")
	}
	if o.has("object") {
		o.oneOf("object", "realtime.item")
	}
	if o.has("status") { // checked, then ignored, as the service does
		o.oneOf("status", "in_progress", "completed", "incomplete")
	}
	return it
}

func readCall(o *object, it *item, ga bool) {
	it.name, it.args = o.textUpTo("name", 64), o.text("arguments")
	if !ga || o.has("call_id") {
		it.callID = o.id("call_id")
	}
}

func readMessage(o *object, it *item, ga bool) {
	it.role = o.oneOf("role", "system", "user", "assistant")
	for _, c := range o.objects("content") {
		it.parts = append(it.parts, readPart(c, it, ga))
	}
}

// partKinds says which parts a client may send for a role. Assistant audio
// cannot be created by a client in either dialect.
func partKinds(role string, ga bool) []string {
	switch {
	case role == "assistant" && ga:
		return []string{"output_text"}
	case role == "assistant":
		return []string{"text"}
	case role == "system":
		return []string{"input_text"}
	case ga:
		return []string{"input_text", "input_audio", "input_image"}
	}
	return []string{"input_text", "input_audio"}
}

func readPart(o *object, it *item, ga bool) part {
	p := part{kind: o.oneOf("type", partKinds(it.role, ga)...)}
	switch p.kind {
	case "input_audio":
		o.only("type", "audio", "transcript")
		it.sound = append(it.sound, readAudio(o, "audio")...)
		if o.has("transcript") {
			t := o.text("transcript")
			p.transcript = &t
		}
	case "input_image":
		o.only("type", "image_url", "detail")
		o.text("image_url")
	default:
		o.only("type", "text")
		p.text = o.text("text")
	}
	if p.kind == "output_text" {
		p.kind = "text"
	}
	return p
}

// maxAppend is the most audio that one event may carry, decoded.
const maxAppend = 15 << 20

func readAudio(o *object, name string) []byte {
	text := o.text(name)
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil:
		o.complain(codeInvalidValue, o.at(name), "Invalid '%s': expected valid base64 (standard alphabet, padded), but it is not.", o.at(name))
	case len(b) > maxAppend:
		o.complain(codeInvalidValue, o.at(name), "Invalid '%s': audio exceeds the limit of 15 MiB.", o.at(name))
	}
	return b
}
