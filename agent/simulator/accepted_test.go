package simulator

import (
	"strings"
	"testing"
)

// acceptedPreview are good events of the preview dialect, among them the
// examples of its documentation.
var acceptedPreview = []string{
	update(`{}`),
	update(`{"modalities":["audio","text"],"instructions":"","voice":"shimmer","input_audio_format":"g711_ulaw","output_audio_format":"g711_alaw",
		"input_audio_transcription":{"model":"whisper-1"},"turn_detection":{"type":"server_vad","threshold":0,"prefix_padding_ms":0,"silence_duration_ms":200},
		"tools":[{"type":"function","name":"lookup_order","description":"d","parameters":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}}],
		"tool_choice":"auto","temperature":0.6,"max_response_output_tokens":4096}`),
	update(`{"input_audio_transcription":null,"turn_detection":null,"tools":[],"max_response_output_tokens":"inf","temperature":1.2}`),
	update(`{"input_audio_transcription":{}}`),
	update(`{"tool_choice":{"type":"function","function":{"name":"f"}}}`),
	update(`{"tool_choice":{"type":"function","function":"f"}}`),
	update(`{"tool_choice":{"type":"function","name":"f"}}`),
	`{"type":"input_audio_buffer.append","audio":""}`,
	`{"type":"input_audio_buffer.append","audio":"/w==","event_id":"a"}`,
	`{"audio":"\/w==","type":"input_audio_buffer.append"}`,
	`{"type":"input_audio_buffer.clear"}`,
	create(`{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}`),
	create(`{"type":"message","role":"system","status":"completed","content":[{"type":"input_text","text":"hi"}]}`),
	create(`{"type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],"id":"abc-123_X"}`),
	create(`{"type":"message","role":"user","content":[{"type":"input_audio","audio":"/w==","transcript":"x"}]}`),
	create(`{"type":"function_call","name":"f","call_id":"c1","arguments":"{}"}`),
	create(`{"type":"function_call_output","call_id":"c1","output":""}`),
	`{"type":"conversation.item.create","previous_item_id":"abc-123_X","item":{"type":"message","role":"user","content":[]}}`,
	`{"type":"conversation.item.create","previous_item_id":null,"item":{"type":"message","role":"user","content":[]}}`,
	`{"type":"conversation.item.delete","item_id":"abc-123_X"}`,
	`{"type":"response.create","response":{"modalities":["text"],"instructions":"x","voice":"alloy","output_audio_format":"g711_ulaw","tools":[],
		"tool_choice":"none","temperature":0.7,"max_output_tokens":"inf"}}`,
}

// acceptedLate are events that only later versions of the preview accept.
var acceptedLate = []string{
	update(`{"turn_detection":{"type":"server_vad","create_response":false,"interrupt_response":false}}`),
	update(`{"turn_detection":{"type":"semantic_vad","eagerness":"low"},"speed":1.5,"input_audio_noise_reduction":{"type":"near_field"}}`),
	update(`{"input_audio_transcription":{"model":"gpt-4o-transcribe","language":"en","prompt":"orders"},"input_audio_noise_reduction":null}`),
}

var acceptedGA = []string{
	update(`{"type":"realtime"}`),
	ga(`"model":"gpt-realtime-2","instructions":"x","output_modalities":["audio"],
		"audio":{"input":{"format":{"type":"audio/pcmu"},"transcription":{"model":"gpt-4o-transcribe","language":"en"},"noise_reduction":null,
			"turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500,
				"create_response":true,"interrupt_response":true,"idle_timeout_ms":8000}},
		"output":{"format":{"type":"audio/pcmu"},"voice":"marin","speed":1.0}},
		"tools":[],"tool_choice":"auto","max_output_tokens":"inf","truncation":"auto"`),
	ga(`"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"turn_detection":null,"transcription":null},"output":{"voice":{"id":"voice_1"}}}`),
	ga(`"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"auto"},"noise_reduction":{"type":"far_field"}}}`),
	ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":null}}}`),
	ga(`"reasoning":{"effort":"low"},"parallel_tool_calls":true,"include":["item.input_audio_transcription.logprobs"],"tracing":null,"prompt":null,
		"truncation":{"type":"retention_ratio","retention_ratio":0.5,"token_limits":{"post_instructions":1000}}`),
	ga(`"tracing":{"workflow_name":"calls","group_id":"g","metadata":{"a":"b"}},"prompt":{"id":"p","version":"2","variables":{"city":"Graz"}}`),
	ga(`"tools":[{"type":"mcp","server_label":"s","server_url":"https://mcp.test","require_approval":"never"},{"type":"function","name":"f"}],"tracing":"auto"`),
	ga(`"audio":{"input":{"noise_reduction":{"type":"near_field","strength":0.5},
		"transcription":{"model":"gpt-transcribe","languages":["en","de"],"keywords":["Northwind"],"delay":"low","prompt":"orders"}}}`),
	ga(`"tool_choice":{"type":"function","name":"f"}`),
	ga(`"tool_choice":{"type":"mcp","server_label":"s"}`),
	create(`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}],"id":"one"}`),
	create(`{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,","detail":"low"}]}`),
	create(`{"type":"function_call","name":"f","arguments":"{}"}`),
	create(`{"type":"function_call","name":"f","arguments":"{}","call_id":"c2","object":"realtime.item"}`),
	create(`{"type":"function_call_output","call_id":"c2","output":"x"}`),
	`{"type":"conversation.item.create","previous_item_id":"root","item":{"type":"message","role":"user","content":[]}}`,
	`{"type":"conversation.item.retrieve","item_id":"one"}`,
	`{"type":"conversation.item.delete","item_id":"one"}`,
	create(`{"type":"message","role":"system","content":[{"type":"input_text","text":"The call so far: …"}],"id":"two"}`),
	`{"type":"response.create","response":{"conversation":"none","metadata":` + pairs(16) + `,"input":[{"type":"item_reference","id":"two"},
		{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],"audio":{"output":{"format":{"type":"audio/pcma"},"voice":"alloy"}},
		"max_output_tokens":10,"tool_choice":"none","tools":[],"instructions":"x","output_modalities":["text"],"reasoning":{"effort":"low"}}}`,
	`{"type":"response.create","response":{}}`,
}

func TestAccepted(t *testing.T) {
	for _, set := range []struct {
		opts  Options
		lists [][]string
	}{
		{Options{Dialect: DialectGA}, [][]string{acceptedGA}},
		{Options{Dialect: DialectPreview}, [][]string{acceptedPreview, acceptedLate}},
		{Options{Dialect: DialectPreview, Seed: true}, [][]string{acceptedPreview}},
	} {
		talk(t, set.opts, func(p *peer) {
			for _, list := range set.lists {
				for _, raw := range list {
					p.raw(raw)
				}
			}
			for _, v := range p.sess.waited(p).Violations {
				t.Errorf("%s/%v: %+v", set.opts.Dialect, set.opts.Seed, v)
			}
		})
	}
}

// waited is the record after all that was sent has been dealt with.
func (s *Session) waited(p *peer) Record { p.quiet(); return s.Record() }

// TestSessionShowsWhatWasSet compares the echo with the update.
func TestSessionShowsWhatWasSet(t *testing.T) {
	talk(t, Options{Dialect: DialectPreview, Seed: true}, func(p *peer) {
		p.raw(acceptedPreview[1])
		e := p.must("session.updated")
		for path, want := range map[string]string{"voice": "shimmer", "input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw",
			"input_audio_transcription.model": "whisper-1", "turn_detection.type": "server_vad", "tools.0.name": "lookup_order",
			"tools.0.parameters.required.0": "id", "object": "realtime.session"} {
			if got := e.text("session." + path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if v := e.at("session.turn_detection").(map[string]any); v["threshold"] != 0.0 || v["silence_duration_ms"] != 200.0 || v["create_response"] != nil {
			t.Errorf("turn_detection %v", v)
		}
		p.raw(acceptedPreview[2])
		e = p.must("session.updated")
		if e.at("session.turn_detection") != nil || e.at("session.input_audio_transcription") != nil || e.text("session.voice") != "shimmer" {
			t.Errorf("after null: %v", e)
		}
	})
	talk(t, Options{}, func(p *peer) {
		p.raw(acceptedGA[1])
		e := p.must("session.updated")
		for path, want := range map[string]string{"type": "realtime", "audio.input.format.type": "audio/pcmu", "audio.output.voice": "marin",
			"audio.input.transcription.model": "gpt-4o-transcribe", "audio.input.transcription.language": "en", "truncation": "auto"} {
			if got := e.text("session." + path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if e.number("session.audio.input.turn_detection.idle_timeout_ms") != 8000 || e.at("session.audio.input.format.rate") != nil {
			t.Errorf("%v", e)
		}
	})
}

// TestDefaults: what a client gets that sets nothing.
func TestDefaults(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.raw(map[string]string{DialectGA: update(`{"type":"realtime"}`), DialectPreview: update(`{}`)}[dialect])
			e := p.must("session.updated")
			in := e.text("session.input_audio_format") + e.text("session.audio.input.format.type")
			if !strings.Contains("pcm16 audio/pcm", in) || e.number("session.expires_at") == 0 {
				t.Errorf("%v", e)
			}
		})
	})
}
