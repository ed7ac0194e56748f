package realtime_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/transcode"
)

// The simulator was written from the protocol's documentation and shares nothing with this package: it refuses what a real
// server refuses.

var services = map[string]struct {
	opts    simulator.Options
	dialect realtime.Dialect
	address string
}{
	"ga":           {simulator.Options{}, realtime.DialectGA, "/v1/realtime?model=m"},
	"preview":      {simulator.Options{Dialect: "preview"}, realtime.DialectPreview, "/openai/realtime?api-version=2025-04-01-preview&deployment=d"},
	"preview seed": {simulator.Options{Dialect: "preview", Seed: true}, realtime.DialectPreview, "/openai/realtime?api-version=2024-10-01-preview&deployment=d"},
}

// simulated connects to a simulator on the loopback network.
func simulated(t *testing.T, opts simulator.Options, d realtime.Dialect, path string) *realtime.Conn {
	t.Helper()
	sim, err := simulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim)
	c, err := realtime.Dial(t.Context(), dialOptions{URL: "ws" + strings.TrimPrefix(web.URL, "http") + path, Dialect: d, AudioQueue: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close("test ended")
		sim.Close()
		web.Close()
	})
	return c
}

// receptionist is a session that each service takes; the seed knows no language and no switches.
func receptionist(service string) realtime.Session {
	s := realtime.Session{
		Instructions: realtime.Some("You are <Northwind> Support."), Voice: realtime.Some("alloy"),
		InputFormat: realtime.FormatPCMU, OutputFormat: realtime.FormatPCMU,
		Transcription: realtime.Some(realtime.Transcription{Model: "whisper-1"}),
		TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", Threshold: realtime.Some(0.5),
			PrefixPaddingMS: realtime.Some(300), SilenceDurationMS: realtime.Some(500)}),
		Tools: realtime.Some([]realtime.Tool{
			{Name: "order_status", Parameters: json.RawMessage(`{"type":"object","properties":{"order":{"type":"string"}}}`)},
			{Name: "hang_up"},
		}),
		ToolChoice: "auto", Temperature: realtime.Some(0.8), MaxOutputTokens: realtime.Unlimited, Speed: realtime.Some(1.0),
	}
	if service != "preview seed" {
		s.NoiseReduction = realtime.Null[string]()
		s.Transcription = realtime.Some(realtime.Transcription{Model: "whisper-1", Language: "en"})
	}
	return s
}

// until receives up to an event of type E, and fails at an error of the server.
func until[E realtime.ServerEvent](t *testing.T, c *realtime.Conn, see func(realtime.ServerEvent)) E {
	t.Helper()
	for {
		ev, err := c.Recv(t.Context())
		if err != nil {
			t.Fatalf("waiting for %T: %v", *new(E), err)
		}
		if e, ok := ev.(*realtime.ErrorEvent); ok {
			if _, wanted := any(e).(E); !wanted {
				t.Fatalf("waiting for %T: %v (%s)", *new(E), &e.Error, e.Error.Param)
			}
		}
		if see != nil {
			see(ev)
		}
		if e, ok := ev.(E); ok {
			return e
		}
	}
}

func TestTalkWithTheSimulator(t *testing.T) {
	for name, service := range services {
		t.Run(name, func(t *testing.T) {
			c := simulated(t, service.opts, service.dialect, service.address)
			session, err := realtime.Open(t.Context(), c, receptionist(name), 0)
			if err != nil {
				t.Fatal(err)
			}
			if session.InputFormat != realtime.FormatPCMU || session.OutputFormat != realtime.FormatPCMU || session.ExpiresAt.IsZero() ||
				session.Voice.Or("") != "alloy" || len(session.Tools.Or(nil)) != 2 {
				t.Errorf("effective session %+v", session)
			}
			askForOrder(t, c)
			item := answerCall(t, c)
			tidyUp(t, c, item, name)
		})
	}
}

// askForOrder speaks and follows the turn up to the function call's response.
func askForOrder(t *testing.T, c *realtime.Conn) {
	t.Helper()
	samples, text, ok := simulator.CallerClip("slt-c05")
	if !ok {
		t.Fatal("no such clip")
	}
	audio := make([]byte, len(samples))
	transcode.PCMU.EncodeTo(audio, samples)
	for len(audio) < len(samples)+12000 {
		audio = append(audio, transcode.PCMU.Silence())
	}
	for ; len(audio) >= 160; audio = audio[160:] {
		mustSend(t, c, &realtime.AudioAppend{Audio: audio[:160]})
	}
	var heard string
	see := func(ev realtime.ServerEvent) {
		if e, ok := ev.(*realtime.TranscriptionCompleted); ok {
			heard = e.Transcript
		}
	}
	until[*realtime.SpeechStarted](t, c, see)
	until[*realtime.SpeechStopped](t, c, see)
	done := until[*realtime.ResponseDone](t, c, see)
	for heard == "" {
		until[*realtime.TranscriptionCompleted](t, c, see)
	}
	if heard != text {
		t.Errorf("the server heard %q, the caller said %q", heard, text)
	}
	call := done.Response.Output[len(done.Response.Output)-1]
	if call.Type != realtime.ItemFunctionCall || call.Name != "order_status" || done.Response.Usage == nil {
		t.Fatalf("response %+v", done.Response)
	}
	mustSend(t, c, &realtime.ItemCreate{Item: realtime.Item{Type: realtime.ItemFunctionCallOutput, CallID: call.CallID, Output: `{"state":"shipped"}`}})
}

// answerCall lets the model speak about the tool's result and returns what it said it in.
func answerCall(t *testing.T, c *realtime.Conn) (item string) {
	t.Helper()
	mustSend(t, c, &realtime.ResponseCreate{EventID: "r1", Response: realtime.ResponseOptions{Metadata: map[string]string{"client_event_id": "r1"}}})
	audio, words := 0, ""
	done := until[*realtime.ResponseDone](t, c, func(ev realtime.ServerEvent) {
		switch ev := ev.(type) {
		case *realtime.AudioDelta:
			audio, item = audio+len(ev.Audio), ev.ItemID
		case *realtime.TranscriptDone:
			words = ev.Transcript
		}
	})
	if done.Response.Status != "completed" || audio < 8000 || !strings.Contains(words, "shipped yesterday") {
		t.Errorf("response %+v with %d bytes of audio says %q", done.Response, audio, words)
	}
	return item
}

// tidyUp sends all the other events. A service that knows one refuses it only for its own reasons.
func tidyUp(t *testing.T, c *realtime.Conn, item, service string) {
	t.Helper()
	mustSend(t, c, &realtime.ItemTruncate{EventID: "t1", ItemID: item, AudioEndMS: 500})
	if e := until[*realtime.ItemTruncated](t, c, nil); e.ItemID != item || e.AudioEndMS != 500 {
		t.Errorf("truncated %+v", e)
	}
	if service != "preview seed" {
		mustSend(t, c, &realtime.ItemRetrieve{ItemID: item})
		if e := until[*realtime.ItemRetrieved](t, c, nil); e.Item.ID != item {
			t.Errorf("retrieved %+v", e)
		}
	}
	mustSend(t, c, &realtime.ItemDelete{EventID: "d1", ItemID: item}, &realtime.AudioClear{},
		&realtime.ItemCreate{Item: realtime.Item{Type: realtime.ItemMessage, Role: "assistant",
			Content: []realtime.Part{{Kind: realtime.PartOutputText, Text: "Hello."}}}})
	until[*realtime.ItemDeleted](t, c, nil)
	until[*realtime.AudioCleared](t, c, nil)
	until[*realtime.ItemAdded](t, c, nil)
	for code, ev := range map[string]realtime.ClientEvent{
		"response_cancel_not_active":      &realtime.ResponseCancel{EventID: "x1"},
		"input_audio_buffer_commit_empty": &realtime.AudioCommit{EventID: "x1"},
		"item_delete_invalid_item_id":     &realtime.ItemDelete{EventID: "x1", ItemID: item},
	} {
		mustSend(t, c, ev)
		e := until[*realtime.ErrorEvent](t, c, nil).Error
		if e.Code != code || e.EventID != "x1" || e.Class() != realtime.Benign {
			t.Errorf("%T: %+v (%s), want the benign %s", ev, e, e.Class(), code)
		}
	}
	if s := c.Stats(); s.Undecodable > 0 || s.AudioDroppedMS > 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestP64SimulatorOfTheOtherDialect(t *testing.T) {
	for name, service := range services {
		t.Run(name, func(t *testing.T) {
			other := realtime.DialectPreview
			if service.dialect == other {
				other = realtime.DialectGA
			}
			c := simulated(t, service.opts, other, service.address)
			_, err := realtime.Open(t.Context(), c, receptionist(name), 0)
			refused, ok := errors.AsType[*realtime.RefusedError](err)
			if !ok || !realtime.WrongDialect(err) || !realtime.IsFatal(err) {
				t.Fatalf("%v, want the wrong dialect", err)
			}
			if refused.Err.EventID == "" {
				t.Errorf("the refusal %+v does not name our event", refused.Err)
			}
		})
	}
}
