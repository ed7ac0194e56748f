package store

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ID is the place of an entry in its call. Written "1732521600123-0" it is at once a Redis stream id and an SSE event
// id, so that a browser which lost its connection resumes exactly where it was.
type ID struct {
	MS  uint64 // unix time in milliseconds by the clock of the call's writer, at most math.MaxInt64
	Seq uint64 // counts within the millisecond
}

// ParseID reads the canonical form of an id. Every other spelling of the same number ("01-0", "5") is refused with
// [ErrInvalid], so that ids may be compared as strings for equality. "0-0" is refused too: Redis cannot store it.
func ParseID(s string) (ID, error) {
	ms, seq, ok := strings.Cut(s, "-")
	if !ok {
		return ID{}, invalid("entry id %q is not MILLISECONDS-SEQUENCE", clip(s))
	}
	var id ID
	var errMS, errSeq error
	id.MS, errMS = strconv.ParseUint(ms, 10, 64)
	id.Seq, errSeq = strconv.ParseUint(seq, 10, 64)
	if errMS != nil || errSeq != nil || id.MS > math.MaxInt64 || id == (ID{}) || id.String() != s {
		return ID{}, invalid("entry id %q is not MILLISECONDS-SEQUENCE", clip(s))
	}
	return id, nil
}

// ParseAfter reads the position after which a reader wants to go on: an id, or "" for the beginning.
func ParseAfter(s string) (ID, error) {
	if s == "" {
		return ID{}, nil
	}
	return ParseID(s)
}

// String is the canonical form.
func (id ID) String() string {
	var b [41]byte
	out := strconv.AppendUint(b[:0], id.MS, 10)
	out = append(out, '-')
	return string(strconv.AppendUint(out, id.Seq, 10))
}

// Compare orders ids: negative when id comes before other.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.MS, other.MS), cmp.Compare(id.Seq, other.Seq))
}

// Time is the clock reading the id was made from, in UTC.
func (id ID) Time() time.Time { return time.UnixMilli(int64(id.MS)).UTC() }

// next is the smallest id after id.
func (id ID) next() ID {
	if id.Seq == math.MaxUint64 {
		return ID{MS: id.MS + 1}
	}
	return ID{MS: id.MS, Seq: id.Seq + 1}
}

// IDs makes the entry ids of one call. They strictly increase, also when the clock stands still or steps back. The zero
// value is ready. Not safe for use by several goroutines at once.
type IDs struct {
	last ID
}

// Next makes an id for an entry of the time now.
func (g *IDs) Next(now time.Time) string {
	id := g.last.next()
	if ms := now.UnixMilli(); ms > 0 && uint64(ms) > g.last.MS {
		id = ID{MS: uint64(ms)}
	}
	g.last = id
	return id.String()
}

// Keep accepts an id made elsewhere when it comes after all ids so far. Otherwise, also for an id that cannot be read,
// it makes a new one, so that two makers of one call cannot lay one line over another.
func (g *IDs) Keep(id string, now time.Time) string {
	have, err := ParseID(id)
	if err != nil || have.Compare(g.last) <= 0 {
		return g.Next(now)
	}
	g.last = have
	return id
}

// clip shortens outside text for an error message.
func clip(s string) string {
	const most = 48
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
