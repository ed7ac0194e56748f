package store

import (
	"context"
	"errors"
	"time"
)

// What supervisors do beside reading. Each interface is a part of [Store].

// Labeller sorts calls under tags.
type Labeller interface {
	// Label adds tags to a call, which may be over, and removes others. It may be repeated. Errors: [ErrNotFound],
	// [ErrInvalid] for what is no [ValidTag] or for more than [MaxTags] on the call.
	Label(ctx context.Context, callID string, add, remove []string) error
}

// MaxTags is how many tags a call may have.
const MaxTags = 32

// News is one thing that happened to a call, for walls that show many.
type News struct {
	ID   string // its place: the after of the next [Feeder].Feed
	What string // one of the News constants
	Call string // id of the call
}

// What news are about. Names and words are not in them: whoever may read the call looks them up.
const (
	NewsStarted = "started" // the call began
	NewsLines   = "lines"   // it has new lines
	NewsEnded   = "ended"   // it is over
	NewsChanged = "changed" // its record was changed: tags, an end that was taken back
	NewsDeleted = "deleted" // it was deleted
)

// Feeder tells what happens to all calls.
type Feeder interface {
	// Feed returns the news after the given place, and waits for them when there are none; "" is now: it then waits for
	// what happens next. Only the latest 10,000 or so are kept: who asks for older ones gets what is left, so that a wall
	// reads the list of running calls first. A cancelled context is honoured within two seconds.
	Feed(ctx context.Context, after string) ([]News, error)
}

// Event is something that other systems are told of.
type Event struct {
	ID       string // unique and the same at every attempt
	Type     string // one of the Event constants
	Call     string // id of the call
	Entry    string // id of the line that says more; "": none
	At       time.Time
	Attempts int    // how often it was taken before, this time included
	Fault    string // of a buried event: why
}

// Types of events.
const (
	EventStarted    = "call.started"
	EventEnded      = "call.ended"
	EventEscalated  = "call.escalated" // a line of kind [KindEscalation]
	EventToolFailed = "tool.failed"    // a line of kind [KindToolResult] whose status says that it failed
)

// Outbox hands events to groups of consumers, at least once each and in order as far as nothing fails. Every group has
// all events that happen after its first Take. The latest 100,000 or so wait for it. An event may come twice, then with
// the same ID, and may tell of a call that is gone meanwhile.
type Outbox interface {
	// Take hands out up to n events: those that were given back by nobody for longer than idle first, then new ones.
	// It waits for some, at most about two seconds, and returns none without an error then. The first Take of a group
	// founds it and returns none. Groups and consumers are named like tags, see [ValidTag].
	Take(ctx context.Context, group, consumer string, n int, idle time.Duration) ([]Event, error)
	// Done says that events are dealt with. It may be repeated.
	Done(ctx context.Context, group string, ids ...string) error
	// Bury puts an event that cannot be delivered aside, with the reason, and is Done with it. The last 10,000 stay.
	Bury(ctx context.Context, group string, e Event, fault string) error
	// Buried lists what was buried, the latest last, at most n.
	Buried(ctx context.Context, group string, n int) ([]Event, error)
}

// Audit is one entry of the list of who did what. It holds no words of a call and no telephone number.
type Audit struct {
	ID     string // given by the store
	At     time.Time
	Who    string // as the sign-in knows them; "": nobody had to sign in
	From   string // address of the client
	Action string // read, follow, listen, export, search, delete, note, tag, tell, hang_up, transfer, sign_in, …
	Call   string // id of the call; "": it is about none
	Agent  string // of the call
	Detail string // such as the format of an export
}

// Auditor keeps the list of who did what.
type Auditor interface {
	// Record adds an entry. A zero At becomes now.
	Record(ctx context.Context, a Audit) error
	// Audits lists entries, newest first, after the id of the last one of the page before (""): from the newest. call
	// restricts it to one call. The list is kept for [AuditKept], longer than the calls.
	Audits(ctx context.Context, call, before string, n int) ([]Audit, error)
}

// AuditKept is how long entries of the audit list stay.
const AuditKept = 365 * 24 * time.Hour

// DeleteCaller deletes every call of a caller, in any spelling of the number, and returns how many there were: what a
// person may ask for whose words were kept. It may be repeated after an error.
func DeleteCaller(ctx context.Context, s interface {
	Reader
	Delete(ctx context.Context, id string) error
}, caller string) (n int, err error) {
	if normalCaller(caller) == "" {
		return 0, invalid("delete the calls of a caller without a number")
	}
	q := Query{Caller: caller, Limit: MaxPage}
	for {
		page, err := s.List(ctx, q)
		if err != nil {
			return n, err
		}
		for _, c := range page.Calls {
			if err := s.Delete(ctx, c.ID); err != nil && !errors.Is(err, ErrNotFound) {
				return n, err
			}
			n++
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return n, nil
		}
	}
}
