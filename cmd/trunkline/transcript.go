package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/trunkline/trunkline/store"
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
}

func newPrinter(w io.Writer, started time.Time) *printer { return &printer{w: w, started: started} }

func (p *printer) entry(e store.Entry) {
	switch e.Kind {
	case store.KindCall:
		p.line(e.At, "call", join("came in", e.Text))
	case store.KindTurn:
		p.line(e.At, string(e.Role), turn(&e))
	case store.KindToolCall:
		p.line(e.At, "tool", fmt.Sprintf("%s %s …", e.Tool, e.Arguments))
	case store.KindToolResult:
		p.line(e.At, "tool", fmt.Sprintf("%s → %s  (%s, %d ms)", e.Tool, e.Result, e.Status, e.DurationMS))
	case store.KindInterrupt:
		p.line(e.At, "caller", fmt.Sprintf("‹interrupts after %.1f s of the answer›", float64(e.CutMS)/1000))
	case store.KindDTMF:
		p.line(e.At, "caller", "‹key "+e.Text+"›")
	case store.KindEnd:
		p.line(e.At, "end", join("by", e.Status)+": "+e.Text)
	default:
		p.line(e.At, e.Kind, join(e.Status, e.Text))
	}
}

// turn shows what was said, and of an interrupted answer what was not heard.
func turn(e *store.Entry) string {
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
		text += fmt.Sprintf("  (answered after %d ms)", e.LatencyMS)
	}
	return text
}

func (p *printer) line(at time.Time, who, text string) {
	fmt.Fprintf(p.w, "%7.1f  %-7s %s\n", at.Sub(p.started).Seconds(), plain(who), plain(text))
}

// join puts a blank between what there is of a and b.
func join(a, b string) string {
	return strings.TrimSpace(strings.TrimSpace(a) + " " + strings.TrimSpace(b))
}

// plain keeps strangers from writing to the terminal: callers, models and web services choose these texts, and a
// terminal obeys control characters in them. It also keeps a line one line.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
