package agent

import "time"

// wish is a reason to let the model speak. At most one of a kind is ever waiting.
type wish struct {
	kind         wishKind
	instructions string // replaces the session's for this response; "" keeps them
	end          *End   // the call ends so when the response has been said, unless the caller acts before
	tries        int    // responses that brought nothing
}

type wishKind uint8

// Kinds of wishes. One reply serves all who wait for one: the model sees the caller's words, the results of tools and the
// notes alike when it speaks.
const (
	wishReply    wishKind = iota // to whatever is new in the conversation
	wishGreeting                 // the first words of a call
	wishLine                     // a few words while a tool runs
	wishNotice                   // something of ours that has to be said
	wishAsk                      // is a silent caller still there?
	wishGoodbye                  // the last words to a silent caller
)

// must reports that the wish is not satisfied by an answer that the caller did not hear.
func (k wishKind) must() bool { return k == wishNotice }

// ask is one response.create.
type ask struct {
	wish
	eventID  string
	deadline time.Time
	stale    bool // the caller has spoken since: the answer is not wanted any more
}

// want notes a reason to speak; a second wish of the same kind is the same wish.
func (r *responses) want(w wish) {
	for i := range r.wishes {
		if r.wishes[i].kind == w.kind {
			if r.wishes[i].instructions == "" {
				r.wishes[i] = w
			}
			return
		}
	}
	r.wishes = append(r.wishes, w)
}

// wantFirst notes a wish that was sent already, and comes before all others therefore.
func (r *responses) wantFirst(w wish) {
	r.drop(w.kind)
	r.wishes = append([]wish{w}, r.wishes...)
}

// drop forgets a wish.
func (r *responses) drop(kind wishKind) {
	for i, w := range r.wishes {
		if w.kind == kind {
			r.wishes = append(r.wishes[:i], r.wishes[i+1:]...)
			return
		}
	}
}

// dropIdle forgets what only a silent caller should hear.
func (r *responses) dropIdle() {
	r.drop(wishAsk)
	r.drop(wishGoodbye)
}
