package agent

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

// What is said in the scripted call.
const (
	opening = "what are your opening hours"
	number  = "my number is four two seven one"
	thanks  = "thank you"
)

var stepClips = []simulator.Clip{toneClip("hello", 1000), toneClip("hours", 4000), toneClip("shipped", 1500), toneClip("welcome", 800),
	toneClip("sorry", 500)}

// attentive is a model that knows what it was told of the call, on whatever connection.
func attentive(p simulator.Prompt) *simulator.Answer {
	say := func(clip string) *simulator.Answer {
		return &simulator.Answer{Do: []simulator.Action{{Say: []string{clip}}}, Delay: 200 * time.Millisecond}
	}
	past := strings.Join(p.Context, "\n")
	told := func(what string) bool { return strings.Contains(past, what) }
	switch {
	case strings.Contains(p.Instructions, "Greet the caller"):
		return say("hello")
	case len(p.Outputs) > 0:
		return say("shipped")
	case p.Pending && p.Heard == opening:
		return say("hours")
	case p.Pending && p.Heard == thanks:
		return say("welcome")
	case p.Pending && p.Heard == number, told("Caller: "+number) && !told("(You called look_up"):
		return &simulator.Answer{Do: []simulator.Action{{Call: "look_up"}}, Delay: 200 * time.Millisecond}
	case told("look_up returned") && !told("You: shipped"):
		return say("shipped")
	}
	return say("sorry")
}

var stepProfile = Profile{Name: "frontdesk", Instructions: "Be brief.", Greeting: "Hello.", Tools: []string{"look_up"},
	Transcription: &realtime.Transcription{Model: "whisper-1"},
	TurnDetection: realtime.Some(realtime.TurnDetection{Type: "server_vad", PrefixPaddingMS: realtime.Some(300),
		SilenceDurationMS: realtime.Some(500)}),
	Fallback: Fallback{Clip: NewClip(toneClip("", 700).Samples)}}

// wholeCall is the caller: he lets the agent greet him, asks, interrupts the answer with another question, which needs a
// tool, and says goodbye. What is not answered he says again.
func wholeCall(c *simCall) {
	c.hear(8 * time.Second)
	c.hearOut()
	c.say(1200*time.Millisecond, opening)
	if c.hear(8 * time.Second) {
		c.wait(time.Second)
	}
	for tries := 0; tries < 3 && c.box.ran() == 0; tries++ {
		c.say(1500*time.Millisecond, number)
		for t := 0; t < 6 && c.box.ran() == 0; t++ {
			c.wait(time.Second)
		}
	}
	c.hear(8 * time.Second)
	c.hearOut()
	c.say(600*time.Millisecond, thanks)
	c.hear(8 * time.Second)
	c.hearOut()
}

// TestDropsAtEveryStep loses the connection after each event of a whole call, sent by either side, in both dialects. The
// call goes on; or, when nobody can be reached any more, the caller is told so and the call ends.
func TestDropsAtEveryStep(t *testing.T) {
	for _, dialect := range []string{simulator.DialectGA, simulator.DialectPreview} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			o := simOptions{dialect: dialect, profile: stepProfile, model: attentive, clips: stepClips}
			whole, err := onCall(t, o, wholeCall)
			if err != nil {
				t.Fatal(err)
			}
			whole.undisturbed(t)
			for n := 1; n <= whole.down[0]; n++ {
				dropAt(t, o, fmt.Sprintf("after server event %d", n), simulator.Faults{DropAfterSent: n})
			}
			for n := 1; n <= whole.up[0]; n++ {
				dropAt(t, o, fmt.Sprintf("at client event %d", n), simulator.Faults{DropAfterReceived: n})
			}
			for n := 10; n <= whole.down[0]; n += 25 { // and so is the one that takes its place, while it begins
				for again := 1; again <= 12; again++ {
					dropTwice(t, o, n, again)
				}
			}
		})
	}
}

// undisturbed checks that the script is what it is meant to be.
func (c *simCall) undisturbed(t *testing.T) {
	t.Helper()
	want := `turn agent | hello
turn caller | ` + opening + `
turn agent | hours | interrupted
interrupt caller
turn caller | ` + number + `
tool_call agent | look_up
tool_result system | look_up | ok
turn agent | shipped
turn caller | ` + thanks + `
turn agent | welcome
`
	var got strings.Builder
	for line := range strings.Lines(c.journal.text()) {
		if !strings.HasPrefix(line, "usage ") {
			got.WriteString(line)
		}
	}
	if got.String() != want || len(c.check()) > 0 {
		t.Fatalf("transcript without a fault:\n%swant:\n%s%v", got.String(), want, c.check())
	}
}

// dropAt plays the call twice with the fault: once the model can be reached again, and once it cannot.
func dropAt(t *testing.T, o simOptions, what string, f simulator.Faults) {
	t.Helper()
	o.faults = []simulator.Faults{f, {}}
	c, err := onCall(t, o, wholeCall)
	if err != nil {
		if !realtime.IsRetryable(err) {
			t.Errorf("dropped %s: the call was not opened: %v", what, err)
		}
		return // nobody has answered the phone yet
	}
	c.report(t, "dropped "+what, c.survived(1))

	o.faults = []simulator.Faults{f, {UpgradeStatus: 401}}
	if c, err = onCall(t, o, wholeCall); err != nil {
		t.Fatalf("dropped %s: opened once, but not twice: %v", what, err)
	}
	c.report(t, "dropped "+what+", not connected again", c.endedPolitely())
}

func dropTwice(t *testing.T, o simOptions, n, again int) {
	t.Helper()
	o.faults = []simulator.Faults{{DropAfterSent: n}, {DropAfterSent: again}, {}}
	c, err := onCall(t, o, wholeCall)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, e := range c.lines(store.KindSession, "") {
		if e.Status == "lost" { // one that was lost before it was open counts as none
			lost++
		}
	}
	c.report(t, fmt.Sprintf("dropped after server events %d and %d", n, again), c.survived(lost))
}

func (c *simCall) report(t *testing.T, what string, problems []string) {
	t.Helper()
	for _, p := range slices.Concat(problems, c.check()) {
		t.Errorf("%s: %s", what, p)
	}
	if t.Failed() {
		t.Fatalf("%s: transcript:\n%s%v", what, c.journal.text(), c.end)
	}
}

// survived: the caller noticed little.
func (c *simCall) survived(lost int) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if c.end.By != ByCaller {
		bad("the call ended by %s: %s", c.end.By, c.end.Cause)
	}
	if n := c.box.ran(); n != 1 {
		bad("the tool ran %d times", n)
	}
	if n := c.counts.of(Reconnected); n != lost || c.figures.Reconnects != lost {
		bad("connected again %d times, counted %d", n, c.figures.Reconnects)
	}
	agent := c.lines(store.KindTurn, store.RoleAgent)
	if last := agent[len(agent)-1]; last.Text != "welcome" && last.Text != "sorry" {
		bad("the last words were %q", last.Text)
	}
	return problems
}

// endedPolitely: the caller was told, and the line was not left in silence.
func (c *simCall) endedPolitely() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if c.end.By != BySystem || !strings.Contains(c.end.Cause, "model connection lost") {
		bad("the call ended by %s: %s", c.end.By, c.end.Cause)
	}
	if !bytes.HasSuffix(c.line.player.wire, stepProfile.Fallback.Clip.in(transcode.PCMU)) {
		bad("the last that the caller heard was not the fallback clip")
	}
	if len(c.lines(store.KindError, "")) == 0 {
		bad("the transcript does not say what went wrong")
	}
	return problems
}

// TestRotationAheadOfExpiry: sessions end after 20 s, the call lasts three minutes, and nobody hears of it: no session is used
// to its end, and what the agent says reaches the wire byte for byte and without a gap.
func TestRotationAheadOfExpiry(t *testing.T) {
	for _, dialect := range []string{simulator.DialectGA, simulator.DialectPreview} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			o := simOptions{dialect: dialect, profile: stepProfile, life: 20 * time.Second,
				clips: append([]simulator.Clip{toneClip("story", 12_000)}, stepClips...),
				model: func(p simulator.Prompt) *simulator.Answer {
					if p.Pending && p.Heard == "tell me more" { // it plays while the session should be replaced
						return &simulator.Answer{Do: []simulator.Action{{Say: []string{"story"}}}}
					}
					return attentive(p)
				}}
			c, err := onCall(t, o, talkForMinutes)
			if err != nil {
				t.Fatal(err)
			}
			c.report(t, "three minutes with sessions of 20 s", slices.Concat(c.rotated(), c.gapless()))
		})
	}
}

// talkForMinutes asks, again and again, and lets the agent finish.
func talkForMinutes(c *simCall) {
	c.hear(8 * time.Second)
	c.hearOut()
	for began := time.Now(); time.Since(began) < 3*time.Minute; {
		for _, words := range []string{opening, "tell me more", thanks} {
			c.say(1200*time.Millisecond, words)
			c.hear(8 * time.Second)
			c.hearOut()
		}
		c.wait(2 * time.Second)
	}
}

// rotated: every session was left before it ended.
func (c *simCall) rotated() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if c.end.By != ByCaller || c.figures.Reconnects != 0 {
		bad("the call ended by %s: %s, after %d reconnects", c.end.By, c.end.Cause, c.figures.Reconnects)
	}
	if n := c.counts.of(Rotated); n < 9 || n != c.figures.Rotations || n != len(c.links)-1 {
		bad("%d rotations, %d counted, over %d connections", n, c.figures.Rotations, len(c.links))
	}
	if c.midword == 0 {
		bad("no connection was replaced while the agent was being heard")
	}
	for _, d := range c.links {
		r := d.Session().Record()
		if r.End != "client: close 1000" || len(r.Responses) == 0 && d != c.links[len(c.links)-1] {
			bad("session %s ended with %q after %v and %d responses", r.ID, r.End, r.Ended.Sub(r.Started), len(r.Responses))
		}
		for _, resp := range r.Responses {
			if resp.Status != "completed" {
				bad("response %s is %s", resp.ID, resp.Status)
			}
		}
	}
	return problems
}

// gapless: all that the sessions said was heard, in order, and no item had a frame of silence in it.
func (c *simCall) gapless() (problems []string) {
	var said []byte
	var ends []int // of the items
	for _, d := range c.links {
		for _, item := range d.Session().Record().Spoken {
			said = append(said, item.Audio...)
			ends = append(ends, len(said))
		}
	}
	if !bytes.Equal(c.line.player.wire, said) {
		return []string{fmt.Sprintf("%d bytes were heard, %d were said, or others", len(c.line.player.wire), len(said))}
	}
	heard := 0
	for frame, n := range c.tape {
		if n == 0 && heard > 0 && !slices.Contains(ends, heard) {
			problems = append(problems, fmt.Sprintf("frame %d is silent, in the middle of an item", frame))
		}
		heard += n
	}
	return problems
}
