package simulator

import (
	"bytes"
	"encoding/base64"
	"slices"
	"testing"
)

var dialects = []string{DialectGA, DialectPreview}

// called in both dialects.
func both(t *testing.T, f func(t *testing.T, dialect string)) {
	for _, d := range dialects {
		t.Run(d, func(t *testing.T) { f(t, d) })
	}
}

// TestOrderLine holds the demo's conversation from greeting to hang-up.
func TestOrderLine(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.phone()
			p.send("response.create")
			if got := said(p.find("response.done")); got != "Thank you for calling Northwind Support. How can I help you today?" {
				t.Errorf("greeting: %q", got)
			}
			for _, turn := range []struct{ clip, answer string }{
				{"c01", "We are open Monday to Friday from nine in the morning until six in the evening."},
				{"slt-c03", "Sure, I can look that up. What is your order number?"},
			} {
				p.say(pcmu, caller(t, turn.clip), 800)
				if got := said(p.find("response.done")); got != turn.answer {
					t.Errorf("%s: %q", turn.clip, got)
				}
			}
			p.say(pcmu, caller(t, "c05"), 800)
			done := p.find("response.done")
			if done.text("response.output.1.name") != "order_status" || done.text("response.output.1.arguments") != `{"order":"4271"}` {
				t.Fatalf("call: %v", done)
			}
			p.send("conversation.item.create", "item", fields{"type", "function_call_output",
				"call_id", done.text("response.output.1.call_id"), "output", `{"status":"SHIPPED"}`})
			p.send("response.create")
			if got := said(p.find("response.done")); got != "Your order four two seven one shipped yesterday and should arrive on Thursday. Is there anything else I can help you with?" {
				t.Errorf("result: %q", got)
			}
			p.say(pcmu, caller(t, "slt-c11"), 800)
			done = p.find("response.done")
			if said(done) != "Thank you for calling. Goodbye." || done.text("response.output.1.name") != "hang_up" {
				t.Errorf("goodbye: %v", done)
			}
			p.checkOrderRecord()
		})
	})
}

func said(done event) string {
	if s := done.text("response.output.0.content.0.transcript"); s != "" {
		return s
	}
	return done.text("response.output.0.content.0.text")
}

func (p *peer) checkOrderRecord() {
	r := p.sess.Record()
	if len(r.Violations) != 0 {
		p.t.Errorf("violations: %+v", r.Violations)
	}
	var heard []string
	for _, turn := range r.Turns {
		heard = append(heard, turn.Clips...)
	}
	if want := []string{"rms-c01", "slt-c03", "rms-c05", "slt-c11"}; !slices.Equal(heard, want) {
		p.t.Errorf("heard %v, want %v", heard, want)
	}
	if len(r.Calls) != 2 || !r.Calls[0].Answered || r.Calls[0].Output != `{"status":"SHIPPED"}` || r.Calls[1].Answered {
		p.t.Errorf("calls: %+v", r.Calls)
	}
	if len(r.Responses) != 6 || r.Responses[0].Trigger != "client" || r.Responses[1].Trigger != "turn" || r.Responses[5].Status != "completed" {
		p.t.Errorf("responses: %+v", r.Responses)
	}
}

func TestOtherAnswers(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		for _, turn := range []struct {
			samples []int16
			answer  string
		}{
			{swapFrames(caller(t, "c01")), "Sorry, I did not catch that. Could you say it again?"},
			{caller(t, "c13"), "Sorry, I did not catch that. Could you say it again?"}, // can you repeat that
			{caller(t, "c07"), "I will transfer you to a colleague now. Please stay on the line."},
			{caller(t, "c16"), "Is there anything else I can help you with?"},
		} {
			p.say(pcmu, turn.samples, 800)
			if got := said(p.find("response.done")); got != turn.answer {
				t.Errorf("answer %q, want %q", got, turn.answer)
			}
		}
		p.say(pcmu, caller(t, "c06"), 800) // a number that nothing is known of
		done := p.find("response.done")
		if done.text("response.output.1.arguments") != `{"order":"9035"}` {
			t.Errorf("call: %v", done)
		}
		p.output(done.text("response.output.1.call_id"), `{"status":"shipped"}`)
		p.send("response.create")
		if got := said(p.find("response.done")); got != "I am sorry, I could not find an order with that number." {
			t.Errorf("result: %q", got)
		}
	})
}

func (p *peer) output(callID, output string) {
	p.t.Helper()
	p.send("conversation.item.create", "item", fields{"type", "function_call_output", "call_id", callID, "output", output})
}

func TestTextTurnsAndResults(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.send("conversation.item.create", "item", fields{"type", "message", "role", "user",
			"content", []fields{{"type", "input_text", "text", "The caller pressed 4 2 7 1."}}})
		p.send("response.create")
		done := p.find("response.done")
		if done.text("response.output.1.arguments") != `{"order":"4271"}` {
			t.Fatalf("call: %v", done)
		}
		// The caller speaks before the tool returns: that turn is answered first, the result afterwards.
		p.say(pcmu, caller(t, "c01"), 800)
		p.output(done.text("response.output.1.call_id"), "shipped")
		if got := said(p.find("response.done")); got[:11] != "We are open" {
			t.Errorf("turn during the call: %q", got)
		}
		p.send("response.create")
		if got := said(p.find("response.done")); got[:10] != "Your order" {
			t.Errorf("result: %q", got)
		}
	})
}

// TestToolsOffered: the model calls only what it was offered.
func TestToolsOffered(t *testing.T) {
	for name, update := range map[string]fields{
		"no tools":    {"type", "realtime", "tools", []fields{}},
		"choice none": {"type", "realtime", "tool_choice", "none"},
	} {
		talk(t, Options{}, func(p *peer) {
			p.phone()
			p.send("session.update", "session", update)
			p.must("session.updated")
			p.say(pcmu, caller(t, "c12"), 800)
			if out, _ := p.find("response.done").at("response.output").([]any); len(out) != 1 {
				t.Errorf("%s: output %v", name, out)
			}
		})
	}
}

// TestAudioIsExact: in each format the deltas are the clip, bit for bit in the
// laws, and never of the same size.
func TestAudioIsExact(t *testing.T) {
	clip, _, _ := AgentClip("a01")
	for _, f := range []format{pcmu, pcma, pcm24} {
		talk(t, Options{Dialect: DialectPreview}, func(p *peer) {
			p.send("session.update", "session", fields{"output_audio_format", f.preview()})
			p.send("response.create")
			var got []byte
			sizes := map[int]bool{}
			for _, e := range p.until("response.done") {
				if e.name() != "response.audio.delta" {
					continue
				}
				b, err := base64.StdEncoding.DecodeString(e.text("delta"))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b...)
				sizes[len(b)*8/f.bytesPerMS()] = true
			}
			if !bytes.Equal(got, f.speak(clip)) {
				t.Errorf("%v: audio is not the clip", f)
			}
			for _, n := range []int{1, 159, 161, 4000, 1600} {
				if !sizes[n] {
					t.Errorf("%v: no delta of %d law bytes", f, n)
				}
			}
			if r := p.sess.Record(); !bytes.Equal(r.Spoken[0].Audio, got) || r.Spoken[0].Bytes != len(got) {
				t.Errorf("%v: record has %d bytes", f, r.Spoken[0].Bytes)
			}
		})
	}
}
