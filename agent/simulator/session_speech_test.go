package simulator

import (
	"slices"
	"testing"
	"time"
)

// turns sets the two switches of turn detection.
func (p *peer) turns(create, interrupt bool) {
	p.t.Helper()
	turns := fields{"type", "server_vad", "create_response", create, "interrupt_response", interrupt}
	if p.srv.opts.Dialect == DialectPreview {
		p.send("session.update", "session", fields{"turn_detection", turns, "input_audio_transcription", fields{"model", "whisper-1"}})
	} else {
		p.send("session.update", "session", fields{"type", "realtime", "audio", fields{"input",
			fields{"turn_detection", turns, "transcription", fields{"model", "whisper-1"}}}})
	}
	p.must("session.updated")
}

// TestSpeechWithoutAudio: a told turn brings the events of a heard one.
func TestSpeechWithoutAudio(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		heard, told := []string(nil), []string(nil)
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.phone()
			p.say(pcmu, caller(t, "rms-c01"), 700)
			heard = squeeze(names(p.until("response.done")))
		})
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.phone()
			_, text, _ := CallerClip("rms-c01")
			pass(3 * time.Second)
			p.sess.SpeechStart()
			pass(2 * time.Second)
			p.sess.SpeechStop(text)
			all := p.until("response.done")
			told = squeeze(names(all))
			if from, to := all[0].number("audio_start_ms"), all[1].number("audio_end_ms"); from != 2700 || to != 5000 {
				t.Errorf("%s: turn from %d to %d ms", dialect, from, to)
			}
			if r := p.sess.waited(p); len(r.Turns) != 1 || r.Turns[0].Text != text || len(r.Violations) != 0 {
				t.Errorf("%s: record %+v", dialect, r)
			}
		})
		if !slices.Equal(heard, told) {
			t.Errorf("%s: told speech brings\n%q, heard speech\n%q", dialect, told, heard)
		}
	})
}

// TestToldSpeechObeysTheSwitches of turn detection.
func TestToldSpeechObeysTheSwitches(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		for _, c := range []struct {
			create, interrupt bool
			status            string // of a response that the speech finds
			responses         int
		}{
			{true, true, "cancelled", 2}, {false, true, "cancelled", 1}, {true, false, "completed", 1}, {false, false, "completed", 1},
		} {
			talk(t, Options{Dialect: dialect, Speed: 1}, func(p *peer) {
				p.turns(c.create, c.interrupt)
				p.send("response.create")
				p.until(audioDelta(dialect))
				p.sess.SpeechStart()
				pass(100 * time.Millisecond)
				p.sess.SpeechStop("")
				pass(time.Minute)
				r := p.sess.waited(p)
				if len(r.Responses) != c.responses || r.Responses[0].Status != c.status || len(r.Turns) != 1 {
					t.Errorf("%s, create %v, interrupt %v: %+v", dialect, c.create, c.interrupt, r.Responses)
				}
			})
		}
	})
}

func audioDelta(dialect string) string {
	if dialect == DialectGA {
		return gaEvents["response.audio.delta"]
	}
	return "response.audio.delta"
}

// TestToldSpeechAmongAudio: the silence that a client sends meanwhile does not end it, and nothing happens twice.
func TestToldSpeechAmongAudio(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.sess.SpeechStop("nobody began") // no effect
		p.sess.SpeechStart()
		p.sess.SpeechStart() // no effect
		p.must("input_audio_buffer.speech_started")
		p.append(pcmu.speak(make([]int16, 16000)), 160)
		if more := p.quiet(); len(more) != 0 {
			t.Errorf("silence brought %v", names(more))
		}
		p.sess.SpeechStop("what are your opening hours")
		p.until("response.done")
		if r := p.sess.waited(p); len(r.Turns) != 1 || r.Turns[0].EndMS != 2000 {
			t.Errorf("turns %+v", r.Turns)
		}
	})
}

// TestAnswerBeforeTheScript: the program may answer instead of the script.
func TestAnswerBeforeTheScript(t *testing.T) {
	var asked []Prompt
	opts := Options{Answer: func(p Prompt) *Answer {
		asked = append(asked, p)
		switch p.Heard {
		case "silence":
			return &Answer{Status: "unanswered"}
		case "endless":
			return &Answer{Status: "endless", Do: []Action{{Text: "and so on"}}}
		case "text":
			return &Answer{Do: []Action{{Text: "of our own"}}}
		}
		return nil
	}}
	talk(t, opts, func(p *peer) {
		p.phone()
		for _, said := range []string{"silence", "text", "endless", "script"} {
			p.sess.SpeechStart()
			p.sess.SpeechStop(said)
			pass(10 * time.Second)
		}
		var got []string
		for _, r := range p.sess.waited(p).Responses {
			got = append(got, r.Status)
		}
		if want := []string{"completed", "cancelled", "completed"}; !slices.Equal(got, want) {
			t.Errorf("responses %v, want %v", got, want)
		}
		if len(asked) != 4 || asked[0].Heard != "silence" || asked[0].Trigger != "turn" || !asked[0].Pending || asked[0].Session != p.sess.ID() {
			t.Errorf("asked %+v", asked)
		}
	})
}
