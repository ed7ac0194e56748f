package configs

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMannersDefaults: what an agent does that says nothing of it.
func TestMannersDefaults(t *testing.T) {
	a := parseWith(t, "log: { level: info }").Agents[0]
	for _, tt := range []struct{ got, want any }{
		{a.Interruption.used(), false}, {a.Idle.After, Duration(0)}, {a.Idle.Prompts, 2}, {a.MaxDurationWarning, Duration(0)},
		{a.Filler.After.Std(), 1500 * time.Millisecond}, {a.SilenceGuard.Std(), 6 * time.Second}, {a.Reconnect.Within.Std(), 15 * time.Second},
		{a.Reconnect.ClipAfter.Std(), 1500 * time.Millisecond}, {a.Rotate.Lead.Std(), time.Minute}, {a.Rotate.Age, Duration(0)},
		{a.DTMF, DTMF{Pause: Duration(2 * time.Second)}}, {a.Fallback, Fallback{}}, {a.TimeZone.Location(), time.UTC},
		{a.TurnDetection.CreateResponse == nil && a.TurnDetection.InterruptResponse == nil, true}, {len(a.HandOff), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// TestLanguageOfTheTranscription: a tag of the agent serves the transcription as well, words do not.
func TestLanguageOfTheTranscription(t *testing.T) {
	c := parseWith(t, `
agents:
  - { name: frontdesk, realtime: main, language: de, transcription: { model: m } }
  - { name: b, realtime: main, language: German, transcription: { model: m } }
  - { name: c, realtime: main, language: de, transcription: { model: m, language: en } }
  - { name: d, realtime: main, language: de }
  - { name: e, realtime: main, language: DE, transcription: { model: m } }
`)
	for i, want := range []string{"de", "", "en", "", ""} {
		got := ""
		if tr := c.Agents[i].Transcription; tr != nil {
			got = tr.Language
		}
		if got != want {
			t.Errorf("%s: %q, want %q", c.Agents[i].Name, got, want)
		}
	}
}

// TestClipsAreFoundBesideTheFile: what Load gives can be opened from the working directory, wherever the file is.
func TestClipsAreFoundBesideTheFile(t *testing.T) {
	c := loadReference(t, "OPENAI_API_KEY=k", "AZURE_OPENAI_API_KEY=k")
	a := c.Agent("frontdesk")
	if a.Filler.Clip != "clips/typing.wav" || a.Fallback.Clip != "clips/transfer.wav" || a.Reconnect.Clip != "clips/moment.wav" {
		t.Errorf("got %q, %q and %q", a.Filler.Clip, a.Fallback.Clip, a.Reconnect.Clip)
	}
	text := "agents: [ { name: frontdesk, realtime: main, filler: { clip: ../clips/typing.wav } } ]\n"
	c, err := Parse("testdata/x.yaml", []byte(text+without(readTestdata(t, "base.yaml"), text)), Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Agents[0].Filler.Clip; got != "clips/typing.wav" {
		t.Errorf("got %q", got)
	}
}

func TestTimeZones(t *testing.T) {
	if got := TimeZone("Europe/Berlin").Location().String(); got != "Europe/Berlin" {
		t.Errorf("got %s", got)
	}
	if got := TimeZone("Nowhere/Land").Location(); got != time.UTC {
		t.Errorf("an unknown zone is %s", got)
	}
}

func TestMayTransfer(t *testing.T) {
	trunk := Trunk{Transfers: []string{"+49*", "sip:desk@pbx.example", "100"}}
	for target, want := range map[string]bool{"+4930": true, "+49": true, "+48": false, "sip:desk@pbx.example": true, "sip:desk@pbx.example.net": false,
		"100": true, "1001": false, "": false} {
		if trunk.MayTransfer(target) != want {
			t.Errorf("%q: %v", target, !want)
		}
	}
	if (&Trunk{}).MayTransfer("+49") {
		t.Error("a trunk without transfers allows one")
	}
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]string{ // ok, open (but warned of), or refused
		"+4930123": "ok", "100": "ok", "*21#": "ok", "sip:desk@pbx.example": "ok", "sips:desk@[2001:db8::1]:5061;transport=tcp": "ok", "sip:pbx.example": "ok",
		"tel:+49-30-123": "ok", "+49*": "ok", "sip:desk@pbx.*": "ok", "tel:+49*": "ok", "sip:desk@pbx.example;transport=*": "ok",
		"*": "open", "+*": "open", "sip:*": "open", "sips:*": "open", "sip:desk*": "open", "sip:desk@*": "open", "tel:*": "open", "tel:+*": "open",
		"": "refused", "desk": "refused", "sip:": "refused", "sip:a b@c": "refused", "sip:a@b?Replaces=x": "refused", "<sip:a@b>": "refused",
		"http://a": "refused", "tel:abc": "refused", "sip:a@b,sip:c@d": "refused", "+49**x": "refused", "+49\r\n": "refused",
	} {
		got := "refused"
		switch {
		case validTargets(text) && anywhere(text):
			got = "open"
		case validTargets(text):
			got = "ok"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestVariablesInPlace(t *testing.T) {
	text := `
trunks: [ { name: carrier, sources: [203.0.113.0/24], headers: [X-Customer-Id] } ]
agents:
  - { name: frontdesk, realtime: main, instructions: "{{caller}} {{ dialled }} {{now}} {{date}} {{time}} {{weekday}} {{agent}} {{language}}
      {{header.X-Customer-Id}} {{HEADER}}" }
`
	_, err := Parse("t.yaml", []byte(text+without(readTestdata(t, "base.yaml"), text)), Options{Env: []string{}})
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "holds {{HEADER}}, which is no variable") {
		t.Errorf("got %v", err)
	}
}

// TestWarningsOfManners: what an agent may do, and probably should not.
func TestWarningsOfManners(t *testing.T) {
	c := parseWith(t, `
trunks:
  - { name: carrier, sources: [203.0.113.0/24], transfers: ["+49*"] }
  - { name: office, sources: [192.0.2.7], transfers: ["sips:*"] }
  - { name: lab, sources: [192.0.2.8] }
routes:
  - { to: "1", agent: frontdesk, trunk: carrier }
  - { to: "2", agent: second, trunk: office }
realtime:
  - { name: main, url: "wss://realtime.example.com/v1/realtime" }
  - { name: old, url: "wss://realtime.example.com/v1/realtime", dialect: preview }
agents:
  - { name: frontdesk, realtime: main, greeting: AI, instructions: x, transcription: &t { model: m }, turn_detection: { create_response: true } }
  - { name: second, realtime: old, greeting: AI, instructions: x, transcription: *t, voice: cedar, reasoning_effort: low,
      turn_detection: { type: none }, hand_off: [third] }
  - { name: third, realtime: main, greeting: AI, instructions: x, transcription: *t, fallback: { transfer: "+49301" }, hand_off: [second] }
  - { name: fourth, realtime: main, greeting: AI, instructions: x, transcription: *t, fallback: { transfer: "+1555" } }
`)
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Error())
	}
	want := []string{
		`t.yaml:4:55: trunks[office].transfers[0]: lets a model send callers anywhere, at your expense; name the numbers or hosts, or how they begin`,
		`t.yaml:13:138: agents[frontdesk].turn_detection.create_response: saves a round trip, but an answer of the service may collide with one that Trunkline asks for; better leave it out`,
		`t.yaml:14:93: agents[second].voice: is a voice of the ga dialect; servers of the preview dialect may refuse the session`,
		`t.yaml:14:118: agents[second].reasoning_effort: is left out, because the preview dialect has none`,
		`t.yaml:15:31: agents[second].turn_detection.type: is none: what the caller says gets no answer, only keys and tools make this agent speak`,
		`t.yaml:16:108: agents[third].fallback.transfer: is not allowed to calls of trunk "office", which will be ended instead; add it to its transfers`,
		`t.yaml:17:5: agents[fourth]: is not named by any route or hand_off, and so never answers`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
