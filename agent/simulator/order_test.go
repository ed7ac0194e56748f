package simulator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The order of events of a spoken turn and its answer, as real traces show it.
var turnOrder = map[string]string{
	DialectPreview: `session.updated
input_audio_buffer.speech_started
input_audio_buffer.speech_stopped
input_audio_buffer.committed
conversation.item.created
response.created
response.output_item.added
conversation.item.created
response.content_part.added
response.audio_transcript.delta
response.audio.delta
response.audio.done
response.audio_transcript.done
response.content_part.done
response.output_item.done
response.output_item.added
conversation.item.created
response.function_call_arguments.delta
response.function_call_arguments.done
response.output_item.done
response.done`,
	DialectGA: `session.updated
input_audio_buffer.speech_started
input_audio_buffer.speech_stopped
input_audio_buffer.committed
conversation.item.added
conversation.item.done
response.created
response.output_item.added
conversation.item.added
response.content_part.added
response.output_audio_transcript.delta
response.output_audio.delta
response.output_audio.done
response.output_audio_transcript.done
response.content_part.done
conversation.item.done
response.output_item.done
response.output_item.added
conversation.item.added
response.function_call_arguments.delta
response.function_call_arguments.done
conversation.item.done
response.output_item.done
response.done`,
}

func TestOrderOfEvents(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			p.phone()
			p.say(pcmu, caller(t, "c05"), 800)
			all := append([]event{{"type": "session.updated"}}, p.until("response.done")...)
			got := onceEach(squeeze(names(all)))
			if want := strings.Split(turnOrder[dialect], "\n"); !slices.Equal(got, want) {
				t.Errorf("order:\n%s", strings.Join(got, "\n"))
			}
			checkIDs(t, all)
		})
	})
}

// onceEach reduces the interleaved deltas of transcript and audio to one each,
// and takes the transcription away, which may come anywhere.
func onceEach(list []string) []string {
	var out []string
	for _, n := range list {
		if strings.Contains(n, "input_audio_transcription") {
			continue
		}
		if !strings.HasSuffix(n, ".delta") || !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// checkIDs holds the rules that a client may rely on.
func checkIDs(t *testing.T, all []event) {
	t.Helper()
	seen := map[string]bool{}
	var user string
	last := ""
	for _, e := range all {
		if id := e.text("event_id"); id != "" {
			if seen[id] {
				t.Errorf("event_id %s twice", id)
			}
			seen[id] = true
		}
		switch e.name() {
		case "input_audio_buffer.speech_started":
			user = e.text("item_id")
		case "input_audio_buffer.speech_stopped", "input_audio_buffer.committed":
			if e.text("item_id") != user {
				t.Errorf("%v is not of item %s", e, user)
			}
		case "conversation.item.created", "conversation.item.added":
			if e.text("previous_item_id") != last {
				t.Errorf("%v does not follow %q", e, last)
			}
			last = e.text("item.id")
			if len(last) > 32 {
				t.Errorf("item id %s is too long", last)
			}
		}
	}
}

func TestTranscriptRunsAhead(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.send("response.create")
		line, text, _ := AgentClip("a01")
		words, all, sound := 0, len(strings.Fields(text)), 0
		text = ""
		for _, e := range p.until("response.done") {
			switch e.name() {
			case "response.output_audio_transcript.delta":
				words++
				text += e.text("delta")
			case "response.output_audio.delta":
				sound += len(e.text("delta")) / 4 * 3
				if share := float64(sound) / float64(len(line)); float64(words)/float64(all) < min(share, 1) {
					t.Errorf("%d words at %.2f of the sound", words, share)
				}
			case "response.output_audio_transcript.done":
				if e.text("transcript") != text {
					t.Errorf("deltas %q, done %q", text, e.text("transcript"))
				}
			}
		}
	})
}

// TestPace: a 4.5 s answer takes 0.45 s at the default speed.
func TestPace(t *testing.T) {
	talk(t, Options{Latency: 300 * time.Millisecond}, func(p *peer) {
		p.phone()
		began := time.Now()
		p.send("response.create")
		p.find("response.output_audio.delta")
		if d := time.Since(began); d != 300*time.Millisecond {
			t.Errorf("first delta after %v", d)
		}
		p.find("response.done")
		if d := time.Since(began); d < 650*time.Millisecond || d > 800*time.Millisecond {
			t.Errorf("answer took %v", d)
		}
	})
}

// TestBargeIn: speech cancels the running response, closes what is open, and
// the rest is never sent.
func TestBargeIn(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect, Speed: 1}, func(p *peer) {
			p.phone()
			p.send("response.create")
			created := p.find("response.created")
			pass(time.Second) // a second of audio has left
			p.say(pcmu, caller(t, "c03"), 0)
			all := p.until("response.done")
			got := squeeze(names(all))
			i := slices.Index(got, "input_audio_buffer.speech_started")
			want := []string{"input_audio_buffer.speech_started", "response.audio.done", "response.audio_transcript.done",
				"response.content_part.done", "response.output_item.done", "response.done"}
			if dialect == DialectGA {
				want = []string{"input_audio_buffer.speech_started", "response.output_audio.done", "response.output_audio_transcript.done",
					"response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done"}
			}
			if i < 0 || !slices.Equal(got[i:], want) {
				t.Fatalf("after speech: %v", got)
			}
			done := all[len(all)-1]
			if done.text("response.id") != created.text("response.id") || done.text("response.status") != "cancelled" ||
				done.text("response.status_details.reason") != "turn_detected" || done.text("response.output.0.status") != "incomplete" {
				t.Errorf("done: %v", done)
			}
			if rest := p.quiet(); len(rest) != 0 {
				t.Errorf("after done: %v", names(rest))
			}
			p.truncations(done.text("response.output.0.id"))
		})
	})
}

// truncations cuts the item down to nothing and checks every refusal on the way.
func (p *peer) truncations(item string) {
	p.t.Helper()
	sent := p.sess.Record().Spoken[0].Bytes / 8
	truncate := func(ms int) event {
		p.send("conversation.item.truncate", "item_id", item, "content_index", 0, "audio_end_ms", ms)
		return p.next()
	}
	if e := truncate(sent + 1); !strings.Contains(e.text("error.message"), "is already shorter than") {
		p.t.Errorf("beyond the audio sent: %v", e)
	}
	if e := truncate(sent); e.name() != "conversation.item.truncated" || e.number("audio_end_ms") != sent {
		p.t.Errorf("all of it: %v", e)
	}
	if e := truncate(500); e.name() != "conversation.item.truncated" {
		p.t.Errorf("half a second: %v", e)
	}
	if e := truncate(501); e.name() != "error" {
		p.t.Errorf("longer again: %v", e)
	}
	p.send("conversation.item.truncate", "item_id", item, "content_index", 1, "audio_end_ms", 1)
	if e := p.next(); e.text("error.param") != "content_index" {
		p.t.Errorf("other part: %v", e)
	}
	if !p.srv.opts.Seed && p.srv.opts.Dialect == DialectGA {
		p.send("conversation.item.retrieve", "item_id", item)
		if e := p.must("conversation.item.retrieved"); e.at("item.content.0.transcript") != nil {
			p.t.Errorf("the transcript survived: %v", e)
		}
	}
	if e := truncate(0); e.name() != "conversation.item.truncated" {
		p.t.Errorf("nothing: %v", e)
	}
	if got := p.sess.Record().Truncations; len(got) != 3 || got[0].SentMS != sent || got[1].AudioEndMS != 500 {
		p.t.Errorf("record: %+v", got)
	}
}

// TestClientCancel cancels by id and without one, in the middle of an answer.
func TestClientCancel(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.send("response.create")
		created := p.find("response.created")
		p.send("response.cancel", "response_id", created.text("response.id"))
		if done := p.find("response.done"); done.text("response.status_details.reason") != "client_cancelled" {
			t.Errorf("done: %v", done)
		}
		p.send("response.cancel")
		if e := p.next(); e.text("error.code") != "response_cancel_not_active" {
			t.Errorf("again: %v", e)
		}
	})
}

// TestOutOfBand runs a response beside the main one; it leaves no item.
func TestOutOfBand(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.phone()
		p.send("response.create")
		main := p.find("response.created").text("response.id")
		p.send("response.create", "response", fields{"conversation", "none", "output_modalities", []string{"text"},
			"metadata", fields{"purpose", "summary"}, "input", []fields{}})
		var beside event
		for beside == nil {
			if e := p.find("response.done"); e.text("response.id") != main {
				beside = e
			}
		}
		if beside.at("response.conversation_id") != nil || beside.text("response.metadata.purpose") != "summary" ||
			said(beside) != "The caller talked to the order line." {
			t.Errorf("out of band: %v", beside)
		}
		p.send("conversation.item.retrieve", "item_id", beside.text("response.output.0.id"))
		for e := p.next(); ; e = p.next() {
			if e.name() == "error" {
				if e.text("error.code") != "item_retrieve_invalid_item_id" {
					t.Errorf("retrieve: %v", e)
				}
				break
			}
		}
	})
}

func TestTextSession(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			update := fields{"type", "realtime", "output_modalities", []string{"text"}}
			if dialect == DialectPreview {
				update = fields{"modalities", []string{"text"}}
			}
			p.send("session.update", "session", update)
			p.send("response.create")
			all := p.until("response.done")
			got := onceEach(squeeze(names(all)))
			delta, finish := "response.text.delta", "response.text.done"
			if dialect == DialectGA {
				delta, finish = "response.output_text.delta", "response.output_text.done"
			}
			if !slices.Contains(got, delta) || !slices.Contains(got, finish) || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "audio") }) {
				t.Errorf("events: %v", got)
			}
			if kind := all[len(all)-1].text("response.output.0.content.0.type"); kind != "text" && kind != "output_text" {
				t.Errorf("part %q", kind)
			}
		})
	})
}

// serverEvents are all events that a dialect has for a telephone client.
var serverEvents = map[string]string{
	DialectPreview: `conversation.item.created conversation.item.deleted conversation.item.truncated
conversation.item.input_audio_transcription.completed conversation.item.input_audio_transcription.failed
input_audio_buffer.committed input_audio_buffer.cleared input_audio_buffer.speech_started input_audio_buffer.speech_stopped
response.created response.done rate_limits.updated response.output_item.added response.output_item.done
response.content_part.added response.content_part.done response.text.delta response.text.done response.audio.delta response.audio.done
response.audio_transcript.delta response.audio_transcript.done response.function_call_arguments.delta
response.function_call_arguments.done session.updated error`,
	DialectGA: `conversation.item.added conversation.item.done conversation.item.retrieved conversation.item.deleted
conversation.item.truncated conversation.item.input_audio_transcription.delta conversation.item.input_audio_transcription.completed
conversation.item.input_audio_transcription.failed input_audio_buffer.committed input_audio_buffer.cleared
input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.timeout_triggered
response.created response.done rate_limits.updated response.output_item.added response.output_item.done
response.content_part.added response.content_part.done response.output_text.delta response.output_text.done
response.output_audio.delta response.output_audio.done response.output_audio_transcript.delta response.output_audio_transcript.done
response.function_call_arguments.delta response.function_call_arguments.done session.updated error`,
}

// TestEveryServerEvent: the two that greet a client (session.created and
// conversation.created) are in every test; the others all come in one talk.
func TestEveryServerEvent(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		talk(t, Options{Dialect: dialect}, func(p *peer) {
			got := map[string]bool{"session.updated": true}
			for _, e := range p.eventful() {
				got[e.name()] = true
			}
			for _, name := range strings.Fields(serverEvents[dialect]) {
				if !got[name] {
					t.Errorf("no %s", name)
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s is no event of the dialect", name)
			}
		})
	})
}

// eventful is a talk in which everything happens.
func (p *peer) eventful() []event {
	p.phone()
	p.say(pcmu, caller(p.t, "c05"), 900)
	all := p.until("response.done")
	item := all[len(all)-1].text("response.output.0.id")
	p.send("conversation.item.truncate", "item_id", item, "content_index", 0, "audio_end_ms", 100)
	if p.srv.opts.Dialect == DialectGA {
		p.send("conversation.item.retrieve", "item_id", item)
		p.send("response.create", "response", fields{"output_modalities", []string{"text"}})
	} else {
		p.send("response.create", "response", fields{"modalities", []string{"text"}})
	}
	all = append(all, p.until("response.done")...)
	p.send("conversation.item.delete", "item_id", item)
	p.send("input_audio_buffer.clear")
	p.send("response.cancel")
	all = append(all, p.quiet()...)
	if err := p.sess.SetFaults(Faults{Transcription: "failed"}); err != nil {
		p.t.Error(err)
	}
	p.say(pcmu, caller(p.t, "c01"), 900)
	all = append(all, p.until("response.done")...)
	if p.srv.opts.Dialect == DialectGA {
		p.raw(ga(`"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":5000}}}`))
		p.send("response.create")
		all = append(all, p.until("response.done")...)
		p.say(pcmu, nil, 12000)
		all = append(all, p.until("response.done")...)
	}
	return all
}
