package export

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/trunkline/trunkline/store"
)

const statusInterrupted = "interrupted" // of an agent's line that the caller spoke over

// txt writes for people: the head of the call, then a line each, with the time since the call began.
//
//	0:06.3  Caller      where is my order
//	0:10.4  Agent       It has shipped and ⌁ [not heard: comes on Thursday.]
type txt struct {
	w       io.Writer
	started time.Time
	calls   int
}

func newTXT(w io.Writer) Writer { return &txt{w: w} }

func (t *txt) Begin(c *store.Call) error {
	var b strings.Builder
	if t.calls++; t.calls > 1 {
		b.WriteString("\n")
	}
	t.started = c.Started
	for _, row := range head(c) {
		if row[1] != "" {
			fmt.Fprintf(&b, "%-10s%s\n", row[0], Plain(row[1]))
		}
	}
	b.WriteString("\n")
	_, err := io.WriteString(t.w, b.String())
	return err
}

// head is what is known of the call, in the order of reading.
func head(c *store.Call) [][2]string {
	end := "still running"
	if !c.Live() {
		end = fmt.Sprintf("%s, %s after the answer, by %s: %s", clock(c.Ended), c.Duration().Round(time.Second), c.EndedBy, c.Cause)
	}
	return [][2]string{{"Call", c.ID}, {"Started", clock(c.Started)}, {"Answered", clock(c.Answered)}, {"Ended", end},
		{"Caller", c.Caller}, {"Dialled", c.Dialled}, {"Forwarded", c.Forwarded}, {"Agent", c.Agent}, {"Model", c.Model},
		{"Tags", string(c.Tags)}}
}

func clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

func (t *txt) Entry(e *store.Entry) error {
	who, what := spoken(e)
	if what == "" {
		return nil
	}
	_, err := fmt.Fprintf(t.w, "%8s  %-10s  %s\n", since(e.At.Sub(t.started)), Plain(who), Plain(what))
	return err
}

func (t *txt) End() error { return nil }

// since is a time since the start of the call, as 1:02:03.4.
func since(d time.Duration) string {
	tenths := max(0, d).Milliseconds() / 100
	s, m, h := tenths/10%60, tenths/600%60, tenths/36000
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%d", h, m, s, tenths%10)
	}
	return fmt.Sprintf("%d:%02d.%d", m, s, tenths%10)
}

// spoken says whose line it is and what it says; "" is for programs only.
func spoken(e *store.Entry) (who, what string) {
	switch e.Kind {
	case store.KindTurn:
		return voice(e.Role), turn(e)
	case store.KindCall:
		return "Call", joined("came in", e.Text)
	case store.KindToolCall:
		return "Tool", fmt.Sprintf("%s %s …", e.Tool, e.Arguments)
	case store.KindToolResult:
		return "Tool", fmt.Sprintf("%s → %s (%s, %d ms)", e.Tool, e.Result, e.Status, e.DurationMS)
	case store.KindInterrupt:
		return "Caller", fmt.Sprintf("[interrupts after %.1f s of the answer]", float64(e.CutMS)/1000)
	case store.KindDTMF:
		return "Caller", "[key " + e.Text + "]"
	case store.KindNote:
		return voice(e.Role), joined(note(e), e.Text)
	case store.KindEscalation:
		return "Agent", joined("[wants a person to look at this call]", e.Text)
	case store.KindHold:
		return "Caller", "[hold " + e.Status + "]"
	case store.KindSilence:
		if e.Status == "on" {
			return voice(e.Role), joined("[takes the model off the call]", e.Author)
		}
		return voice(e.Role), joined("[puts the model back]", e.Author)
	case store.KindRecording:
		return "System", "[recording " + e.Status + "]"
	case store.KindHandOff:
		return "Agent", "[" + e.Text + " takes over]"
	case store.KindTransfer:
		return "Call", joined("[transfer "+e.Status+"]", e.Text)
	case store.KindEnd:
		return "End", fmt.Sprintf("by %s: %s", e.Status, e.Text)
	case store.KindUsage, store.KindEffect: // the figures of the record and the tool lines say the same
		return "", ""
	}
	return "System", joined(strings.TrimSpace(e.Kind+" "+e.Status), e.Text)
}

// turn is what was said, and of an interrupted answer what was not heard.
func turn(e *store.Entry) string {
	if e.Status != statusInterrupted {
		if e.Status != "" {
			return joined(e.Text, "["+e.Status+"]")
		}
		return e.Text
	}
	unheard := strings.TrimSpace(strings.TrimPrefix(e.Text, e.Heard))
	switch {
	case unheard == "":
		return strings.TrimSpace(e.Heard) + " ⌁"
	case e.Heard == "":
		return "[not heard: " + unheard + "]"
	}
	return strings.TrimSpace(e.Heard) + " ⌁ [not heard: " + unheard + "]"
}

// note says who remarked something, and whether the agent was told.
func note(e *store.Entry) string {
	words := "[note"
	if e.Status != "" {
		words += " " + e.Status
	}
	if e.Author != "" {
		words += " by " + e.Author
	}
	return words + "]"
}

func joined(a, b string) string {
	return strings.TrimSpace(strings.TrimSpace(a) + " " + strings.TrimSpace(b))
}

// Plain keeps a line one line, and strangers from writing to the terminal that shows it: callers, models and web services
// choose these texts, and a terminal obeys control characters in them.
func Plain(text string) string {
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
