package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
)

// stamp is RFC 3339 to the millisecond, in UTC.
const stamp = "2006-01-02T15:04:05.000Z"

var columns = []string{"call", "started", "agent", "caller", "dialled", "entry", "at", "seconds", "kind", "role", "author",
	"text", "heard", "cut_ms", "tool", "arguments", "result", "status", "duration_ms", "latency_ms", "tokens_in", "tokens_out", "cost_micros"}

// table writes CSV as RFC 4180 has it: one row a line of a transcript, the call's own columns repeated in each. A call
// without lines has no row.
type table struct {
	w       *csv.Writer
	headed  bool
	call    []string
	started time.Time
}

func newCSV(w io.Writer) Writer {
	t := &table{w: csv.NewWriter(w)}
	t.w.UseCRLF = true
	return t
}

func (t *table) Begin(c *store.Call) error {
	t.started = c.Started
	t.call = []string{cell(c.ID), c.Started.UTC().Format(stamp), cell(c.Agent), cell(c.Caller), cell(c.Dialled)}
	if t.headed {
		return nil
	}
	t.headed = true
	return t.w.Write(columns)
}

func (t *table) Entry(e *store.Entry) error {
	row := append(make([]string, 0, len(columns)), t.call...)
	return t.w.Write(append(row, e.ID, e.At.UTC().Format(stamp), seconds(e.At.Sub(t.started)), cell(e.Kind), cell(string(e.Role)), cell(e.Author),
		cell(e.Text), cell(e.Heard), count(e.CutMS), cell(e.Tool), cell(e.Arguments), cell(e.Result), cell(e.Status),
		count(e.DurationMS), count(e.LatencyMS), count(e.TokensIn), count(e.TokensOut), count(e.CostMicros)))
}

func (t *table) End() error {
	t.w.Flush()
	return t.w.Error()
}

// cell is text that no spreadsheet takes for a formula, however a caller chose their name or a model its words: an
// apostrophe goes before what begins one, also behind blanks, which spreadsheets pass over.
func cell(text string) string {
	first := strings.TrimLeft(text, " \u00a0\ufeff")
	for _, sign := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(first, sign) {
			return "'" + text
		}
	}
	return text
}

func count[N int | int64](n N) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
