package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// refused is a client event that must be refused, and how.
type refused struct {
	name  string
	event string
	code  string // "null" for none
	param string // "" for null
}

func update(session string) string {
	return `{"type":"session.update","event_id":"e1","session":` + session + `}`
}

func ga(session string) string { return update(`{"type":"realtime",` + session + `}`) }

func create(item string) string {
	return `{"type":"conversation.item.create","event_id":"e1","item":` + item + `}`
}

// commonRefusals are the same in both dialects.
var commonRefusals = []refused{
	{"not JSON", `{"type":`, "invalid_json", ""},
	{"not an object", `["session.update"]`, "invalid_json", ""},
	{"two objects", `{"type":"response.cancel"}{"type":"response.cancel"}`, "invalid_json", ""},
	{"member twice", `{"type":"response.cancel","type":"response.cancel"}`, "invalid_json", ""},
	{"broken UTF-8", "{\"type\":\"response.cancel\xff\"}", "invalid_json", ""},
	{"too deep", `{"type":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`, "invalid_json", ""},
	{"no type", `{"event_id":"e1"}`, "missing_required_parameter", "type"},
	{"type not text", `{"type":7}`, "invalid_type", "type"},
	{"unknown event", `{"type":"session.destroy"}`, "invalid_value", "type"},
	{"server event", `{"type":"response.done"}`, "invalid_value", "type"},
	{"long event_id", `{"type":"input_audio_buffer.clear","event_id":"` + strings.Repeat("x", 513) + `"}`, "invalid_value", "event_id"},
	{"empty event_id", `{"type":"input_audio_buffer.clear","event_id":""}`, "invalid_value", "event_id"},
	{"event_id not text", `{"type":"input_audio_buffer.clear","event_id":7}`, "invalid_type", "event_id"},
	{"clear with more", `{"type":"input_audio_buffer.clear","all":true}`, "unknown_parameter", "all"},

	{"no session", `{"type":"session.update"}`, "missing_required_parameter", "session"},
	{"session null", `{"type":"session.update","session":null}`, "invalid_type", "session"},
	{"update with more", `{"type":"session.update","session":{},"now":1}`, "unknown_parameter", "now"},

	{"append nothing", `{"type":"input_audio_buffer.append"}`, "missing_required_parameter", "audio"},
	{"append number", `{"type":"input_audio_buffer.append","audio":1}`, "invalid_type", "audio"},
	{"append no base64", `{"type":"input_audio_buffer.append","audio":"***"}`, "invalid_value", "audio"},
	{"append no padding", `{"type":"input_audio_buffer.append","audio":"/w"}`, "invalid_value", "audio"},
	{"append URL alphabet", `{"type":"input_audio_buffer.append","audio":"__8="}`, "invalid_value", "audio"},
	{"append stray bits", `{"type":"input_audio_buffer.append","audio":"/x=="}`, "invalid_value", "audio"},
	{"append with more", `{"type":"input_audio_buffer.append","audio":"/w==","rate":8000}`, "unknown_parameter", "rate"},
	{"commit nothing", `{"type":"input_audio_buffer.commit"}`, "input_audio_buffer_commit_empty", ""},
	{"commit with more", `{"type":"input_audio_buffer.commit","item_id":"x"}`, "unknown_parameter", "item_id"},

	{"no item", `{"type":"conversation.item.create"}`, "missing_required_parameter", "item"},
	{"item without type", create(`{"role":"user"}`), "missing_required_parameter", "item.type"},
	{"unknown item type", create(`{"type":"thought"}`), "invalid_value", "item.type"},
	{"no role", create(`{"type":"message","content":[]}`), "missing_required_parameter", "item.role"},
	{"unknown role", create(`{"type":"message","role":"boss","content":[]}`), "invalid_value", "item.role"},
	{"no content", create(`{"type":"message","role":"user"}`), "missing_required_parameter", "item.content"},
	{"content not a list", create(`{"type":"message","role":"user","content":"hi"}`), "invalid_type", "item.content"},
	{"part not an object", create(`{"type":"message","role":"user","content":["hi"]}`), "invalid_type", "item.content[0]"},
	{"unknown part", create(`{"type":"message","role":"user","content":[{"type":"smell"}]}`), "invalid_value", "item.content[0].type"},
	{"part with more", create(`{"type":"message","role":"user","content":[{"type":"input_text","text":"x","lang":"en"}]}`), "unknown_parameter", "item.content[0].lang"},
	{"audio not base64", create(`{"type":"message","role":"user","content":[{"type":"input_audio","audio":"?"}]}`), "invalid_value", "item.content[0].audio"},
	{"system audio", create(`{"type":"message","role":"system","content":[{"type":"input_audio","audio":""}]}`), "invalid_value", "item.content[0].type"},
	{"assistant audio", create(`{"type":"message","role":"assistant","content":[{"type":"audio","transcript":"x"}]}`), "invalid_value", "item.content[0].type"},
	{"message with call_id", create(`{"type":"message","role":"user","content":[],"call_id":"c"}`), "unknown_parameter", "item.call_id"},
	{"long item id", create(`{"type":"message","role":"user","content":[],"id":"` + strings.Repeat("x", 33) + `"}`), "invalid_value", "item.id"},
	{"bad item id", create(`{"type":"message","role":"user","content":[],"id":"a:b"}`), "invalid_value", "item.id"},
	{"item id twice", create(`{"type":"message","role":"user","content":[],"id":"known"}`), "item_create_duplicate_item_id", "item.id"},
	{"previous item unknown", `{"type":"conversation.item.create","previous_item_id":"nobody","item":{"type":"message","role":"user","content":[]}}`, "item_create_invalid_previous_item_id", "previous_item_id"},
	{"status unknown", create(`{"type":"message","role":"user","content":[],"status":"fine"}`), "invalid_value", "item.status"},
	{"call without name", create(`{"type":"function_call","call_id":"c","arguments":"{}"}`), "missing_required_parameter", "item.name"},
	{"call arguments as object", create(`{"type":"function_call","call_id":"c","name":"f","arguments":{}}`), "invalid_type", "item.arguments"},
	{"call id twice", create(`{"type":"function_call","call_id":"call1","name":"f","arguments":"{}"}`), "invalid_tool_call_id", "item.call_id"},
	{"output for unknown call", create(`{"type":"function_call_output","call_id":"nobody","output":"x"}`), "invalid_tool_call_id", "item.call_id"},
	{"output twice", create(`{"type":"function_call_output","call_id":"call2","output":"x"}`), "invalid_tool_call_id", "item.call_id"},
	{"output as object", create(`{"type":"function_call_output","call_id":"call1","output":{"a":1}}`), "invalid_type", "item.output"},
	{"output missing", create(`{"type":"function_call_output","call_id":"call1"}`), "missing_required_parameter", "item.output"},
	{"output with name", create(`{"type":"function_call_output","call_id":"call1","output":"x","name":"f"}`), "unknown_parameter", "item.name"},
	{"output with long call_id", create(`{"type":"function_call_output","call_id":"` + strings.Repeat("x", 33) + `","output":"x"}`), "invalid_value", "item.call_id"},

	{"truncate without item", `{"type":"conversation.item.truncate","content_index":0,"audio_end_ms":0}`, "missing_required_parameter", "item_id"},
	{"truncate unknown item", `{"type":"conversation.item.truncate","item_id":"nobody","content_index":0,"audio_end_ms":0}`, "item_truncate_invalid_item_id", "item_id"},
	{"truncate user item", `{"type":"conversation.item.truncate","item_id":"known","content_index":0,"audio_end_ms":0}`, "null", ""},
	{"truncate at a fraction", `{"type":"conversation.item.truncate","item_id":"known","content_index":0,"audio_end_ms":1480.5}`, "invalid_type", "audio_end_ms"},
	{"truncate at an exponent", `{"type":"conversation.item.truncate","item_id":"known","content_index":0,"audio_end_ms":1e3}`, "invalid_type", "audio_end_ms"},
	{"truncate below zero", `{"type":"conversation.item.truncate","item_id":"known","content_index":0,"audio_end_ms":-1}`, "invalid_value", "audio_end_ms"},
	{"truncate without index", `{"type":"conversation.item.truncate","item_id":"known","audio_end_ms":1}`, "missing_required_parameter", "content_index"},
	{"truncate with text", `{"type":"conversation.item.truncate","item_id":"known","content_index":0,"audio_end_ms":"5"}`, "invalid_type", "audio_end_ms"},
	{"delete unknown", `{"type":"conversation.item.delete","item_id":"nobody"}`, "item_delete_invalid_item_id", "item_id"},
	{"delete nothing", `{"type":"conversation.item.delete"}`, "missing_required_parameter", "item_id"},

	{"cancel nothing", `{"type":"response.cancel"}`, "response_cancel_not_active", ""},
	{"response unknown member", `{"type":"response.create","response":{"mood":"good"}}`, "unknown_parameter", "response.mood"},
	{"response not an object", `{"type":"response.create","response":"now"}`, "invalid_type", "response"},
	{"response with more", `{"type":"response.create","session":{}}`, "unknown_parameter", "session"},
	{"response instructions", `{"type":"response.create","response":{"instructions":7}}`, "invalid_type", "response.instructions"},
	{"response tools", `{"type":"response.create","response":{"tools":[{"type":"function","name":"f","strict":true}]}}`, "unknown_parameter", "response.tools[0].strict"},
	{"response choice", `{"type":"response.create","response":{"tool_choice":"maybe"}}`, "invalid_value", "response.tool_choice"},
}

var previewRefusals = []refused{
	{"GA body", ga(`"instructions":"x"`), "unknown_parameter", "session.type"},
	{"GA audio", update(`{"audio":{}}`), "unknown_parameter", "session.audio"},
	{"GA modalities", update(`{"output_modalities":["audio"]}`), "unknown_parameter", "session.output_modalities"},
	{"model", update(`{"model":"x"}`), "unknown_parameter", "session.model"},
	{"audio alone", update(`{"modalities":["audio"]}`), "invalid_value", "session.modalities"},
	{"modalities text", update(`{"modalities":"text"}`), "invalid_type", "session.modalities"},
	{"temperature low", update(`{"temperature":0.5}`), "invalid_value", "session.temperature"},
	{"temperature high", update(`{"temperature":1.3}`), "invalid_value", "session.temperature"},
	{"temperature text", update(`{"temperature":"0.8"}`), "invalid_type", "session.temperature"},
	{"format hyphen", update(`{"input_audio_format":"g711-ulaw"}`), "invalid_value", "session.input_audio_format"},
	{"format short", update(`{"output_audio_format":"ulaw"}`), "invalid_value", "session.output_audio_format"},
	{"format GA", update(`{"output_audio_format":{"type":"audio/pcmu"}}`), "invalid_type", "session.output_audio_format"},
	{"voice unknown", update(`{"voice":"darth"}`), "invalid_value", "session.voice"},
	{"voice GA", update(`{"voice":"marin"}`), "invalid_value", "session.voice"},
	{"instructions null", update(`{"instructions":null}`), "invalid_type", "session.instructions"},
	{"transcription model", update(`{"input_audio_transcription":{"model":"whisper-9"}}`), "invalid_value", "session.input_audio_transcription.model"},
	{"transcription more", update(`{"input_audio_transcription":{"model":"whisper-1","diarize":true}}`), "unknown_parameter", "session.input_audio_transcription.diarize"},
	{"turns without type", update(`{"turn_detection":{"threshold":0.5}}`), "missing_required_parameter", "session.turn_detection.type"},
	{"turns none", update(`{"turn_detection":{"type":"none"}}`), "invalid_value", "session.turn_detection.type"},
	{"padding text", update(`{"turn_detection":{"type":"server_vad","prefix_padding_ms":"300"}}`), "invalid_type", "session.turn_detection.prefix_padding_ms"},
	{"silence text", update(`{"turn_detection":{"type":"server_vad","silence_duration_ms":"500"}}`), "invalid_type", "session.turn_detection.silence_duration_ms"},
	{"silence fraction", update(`{"turn_detection":{"type":"server_vad","silence_duration_ms":500.5}}`), "invalid_type", "session.turn_detection.silence_duration_ms"},
	{"threshold two", update(`{"turn_detection":{"type":"server_vad","threshold":2}}`), "invalid_value", "session.turn_detection.threshold"},
	{"idle timeout", update(`{"turn_detection":{"type":"server_vad","idle_timeout_ms":8000}}`), "unknown_parameter", "session.turn_detection.idle_timeout_ms"},
	{"tokens zero", update(`{"max_response_output_tokens":0}`), "invalid_value", "session.max_response_output_tokens"},
	{"tokens many", update(`{"max_response_output_tokens":4097}`), "invalid_value", "session.max_response_output_tokens"},
	{"tokens word", update(`{"max_response_output_tokens":"Infinity"}`), "invalid_value", "session.max_response_output_tokens"},
	{"tokens GA", update(`{"max_output_tokens":100}`), "unknown_parameter", "session.max_output_tokens"},
	{"tool nested", update(`{"tools":[{"type":"function","function":{"name":"f"}}]}`), "unknown_parameter", "session.tools[0].function"},
	{"tool strict", update(`{"tools":[{"type":"function","name":"f","strict":true}]}`), "unknown_parameter", "session.tools[0].strict"},
	{"tool without type", update(`{"tools":[{"name":"f"}]}`), "missing_required_parameter", "session.tools[0].type"},
	{"tool without name", update(`{"tools":[{"type":"function"}]}`), "missing_required_parameter", "session.tools[0].name"},
	{"tool name", update(`{"tools":[{"type":"function","name":"get order"}]}`), "invalid_value", "session.tools[0].name"},
	{"tool parameters text", update(`{"tools":[{"type":"function","name":"f","parameters":"{}"}]}`), "invalid_type", "session.tools[0].parameters"},
	{"tools null", update(`{"tools":null}`), "invalid_type", "session.tools"},
	{"choice word", update(`{"tool_choice":"maybe"}`), "invalid_value", "session.tool_choice"},
	{"choice nameless", update(`{"tool_choice":{"type":"function"}}`), "missing_required_parameter", "session.tool_choice.name"},
	{"assistant input_text", create(`{"type":"message","role":"assistant","content":[{"type":"input_text","text":"x"}]}`), "invalid_value", "item.content[0].type"},
	{"assistant output_text", create(`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x"}]}`), "invalid_value", "item.content[0].type"},
	{"image", create(`{"type":"message","role":"user","content":[{"type":"input_image","image_url":"x"}]}`), "invalid_value", "item.content[0].type"},
	{"call without id", create(`{"type":"function_call","name":"f","arguments":"{}"}`), "missing_required_parameter", "item.call_id"},
	{"root", `{"type":"conversation.item.create","previous_item_id":"root","item":{"type":"message","role":"user","content":[]}}`, "item_create_invalid_previous_item_id", "previous_item_id"},
	{"seed's typo", `{"type":"response.create","response":{"max__output_tokens":5}}`, "unknown_parameter", "response.max__output_tokens"},
	{"response GA", `{"type":"response.create","response":{"output_modalities":["audio"]}}`, "unknown_parameter", "response.output_modalities"},
	{"response format", `{"type":"response.create","response":{"output_audio_format":"mulaw"}}`, "invalid_value", "response.output_audio_format"},
	{"response temperature", `{"type":"response.create","response":{"temperature":2}}`, "invalid_value", "response.temperature"},
}

// lateRefusals are of members that the first preview did not have.
var lateRefusals = []refused{
	{"two limits", `{"type":"response.create","response":{"max_output_tokens":5,"max_response_output_tokens":5}}`, "invalid_value", "response.max_output_tokens"},
	{"eagerness", update(`{"turn_detection":{"type":"semantic_vad","eagerness":"max"}}`), "invalid_value", "session.turn_detection.eagerness"},
	{"noise", update(`{"input_audio_noise_reduction":{"type":"car"}}`), "invalid_value", "session.input_audio_noise_reduction.type"},
	{"speed", update(`{"speed":9}`), "invalid_value", "session.speed"},
	{"retrieve unknown", `{"type":"conversation.item.retrieve","item_id":"nobody"}`, "item_retrieve_invalid_item_id", "item_id"},
}

// seedRefusals are what only the first preview refuses.
var seedRefusals = []refused{
	{"create_response", update(`{"turn_detection":{"type":"server_vad","create_response":true}}`), "unknown_parameter", "session.turn_detection.create_response"},
	{"semantic", update(`{"turn_detection":{"type":"semantic_vad"}}`), "invalid_value", "session.turn_detection.type"},
	{"language", update(`{"input_audio_transcription":{"model":"whisper-1","language":"en"}}`), "unknown_parameter", "session.input_audio_transcription.language"},
	{"model", update(`{"input_audio_transcription":{"model":"gpt-4o-transcribe"}}`), "invalid_value", "session.input_audio_transcription.model"},
	{"noise", update(`{"input_audio_noise_reduction":null}`), "unknown_parameter", "session.input_audio_noise_reduction"},
	{"retrieve", `{"type":"conversation.item.retrieve","item_id":"known"}`, "invalid_value", "type"},
	{"cancel by id", `{"type":"response.cancel","response_id":"r"}`, "unknown_parameter", "response_id"},
	{"metadata", `{"type":"response.create","response":{"metadata":{}}}`, "unknown_parameter", "response.metadata"},
	{"one limit", `{"type":"response.create","response":{"max_response_output_tokens":5}}`, "unknown_parameter", "response.max_response_output_tokens"},
}

var gaRefusals = []refused{
	{"preview body", update(`{"input_audio_format":"g711_ulaw"}`), "unknown_parameter", "session.input_audio_format"},
	{"preview modalities", update(`{"modalities":["text","audio"]}`), "unknown_parameter", "session.modalities"},
	{"no session type", update(`{"instructions":"x"}`), "missing_required_parameter", "session.type"},
	{"transcription session", update(`{"type":"transcription"}`), "invalid_value", "session.type"},
	{"temperature", ga(`"temperature":0.8`), "unknown_parameter", "session.temperature"},
	{"voice on top", ga(`"voice":"marin"`), "unknown_parameter", "session.voice"},
	{"both modalities", ga(`"output_modalities":["text","audio"]`), "invalid_value", "session.output_modalities"},
	{"other model", ga(`"model":"other"`), "invalid_value", "session.model"},
	{"format preview", ga(`"audio":{"input":{"format":"g711_ulaw"}}`), "invalid_type", "session.audio.input.format"},
	{"format name", ga(`"audio":{"input":{"format":{"type":"g711_ulaw"}}}`), "invalid_value", "session.audio.input.format.type"},
	{"pcm16", ga(`"audio":{"output":{"format":{"type":"pcm16"}}}`), "invalid_value", "session.audio.output.format.type"},
	{"rate on pcmu", ga(`"audio":{"input":{"format":{"type":"audio/pcmu","rate":8000}}}`), "unknown_parameter", "session.audio.input.format.rate"},
	{"pcm without rate", ga(`"audio":{"input":{"format":{"type":"audio/pcm"}}}`), "missing_required_parameter", "session.audio.input.format.rate"},
	{"pcm at 16000", ga(`"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}`), "invalid_value", "session.audio.input.format.rate"},
	{"audio unknown", ga(`"audio":{"echo":{}}`), "unknown_parameter", "session.audio.echo"},
	{"input unknown", ga(`"audio":{"input":{"voice":"x"}}`), "unknown_parameter", "session.audio.input.voice"},
	{"voice unknown", ga(`"audio":{"output":{"voice":"darth"}}`), "invalid_value", "session.audio.output.voice"},
	{"speed", ga(`"audio":{"output":{"speed":2}}`), "invalid_value", "session.audio.output.speed"},
	{"padding text", ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","prefix_padding_ms":"300"}}}`), "invalid_type", "session.audio.input.turn_detection.prefix_padding_ms"},
	{"idle short", ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":4999}}}`), "invalid_value", "session.audio.input.turn_detection.idle_timeout_ms"},
	{"idle semantic", ga(`"audio":{"input":{"turn_detection":{"type":"semantic_vad","idle_timeout_ms":8000}}}`), "unknown_parameter", "session.audio.input.turn_detection.idle_timeout_ms"},
	{"semantic threshold", ga(`"audio":{"input":{"turn_detection":{"type":"semantic_vad","threshold":0.5}}}`), "unknown_parameter", "session.audio.input.turn_detection.threshold"},
	{"eagerness", ga(`"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"max"}}}`), "invalid_value", "session.audio.input.turn_detection.eagerness"},
	{"noise", ga(`"audio":{"input":{"noise_reduction":{"type":"car"}}}`), "invalid_value", "session.audio.input.noise_reduction.type"},
	{"transcription more", ga(`"audio":{"input":{"transcription":{"model":"x","speaker":1}}}`), "unknown_parameter", "session.audio.input.transcription.speaker"},
	{"limit preview", ga(`"max_response_output_tokens":5`), "unknown_parameter", "session.max_response_output_tokens"},
	{"limit", ga(`"max_output_tokens":5000`), "invalid_value", "session.max_output_tokens"},
	{"tool strict", ga(`"tools":[{"type":"function","name":"f","strict":false}]`), "unknown_parameter", "session.tools[0].strict"},
	{"choice nested", ga(`"tool_choice":{"type":"function","function":{"name":"f"}}`), "unknown_parameter", "session.tool_choice.function"},
	{"effort", ga(`"reasoning":{"effort":"huge"}`), "invalid_value", "session.reasoning.effort"},
	{"truncation", ga(`"truncation":"never"`), "invalid_value", "session.truncation"},
	{"ratio", ga(`"truncation":{"type":"retention_ratio","retention_ratio":2}`), "invalid_value", "session.truncation.retention_ratio"},
	{"include", ga(`"include":"logprobs"`), "invalid_type", "session.include"},
	{"include unknown", ga(`"include":["usage"]`), "invalid_value", "session.include"},
	{"token limits", ga(`"truncation":{"type":"retention_ratio","retention_ratio":0.5,"token_limits":{"all":1}}`), "unknown_parameter", "session.truncation.token_limits.all"},
	{"prompt without id", ga(`"prompt":{"version":"2"}`), "missing_required_parameter", "session.prompt.id"},
	{"tracing", ga(`"tracing":"always"`), "invalid_value", "session.tracing"},
	{"tracing more", ga(`"tracing":{"workflow":"x"}`), "unknown_parameter", "session.tracing.workflow"},
	{"noise more", ga(`"audio":{"input":{"noise_reduction":{"type":"near_field","level":1}}}`), "unknown_parameter", "session.audio.input.noise_reduction.level"},
	{"languages", ga(`"audio":{"input":{"transcription":{"model":"x","languages":"en"}}}`), "invalid_type", "session.audio.input.transcription.languages"},
	{"mcp nameless", ga(`"tools":[{"type":"mcp","server_url":"https://x"}]`), "missing_required_parameter", "session.tools[0].server_label"},
	{"mcp more", ga(`"tools":[{"type":"mcp","server_label":"x","parameters":{}}]`), "unknown_parameter", "session.tools[0].parameters"},
	{"assistant text", create(`{"type":"message","role":"assistant","content":[{"type":"text","text":"x"}]}`), "invalid_value", "item.content[0].type"},
	{"retrieve unknown", `{"type":"conversation.item.retrieve","item_id":"nobody"}`, "item_retrieve_invalid_item_id", "item_id"},
	{"output buffer", `{"type":"output_audio_buffer.clear"}`, "invalid_value", "type"},
	{"transcription update", `{"type":"transcription_session.update","session":{}}`, "invalid_value", "type"},
	{"cancel other", `{"type":"response.cancel","response_id":"nobody"}`, "response_cancel_not_active", ""},
	{"response preview", `{"type":"response.create","response":{"modalities":["text","audio"]}}`, "unknown_parameter", "response.modalities"},
	{"response temperature", `{"type":"response.create","response":{"temperature":0.8}}`, "unknown_parameter", "response.temperature"},
	{"response format", `{"type":"response.create","response":{"audio":{"output":{"format":{"type":"audio/pcmu","rate":8000}}}}}`, "unknown_parameter", "response.audio.output.format.rate"},
	{"response speed", `{"type":"response.create","response":{"audio":{"output":{"speed":1}}}}`, "unknown_parameter", "response.audio.output.speed"},
	{"response conversation", `{"type":"response.create","response":{"conversation":"all"}}`, "invalid_value", "response.conversation"},
	{"response input", `{"type":"response.create","response":{"input":[{"type":"item_reference","id":"a.b"}]}}`, "invalid_value", "response.input[0].id"},
	{"response refers to nothing", `{"type":"response.create","response":{"input":[{"type":"item_reference","id":"nobody"}]}}`, "invalid_value", "response.input"},
	{"response prompt", `{"type":"response.create","response":{"prompt":{"name":"x"}}}`, "unknown_parameter", "response.prompt.name"},
	{"metadata pairs", `{"type":"response.create","response":{"metadata":` + pairs(17) + `}}`, "invalid_value", "response.metadata"},
	{"metadata key", `{"type":"response.create","response":{"metadata":{"` + strings.Repeat("k", 65) + `":"v"}}}`, "invalid_value", "response.metadata"},
	{"metadata value", `{"type":"response.create","response":{"metadata":{"k":"` + strings.Repeat("v", 513) + `"}}}`, "invalid_value", "response.metadata.k"},
	{"metadata number", `{"type":"response.create","response":{"metadata":{"k":1}}}`, "invalid_type", "response.metadata.k"},
}

func pairs(n int) string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint("k", i)] = "v"
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestRefusals(t *testing.T) {
	for _, set := range []struct {
		opts  Options
		lists [][]refused
	}{
		{Options{Dialect: DialectGA}, [][]refused{commonRefusals, gaRefusals}},
		{Options{Dialect: DialectPreview}, [][]refused{commonRefusals, previewRefusals, lateRefusals}},
		{Options{Dialect: DialectPreview, Seed: true}, [][]refused{commonRefusals, previewRefusals, seedRefusals}},
	} {
		talk(t, set.opts, func(p *peer) {
			p.furnish()
			n := 0
			for _, list := range set.lists {
				for _, r := range list {
					n++
					p.raw(r.event)
					p.checkRefusal(fmt.Sprintf("%s/%v/%s", set.opts.Dialect, set.opts.Seed, r.name), r)
				}
			}
			if got := p.sess.Record().Violations; len(got) != n {
				t.Errorf("%d violations on record, want %d", len(got), n)
			}
		})
	}
}

// furnish makes the items that the refusals talk about.
func (p *peer) furnish() {
	p.t.Helper()
	p.raw(create(`{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}],"id":"known"}`))
	p.raw(create(`{"type":"function_call","call_id":"call1","name":"f","arguments":"{}"}`))
	p.raw(create(`{"type":"function_call","call_id":"call2","name":"f","arguments":"{}"}`))
	p.raw(create(`{"type":"function_call_output","call_id":"call2","output":"x"}`))
	for _, e := range p.quiet() {
		if e.name() == "error" {
			p.t.Fatal(e)
		}
	}
}

// checkRefusal: exactly one error, with what the service would put into it,
// and the session unchanged.
func (p *peer) checkRefusal(name string, r refused) {
	p.t.Helper()
	got := p.quiet()
	if len(got) != 1 || got[0].name() != "error" {
		p.t.Errorf("%s: answered with %v", name, got)
		return
	}
	e := got[0]
	code := e.text("error.code")
	if e.at("error.code") == nil {
		code = "null"
	}
	if code != r.code {
		p.t.Errorf("%s: code %s, want %s (%s)", name, code, r.code, e.text("error.message"))
	}
	if e.text("error.param") != r.param {
		p.t.Errorf("%s: param %q, want %q (%s)", name, e.text("error.param"), r.param, e.text("error.message"))
	}
	if e.text("error.type") != "invalid_request_error" || e.text("error.message") == "" {
		p.t.Errorf("%s: %v", name, e)
	}
	if strings.Contains(r.event, `"event_id":"e1"`) && e.text("error.event_id") != "e1" {
		p.t.Errorf("%s: event_id %v", name, e.at("error.event_id"))
	}
}

// TestRefusedUpdateAppliesNothing: the good members before the bad one, too.
func TestRefusedUpdateAppliesNothing(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.raw(ga(`"instructions":"new","max_output_tokens":7,"audio":{"input":{"format":{"type":"audio/pcma"}},"output":{"voice":"none"}}`))
		p.must("error")
		p.raw(ga(`"output_modalities":["audio"]`))
		e := p.must("session.updated")
		if e.text("session.instructions") == "new" || e.text("session.max_output_tokens") != "inf" ||
			e.text("session.audio.input.format.type") != "audio/pcm" {
			t.Errorf("session: %v", e)
		}
	})
}

// TestVoiceIsFixedBySpeech in the session and in a response.
func TestVoiceIsFixedBySpeech(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.raw(ga(`"audio":{"output":{"voice":"cedar"}}`))
		p.must("session.updated")
		p.send("response.create")
		p.find("response.done")
		for _, raw := range []string{
			ga(`"instructions":"lost","audio":{"output":{"voice":"marin"}}`),
			ga(`"audio":{"output":{"voice":{"id":"voice_of_mine"}}}`),
			`{"type":"response.create","response":{"audio":{"output":{"voice":"marin"}}}}`,
		} {
			p.raw(raw)
			if e := p.must("error"); e.text("error.code") != "cannot_update_voice" {
				t.Errorf("%v", e)
			}
		}
		p.raw(ga(`"audio":{"output":{"voice":"cedar"}}`))
		if e := p.must("session.updated"); e.text("session.instructions") == "lost" {
			t.Error("a refused update was applied")
		}
	})
}

func TestSecondResponseIsRefused(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.send("response.create")
		id := p.find("response.created").text("response.id")
		p.send("response.create", "event_id", "mine")
		if e := p.find("error"); e.text("error.code") != "conversation_already_has_active_response" ||
			!strings.Contains(e.text("error.message"), id) || e.text("error.event_id") != "mine" {
			t.Errorf("%v", e)
		}
	})
}

// TestTruncateBeforeAudio: the item is there, its audio is not.
func TestTruncateBeforeAudio(t *testing.T) {
	slow := DefaultScript()
	slow.States[0].Greeting.Do[0].Delay = 1e9
	talk(t, Options{Script: slow}, func(p *peer) {
		p.send("response.create")
		id := p.find("response.content_part.added").text("item_id")
		p.send("conversation.item.truncate", "item_id", id, "content_index", 0, "audio_end_ms", 0)
		if e := p.must("error"); e.text("error.message") != "Only model output audio messages can be truncated" || e.at("error.code") != nil {
			t.Errorf("%v", e)
		}
	})
}

func TestHugeAppend(t *testing.T) {
	s := offline(t, Options{})
	for _, more := range []int{0, 3} {
		s.receive(message{data: []byte(appendOf(make([]byte, maxAppend+more)))})
	}
	if v := s.rec.Violations; len(v) != 1 || v[0].Param != "audio" || s.rec.InputBytes != maxAppend {
		t.Errorf("%d bytes, %+v", s.rec.InputBytes, v)
	}
}

func TestBinaryMessageEndsTheSession(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		if err := p.conn.Write(context.Background(), websocket.MessageBinary, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if code := p.closed(); code != 1003 {
			t.Errorf("close %d", code)
		}
	})
}

// TestReasoningNeedsItsModel: one member that the model does not have loses the whole update.
func TestReasoningNeedsItsModel(t *testing.T) {
	for model, ok := range map[string]bool{"gpt-realtime": false, "gpt-realtime-2025-08-28": false, "gpt-realtime-mini": false,
		"gpt-4o-realtime-preview": false, "gpt-realtime-2": true, "gpt-realtime-2.1-mini": true, "reception": true} {
		s := offline(t, Options{})
		s.up.model = model
		for _, raw := range []string{ga(`"instructions":"x","reasoning":{"effort":"low"}`), ga(`"instructions":"x","parallel_tool_calls":true`),
			`{"type":"response.create","response":{"conversation":"none","reasoning":{"effort":"low"}}}`} {
			s.receive(message{data: []byte(raw)})
		}
		if got := len(s.rec.Violations) == 0; got != ok {
			t.Errorf("%s: accepted %v, want %v", model, got, ok)
		}
	}
}

// TestErrorsAreCounted by their code.
func TestErrorsAreCounted(t *testing.T) {
	s := offline(t, Options{})
	for range 3 {
		s.receive(message{data: []byte(`{"type":"response.cancel"}`)})
	}
	s.receive(message{data: []byte(`{}`)})
	if got := s.Record().Errors; got["response_cancel_not_active"] != 3 || got["missing_required_parameter"] != 1 || len(got) != 2 {
		t.Errorf("errors %v", got)
	}
}
