package store

import "errors"

var (
	// ErrNotFound: there is no such call, or no longer.
	ErrNotFound = errors.New("no such call")
	// ErrEnded is what Follow returns when the call is over and every entry was read.
	ErrEnded = errors.New("the call has ended")
	// ErrInvalid: the record or the question is malformed; no backend will ever take it.
	ErrInvalid = errors.New("invalid")
	// ErrConflict: another entry with this id is there already. See [Conflict].
	ErrConflict = errors.New("another entry has this id")
	// ErrDenied: the backend is there and refuses the user name, the password or the right to do this.
	ErrDenied = errors.New("access denied by the store")
	// ErrClosed: the store was closed by this process.
	ErrClosed = errors.New("the store is closed")
)

// Conflict says which entries were not written because others have their ids. The rest of the batch was written.
type Conflict struct {
	IDs []string
}

func (c *Conflict) Error() string { return ErrConflict.Error() + ": " + clip(c.IDs[0]) }

// Is makes errors.Is(err, ErrConflict) true.
func (c *Conflict) Is(target error) bool { return target == ErrConflict }

// Permanent reports whether repeating the write that gave err is useless: its verdict is about the record, not about
// the state of the backend.
func Permanent(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrConflict)
}
