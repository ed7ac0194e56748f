package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
)

// printer writes a transcript for people: one line an entry, times from the start of the call.
//
//	 0.0  agent   Thank you for calling. How can I help you?
//	 6.3  caller  where is my order
//	12.0  tool    order_status {"order":"4271"} → {"status":"shipped"}  ok, 120 ms
type printer struct {
	w       io.Writer
	started time.Time
	calls   map[string]store.Entry // tool calls without a result, by call_id
}

func newPrinter(w io.Writer, started time.Time) *printer {
	return &printer{w: w, started: started, calls: map[string]store.Entry{}}
}

func (p *printer) entry(e store.Entry) {
	switch e.Kind {
	case store.KindTurn:
		p.line(e.At, string(e.Role), p.turn(&e))
	case store.KindToolCall:
		p.calls[e.CallID] = e
		p.line(e.At, "tool", fmt.Sprintf("%s %s …", e.Tool, e.Arguments))
	case store.KindToolResult:
		p.line(e.At, "tool", fmt.Sprintf("%s → %s  (%s, %d ms)", e.Tool, e.Result, e.Status, e.DurationMS))
	case store.KindInterrupt:
		p.line(e.At, "caller", fmt.Sprintf("‹interrupts after %.1f s of the answer›", float64(e.CutMS)/1000))
	case store.KindDTMF:
		p.line(e.At, "caller", "‹key "+e.Text+"›")
	case store.KindEnd:
		p.line(e.At, "end", strings.TrimSpace(e.Text+" "+e.Status))
	default:
		p.line(e.At, e.Kind, strings.TrimSpace(strings.Join([]string{e.Status, e.Text}, " ")))
	}
}

// turn shows what was said, and of an interrupted answer what was not heard.
func (p *printer) turn(e *store.Entry) string {
	text := e.Text
	if e.Status == "interrupted" {
		unheard := strings.TrimSpace(strings.TrimPrefix(e.Text, e.Heard))
		text = strings.TrimSpace(e.Heard) + " ⌁ " + fmt.Sprintf("‹not heard: %s›", unheard)
	} else if e.Status != "" {
		text = strings.TrimSpace(text + " ‹" + e.Status + "›")
	}
	if e.LatencyMS > 0 {
		text += fmt.Sprintf("  (answered after %d ms)", e.LatencyMS)
	}
	return text
}

func (p *printer) line(at time.Time, who, text string) {
	fmt.Fprintf(p.w, "%7.1f  %-7s %s\n", at.Sub(p.started).Seconds(), who, text)
}
