package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// printer writes a transcript for people: one line an entry, times in seconds from the start of the call.
//
//	 0.0  agent   Thank you for calling. How can I help you?
//	 6.3  caller  where is my order
//	12.0  tool    order_status {"order":"4271"} …
//	12.1  tool    order_status → {"status":"shipped"}  (ok, 120 ms)
type printer struct {
	w       io.Writer
	started time.Time
	steps   bool // also of what a latency consists
	usage   bool // also what each answer of the model cost
}

func newPrinter(w io.Writer, started time.Time) *printer { return &printer{w: w, started: started} }

func (p *printer) entry(e store.Entry) {
	switch e.Kind {
	case store.KindCall:
		p.line(e.At, "call", join("came in", e.Text))
	case store.KindTurn:
		p.line(e.At, string(e.Role), p.turn(&e))
	case store.KindToolCall:
		p.line(e.At, "tool", fmt.Sprintf("%s %s …", e.Tool, e.Arguments))
	case store.KindToolResult:
		p.line(e.At, "tool", fmt.Sprintf("%s → %s  (%s, %d ms)", e.Tool, e.Result, e.Status, e.DurationMS))
	case store.KindInterrupt:
		p.line(e.At, "caller", fmt.Sprintf("‹interrupts after %.1f s of the answer›", float64(e.CutMS)/1000))
	case store.KindDTMF:
		p.line(e.At, "caller", "‹"+strings.TrimSpace("key "+e.Text)+"›")
	case store.KindEscalation:
		p.line(e.At, "agent", "‹wants a person to look at this call› "+e.Text)
	case store.KindHold:
		p.line(e.At, "caller", inWords(holds, e.Status))
	case store.KindSilence:
		p.line(e.At, "call", inWords(silences, e.Status)+" "+e.Author)
	case store.KindRecording:
		p.line(e.At, "call", "‹recording "+e.Status+"›")
	case store.KindSession:
		p.line(e.At, "model", join(inWords(sessions, e.Status), e.Text))
	case store.KindHandOff:
		p.line(e.At, "agent", "‹"+e.Text+" takes over›")
	case store.KindTransfer:
		p.line(e.At, "call", inWords(transfers, e.Status)+" "+e.Text)
	case store.KindEffect: // tool_call and tool_result say the same, in their places
	case store.KindUsage:
		p.spent(&e)
	case store.KindEnd:
		p.line(e.At, "end", join("by", e.Status)+": "+e.Text)
	default:
		p.line(e.At, e.Kind, join(e.Status, e.Text))
	}
}

// What the states of a call are called.
var (
	holds     = map[string]string{"on": "‹puts the call on hold›", "off": "‹comes back›"}
	transfers = map[string]string{"connected": "‹put through› to", "ended": "‹hung up›:"}
	silences  = map[string]string{"on": "‹model taken off the call› by", "off": "‹model put back› by"}
	sessions  = map[string]string{"lost": "‹connection lost›", "reconnected": "‹connected again›", "rotated": "‹connection replaced before its end›"}
)

// inWords is what a state is called; one that a later version wrote is shown as it is.
func inWords(known map[string]string, state string) string {
	if words, ok := known[state]; ok {
		return words
	}
	return "‹" + state + "›"
}

// spent shows what one answer took, for those who want to know.
func (p *printer) spent(e *store.Entry) {
	if p.usage {
		p.line(e.At, "usage", cmp.Or(e.Text, "tokens")+" "+tokens(int64(e.TokensIn), int64(e.TokensCached), int64(e.TokensOut), e.CostMicros))
	}
}

// tokens words an amount and, where prices are known, what it cost.
func tokens(in, cached, out, micros int64) string {
	text := fmt.Sprintf("in %d", in)
	if cached > 0 {
		text += fmt.Sprintf(" (%d cached)", cached)
	}
	text += fmt.Sprintf(", out %d", out)
	if micros > 0 {
		text += fmt.Sprintf(", cost %.4f", float64(micros)/1e6)
	}
	return text
}

// turn shows what was said, and of an interrupted answer what was not heard.
func (p *printer) turn(e *store.Entry) string {
	text := e.Text
	switch unheard := strings.TrimSpace(strings.TrimPrefix(e.Text, e.Heard)); {
	case e.Status == "interrupted" && e.Heard == "":
		text = "‹not heard: " + unheard + "›"
	case e.Status == "interrupted":
		text = strings.TrimSpace(e.Heard) + " ⌁ ‹not heard: " + unheard + "›"
	case e.Status != "":
		text = join(text, "‹"+e.Status+"›")
	}
	if e.LatencyMS > 0 {
		text += fmt.Sprintf("  (answered after %d ms%s)", e.LatencyMS, p.parts(e))
	}
	return text
}

// parts are the steps of a latency, where they are known.
func (p *printer) parts(e *store.Entry) string {
	if !p.steps || e.DetectMS+e.ThinkMS+e.PlayMS == 0 {
		return ""
	}
	return fmt.Sprintf(": %d to notice, %d to think, %d to play", e.DetectMS, e.ThinkMS, e.PlayMS)
}

func (p *printer) line(at time.Time, who, text string) {
	fmt.Fprintf(p.w, "%7.1f  %-7s %s\n", at.Sub(p.started).Seconds(), export.Plain(who), export.Plain(text))
}

// join puts a blank between what there is of a and b.
func join(a, b string) string {
	return strings.TrimSpace(strings.TrimSpace(a) + " " + strings.TrimSpace(b))
}
