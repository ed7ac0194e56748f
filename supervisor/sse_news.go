package supervisor

import (
	"context"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// Bounds of what a wall is told.
const (
	wallLines = 5      // of one call at once: the latest
	wallText  = 280    // bytes of a line
	seenCalls = 20_000 // that are remembered
)

// wallNews is what a wall is told of a call: its record as it is now, and its last lines, shortened and without what
// tools were given and gave.
type wallNews struct {
	What  string        `json:"what"` // started, lines, ended, changed or deleted
	ID    string        `json:"id"`
	Call  *store.Call   `json:"call,omitempty"` // not of one that was deleted
	Lines []store.Entry `json:"lines,omitempty"`
}

// seen resolves news. Owned by the hub's run.
type seen struct {
	archive Archive
	calls   map[string]lastSeen
}

// lastSeen is what is known of a call from the news before.
type lastSeen struct {
	agent string
	line  string // id of the last line that walls were told of; "": none
}

func newSeen(archive Archive) *seen { return &seen{archive, map[string]lastSeen{}} }

// weight orders what may happen to a call within one batch: it is told as the weightiest of it.
var weight = []string{store.NewsLines, store.NewsChanged, store.NewsStarted, store.NewsEnded, store.NewsDeleted}

// resolve makes one event a call of a batch, however much happened to it: the record says it all. So the batches of a
// busy store grow and its events do not. Nothing is remembered of a batch that fails.
func (s *seen) resolve(ctx context.Context, news []store.News) ([]hubEvent, error) {
	var events []hubEvent
	learnt := map[string]lastSeen{}
	for _, n := range gathered(news) {
		e, last, err := s.one(ctx, n)
		switch {
		case err != nil && store.Permanent(err):
			continue // it is gone already; that it was deleted is news of its own
		case err != nil:
			return nil, err
		}
		learnt[n.Call] = last
		events = append(events, e)
	}
	s.learn(learnt)
	return events, nil
}

// gathered is the last of the news of each call, in their order, with the weightiest of what happened to it.
func gathered(news []store.News) []store.News {
	what, final := map[string]int{}, map[string]int{}
	for i, n := range news {
		what[n.Call] = max(what[n.Call], slices.Index(weight, n.What))
		final[n.Call] = i
	}
	var out []store.News
	for i, n := range news {
		if final[n.Call] == i {
			n.What = weight[what[n.Call]]
			out = append(out, n)
		}
	}
	return out
}

// one makes the event of one call.
func (s *seen) one(ctx context.Context, n store.News) (hubEvent, lastSeen, error) {
	last, known := s.calls[n.Call]
	out := wallNews{What: n.What, ID: n.Call}
	if n.What != store.NewsDeleted {
		c, err := s.archive.Call(ctx, n.Call)
		if err != nil {
			return hubEvent{}, last, err
		}
		lines, err := s.archive.Entries(ctx, n.Call, last.line, 0) // all of a call that is new to us, once
		if err != nil {
			return hubEvent{}, last, err
		}
		record := export.CallOf(&c)
		out.Call, out.Lines = &record, shortened(lines)
		last.agent, known = c.Agent, true
		if len(lines) > 0 {
			last.line = lines[len(lines)-1].ID
		}
	}
	data, err := json.Marshal(out)
	return hubEvent{n.ID, last.agent, known, frame("call", n.ID, data)}, last, err
}

func (s *seen) learn(learnt map[string]lastSeen) {
	for id, last := range learnt {
		s.calls[id] = last
	}
	for id := range s.calls { // any: one that is still needed is learnt again
		if len(s.calls) <= seenCalls {
			return
		}
		delete(s.calls, id)
	}
}

// shortened are the last of the lines, fit for a wall.
func shortened(lines []store.Entry) []store.Entry {
	out := export.EntriesOf(lines[max(0, len(lines)-wallLines):])
	for i := range out {
		out[i].Text, out[i].Heard = clipped(out[i].Text, wallText), clipped(out[i].Heard, wallText)
		out[i].Arguments, out[i].Result = "", ""
	}
	return out
}

// clipped is at most n bytes of text, cut between letters.
func clipped(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
