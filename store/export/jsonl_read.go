package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/trunkline/trunkline/store"
)

// maxLine is the longest line of a file: an entry whose every byte is written as \u00xx, and its names.
const maxLine = 6*store.MaxEntryBytes + 64<<10

// Errors of [Reader], each with the number of the line.
var (
	// ErrCutOff: the file ends within a call, or a call has fewer lines than its end says.
	ErrCutOff = errors.New("the export is not whole: make it again")
	// ErrFormat: the file is no export, or was changed by hand.
	ErrFormat = errors.New("not an export of transcripts in the format jsonl")
)

// Record is one thing in a JSONL file: exactly one member is set.
type Record struct {
	Call  *store.Call
	Entry *store.Entry // of the last Call before
}

// Reader reads what the format jsonl wrote. Members that it does not know are passed over, so that an older program can
// read what a newer one wrote.
type Reader struct {
	lines   *bufio.Scanner
	number  int
	call    string // that the lines belong to; "": none is open
	entries int
	last    store.ID
}

// NewReader begins to read a file.
func NewReader(r io.Reader) *Reader {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	return &Reader{lines: lines}
}

// Next returns the next call or line. io.EOF is the end of a whole file. Each record is one that a store takes, as it
// would keep it.
func (r *Reader) Next() (Record, error) {
	for r.lines.Scan() {
		r.number++
		rec, err := r.read(r.lines.Bytes())
		if err != nil {
			return Record{}, fmt.Errorf("line %d: %w", r.number, err)
		}
		if rec != (Record{}) {
			return rec, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		return Record{}, fmt.Errorf("line %d: %w", r.number+1, err)
	}
	if r.call != "" {
		return Record{}, fmt.Errorf("line %d: %w", r.number, ErrCutOff)
	}
	return Record{}, io.EOF
}

// read takes one line; it returns nothing for the end of a call.
func (r *Reader) read(line []byte) (Record, error) {
	var head struct{ Record string }
	if err := json.Unmarshal(line, &head); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	switch head.Record {
	case recordCall:
		return r.begin(line)
	case recordEntry:
		return r.entry(line)
	case recordEnd:
		return Record{}, r.end(line)
	}
	return Record{}, fmt.Errorf("%w: a record %.20q", ErrFormat, head.Record)
}

func (r *Reader) begin(line []byte) (Record, error) {
	var in callLine
	if err := r.parse(line, &in); err != nil {
		return Record{}, err
	}
	if r.call != "" {
		return Record{}, ErrCutOff
	}
	c := CallOf(&in.Call)
	c = store.DecodeCall(c.Fields()) // as a store keeps it
	if err := c.Validate(); err != nil {
		return Record{}, err
	}
	r.call, r.entries, r.last = c.ID, 0, store.ID{}
	return Record{Call: &c}, nil
}

func (r *Reader) entry(line []byte) (Record, error) {
	var in entryLine
	if err := r.parse(line, &in); err != nil {
		return Record{}, err
	}
	e := EntryOf(&in.Entry)
	e = store.DecodeEntry(e.ID, e.Fields()) // as a store keeps it
	if err := e.Validate(); err != nil {
		return Record{}, err
	}
	id, _ := store.ParseID(e.ID) // Validate did
	if in.Call != r.call || id.Compare(r.last) <= 0 {
		return Record{}, fmt.Errorf("%w: an entry out of its place", ErrFormat)
	}
	r.last = id
	r.entries++
	return Record{Entry: &e}, nil
}

func (r *Reader) end(line []byte) error {
	var in endLine
	if err := r.parse(line, &in); err != nil {
		return err
	}
	if in.Call != r.call || r.call == "" {
		return fmt.Errorf("%w: the end of another call", ErrFormat)
	}
	if in.Entries != r.entries {
		return ErrCutOff
	}
	r.call = ""
	return nil
}

func (r *Reader) parse(line []byte, into any) error {
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}
