package export

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// CallOf, EntryOf and their plurals make records fit for JSON, everywhere: in exports, in the API and on the command line.
// Times are RFC 3339 in UTC, to the millisecond; what is not known is left out.

// CallOf is the record as JSON takes it.
func CallOf(c *store.Call) store.Call {
	out := *c
	for _, at := range []*time.Time{&out.Started, &out.Answered, &out.Ended, &out.Expires} {
		*at = datable(*at)
	}
	return out
}

// EntryOf is the line as JSON takes it.
func EntryOf(e *store.Entry) store.Entry {
	out := *e
	out.At = datable(out.At)
	return out
}

// EntriesOf are the lines as JSON takes them; never nil.
func EntriesOf(entries []store.Entry) []store.Entry {
	out := make([]store.Entry, len(entries))
	for i := range entries {
		out[i] = EntryOf(&entries[i])
	}
	return out
}

// CallsOf are the records as JSON takes them; never nil.
func CallsOf(calls []store.Call) []store.Call {
	out := make([]store.Call, len(calls))
	for i := range calls {
		out[i] = CallOf(&calls[i])
	}
	return out
}

// datable drops a time that RFC 3339 has no form for, so that one broken record does not make its list unreadable.
func datable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
