package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
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

// begin is when the calls of these tests began.
var begin = time.Date(2026, 11, 25, 8, 15, 0, 0, time.UTC)

// everyLine is a transcript with each kind of entry, and each state an agent's line can be in.
func everyLine() []store.Entry {
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	return []store.Entry{
		{Kind: store.KindCall, At: at(0), Role: store.RoleSystem},
		{Kind: store.KindTurn, At: at(40), Role: store.RoleAgent, Text: "How can I help?", Heard: "How can I help?"},
		{Kind: store.KindTurn, At: at(6300), Role: store.RoleCaller, Text: "where is my order"},
		{Kind: store.KindToolCall, At: at(9700), Tool: "order_status", CallID: "c1", Arguments: `{"order":"4271"}`},
		{Kind: store.KindToolResult, At: at(9820), Tool: "order_status", CallID: "c1", Result: `{"status":"shipped"}`, Status: "ok", DurationMS: 120},
		{Kind: store.KindTurn, At: at(10400), Role: store.RoleAgent, Text: "It has shipped and comes on Thursday.", Heard: "It has shipped and",
			Status: "interrupted", CutMS: 1200, LatencyMS: 640, DetectMS: 500, ThinkMS: 130, PlayMS: 10},
		{Kind: store.KindUsage, At: at(10500), Role: store.RoleSystem, TokensIn: 400, TokensCached: 320, TokensOut: 120, CostMicros: 12345},
		{Kind: store.KindUsage, At: at(10600), Role: store.RoleSystem, TokensIn: 7, TokensOut: 3},
		{Kind: store.KindInterrupt, At: at(11600), Role: store.RoleCaller, CutMS: 1200},
		{Kind: store.KindTurn, At: at(12000), Role: store.RoleAgent, Text: "Yes?", Status: "interrupted"},
		{Kind: store.KindTurn, At: at(12500), Role: store.RoleCaller, Status: "transcription failed"},
		{Kind: store.KindDTMF, At: at(13000), Role: store.RoleCaller, Text: "#"},
		{Kind: store.KindHold, At: at(13100), Role: store.RoleCaller, Status: "on"},
		{Kind: store.KindHold, At: at(13200), Role: store.RoleCaller, Status: "off"},
		{Kind: store.KindSession, At: at(13300), Role: store.RoleSystem, Status: "lost"},
		{Kind: store.KindSession, At: at(13350), Role: store.RoleSystem, Status: "reconnected"},
		{Kind: store.KindSession, At: at(13400), Role: store.RoleSystem, Status: "rotated"},
		{Kind: store.KindSession, At: at(13420), Role: store.RoleSystem, Status: "moved"},
		{Kind: store.KindHandOff, At: at(13450), Role: store.RoleSystem, Text: "billing"},
		{Kind: store.KindNote, At: at(13500), Role: store.RoleSystem, Text: "supervisor listens"},
		{Kind: store.KindError, At: at(14000), Role: store.RoleSystem, Status: "failed", Text: "rate_limit_exceeded"},
		{Kind: store.KindEnd, At: at(3671000), Role: store.RoleSystem, Text: "hang_up", Status: "agent", DurationMS: 3671000},
	}
}

func TestPrinter(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out, begin)
	p.steps = true
	for _, e := range everyLine() {
		p.entry(e)
	}
	golden(t, "transcript.golden", out.String())
	out.Reset()
	p.usage = true
	for _, e := range everyLine() {
		if e.Kind == store.KindUsage {
			p.entry(e)
		}
	}
	want := "   10.5  usage   tokens in 400 (320 cached), out 120, cost 0.0123\n   10.6  usage   tokens in 7, out 3\n"
	if out.String() != want {
		t.Errorf("verbose\n%swant\n%s", out.String(), want)
	}
}

func TestHeadOfACall(t *testing.T) {
	c := store.Call{ID: "06h1", Started: begin, Answered: begin, Ended: begin.Add(time.Minute), EndedBy: "caller", Cause: "caller hung up",
		TokensIn: 400, TokensCached: 320, TokensOut: 120, CostMicros: 12345, Reconnects: 1, Rotations: 2, MOSCaller: 438, MOSAgent: 412, JitterMS: 3, RTTMS: 24,
		Agent: "frontdesk", Direction: "out", Forwarded: "+49301 (away)", Verification: "passed A", SRTP: "AEAD_AES_128_GCM"}
	var out bytes.Buffer
	printCall(&out, &c)
	wants(t, out.String(), "tokens in 400 (320 cached), out 120, cost 0.0123\n", "  connections to the model: 1 lost and made again, 2 replaced before their end\n",
		"placed by frontdesk", "  forwarded by +49301 (away)\n", "  caller's number, says the trunk: passed A\n", "  encrypted with AEAD_AES_128_GCM\n",
		"  caller sounds 4.4 of 4.4 (MOS), jitter 3 ms; agent sounds 4.1 there, round trip 24 ms\n")
	out.Reset()
	printCall(&out, &store.Call{ID: "06h1", Started: begin, TokensIn: 4, TokensOut: 2})
	wants(t, out.String(), "tokens in 4, out 2\n\n")
}

func TestPrinterJSON(t *testing.T) {
	var out bytes.Buffer
	c := store.Call{ID: "06h1", SIPCallID: "a@b", Trunk: "carrier", Agent: "frontdesk", Caller: "+15550100001", Dialled: "+15551230001",
		Node: "host", Codec: "PCMU", Model: "m", Started: begin, Answered: begin.Add(time.Second), Ended: begin.Add(time.Minute),
		Cause: "caller hung up", Code: 200, EndedBy: "caller", Turns: 4, Interruptions: 1, SetupMS: 1000, LatencyP50MS: 600,
		LatencyP95MS: 900, FramesIn: 2950, FramesOut: 2951, FramesLost: 1, TokensIn: 400, TokensOut: 200, TokensCached: 320,
		CostMicros: 12345, Reconnects: 1, Rotations: 2, ToolCalls: 1, MOSCaller: 438, MOSAgent: 412, JitterMS: 3, RTTMS: 24,
		Direction: "out", Forwarded: "+49301 (away)", Verification: "passed A", SRTP: "AEAD_AES_128_GCM"}
	if err := printCallsJSON(&out, c, store.Call{ID: "live", Started: begin}); err != nil {
		t.Fatal(err)
	}
	if err := printEntriesJSON(&out, everyLine()...); err != nil {
		t.Fatal(err)
	}
	golden(t, "transcript.jsonl.golden", out.String())
}

// Callers, models and web services choose the texts: none of them may write to the terminal.
func TestPrinterDisarmsTexts(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out, begin)
	p.entry(store.Entry{Kind: store.KindTurn, At: begin, Role: store.RoleCaller, Text: "one\ntwo \x1b[2J\x1b]0;title\a three\u202eesrever\u0085"})
	want := "    0.0  caller  one two \ufffd[2J\ufffd]0;title\ufffd three\ufffdesrever\ufffd\n"
	if out.String() != want {
		t.Errorf("%q\nwant %q", out.String(), want)
	}
}

// failing is an output that broke, such as a pipe into a program that ended.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenOutputIsAnError(t *testing.T) {
	if err := printCallsJSON(failing{}, store.Call{ID: "x"}); err == nil {
		t.Error("calls: no error")
	}
	if err := printEntriesJSON(failing{}, store.Entry{ID: "x"}); err == nil {
		t.Error("entries: no error")
	}
	if err := printTable(failing{}, []store.Call{{ID: "x"}}); err == nil {
		t.Error("table: no error")
	}
}
