package realtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// phone is the session of a real call, with everything set that either dialect knows.
func phone() Session {
	return Session{
		Instructions:  Some("Be brief. <rules>never promise & never guess</rules>"),
		Voice:         Some("alloy"),
		InputFormat:   FormatPCMU,
		OutputFormat:  FormatPCMU,
		Transcription: Some(Transcription{Model: "whisper-1", Language: "en"}),
		TurnDetection: Some(TurnDetection{Type: "server_vad", Threshold: Some(0.0), PrefixPaddingMS: Some(300),
			SilenceDurationMS: Some(500), Eagerness: "low", IdleTimeoutMS: Some(8000)}),
		NoiseReduction: Some("near_field"),
		Tools: Some([]Tool{
			{Name: "lookup_order", Description: "Finds an order", Parameters: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}}}`)},
			{Name: "hang_up"},
		}),
		ToolChoice:      "auto",
		Temperature:     Some(0.8),
		MaxOutputTokens: Unlimited,
		Speed:           Some(1.1),
		ReasoningEffort: "low",
		Truncation:      "auto",
	}
}

// off is the session that switches things off: null, empty and zero have to reach the server.
func off() Session {
	return Session{
		Instructions: Some(""), TextOnly: true, Transcription: Null[Transcription](), TurnDetection: Null[TurnDetection](),
		NoiseReduction: Null[string](), Tools: Some([]Tool(nil)), MaxOutputTokens: 4096,
		InputFormat: FormatPCMA, OutputFormat: FormatPCM24,
	}
}

// modern is what only newer servers know.
func modern() Session {
	return Session{
		Voice: Some("voice_9"), VoiceIsID: true, InputFormat: FormatPCMU, OutputFormat: FormatPCMU,
		Transcription: Some(Transcription{Model: "gpt-live-transcribe", Language: "en", Prompt: "flowers",
			Languages: []string{"en", "cy"}, Keywords: []string{"peony"}, Delay: "low"}),
		TurnDetection:  Some(TurnDetection{Type: "semantic_vad", Eagerness: "auto", InterruptResponse: Some(false)}),
		NoiseReduction: Some("far_field"), NoiseStrength: Some(0.5),
		ParallelToolCalls: Some(false), ReasoningEffort: "minimal", MaxOutputTokens: 1024, Speed: Some(0.25),
		TruncationRatio: Some(0.8), TruncationTokens: 8000, Include: Some([]string{IncludeLogprobs}),
		Tracing: Some(Tracing{Workflow: "shop", Group: "call_1", Metadata: map[string]string{"line": "2"}}),
	}
}

// nulls is what can be null; no tools are the empty list.
func nulls() Session {
	return Session{
		Instructions: Null[string](), Transcription: Null[Transcription](), TurnDetection: Null[TurnDetection](),
		NoiseReduction: Null[string](), Tools: Null[[]Tool](), Include: Some([]string(nil)), Tracing: Null[Tracing](),
	}
}

func semantic(t TurnDetection) Session {
	t.Type = "semantic_vad"
	return Session{TurnDetection: Some(t)}
}

func messageItem(role string, parts ...Part) Item {
	return Item{ID: "item_1", Type: ItemMessage, Role: role, Content: parts}
}

// clientCases has every client event, and every shape that the dialects treat in their own way.
var clientCases = []struct {
	name string
	ev   ClientEvent
}{
	{"session.update, a phone call", &SessionUpdate{EventID: "u1", Session: phone()}},
	{"session.update, everything off", &SessionUpdate{EventID: "u2", Session: off()}},
	{"session.update, nothing set", &SessionUpdate{}},
	{"session.update, semantic turn detection", &SessionUpdate{Session: semantic(TurnDetection{Threshold: Some(0.5),
		Eagerness: "high", IdleTimeoutMS: Some(5000)})}},
	{"session.update, own turn logic", &SessionUpdate{Session: Session{TurnDetection: Some(TurnDetection{Type: "server_vad",
		CreateResponse: Some(false)})}}},
	{"session.update, turn detection of the first Azure servers",
		&SessionUpdate{Session: Session{TurnDetection: Some(TurnDetection{Type: "none", Threshold: Some(0.5)})}}},
	{"session.update, every later member", &SessionUpdate{Session: modern()}},
	{"session.update, conversation that is cut by a ratio", &SessionUpdate{Session: Session{TruncationRatio: Some(0.0)}}},
	{"session.update, null for all that can be null", &SessionUpdate{Session: nulls()}},
	{"input_audio_buffer.append", &AudioAppend{Audio: []byte{0xFF, 0xFE, 0x7F, 0x00}}},
	{"input_audio_buffer.commit", &AudioCommit{EventID: "e1"}},
	{"input_audio_buffer.clear", &AudioClear{EventID: "e2"}},
	{"output_audio_buffer.clear", &OutputAudioClear{EventID: "e12"}},
	{"conversation.item.create, text of the user", &ItemCreate{EventID: "e3", PreviousItemID: "root",
		Item: messageItem("user", Part{Kind: PartInputText, Text: "The caller pressed 4."})}},
	{"conversation.item.create, audio of the user", &ItemCreate{Item: messageItem("user",
		Part{Kind: PartInputAudio, Audio: []byte{1, 2, 3}, Transcript: Some("hello")})}},
	{"conversation.item.create, text of the assistant", &ItemCreate{Item: messageItem("assistant", Part{Kind: PartOutputText, Text: "Hello."})}},
	{"conversation.item.create, message without content", &ItemCreate{Item: Item{Type: ItemMessage, Role: "system"}}},
	{"conversation.item.create, function call", &ItemCreate{Item: Item{Type: ItemFunctionCall, Name: "hang_up", CallID: "call_1"}}},
	{"conversation.item.create, function call output", &ItemCreate{EventID: "e4",
		Item: Item{Type: ItemFunctionCallOutput, CallID: "call_1", Output: `{"status":"shipped"}`}}},
	{"conversation.item.create, empty output", &ItemCreate{Item: Item{Type: ItemFunctionCallOutput, CallID: "call_1"}}},
	{"conversation.item.retrieve", &ItemRetrieve{EventID: "e5", ItemID: "item_7"}},
	{"conversation.item.truncate", &ItemTruncate{EventID: "e6", ItemID: "item_9", ContentIndex: 0, AudioEndMS: 0}},
	{"conversation.item.delete", &ItemDelete{EventID: "e7", ItemID: "item_9"}},
	{"response.create", &ResponseCreate{EventID: "e8"}},
	{"response.create, with options", &ResponseCreate{EventID: "e9", Response: ResponseOptions{Instructions: "Greet the caller.",
		TextOnly: true, ToolChoice: "none", Metadata: map[string]string{"client_event_id": "e9"}}}},
	{"response.create, out of band", &ResponseCreate{EventID: "e10", Response: ResponseOptions{OutOfBand: true, TextOnly: true,
		Input: []Item{messageItem("user", Part{Kind: PartInputText, Text: "Summarise."})}}}},
	{"response.create, question beside the conversation", &ResponseCreate{EventID: "e13", Response: ResponseOptions{OutOfBand: true,
		TextOnly: true, Instructions: "Which department?", Metadata: map[string]string{"topic": "routing"}, MaxOutputTokens: 200,
		Tools: Some([]Tool(nil)), ToolChoice: "none", ReasoningEffort: "low", Input: []Item{{Type: ItemReference, ID: "item_1"},
			{Type: ItemFunctionCall, Name: "lookup_order", CallID: "call_1", Arguments: `{"id":"A17"}`},
			{Type: ItemFunctionCallOutput, CallID: "call_1", Output: "shipped"}}}}},
	{"response.create, everything its own", &ResponseCreate{Response: ResponseOptions{Instructions: "Say goodbye.", Voice: "alloy",
		OutputFormat: FormatPCMA, Tools: Some([]Tool{{Name: "hang_up"}}), ToolChoice: "required", Temperature: Some(0.7),
		MaxOutputTokens: Unlimited, ParallelToolCalls: Some(false), ReasoningEffort: "minimal"}}},
	{"response.create, function by name", &ResponseCreate{Response: ResponseOptions{ToolChoice: "function", ToolName: "hang_up",
		Voice: "voice_9", VoiceIsID: true}}},
	{"response.create, empty input", &ResponseCreate{Response: ResponseOptions{Input: []Item{}}}},
	{"response.cancel", &ResponseCancel{EventID: "e11", ResponseID: "resp_1"}},
	{"refused: audio of the assistant", &ItemCreate{Item: messageItem("assistant", Part{Kind: PartOutputAudio})}},
	{"refused: item of no type", &ItemCreate{}},
	{"refused: reference outside of a response", &ItemCreate{Item: Item{Type: ItemReference, ID: "item_1"}}},
	{"refused: reference to nothing", &ResponseCreate{Response: ResponseOptions{Input: []Item{{Type: ItemReference}}}}},
	{"refused: input of no type", &ResponseCreate{Response: ResponseOptions{Input: []Item{{}}}}},
	{"refused: choice of a function without a name", &SessionUpdate{Session: Session{ToolChoice: "function"}}},
	{"refused: name without a choice", &ResponseCreate{Response: ResponseOptions{ToolName: "hang_up"}}},
	{"refused: ratio without a figure", &SessionUpdate{Session: Session{Truncation: "retention_ratio"}}},
	{"refused: schema of a response that is no object", &ResponseCreate{Response: ResponseOptions{
		Tools: Some([]Tool{{Name: "x", Parameters: json.RawMessage(`[]`)}})}}},
	{"refused: schema that is no JSON", &SessionUpdate{Session: Session{Tools: Some([]Tool{{Name: "x", Parameters: json.RawMessage(`{`)}})}}},
}

func TestEncodeGolden(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		t.Run(d.String(), func(t *testing.T) {
			path := "testdata/encode_" + d.String() + ".txtar"
			var got []section
			for _, c := range clientCases {
				got = append(got, section{c.name, encoded(t, d, c.ev)})
			}
			if *updateGolden {
				writeSections(t, path, got)
			}
			want := readSections(t, path)
			if len(want) != len(got) {
				t.Fatalf("%s has %d sections, want %d: run with -update and look at the difference", path, len(want), len(got))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%s:\n%s\nwant %s:\n%s", got[i].name, got[i].text, want[i].name, want[i].text)
				}
			}
		})
	}
}

// TestNothingWrittenIsLostOnTheWayBack: a server that says what it was told is understood in full.
func TestNothingWrittenIsLostOnTheWayBack(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		for _, c := range clientCases {
			told, ok := echoed(d, c.ev)
			if !ok || strings.Contains(string(told), `"type":"none"`) { // which is read as null
				continue
			}
			if back, ok := returned(d, told); !ok || !sameMembers(t, told, back) {
				t.Errorf("%s dialect, %s: %s\nis understood as %s", d, c.name, told, back)
			}
		}
	}
}

// sameMembers compares two JSON texts but for the event id, which a server keeps to itself.
func sameMembers(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y map[string]any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	delete(x, "event_id")
	return reflect.DeepEqual(x, y)
}

// encoded is the indented JSON of ev, or its error. Whatever stood in the buffer before must stand there afterwards.
func encoded(t *testing.T, d Dialect, ev ClientEvent) string {
	out, err := Encode([]byte("before"), d, ev)
	if !bytes.HasPrefix(out, []byte("before")) {
		t.Errorf("Encode(%T) does not append", ev)
	}
	if err != nil {
		if string(out) != "before" {
			t.Errorf("Encode(%T) leaves half an event behind: %s", ev, out)
		}
		return "error: " + err.Error() + "\n"
	}
	var b bytes.Buffer
	if err := json.Indent(&b, out[len("before"):], "", "  "); err != nil {
		t.Fatalf("Encode(%T) makes %s: %v", ev, out, err)
	}
	return b.String() + "\n"
}

// members lists the paths of all members of a JSON object.
func members(t *testing.T, data []byte) []string {
	t.Helper()
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		object, _ := v.(map[string]any)
		for name, child := range object {
			paths = append(paths, prefix+name)
			walk(prefix+name+".", child)
		}
	}
	walk("", tree)
	return paths
}

func encode(t *testing.T, d Dialect, ev ClientEvent) string {
	t.Helper()
	out, err := Encode(nil, d, ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestP50DialectsDoNotMix(t *testing.T) {
	session := phone()
	ga := members(t, []byte(encode(t, DialectGA, &SessionUpdate{Session: session})))
	preview := members(t, []byte(encode(t, DialectPreview, &SessionUpdate{Session: session})))
	for _, name := range oneDialectOnly {
		in := func(list []string) bool { return strings.Contains(" "+strings.Join(list, " ")+" ", " "+name+" ") }
		if in(ga) == in(preview) {
			t.Errorf("%s: in GA %v, in preview %v, want it in one of them", name, in(ga), in(preview))
		}
	}
	for _, text := range []string{"temperature", "g711", "pcm16"} {
		if strings.Contains(encode(t, DialectGA, &SessionUpdate{Session: session}), text) {
			t.Errorf("GA update holds %q", text)
		}
	}
	for _, text := range []string{"speed", "reasoning", "truncation", "idle_timeout", "audio/"} {
		if strings.Contains(encode(t, DialectPreview, &SessionUpdate{Session: session}), text) {
			t.Errorf("preview update holds %q", text)
		}
	}
}

func TestP51RateOnlyForPCM(t *testing.T) {
	for format, want := range map[AudioFormat]string{
		FormatPCMU: `"format":{"type":"audio/pcmu"}`, FormatPCMA: `"format":{"type":"audio/pcma"}`,
		FormatPCM24: `"format":{"type":"audio/pcm","rate":24000}`,
	} {
		got := encode(t, DialectGA, &SessionUpdate{Session: Session{InputFormat: format, OutputFormat: format}})
		if strings.Count(got, want) != 2 {
			t.Errorf("%s: %s does not hold %s twice", format, got, want)
		}
	}
}

func TestP28BothSwitchesAreExplicit(t *testing.T) {
	got := encode(t, DialectGA, &SessionUpdate{Session: Session{TurnDetection: Some(TurnDetection{Type: "server_vad"})}})
	if !strings.Contains(got, `"create_response":true,"interrupt_response":true`) {
		t.Errorf("GA leaves a switch to the server: %s", got)
	}
	half := Session{TurnDetection: Some(TurnDetection{Type: "server_vad", InterruptResponse: Some(false)})}
	if got := encode(t, DialectPreview, &SessionUpdate{Session: half}); !strings.Contains(got, `"create_response":true,"interrupt_response":false`) {
		t.Errorf("preview leaves a switch to the server: %s", got)
	}
	plain := Session{TurnDetection: Some(TurnDetection{Type: "server_vad"})}
	if got := encode(t, DialectPreview, &SessionUpdate{Session: plain}); strings.Contains(got, "_response") {
		t.Errorf("preview sends what 2024-10-01 does not know: %s", got)
	}
}

func TestP63TokenLimit(t *testing.T) {
	for limit, want := range map[TokenLimit]string{Unlimited: `"inf"`, 1: "1", 4096: "4096", 0: "null"} {
		data, err := json.Marshal(limit)
		if err != nil || string(data) != want {
			t.Errorf("limit %d is %s, %v, want %s", limit, data, err, want)
		}
		var back TokenLimit
		if err := json.Unmarshal(data, &back); err != nil || back != limit {
			t.Errorf("limit %s is read as %d, %v, want %d", data, back, err, limit)
		}
	}
	for _, odd := range []string{`"many"`, `-3`, `{}`, `[]`, `1.5`, `true`} {
		limit := TokenLimit(7)
		if err := json.Unmarshal([]byte(odd), &limit); err != nil || limit != 0 {
			t.Errorf("limit %s is read as %d, %v, want unset", odd, limit, err)
		}
	}
}

func TestP62ThreeStates(t *testing.T) {
	type object struct {
		A Opt[int]    `json:"a,omitzero"`
		B Opt[string] `json:"b,omitzero"`
	}
	for text, want := range map[string]object{
		`{}`:                    {},
		`{"a":null,"b":null}`:   {Null[int](), Null[string]()},
		`{"a":0,"b":""}`:        {Some(0), Some("")},
		`{"a":7,"b":"<x> & y"}`: {Some(7), Some("<x> & y")},
	} {
		var got object
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		if back, err := appendJSON(nil, want); err != nil || string(back) != text {
			t.Errorf("%+v is written as %s, %v, want %s", want, back, err, text)
		}
	}
	odd := object{A: Some(7)}
	if err := json.Unmarshal([]byte(`{"a":"seven","b":["x"]}`), &odd); err != nil || odd != (object{}) {
		t.Errorf("members of odd types are read as %+v, %v, want left out", odd, err)
	}
}

func TestDialectNames(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		if got, err := ParseDialect(d.String()); err != nil || got != d {
			t.Errorf("ParseDialect(%q) = %v, %v", d.String(), got, err)
		}
	}
	if _, err := ParseDialect("beta"); err == nil {
		t.Error("ParseDialect accepts beta")
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	dst, ev := make([]byte, 0, 512), &AudioAppend{Audio: bytes.Repeat([]byte{0x55}, 160)}
	if n := testing.AllocsPerRun(100, func() { dst, _ = Encode(dst[:0], DialectGA, ev) }); n != 0 {
		t.Errorf("an append costs %v allocations", n)
	}
}
