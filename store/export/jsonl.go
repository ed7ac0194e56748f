package export

import (
	"encoding/json"
	"io"

	"github.com/trunkline/trunkline/store"
)

// What the lines of a JSONL file are. A call is one line "call", then each of its lines "entry", then "end", which says
// how many there were: a file that was cut off is not taken for a whole one. Files may be put behind each other.
const (
	recordCall  = "call"
	recordEntry = "entry"
	recordEnd   = "end"
)

type callLine struct {
	Record string `json:"record"`
	store.Call
}

type entryLine struct {
	Record string `json:"record"`
	Call   string `json:"call"`
	store.Entry
}

type endLine struct {
	Record  string `json:"record"`
	Call    string `json:"call"`
	Entries int    `json:"entries"`
}

// jsonl writes everything there is.
type jsonl struct {
	enc     *json.Encoder
	call    string
	entries int
}

func newJSONL(w io.Writer) Writer {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // arguments and results are JSON already and are read by people too
	return &jsonl{enc: enc}
}

func (j *jsonl) Begin(c *store.Call) error {
	j.call, j.entries = c.ID, 0
	return j.enc.Encode(callLine{recordCall, CallOf(c)})
}

func (j *jsonl) Entry(e *store.Entry) error {
	j.entries++
	return j.enc.Encode(entryLine{recordEntry, j.call, EntryOf(e)})
}

func (j *jsonl) End() error { return j.enc.Encode(endLine{recordEnd, j.call, j.entries}) }
