package realtime

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// hostile are messages that no server should send, by what is wrong with them.
var hostile = []string{
	// no event
	``, ` `, `null`, `true`, `7`, `-0`, `"x"`, `[]`, `{}`, `[{"type":"error"}]`, `{"type":null}`, `{"type":{}}`, `{"type":["error"]}`,
	`{"type":""}`, `{"type":7}`, `{"Type":7,"type":"error"}`, `{"type":"error","type":7}`,
	// no JSON
	`{`, `}`, `{]`, `[}`, `{"type"}`, `{"type":}`, `{"type":"error"`, `{"type":"error",}`, `{"type":"error"}}`, `{"type":"error"}{"type":"error"}`,
	`{type:"error"}`, `{'type':'error'}`, `{"type":"error","x":NaN}`, `{"type":"error","x":Infinity}`, `{"type":"error","x":01}`,
	`{"type":"error","x":.5}`, `{"type":"error","x":1e}`, `{"type":"error"} // comment`, "{\"type\":\"error\",\"x\":\"a\nb\"}", "{\"type\":\"err\x00or\"}",
	`{"type":"error\`, `{"type":"error\"}`, `{"type":"\u12"}`, "\x00", "\x00\x01\x02\xff", "RIFF\x24\x00\x00\x00WAVE",
	// odd text
	"\xef\xbb\xbf{\"type\":\"error\"}", "\xff\xfe{\x00\"\x00t\x00", "{\"type\":\"\xff\xfe\"}", "{\"type\":\"response.text.delta\",\"delta\":\"\xc3\x28\xa0\"}",
	"{\"\xff\":1,\"type\":\"error\"}", `{"type":"response.text.delta","delta":"\ud800"}`, `{"type":"response.text.delta","delta":"\udc00\ud800"}`,
	`{"type":"response.audio_transcript.delta","delta":"\u0000\u001b[2J"}`,
	// odd numbers
	`{"type":"input_audio_buffer.speech_started","audio_start_ms":1e400}`, `{"type":"input_audio_buffer.speech_started","audio_start_ms":-1e400}`,
	`{"type":"input_audio_buffer.speech_stopped","audio_end_ms":` + strings.Repeat("9", 10_000) + `}`,
	`{"type":"input_audio_buffer.speech_stopped","audio_end_ms":0.` + strings.Repeat("0", 10_000) + `1}`,
	`{"type":"response.audio.delta","delta":"AAEC","output_index":99999999999999999999,"content_index":-1}`,
	`{"type":"response.audio.delta","delta":"AAEC","output_index":1e9,"content_index":1.5}`,
	`{"type":"session.created","session":{"expires_at":1e400}}`, `{"type":"session.created","session":{"expires_at":-9e18}}`,
	// odd audio
	`{"type":"response.audio.delta"}`, `{"type":"response.audio.delta","delta":7}`, `{"type":"response.audio.delta","delta":"A"}`,
	`{"type":"response.audio.delta","delta":"AAEC="}`, `{"type":"response.audio.delta","delta":"-_-_"}`, `{"type":"response.audio.delta","delta":"AA EC"}`,
	`{"type":"response.audio.delta","delta":"AAE\u0043"}`, `{"type":"response.audio.delta","delta":"` + strings.Repeat("=", 64) + `"}`,
	"{\"type\":\"response.audio.delta\",\"delta\":\"\xff\xff\xff\xff\"}", `{"type":"response.output_audio.delta","delta":["AAEC"]}`,
	// too much of it
	strings.Repeat("[", 100_000), strings.Repeat(`{"type":`, 50_000), nested(`{"type":"session.updated","session":`, 12_000),
	nested(`{"type":"response.done","response":{"status_details":`, 9_000) + "}",
	`{"type":"` + strings.Repeat("x", 1<<20) + `"}`, `{"` + strings.Repeat("x", 1<<20) + `":1,"type":"error"}`,
	`{"type":"error"` + strings.Repeat(`,"error":{}`, 50_000) + `}`, `{"type":"response.done","response":{"output":[` + strings.Repeat("null,", 100_000) + `null]}}`,
	`{"type":"rate_limits.updated","rate_limits":[` + strings.Repeat("0,", 100_000) + `0]}`,
	`{"type":"session.updated","session":{"tools":[` + strings.Repeat(`{"type":"mcp"},`, 20_000) + `{}]}}`,
	strings.Repeat(" ", 1<<20) + `{"type":"error"}`,
}

// nested is head with arrays in arrays behind it.
func nested(head string, depth int) string {
	return head + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
}

// oddValues are what a member may hold that should hold something else.
var oddValues = []string{`null`, `true`, `7`, `-1.5`, `1e400`, `"x"`, `""`, `[]`, `[null,7,"x",{},[]]`, `{}`, `{"type":7,"id":[],"reason":{},"":null}`}

// Hostile returns the messages above, and every event with every member that the decoder knows, each of an odd value, in
// every depth.
func Hostile() []string {
	all := slices.Clone(hostile)
	for _, name := range slices.Sorted(maps.Keys(builders)) {
		for _, odd := range oddValues {
			for depth := range 6 {
				body := everyMember(reflect.TypeFor[wireEvent](), odd, depth)
				all = append(all, fmt.Sprintf(`{"type":%q,%s`, name, body[1:]))
			}
		}
	}
	return all
}

// everyMember is an object with all members of a wire type. Down to depth they have the shape that is expected, below it
// they are odd.
func everyMember(t reflect.Type, odd string, depth int) string {
	var members []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			inner := everyMember(f.Type, odd, depth)
			members = append(members, inner[1:len(inner)-1])
		case name != "" && name != "type":
			members = append(members, fmt.Sprintf("%q:%s", name, oddMember(f.Type, odd, depth)))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func oddMember(t reflect.Type, odd string, depth int) string {
	if depth == 0 {
		return odd
	}
	switch t.Kind() {
	case reflect.Pointer:
		return oddMember(t.Elem(), odd, depth)
	case reflect.Slice:
		return "[" + oddMember(t.Elem(), odd, depth-1) + "]"
	case reflect.Struct:
		if inner, ok := t.FieldByName("value"); ok { // Opt
			return oddMember(inner.Type, odd, depth)
		}
		return everyMember(t, odd, depth-1)
	}
	return odd
}
