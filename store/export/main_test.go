package export

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file under testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("differs from %s (run with -update and look at the difference):\n%s", path, text)
	}
}

// shelf is a source in memory. It notes the largest page that was asked for.
type shelf struct {
	calls   map[string]store.Call
	lines   map[string][]store.Entry
	pages   int
	largest int
}

func (s *shelf) Call(_ context.Context, id string) (store.Call, error) {
	c, ok := s.calls[id]
	if !ok {
		return c, store.ErrNotFound
	}
	return c, nil
}

func (s *shelf) Entries(_ context.Context, id, after string, limit int) ([]store.Entry, error) {
	from, err := store.ParseAfter(after)
	if err != nil {
		return nil, err
	}
	s.pages++
	var out []store.Entry
	for _, e := range s.lines[id] {
		at, _ := store.ParseID(e.ID)
		if at.Compare(from) > 0 && (limit == 0 || len(out) < limit) {
			out = append(out, e)
		}
	}
	s.largest = max(s.largest, len(out))
	return out, nil
}

var began = time.Date(2026, 11, 25, 8, 15, 0, 0, time.UTC)

// nasty is what a stranger may choose as their name or say.
const nasty = "=HYPERLINK(\"http://x\") --> <v Agent>&\r\n\r\nWEBVTT \u202e\x1b[31m"

// sample is a shelf with one call that has every kind of line and hostile texts.
func sample() *shelf {
	c := store.Call{ID: "c1", SIPCallID: "a@b", Trunk: "carrier", Agent: "frontdesk", Caller: "+15551230001", Dialled: "+15551234567",
		Model: "gpt-realtime", Started: began, Answered: began.Add(40 * time.Millisecond), Ended: began.Add(75 * time.Second),
		Cause: "normal clearing", Code: 200, EndedBy: "caller", Turns: 5, CostMicros: 12345, Tags: store.NewTags("vip", "billing")}
	var ids store.IDs
	at := func(ms int, e store.Entry) store.Entry {
		e.At = began.Add(time.Duration(ms) * time.Millisecond)
		e.ID = ids.Next(e.At)
		return e
	}
	return &shelf{calls: map[string]store.Call{"c1": c}, lines: map[string][]store.Entry{"c1": {
		at(0, store.Entry{Kind: store.KindCall, Role: store.RoleSystem}),
		at(40, store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "How can I help?", Heard: "How can I help?"}),
		at(6300, store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: "where is my order", ItemID: "i2"}),
		at(9700, store.Entry{Kind: store.KindToolCall, Tool: "order_status", CallID: "f1", Arguments: `{"order":"4271"}`}),
		at(9820, store.Entry{Kind: store.KindToolResult, Tool: "order_status", CallID: "f1", Result: `{"status":"shipped"}`, Status: "completed", DurationMS: 120}),
		at(10400, store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "It has shipped and comes on Thursday.", Heard: "It has shipped and",
			Status: "interrupted", CutMS: 1200, LatencyMS: 640, DetectMS: 500, ThinkMS: 130, PlayMS: 10}),
		at(10500, store.Entry{Kind: store.KindUsage, Role: store.RoleSystem, TokensIn: 400, TokensCached: 320, TokensOut: 120, CostMicros: 12345}),
		at(11600, store.Entry{Kind: store.KindInterrupt, Role: store.RoleCaller, CutMS: 1200}),
		at(11650, store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: nasty}),
		at(12000, store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Text: "Yes?", Status: "interrupted"}),
		at(13000, store.Entry{Kind: store.KindDTMF, Role: store.RoleCaller, Text: "#"}),
		at(13100, store.Entry{Kind: store.KindHold, Role: store.RoleCaller, Status: "on"}),
		at(13300, store.Entry{Kind: store.KindSession, Role: store.RoleSystem, Status: "lost"}),
		at(13450, store.Entry{Kind: store.KindHandOff, Role: store.RoleSystem, Text: "billing"}),
		at(14000, store.Entry{Kind: store.KindNote, Role: store.RoleSupervisor, Author: "ann", Text: "offer a refund", Status: "told"}),
		at(14100, store.Entry{Kind: store.KindEscalation, Role: store.RoleAgent, Text: "angry"}),
		at(14200, store.Entry{Kind: store.KindEffect, Role: store.RoleSystem, Tool: "refund", Status: "begun"}),
		at(15000, store.Entry{Kind: store.KindTransfer, Role: store.RoleSystem, Text: "desk", Status: "connected"}),
		at(15500, store.Entry{Kind: store.KindError, Role: store.RoleSystem, Text: "no answer"}),
		at(75000, store.Entry{Kind: store.KindEnd, Role: store.RoleSystem, Status: "caller", Text: "normal clearing", DurationMS: 74960}),
	}}}
}

// written is a call in a format.
func written(t *testing.T, s *shelf, format string, ids ...string) string {
	t.Helper()
	f, err := Find(format)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w := f.Open(&b)
	for _, id := range ids {
		if err := Copy(t.Context(), w, s, id); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
