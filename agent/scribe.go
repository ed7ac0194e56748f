package agent

import (
	"slices"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

// lateSound is how long an answer waits for its first sound before the lines behind it are written, if nobody tells that
// it will have none: longer than the scheduler waits for a response.
const lateSound = 30 * time.Second

// lateTranscript is how long a caller's turn waits for its words before the lines behind it are written.
const lateTranscript = 3 * time.Second

// scribe writes the transcript in the order of the conversation. A line takes its place when its item enters the
// conversation and is written when it is whole: the caller's words may come seconds later than the answer to them, and
// what the caller heard of an answer is known only when it was played.
//
//	reserve ──► [user: waits for words][agent: waits to be heard][tool_call: whole] ──► head whole? write
//
// Owned by the conversation loop.
type scribe struct {
	journal Journal
	callID  string
	ids     store.IDs
	words   bool // the session transcribes the caller
	lines   []*line
	written map[string]bool // items that have their line, and ours, which need none

	past      []string // what was written, for a session that takes over
	pastBytes int

	speaking string // item that the caller's last speech will be
	spokeAt  time.Time

	turns int
}

// line is one entry that has a place and is not written yet.
type line struct {
	entry    store.Entry
	itemID   string
	response string // that an answer is part of
	previous string // item before it, as far as the server said so
	whole    bool
	deadline time.Time // written as it is after this; zero: waits
	speaks   bool      // an assistant item with audio: whole when it was played or cut, however long that takes
}

// spoke notes when the caller began to speak what will be the item.
func (s *scribe) spoke(itemID string, now time.Time) { s.speaking, s.spokeAt = itemID, now }

// user takes the place of a caller's turn. It may be told twice of the same item.
func (s *scribe) user(itemID, previous string, now time.Time) {
	if itemID == "" || s.written[itemID] || s.find(itemID) != nil {
		return
	}
	l := &line{itemID: itemID, entry: store.Entry{Kind: store.KindTurn, At: now, Role: store.RoleCaller, ItemID: itemID}}
	if itemID == s.speaking {
		l.entry.At = s.spokeAt
	}
	if s.words {
		l.deadline = now.Add(lateTranscript)
	} else {
		l.whole, l.entry.Status = true, "no transcription"
	}
	s.insert(l, previous)
}

// userWords fills in what the caller said. Words that come after the line was written are a line of their own that
// names the item.
func (s *scribe) userWords(itemID, text, status string, now time.Time) {
	l := s.find(itemID)
	if l == nil {
		l = &line{itemID: itemID, entry: store.Entry{Kind: store.KindTurn, At: now, Role: store.RoleCaller, ItemID: itemID}}
		s.insert(l, "")
	}
	l.entry.Text, l.entry.Status, l.whole = text, status, true
}

// agent takes the place of an assistant message.
func (s *scribe) agent(itemID, responseID string, now time.Time) *line {
	if l := s.find(itemID); l != nil {
		return l
	}
	l := &line{itemID: itemID, response: responseID, deadline: now.Add(lateSound),
		entry: store.Entry{Kind: store.KindTurn, At: now, Role: store.RoleAgent, ItemID: itemID}}
	s.insert(l, "")
	return l
}

// responseOver closes the lines of a response that has brought them no audio: there is nothing to wait for.
func (s *scribe) responseOver(resp *realtime.Response, wanted bool) {
	status := "interrupted" // before its first sound
	if resp.Status == "completed" && wanted {
		status = ""
	}
	s.closeSilent(status, func(l *line) bool {
		return l.response == resp.ID || slices.ContainsFunc(resp.Output, func(i realtime.Item) bool { return i.ID == l.itemID })
	})
}

// linkOver closes the lines that will get no audio any more because their connection is gone.
func (s *scribe) linkOver() {
	s.closeSilent("interrupted", func(*line) bool { return true })
}

// closeSilent closes those agent lines without audio. One without words either was never said, and is none.
func (s *scribe) closeSilent(status string, which func(*line) bool) {
	s.lines = slices.DeleteFunc(s.lines, func(l *line) bool {
		if l.whole || l.speaks || l.entry.Role != store.RoleAgent || !which(l) {
			return false
		}
		l.whole, l.entry.Status = true, status
		return l.entry.Text == ""
	})
}

// heard closes an assistant line: it was said when its first frame left, and what of its audio was sent is what the
// caller heard.
func (s *scribe) heard(p *spoken, cut bool) {
	l := s.find(p.itemID)
	if l == nil {
		return
	}
	l.whole = true
	l.entry.Heard = l.entry.Text
	if p.received == 0 && !cut { // what came was no audio
		l.entry.Heard, l.entry.Status = "", "not played"
	}
	if !p.first.IsZero() {
		l.entry.At = p.first
	}
	if cut {
		l.entry.Status, l.entry.CutMS = "interrupted", p.heardMS()
		l.entry.Heard = portion(l.entry.Text, p.heardMS(), msOf(p.voiced))
	}
}

// noise closes the line of a sound that was no speech, and reports whether there is such a line or was one.
func (s *scribe) noise(itemID string) bool {
	if l := s.find(itemID); l != nil {
		l.whole, l.entry.Text, l.entry.Status = true, "", "noise"
		return true
	}
	return s.written[itemID]
}

// own notes an item that we made ourselves: it is no turn of anybody.
func (s *scribe) own(itemID string) { s.written[itemID] = true }

// add appends a line that is whole.
func (s *scribe) add(e store.Entry, now time.Time) {
	if e.At.IsZero() {
		e.At = now
	}
	s.lines = append(s.lines, &line{entry: e, whole: true})
}

// follows notes which item an answer follows: the caller's may be told of later.
func (s *scribe) follows(itemID, previous string) {
	if l := s.find(itemID); l != nil {
		l.previous = previous
	}
}

// insert gives a line its place: before the answer that follows it, behind the item that it follows, or at the end.
func (s *scribe) insert(l *line, previous string) {
	at := len(s.lines)
	for i, have := range s.lines {
		if previous != "" && have.itemID == previous {
			at = i + 1
		}
		if l.itemID != "" && have.previous == l.itemID {
			at = i
			break
		}
	}
	s.lines = append(s.lines, nil)
	copy(s.lines[at+1:], s.lines[at:])
	s.lines[at] = l
}

func (s *scribe) find(itemID string) *line {
	for i := len(s.lines) - 1; i >= 0; i-- {
		if s.lines[i].itemID == itemID && itemID != "" {
			return s.lines[i]
		}
	}
	return nil
}

// waiting reports whether the caller's words are still expected for some turn.
func (s *scribe) waiting() bool {
	for _, l := range s.lines {
		if !l.whole && l.entry.Role == store.RoleCaller {
			return true
		}
	}
	return false
}

// write sends the whole lines at the head to the journal, and those whose time is up.
func (s *scribe) write(now time.Time) {
	s.closeSilent("interrupted", func(l *line) bool { return !now.Before(l.deadline) })
	n := 0
	for n < len(s.lines) {
		l := s.lines[n]
		if !l.whole {
			if l.speaks || now.Before(l.deadline) {
				break
			}
			l.entry.Status = "transcript missing"
		}
		n++
	}
	s.writeFirst(n, now)
}

// close writes everything, whole or not.
func (s *scribe) close(now time.Time) {
	s.linkOver()
	for _, l := range s.lines {
		switch {
		case l.whole:
		case l.entry.Role == store.RoleCaller:
			l.entry.Status = "transcript missing"
		default:
			l.entry.Status = "interrupted"
		}
	}
	s.writeFirst(len(s.lines), now)
}

func (s *scribe) writeFirst(n int, now time.Time) {
	if n == 0 {
		return
	}
	entries := make([]store.Entry, 0, n)
	for _, l := range s.lines[:n] {
		l.entry.ID = s.ids.Next(now)
		if l.entry.Kind == store.KindTurn {
			s.turns++
		}
		if l.itemID != "" {
			s.written[l.itemID] = true
		}
		s.remember(&l.entry)
		entries = append(entries, l.entry)
	}
	s.lines = append(s.lines[:0], s.lines[n:]...)
	s.journal.Append(s.callID, entries...)
}

// deadline is when write must be called at the latest.
func (s *scribe) deadline() time.Time {
	if len(s.lines) == 0 || s.lines[0].whole || s.lines[0].speaks {
		return time.Time{}
	}
	return s.lines[0].deadline
}

// portion estimates the words heard from the share of the audio that was heard, cut back to a whole word.
func portion(text string, heardMS, totalMS int) string {
	if totalMS <= 0 || heardMS <= 0 {
		return ""
	}
	if heardMS >= totalMS {
		return text
	}
	runes := []rune(text)
	n := len(runes) * heardMS / totalMS
	for n > 0 && runes[n] != ' ' {
		n--
	}
	return string(runes[:n])
}
