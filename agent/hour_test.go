package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
)

// What happens in the hour.
const (
	minutes   = 60 // in each of them the caller asks something that needs a tool
	bargeIns  = 40 // in the first ones he interrupts the answer with another question
	rotations = 3  // every quarter of an hour the connection is replaced
)

// TestAnHour: nothing is lost, and nothing is left, of a call that lasts an hour.
func TestAnHour(t *testing.T) {
	profile := stepProfile
	profile.Renewal.Age = 15 * time.Minute
	profile.Prices = &Prices{TextIn: 4, AudioIn: 32, TextOut: 16, AudioOut: 64}
	o := simOptions{profile: profile, clips: stepClips, life: 2 * time.Hour, model: func(p simulator.Prompt) *simulator.Answer {
		if p.Pending && p.Heard == opening {
			return &simulator.Answer{Do: []simulator.Action{{Say: []string{"welcome"}}}}
		}
		if len(p.Outputs) > 0 {
			return &simulator.Answer{Do: []simulator.Action{{Say: []string{"hours"}}}}
		}
		return attentive(p)
	}}
	c, err := onCall(t, o, hour)
	if err != nil {
		t.Fatal(err)
	}
	c.report(t, "an hour", slices.Concat(c.hourFigures(), c.hourJournal(), c.hourModel()))
}

// hour is the caller of it.
func hour(c *simCall) {
	began := time.Now()
	c.hearOut()
	for minute := range minutes {
		c.say(1500*time.Millisecond, number)
		c.hear(10 * time.Second)
		if minute < bargeIns {
			c.wait(time.Second)
			c.say(1200*time.Millisecond, opening)
			c.hear(10 * time.Second)
		}
		c.hearOut()
		c.wait(time.Until(began.Add(time.Duration(minute+1)*time.Minute - 20*time.Second)))
	}
}

// hourFigures compares what was measured with what was done.
func (c *simCall) hourFigures() (problems []string) {
	f := c.figures
	if lasted := time.Duration(len(c.tape)) * frameTime; lasted.Round(time.Minute) != minutes*time.Minute {
		problems = append(problems, fmt.Sprintf("the call lasted %v", lasted))
	}
	for what, n := range map[string][2]int{
		"turns":          {f.Turns, 1 + 2*minutes + 2*bargeIns}, // the greeting; a question and an answer each time
		"interruptions":  {f.Interruptions, bargeIns},
		"told":           {c.counts.of(Interrupted), bargeIns},
		"tool calls":     {f.ToolCalls, minutes},
		"tools run":      {c.box.ran(), minutes},
		"tool failures":  {f.ToolFailures, 0},
		"rotations":      {f.Rotations, rotations},
		"reconnects":     {f.Reconnects, 0},
		"connections":    {len(c.links), rotations + 1},
		"late audio":     {f.LateAudioBytes, 0},
		"lost audio":     {f.OverflowBytes, 0},
		"lost keys":      {f.KeysLost, 0},
		"latencies":      {len(f.Latencies), minutes + bargeIns},
		"latencies told": {len(c.counts.timings), minutes + bargeIns},
	} {
		if n[0] != n[1] {
			problems = append(problems, fmt.Sprintf("%s: %d, want %d", what, n[0], n[1]))
		}
	}
	return problems
}

// hourJournal counts the lines of the transcript.
func (c *simCall) hourJournal() (problems []string) {
	got, interrupted := map[string]int{}, 0
	var in, out int
	var cost int64
	for _, e := range c.journal.entries {
		got[e.Kind+" "+string(e.Role)+" "+e.Text+e.Tool+e.Status]++
		cost += e.CostMicros
		if e.Text != "transcription" { // its tokens are another model's
			in, out = in+e.TokensIn, out+e.TokensOut
		}
		if e.Status == "interrupted" {
			interrupted++
			if e.CutMS == 0 {
				problems = append(problems, fmt.Sprintf("interrupted where? %+v", e))
			}
		}
	}
	for line, want := range map[string]int{
		"turn agent hello":                    1,
		"turn caller " + number:               minutes,
		"tool_call agent look_up":             minutes,
		"tool_result system look_upok":        minutes,
		"turn agent hours":                    minutes - bargeIns,
		"turn agent hoursinterrupted":         bargeIns,
		"interrupt caller ":                   bargeIns,
		"turn caller " + opening:              bargeIns,
		"turn agent welcome":                  bargeIns,
		store.KindSession + " system rotated": rotations,
		"usage system transcription":          minutes + bargeIns,
	} {
		if got[line] != want {
			problems = append(problems, fmt.Sprintf("%d lines %q, want %d", got[line], line, want))
		}
		delete(got, line)
	}
	if usage := got[store.KindUsage+" system "]; usage != 1+2*minutes+bargeIns || len(got) != 1 {
		problems = append(problems, fmt.Sprintf("further lines: %v", got))
	}
	if in != c.figures.TokensIn || out != c.figures.TokensOut || cost != c.figures.CostMicros || cost == 0 {
		problems = append(problems, fmt.Sprintf("usage lines: %d in, %d out, cost %d; figures %+v", in, out, cost, c.figures))
	}
	return problems
}

// hourModel compares both with what the model's side saw.
func (c *simCall) hourModel() (problems []string) {
	var truncated, spoken, answered int
	for _, d := range c.links {
		r := d.Session().Record()
		truncated, spoken = truncated+len(r.Truncations), spoken+len(r.Spoken)
		for _, call := range r.Calls {
			if call.Answered && !call.Deleted {
				answered++
			}
		}
		for _, cut := range r.Truncations {
			if cut.AudioEndMS > cut.SentMS || cut.AudioEndMS < 1000 {
				problems = append(problems, fmt.Sprintf("truncated %+v", cut))
			}
		}
	}
	if truncated != bargeIns || spoken != 1+minutes+bargeIns || answered != minutes {
		problems = append(problems, fmt.Sprintf("the model was told of %d cuts, spoke %d times and had %d results", truncated, spoken, answered))
	}
	return problems
}
