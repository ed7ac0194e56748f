package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/trunkline/trunkline/store"
)

// Format is a way to write transcripts down.
type Format struct {
	Name        string // also the extension of files
	ContentType string
	Single      bool // a file holds one call only
	open        func(io.Writer) Writer
}

// Formats are all there are, the lossless one first.
var Formats = []Format{
	{"jsonl", "application/x-ndjson", false, newJSONL},
	{"txt", "text/plain; charset=utf-8", false, newTXT},
	{"csv", "text/csv; charset=utf-8", false, newCSV},
	{"vtt", "text/vtt; charset=utf-8", true, newVTT},
}

// Find returns the format of a name. The error says which there are.
func Find(name string) (Format, error) {
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, fmt.Errorf("there is no export format %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return Formats[i], nil
}

// Names lists the formats.
func Names() []string {
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return names
}

// Open begins a file of the format. Nothing is buffered beyond the current line or cue.
func (f Format) Open(w io.Writer) Writer { return f.open(w) }

// Writer writes calls one after the other: Begin, each Entry in order, End. After an error it is of no more use.
type Writer interface {
	Begin(c *store.Call) error
	Entry(e *store.Entry) error
	End() error
}

// Source is where transcripts come from. A [store.Reader] is one.
type Source interface {
	Call(ctx context.Context, id string) (store.Call, error)
	Entries(ctx context.Context, id, after string, limit int) ([]store.Entry, error)
}

// page is how many lines are read at once.
const page = 500

// Copy writes one call with its lines. Of a running call it writes what there is so far. Errors: [store.ErrNotFound],
// those of the source and those of what w writes to.
func Copy(ctx context.Context, w Writer, from Source, id string) error {
	c, err := from.Call(ctx, id)
	if err != nil {
		return err
	}
	return CopyCall(ctx, w, from, &c)
}

// CopyCall is [Copy] for a record that was read already.
func CopyCall(ctx context.Context, w Writer, from Source, c *store.Call) error {
	if err := w.Begin(c); err != nil {
		return err
	}
	for after := ""; ; {
		entries, err := from.Entries(ctx, c.ID, after, page)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := w.Entry(&entries[i]); err != nil {
				return err
			}
		}
		if len(entries) < page {
			return w.End()
		}
		after = entries[len(entries)-1].ID
	}
}
