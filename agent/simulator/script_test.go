package simulator

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

func TestDefaultScriptIsValid(t *testing.T) {
	if err := DefaultScript().Validate(); err != nil {
		t.Error(err)
	}
	// Every line of the callers is understood somewhere.
	d := newDialogue(DefaultScript(), builtIn().agent, builtIn().caller)
	for _, c := range builtIn().caller {
		d.turn(heard{text: c.Text, clips: []string{c.Name}})
		if d.toTurn() == nil {
			t.Errorf("nothing answers %s, %q", c.Name, c.Text)
		}
	}
}

// TestBadScripts: each mistake is named with its place.
func TestBadScripts(t *testing.T) {
	open := func(a Answer) *Script { return &Script{States: []State{{Name: "open", Greeting: &a}}} }
	heardSay := func(h Heard) *Script { return &Script{States: []State{{Name: "open", Heard: []Heard{h}}}} }
	for want, s := range map[string]*Script{
		"states: there must be at least one":                              {},
		`start: there is no state "nowhere"`:                              {Start: "nowhere", States: []State{{Name: "open"}}},
		`states[1]: the name "open" is empty or used twice`:               {States: []State{{Name: "open"}, {Name: "open"}}},
		`states[0].greeting.goto: there is no state "x"`:                  open(Answer{Goto: "x"}),
		`states[0].greeting.do[0].say: no clip of the assistant`:          open(Answer{Do: []Action{{Say: []string{"c01x"}}}}),
		`states[0].greeting.do[0]: exactly one of`:                        open(Answer{Do: []Action{{Say: []string{"a01"}, Repeat: true}}}),
		`exactly one of say, text, call, repeat and fault must be set, n`: open(Answer{Do: []Action{{}}}),
		`arguments, raw and always belong to call`:                        open(Answer{Do: []Action{{Text: "x", Raw: "{}"}}}),
		`do[0].cut: a positive time`:                                      open(Answer{Do: []Action{{Text: "x", Cut: time.Second}}}),
		`do[0].fault: "boom" is none of`:                                  open(Answer{Do: []Action{{Fault: "boom"}}}),
		`greeting.status: "cancelled" is none of`:                         open(Answer{Status: "cancelled"}),
		`greeting.reason: "tired" is none of`:                             open(Answer{Reason: "tired"}),
		`greeting.delay: -1s is negative`:                                 open(Answer{Delay: -time.Second}),
		`results[0].goto: there is no state "y"`:                          open(Answer{Results: []Result{{Answer: Answer{Goto: "y"}}}}),
		`heard[0]: says or contains must name`:                            heardSay(Heard{}),
		`heard[0]: no clip of a caller has the name or the words "hoy"`:   heardSay(Heard{Says: []string{"hoy"}}),
		`faults: transcription "loud" is none of`:                         {States: []State{{Name: "open"}}, Faults: Faults{Transcription: "loud"}},
		`faults: upgrade_status 200 is no HTTP error`:                     {States: []State{{Name: "open"}}, Faults: Faults{UpgradeStatus: 200}},
		`-1s is negative`:                                                 {States: []State{{Name: "open"}}, Faults: Faults{ExpireAfter: -time.Second}},
		`-1 is negative`:                                                  {States: []State{{Name: "open"}}, Faults: Faults{LateDeltas: -1}},
	} {
		if err := s.Validate(); !errors.Is(err, ErrScript) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestMoreClips: clips of the options can be said and heard.
func TestMoreClips(t *testing.T) {
	tone := make([]int16, 8000)
	for i := range tone {
		tone[i] = transcode.PCMU.Decode(byte(i * 7))
	}
	ask, _, _ := CallerClip("slt-c02")
	script := &Script{States: []State{{Name: "open", Heard: []Heard{{Says: []string{"beep?"},
		Answer: Answer{Do: []Action{{Say: []string{"Beep!"}}}}}}}}}
	opts := Options{Script: script, AgentClips: []Clip{{Name: "tone", Text: "Beep!", Samples: tone}},
		CallerClips: []Clip{{Name: "beep?", Text: "Do you beep?", Samples: gain(slices.Clone(doubleSpeed(ask)), 0.9)}}}
	talk(t, opts, func(p *peer) {
		p.phone()
		p.say(pcmu, opts.CallerClips[0].Samples, 900)
		if got := said(p.find("response.done")); got != "Beep!" {
			t.Errorf("said %q", got)
		}
	})
}

func TestClips(t *testing.T) {
	if len(CallerClips()) != 32 || len(AgentClips()) != 10 {
		t.Fatalf("%d and %d clips", len(CallerClips()), len(AgentClips()))
	}
	for _, name := range CallerClips() {
		s, text, ok := CallerClip(name)
		if !ok || text == "" || len(s)%transcode.FrameBytes != 0 || !slices.Equal(s, codePoints(s)) {
			t.Errorf("%s: %v %q, %d samples", name, ok, text, len(s))
		}
	}
	for _, name := range AgentClips() {
		if s, text, ok := AgentClip(name); !ok || text == "" || len(s)%transcode.FrameBytes != 0 {
			t.Errorf("%s: %v %q", name, ok, text)
		}
	}
	if s, _, ok := CallerClip("c05"); !ok || len(s) == 0 {
		t.Error("the short name is not known")
	}
	if _, _, ok := CallerClip("c99"); ok {
		t.Error("a clip that is none")
	}
}

func TestNormalAndDigits(t *testing.T) {
	for text, want := range map[string]string{
		"My order number is four two seven one.": "my order number is 4271",
		"4 2 7 1":                                "4271",
		"  Thank you -- goodbye! ":               "thank you goodbye",
		"that's all":                             "that's all",
		"Grüße, 12":                              "grüße 12",
		"":                                       "",
	} {
		if got := normal(text); got != want {
			t.Errorf("normal(%q) = %q, want %q", text, got, want)
		}
	}
	if got := digits("order nine zero, then 35"); got != "9035" {
		t.Errorf("digits: %q", got)
	}
}

func TestDeltaSizes(t *testing.T) {
	for _, f := range []format{pcmu, pcm24} {
		for _, even := range []bool{true, false} {
			sum := 0
			sizes := deltaSizes(50_000, f, 200*time.Millisecond, even)
			for i, n := range sizes {
				if sum += n; n <= 0 || even && i < len(sizes)-1 && n != 200*f.bytesPerMS() {
					t.Errorf("%v: delta of %d bytes", f, n)
				}
			}
			if sum != 50_000 {
				t.Errorf("%v: %d bytes", f, sum)
			}
		}
	}
}
