package simulator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// preview changes members of a preview session.
func (p *peer) preview(members ...any) {
	p.t.Helper()
	p.send("session.update", "session", fields(members))
	p.must("session.updated")
}

// TestTurnNumbers: times on the 32 ms grid, in appended audio, less the prefix
// padding; and the same in every format.
func TestTurnNumbers(t *testing.T) {
	turns := map[format][4]int{}
	for _, f := range []format{pcmu, pcma, pcm24} {
		talk(t, Options{Dialect: DialectPreview}, func(p *peer) {
			p.phone()
			p.preview("input_audio_format", f.preview())
			p.say(f, make([]int16, 1000*8), 0)
			p.say(f, caller(t, "c01"), 900)
			p.say(f, caller(t, "c12"), 900)
			var n [4]int
			for i, name := range []string{"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"} {
				n[i] = p.find(name).number([]string{"audio_start_ms", "audio_end_ms"}[i])
			}
			n[2] = p.find("input_audio_buffer.speech_started").number("audio_start_ms")
			n[3] = p.find("input_audio_buffer.speech_stopped").number("audio_end_ms")
			turns[f] = n
			if (n[0]+300)%32 != 0 || n[1]%32 != 0 || n[0] < 700 || n[0] > 1100 || n[1] < 3400 || n[1] > 4000 {
				t.Errorf("%v: %v", f, n)
			}
			r := p.sess.waited(p)
			if got := []string{r.Turns[0].Text, r.Turns[1].Text}; !slices.Equal(got, []string{"what are your opening hours", "thank you goodbye"}) {
				t.Errorf("%v: heard %q", f, got)
			}
		})
	}
	for f, n := range turns {
		for i := range n {
			if d := n[i] - turns[pcmu][i]; d < -32 || d > 32 {
				t.Errorf("%v: %v, µ-law %v", f, n, turns[pcmu])
			}
		}
	}
}

// TestDeclaredFormatCounts: a client that declares one thing and sends another
// is heard, but not understood.
func TestDeclaredFormatCounts(t *testing.T) {
	for _, wrong := range []struct{ declared, sent format }{{pcma, pcmu}, {pcmu, pcma}, {pcm24, pcmu}} {
		talk(t, Options{Dialect: DialectPreview}, func(p *peer) {
			p.phone()
			p.preview("input_audio_format", wrong.declared.preview())
			p.say(wrong.sent, caller(t, "c01"), 6000)
			for _, turn := range p.sess.waited(p).Turns {
				if turn.Text != "" {
					t.Errorf("%v: understood %q", wrong, turn.Text)
				}
			}
		})
	}
}

// TestNoAudioNoProgress: the clock is the audio, not the wall.
func TestNoAudioNoProgress(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.say(pcmu, caller(t, "c01"), 100)
		p.must("input_audio_buffer.speech_started")
		pass(10 * time.Second)
		if got := p.quiet(); len(got) != 0 {
			t.Fatalf("without audio: %v", names(got))
		}
		p.append(slices.Repeat([]byte{0xFF}, 4000), 4000)
		p.must("input_audio_buffer.speech_stopped")
	})
}

// TestManualTurns: without turn detection the client commits and asks.
func TestManualTurns(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.phone()
			p.raw(map[string]string{DialectGA: ga(`"audio":{"input":{"turn_detection":null}}`), DialectPreview: update(`{"turn_detection":null}`)}[dialect])
			p.must("session.updated")
			p.append(make([]byte, 799), 799)
			p.send("input_audio_buffer.commit")
			if e := p.must("error"); !strings.Contains(e.text("error.message"), "99.88ms") {
				t.Errorf("%v", e)
			}
			p.send("input_audio_buffer.clear")
			p.must("input_audio_buffer.cleared")
			p.say(pcmu, caller(t, "c01"), 1000)
			p.send("input_audio_buffer.commit")
			id := p.must("input_audio_buffer.committed").text("item_id")
			pass(time.Second)
			all := p.quiet()
			if got := squeeze(names(all)); strings.HasPrefix(got[len(got)-1], "response") {
				t.Errorf("a commit started a response: %v", got)
			}
			if last := all[len(all)-1]; last.text("item_id") != id || last.text("transcript") != "what are your opening hours" {
				t.Errorf("transcription: %v", last)
			}
			p.send("response.create")
			if got := said(p.find("response.done")); !strings.HasPrefix(got, "We are open") {
				t.Errorf("answer %q", got)
			}
		})
	})
}

// TestHalfDisabledTurnDetection: each of the two switches for itself.
func TestHalfDisabledTurnDetection(t *testing.T) {
	set := func(p *peer, create, interrupt string) {
		p.phone()
		p.raw(ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","silence_duration_ms":500,"create_response":` + create + `,"interrupt_response":` + interrupt + `}}}`))
		p.must("session.updated")
		p.send("response.create")
		p.find("response.output_audio.delta")
	}
	talk(t, Options{Speed: 1}, func(p *peer) {
		set(p, "false", "true")
		p.say(pcmu, caller(t, "c01"), 900)
		if done := p.find("response.done"); done.text("response.status") != "cancelled" {
			t.Errorf("not interrupted: %v", done)
		}
		pass(20 * time.Second)
		if got := names(p.quiet()); slices.Contains(got, "response.created") {
			t.Errorf("a response by itself: %v", got)
		}
	})
	talk(t, Options{Speed: 1}, func(p *peer) {
		set(p, "true", "false")
		p.say(pcmu, caller(t, "c01"), 900)
		if done := p.find("response.done"); done.text("response.status") != "completed" {
			t.Errorf("interrupted: %v", done)
		}
		pass(20 * time.Second)
		if got := names(p.quiet()); slices.Contains(got, "response.created") {
			t.Errorf("a turn that ended during the answer got one: %v", got)
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.raw(ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":6000}}}`))
		p.must("session.updated")
		p.send("response.create")
		p.find("response.done")
		// 4.5 s of greeting, of which about 0.4 s has passed, then 6 s of silence.
		p.append(slices.Repeat([]byte{0xFF}, 9*8000), 160)
		if got := names(p.quiet()); len(got) != 0 {
			t.Fatalf("too early: %v", got)
		}
		p.append(slices.Repeat([]byte{0xFF}, 2*8000), 160)
		e := p.must("input_audio_buffer.timeout_triggered")
		if d := e.number("audio_end_ms") - e.number("audio_start_ms"); d < 6000 || d > 6064 || d%32 != 0 {
			t.Errorf("%v", e)
		}
		if c := p.must("input_audio_buffer.committed"); c.text("item_id") != e.text("item_id") {
			t.Errorf("%v", c)
		}
		if got := said(p.find("response.done")); got != "Is there anything else I can help you with?" {
			t.Errorf("said %q", got)
		}
		if r := p.sess.Record(); !r.Turns[0].Idle || r.Responses[1].Trigger != "idle" {
			t.Errorf("record: %+v %+v", r.Turns, r.Responses)
		}
	})
}

// TestSpeechStopsTheIdleClock: who speaks is not idle.
func TestSpeechStopsTheIdleClock(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.raw(ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":6000,"silence_duration_ms":500,"create_response":false}}}`))
		p.must("session.updated")
		p.send("response.create")
		p.find("response.done")
		p.say(pcmu, caller(t, "c01"), 20000)
		if got := names(p.quiet()); slices.Contains(got, "input_audio_buffer.timeout_triggered") {
			t.Errorf("%v", got)
		}
	})
}

// TestCommitDuringSpeech: the client takes the first half of a sentence.
func TestCommitDuringSpeech(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		s := caller(t, "c05")
		p.say(pcmu, s[:len(s)/2], 0)
		first := p.must("input_audio_buffer.speech_started").text("item_id")
		p.send("input_audio_buffer.commit")
		if id := p.must("input_audio_buffer.committed").text("item_id"); id != first {
			t.Errorf("committed %s, announced %s", id, first)
		}
		p.say(pcmu, s[len(s)/2:], 900)
		if id := p.find("input_audio_buffer.speech_stopped").text("item_id"); id == first {
			t.Errorf("the rest has the same item")
		}
	})
}

// TestAskedDuringSpeech: a response that the client asks for while the caller
// speaks gives way to the answer to that turn.
func TestAskedDuringSpeech(t *testing.T) {
	talk(t, Options{Speed: 1}, func(p *peer) {
		p.phone()
		s := caller(t, "c01")
		p.say(pcmu, s[:len(s)/2], 0)
		p.must("input_audio_buffer.speech_started")
		p.send("response.create")
		p.find("response.output_audio.delta")
		p.say(pcmu, s[len(s)/2:], 900)
		if done := p.find("response.done"); done.text("response.status_details.reason") != "turn_detected" {
			t.Errorf("%v", done)
		}
		if got := said(p.find("response.done")); !strings.HasPrefix(got, "We are open") {
			t.Errorf("answer %q", got)
		}
	})
}

func TestTranscriptionOff(t *testing.T) {
	talk(t, Options{Dialect: DialectPreview}, func(p *peer) {
		p.phone()
		p.preview("input_audio_transcription", nil)
		p.say(pcmu, caller(t, "c01"), 900)
		pass(10 * time.Second)
		for _, e := range p.quiet() {
			if strings.Contains(e.name(), "transcription") {
				t.Errorf("%v", e)
			}
		}
	})
}

func TestInputRecord(t *testing.T) {
	talk(t, Options{KeepAudio: time.Second}, func(p *peer) {
		p.append(slices.Repeat([]byte{0xFF}, 160), 160)
		p.phone()
		pass(3 * time.Second)
		p.append(slices.Repeat([]byte{0x7F}, 16000), 160)
		r := p.sess.waited(p)
		if r.Appends != 101 || r.EarlyAppends != 1 || r.InputBytes != 16160 || r.LongestGap != 3*time.Second {
			t.Errorf("%d appends, %d early, %d bytes, gap %v", r.Appends, r.EarlyAppends, r.InputBytes, r.LongestGap)
		}
		if len(r.Input) != 8000 || r.Input[0] != 0xFF || r.Input[7999] != 0x7F {
			t.Errorf("kept %d bytes", len(r.Input))
		}
	})
}

func TestBufferIsBounded(t *testing.T) {
	s := offline(t, Options{Dialect: DialectPreview})
	s.receive(message{data: []byte(update(`{"turn_detection":null,"input_audio_format":"g711_ulaw"}`))})
	for range 11 * 60 {
		s.appendAudio(make([]byte, 8000))
	}
	if n := len(s.input.kept); n > maxBufferMS*8 || s.rec.InputLost == 0 || s.input.end() != 11*60*8000 {
		t.Errorf("%d samples kept, %d lost, clock %d", n, s.rec.InputLost, s.input.end())
	}
	s.agenda.stop()
}
