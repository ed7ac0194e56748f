package realtime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestDecodeGolden reads every sample of a dialect and shows what was understood. A sample stands above its arrow.
func TestDecodeGolden(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		t.Run(d.String(), func(t *testing.T) {
			path := "testdata/decode_" + d.String() + ".txtar"
			sections := readSections(t, path)
			for i, s := range sections {
				sample, want, _ := strings.Cut(s.text, "\n=> ")
				got := decoded(NewDecoder(d), sample)
				if got+"\n" != want && !*updateGolden {
					t.Errorf("%s:\n%s\nwant\n%s", s.name, got, want)
				}
				sections[i].text = sample + "\n=> " + got + "\n"
			}
			if *updateGolden {
				writeSections(t, path, sections)
			}
		})
	}
}

func decoded(dec *Decoder, sample string) string {
	ev, err := dec.Decode([]byte(sample))
	if err != nil {
		return "error: " + err.Error()
	}
	return show(ev)
}

// TestEverySampleIsThere holds the samples to the list of events: an event without a sample is an event without a test.
func TestEverySampleIsThere(t *testing.T) {
	var samples strings.Builder
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		for _, s := range readSections(t, "testdata/decode_"+d.String()+".txtar") {
			samples.WriteString(s.text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(builders)) {
		if !strings.Contains(samples.String(), `"type":"`+name+`"`) {
			t.Errorf("no sample of %s", name)
		}
	}
}

func TestP36NameOfFunctionMayBeMissing(t *testing.T) {
	dec := NewDecoder(DialectPreview)
	ev, err := dec.Decode([]byte(`{"type":"response.function_call_arguments.done","item_id":"item_3","call_id":"call_1","arguments":"{}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *ev.(*ArgumentsDone), (ArgumentsDone{Loc: Loc{ItemID: "item_3"}, CallID: "call_1", Arguments: "{}"}); got != want {
		t.Errorf("read as %+v, want %+v", got, want)
	}
}

func TestP23StatusDetailsOfAnyKind(t *testing.T) {
	for details, want := range map[string]string{
		`null`: "", `{}`: "", `{"reason":null}`: "", `"turn_detected"`: "turn_detected", `{"reason":"turn_detected"}`: "turn_detected",
		`7`: "", `[]`: "", `{"reason":7,"error":"broken"}`: "", `{"type":"failed","error":null}`: "",
	} {
		ev, err := NewDecoder(DialectGA).Decode(fmt.Appendf(nil, `{"type":"response.done","response":{"status_details":%s,"id":"r"}}`, details))
		if err != nil {
			t.Errorf("%s: %v", details, err)
			continue
		}
		if r := ev.(*ResponseDone).Response; r.Reason != want || r.ID != "r" {
			t.Errorf("%s: read as %+v, want reason %q", details, r, want)
		}
	}
}

func TestP45UsageOfAnyKind(t *testing.T) {
	const sample = `{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"hi","usage":%s}`
	for _, usage := range []string{`{"type":"tokens","total_tokens":12}`, `{"type":"duration","seconds":1.5}`, `null`, `7`} {
		ev, err := NewDecoder(DialectGA).Decode(fmt.Appendf(nil, sample, usage))
		if err != nil || ev.(*TranscriptionCompleted).Transcript != "hi" {
			t.Errorf("usage %s: %v, %v", usage, ev, err)
		}
	}
}

func TestR13ExtraMembersAreIgnored(t *testing.T) {
	plain, padded := NewDecoder(DialectGA), NewDecoder(DialectGA)
	for _, s := range readSections(t, "testdata/decode_ga.txtar") {
		sample, _, _ := strings.Cut(s.text, "\n=> ")
		more := strings.Replace(sample, `"event_id":"event_1"`, `"obfuscation":"xY7","event_id":"event_1","future":{"a":[1,null]}`, 1)
		if got, want := decoded(padded, more), decoded(plain, sample); got != want {
			t.Errorf("%s: with extra members read as\n%s\nwant\n%s", s.name, got, want)
		}
	}
}

// spokenDelta is a message with ms milliseconds of G.711.
func spokenDelta(ms int, name string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"event_id":"event_BgQ2vP","response_id":"resp_BgQ2v","item_id":"item_BgQ2w",`+
		`"output_index":0,"content_index":0,"delta":%q}`, name, base64.StdEncoding.EncodeToString(tone(ms*8)))
}

// tone is n bytes of which no two neighbours are equal.
func tone(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i/256)
	}
	return b
}

func TestP55DeltaOfAnyLength(t *testing.T) {
	dec := NewDecoder(DialectGA)
	for _, n := range []int{0, 1, 2, 3, 4, 159, 160, 161, 4000, 1 << 20} {
		for _, name := range []string{"response.audio.delta", "response.output_audio.delta"} {
			msg := fmt.Appendf(nil, `{"type":%q,"delta":%q}`, name, base64.StdEncoding.EncodeToString(tone(n)))
			ev, err := dec.Decode(msg)
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			if got := ev.(*AudioDelta).Audio; !bytes.Equal(got, tone(n)) {
				t.Errorf("%d bytes of audio come out as %d other ones", n, len(got))
			}
		}
	}
}

func TestDeltaAllocatesNothing(t *testing.T) {
	dec, sample, msg := NewDecoder(DialectGA), spokenDelta(200, "response.output_audio.delta"), make([]byte, 4096)
	n := testing.AllocsPerRun(100, func() {
		if _, err := dec.Decode(msg[:copy(msg, sample)]); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("a delta costs %v allocations", n)
	}
}

func TestDeltaKeepsIDsOverMessages(t *testing.T) {
	dec := NewDecoder(DialectPreview)
	msg := make([]byte, 0, 4096)
	read := func(response, item string) AudioDelta {
		msg = fmt.Appendf(msg[:0], `{"type":"response.audio.delta","response_id":%q,"item_id":%q,"delta":"AAEC"}`, response, item)
		ev, err := dec.Decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		return *ev.(*AudioDelta)
	}
	first := read("resp_1", "item_1")
	second := read("resp_2", "item_1")
	third := read("resp_2", "item_22")
	want := []Loc{{ResponseID: "resp_1", ItemID: "item_1"}, {ResponseID: "resp_2", ItemID: "item_1"}, {ResponseID: "resp_2", ItemID: "item_22"}}
	if got := []Loc{first.Loc, second.Loc, third.Loc}; !slices.Equal(got, want) {
		t.Errorf("ids %+v, want %+v: an id must not live in the message", got, want)
	}
}

func BenchmarkDecodeDelta200ms(b *testing.B) {
	dec, sample, msg := NewDecoder(DialectGA), spokenDelta(200, "response.output_audio.delta"), make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		if _, err := dec.Decode(msg[:copy(msg, sample)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeAppend20ms(b *testing.B) {
	dst, ev := make([]byte, 0, 512), &AudioAppend{Audio: tone(160)}
	b.ReportAllocs()
	b.SetBytes(160)
	for b.Loop() {
		dst, _ = Encode(dst[:0], DialectGA, ev)
	}
}

func BenchmarkDecodeTranscriptDelta(b *testing.B) {
	dec := NewDecoder(DialectGA)
	msg := []byte(`{"type":"response.output_audio_transcript.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_2","output_index":0,"content_index":0,"delta":" moment"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dec.Decode(msg); err != nil {
			b.Fatal(err)
		}
	}
}
