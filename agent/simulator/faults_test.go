package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// troubled runs f with a session that has faults.
func troubled(t *testing.T, f Faults, dialect string, do func(p *peer)) {
	t.Helper()
	script := DefaultScript()
	script.Faults = f
	talk(t, Options{Dialect: dialect, Script: script}, do)
}

func TestFaultsOfTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Session)
		code websocket.StatusCode
	}{
		"close":  {func(s *Session) { s.CloseWith(1013, "busy") }, 1013},
		"drop":   {(*Session).Drop, -1},
		"expire": {(*Session).Expire, 1001},
		"broken": {(*Session).SendBrokenFrame, -1},
	} {
		talk(t, Options{}, func(p *peer) {
			go c.do(p.sess)
			if code := p.closed(); code != c.code {
				t.Errorf("%s: close %d (%v), want %d", name, code, p.err, c.code)
			}
			p.conn.CloseNow() // a client that was sent junk has not told the server
			<-p.sess.Ended()
			synctest.Wait()
			if r := p.sess.Record(); r.End == "" || r.Ended.IsZero() {
				t.Errorf("%s: record %+v", name, r)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		faults  Faults
		dialect string
		life    time.Duration
	}{
		{Faults{}, DialectGA, time.Hour},
		{Faults{}, DialectPreview, 30 * time.Minute},
		{Faults{ExpireAfter: 5 * time.Second}, DialectGA, 5 * time.Second},
	} {
		troubled(t, c.faults, c.dialect, func(p *peer) {
			began := time.Now()
			e := <-p.events
			if e.text("error.code") != "session_expired" || time.Since(began).Round(time.Second) != c.life {
				t.Errorf("after %v: %v", time.Since(began), e)
			}
			if code := p.closed(); code != 1001 {
				t.Errorf("close %d", code)
			}
		})
	}
}

func TestFreeze(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.sess.Freeze()
		p.send("response.create")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := p.conn.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ping: %v", err)
		}
		if got := p.quiet(); len(got) != 0 {
			t.Errorf("%v", names(got))
		}
	})
}

func TestStrangeMessages(t *testing.T) {
	talk(t, Options{}, func(p *peer) {
		p.sess.SendText("{oops")
		p.must("not json")
		p.sess.SendEvent("simulator.new_thing")
		p.must("simulator.new_thing")
		p.sess.SendError("rate_limit_exceeded", "slow down")
		if e := p.must("error"); e.text("error.code") != "rate_limit_exceeded" || e.text("error.type") != "server_error" {
			t.Errorf("%v", e)
		}
		p.sess.Cancel() // nothing to cancel
		p.send("response.create")
		p.find("response.output_audio.delta")
		p.sess.Cancel()
		if done := p.find("response.done"); done.text("response.status_details.reason") != "turn_detected" {
			t.Errorf("%v", done)
		}
	})
}

func TestScriptedFaults(t *testing.T) {
	for fault, want := range map[string]string{"garbage": "not json", "unknown_event": "simulator.nobody_knows_this", "error": "error"} {
		script := DefaultScript()
		script.States[0].Greeting = &Answer{Do: []Action{{Say: []string{"a01"}, Cut: time.Second}, {Fault: fault}, {Say: []string{"a08"}}}}
		talk(t, Options{Script: script}, func(p *peer) {
			p.send("response.create")
			got := names(p.until("response.done"))
			if !slices.Contains(got, want) {
				t.Errorf("%s: %v", fault, got)
			}
		})
	}
	for fault, code := range map[string]websocket.StatusCode{"close": 1011, "drop": -1, "expire": 1001, "broken_frame": -1} {
		script := DefaultScript()
		script.States[0].Greeting = &Answer{Do: []Action{{Say: []string{"a01"}, Cut: time.Second}, {Fault: fault}}}
		talk(t, Options{Script: script}, func(p *peer) {
			p.send("response.create")
			p.find("response.output_audio.done")
			if got := p.closed(); got != code {
				t.Errorf("%s: close %d", fault, got)
			}
		})
	}
	script := DefaultScript()
	script.States[0].Greeting = &Answer{Do: []Action{{Fault: "freeze"}, {Say: []string{"a01"}}}}
	talk(t, Options{Script: script}, func(p *peer) {
		p.send("response.create")
		p.find("rate_limits.updated")
		pass(time.Minute)
		if got := p.quiet(); len(got) != 0 {
			t.Errorf("%v", names(got))
		}
	})
}

func TestWrongFormat(t *testing.T) {
	script := DefaultScript()
	script.Faults.WrongFormat = true
	talk(t, Options{Dialect: DialectPreview, Script: script}, func(p *peer) {
		p.raw(update(`{"input_audio_format":"g711_ulaw","output_audio_format":"g711_ulaw"}`))
		if e := p.must("session.updated"); e.text("session.output_audio_format") != "pcm16" {
			t.Errorf("%v", e)
		}
		p.send("response.create")
		p.find("response.done")
		clip, _, _ := AgentClip("a01")
		if n := p.sess.Record().Spoken[0].Bytes; n != 6*len(clip) {
			t.Errorf("%d bytes of audio", n)
		}
	})
	troubled(t, Faults{ResetFormats: true}, DialectGA, func(p *peer) {
		p.phone()
		p.raw(ga(`"instructions":"more"`))
		if e := p.must("session.updated"); e.text("session.audio.input.format.type") != "audio/pcm" {
			t.Errorf("%v", e)
		}
	})
	troubled(t, Faults{IgnoreUpdates: true}, DialectGA, func(p *peer) {
		p.raw(ga(`"instructions":"more"`))
		pass(time.Minute)
		if got := p.quiet(); len(got) != 0 {
			t.Errorf("%v", names(got))
		}
	})
}

func TestTranscriptionFaults(t *testing.T) {
	const done, failed = "conversation.item.input_audio_transcription.completed", "conversation.item.input_audio_transcription.failed"
	order := func(f string, twice bool) (list []string, last event) {
		troubled(t, Faults{Transcription: f}, DialectPreview, func(p *peer) {
			p.phone()
			p.say(pcmu, caller(t, "c01"), 900)
			p.find("input_audio_buffer.committed")
			if twice {
				p.find("response.done")
				p.say(pcmu, caller(t, "c12"), 900)
				p.find("input_audio_buffer.committed")
			}
			pass(30 * time.Second)
			for _, e := range p.quiet() {
				if list = append(list, e.name()); strings.Contains(e.name(), "transcription") {
					last = e
				}
			}
		})
		return list, last
	}
	if l, _ := order("early", false); l[0] != done || l[1] != "conversation.item.created" {
		t.Errorf("early: %v", l)
	}
	if l, e := order("failed", false); !slices.Contains(l, failed) || slices.Contains(l, done) || e.text("error.code") == "" {
		t.Errorf("failed: %v", l)
	}
	if l, _ := order("never", false); slices.Contains(l, failed) || slices.Contains(l, done) {
		t.Errorf("never: %v", l)
	}
	if l, e := order("empty", false); !slices.Contains(l, done) || e.text("transcript") != "" {
		t.Errorf("empty: %v", l)
	}
	if l, _ := order("late", true); l[0] != "conversation.item.created" || l[1] != done {
		t.Errorf("late: %v", l)
	}
	if l, _ := order("late", false); !slices.Contains(l, done) {
		t.Errorf("late, alone: %v", l)
	}
}

func TestResponseFaults(t *testing.T) {
	troubled(t, Faults{FailResponses: 2, FailCode: "rate_limit_exceeded"}, DialectGA, func(p *peer) {
		p.phone()
		for range 2 {
			p.send("response.create")
			done := p.find("response.done")
			if done.text("response.status") != "failed" || done.text("response.status_details.error.code") != "rate_limit_exceeded" {
				t.Errorf("%v", done)
			}
		}
		p.send("response.create")
		if got := said(p.find("response.done")); !strings.HasPrefix(got, "Thank you for calling") {
			t.Errorf("third attempt: %q", got)
		}
	})
	troubled(t, Faults{SilentResponses: 1}, DialectGA, func(p *peer) {
		p.send("response.create")
		pass(time.Minute)
		if got := p.quiet(); len(got) != 0 {
			t.Errorf("%v", names(got))
		}
		p.send("response.create")
		p.find("response.done")
	})
	troubled(t, Faults{LostDone: 1}, DialectGA, func(p *peer) {
		p.send("response.create")
		p.find("response.output_item.done")
		pass(time.Minute)
		p.send("response.create")
		if e := p.must("error"); e.text("error.code") != "conversation_already_has_active_response" {
			t.Errorf("%v", e)
		}
		p.send("response.cancel")
		p.must("response.done")
	})
	troubled(t, Faults{LateDeltas: 5}, DialectGA, func(p *peer) {
		p.send("response.create")
		p.find("response.output_audio.delta")
		p.send("response.cancel")
		p.quiet()
		p.send("response.create")
		p.find("response.output_audio.delta")
		p.say(pcm24, caller(t, "c01"), 0)
		all := names(p.until("response.done"))
		i := slices.Index(all, "input_audio_buffer.speech_started")
		n := 0
		for _, name := range all[i:] {
			if name == "response.output_audio.delta" {
				n++
			}
		}
		if n != 5 {
			t.Errorf("%d deltas after the cancel: %v", n, all[i:])
		}
	})
}

func TestScriptedEndings(t *testing.T) {
	for _, a := range []Answer{
		{Do: []Action{{Say: []string{"a02"}, Cut: 2 * time.Second}}, Status: "incomplete"},
		{Status: "incomplete", Reason: "content_filter"},
		{Do: []Action{{Call: "f", Raw: `{"order":"42`, Always: true}}, Status: "incomplete"},
		{Status: "failed", Code: "inference_rate_limit_exceeded"},
	} {
		script := DefaultScript()
		script.States[0].Greeting = &a
		talk(t, Options{Script: script}, func(p *peer) {
			p.send("response.create")
			done := p.find("response.done")
			if done.text("response.status") != a.Status {
				t.Errorf("%v", done)
			}
			if a.Status == "incomplete" && done.text("response.status_details.reason") != or(a.Reason, "max_output_tokens") {
				t.Errorf("%v", done)
			}
			if len(a.Do) > 0 && done.text("response.output.0.status") != "incomplete" {
				t.Errorf("%v", done)
			}
		})
	}
}

// TestSeveralItems: a preamble, three calls, and a second message.
func TestSeveralItems(t *testing.T) {
	script := DefaultScript()
	script.States[0].Greeting = &Answer{Do: []Action{{Say: []string{"a04"}}, {Call: "x", Always: true}, {Call: "y", Always: true},
		{Call: "z", Always: true, Arguments: map[string]string{"said": "{heard}"}}, {Say: []string{"a08"}}},
		Results: []Result{{Contains: "all", Answer: Answer{Do: []Action{{Text: "done"}}}}}}
	talk(t, Options{Script: script}, func(p *peer) {
		p.send("response.create")
		done := p.find("response.done")
		if out := done.at("response.output").([]any); len(out) != 5 {
			t.Fatalf("%v", done)
		}
		for _, i := range []string{"1", "2", "3"} {
			p.output(done.text("response.output."+i+".call_id"), "all well")
		}
		p.send("response.create")
		if got := said(p.find("response.done")); got != "done" {
			t.Errorf("said %q", got)
		}
	})
}

func TestShapeFaults(t *testing.T) {
	troubled(t, Faults{DuplicateItems: true, MissingStatus: true, MissingEventIDs: true, TypeLast: true, NoErrorEventID: true}, DialectGA, func(p *peer) {
		p.send("conversation.item.create", "item", fields{"type", "message", "role", "user", "content", []fields{}})
		for _, want := range []string{"conversation.item.added", "conversation.item.added", "conversation.item.done", "conversation.item.done"} {
			e := p.must(want)
			if e.at("event_id") != nil || e.at("item.status") != nil || e.at("item.object") != nil {
				t.Errorf("%v", e)
			}
		}
		p.send("response.cancel", "event_id", "mine")
		if e := p.must("error"); e.at("error.event_id") != nil {
			t.Errorf("%v", e)
		}
		if err := p.sess.SetFaults(Faults{}); err != nil {
			t.Error(err)
		}
		p.send("response.cancel", "event_id", "mine")
		if e := p.must("error"); e.text("error.event_id") != "mine" || e.text("event_id") == "" {
			t.Errorf("%v", e)
		}
		if err := p.sess.SetFaults(Faults{Transcription: "loud"}); err == nil {
			t.Error("nonsense accepted")
		}
	})
}

func TestUpgradeFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		if err := srv.SetFaults(Faults{UpgradeStatus: 429, UpgradeCount: 1, RetryAfter: 2 * time.Second, UpgradeDelay: 3 * time.Second}); err != nil {
			t.Fatal(err)
		}
		tr := &pipeTransport{handler: srv}
		url, h := address(DialectGA)
		began := time.Now()
		_, resp, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: tr}, HTTPHeader: h})
		if err == nil || resp == nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "2" || time.Since(began) != 3*time.Second {
			t.Fatalf("%v %v after %v", resp, err, time.Since(began))
		}
		if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "error") {
			t.Errorf("body %q (%v)", body, err)
		}
		p := dial(t, srv, tr, url, h)
		p.must("session.created")
		p.hangUp()
		if err := srv.SetFaults(Faults{UpgradeStatus: 200}); err == nil {
			t.Error("200 is no fault")
		}
	})
}
