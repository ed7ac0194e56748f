package trunkline_test

import (
	"strconv"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// The caller speaks over the greeting: the agent falls silent, and what the model is told was heard is what was really on
// the wire.
func testBargeIn(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a02", answers("slt-c01", "a08"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	question := callerClip(t, "slt-c01")
	c := place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{question}, hangsUp: true})
	c.hearing(50)
	c.cue(t)
	c.heardAll(2)
	c.cue(t)
	rec := c.over()

	checkStream(t, c.law, c.toCaller())
	compareUplink(t, c.law, c.toService(), rec.Input)
	cut := checkCut(t, c, &rec, 0)
	checkHeard(t, &rec, question.Text)
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"barge": "1", "turns": "3", "by": "caller"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkLines(t, lines,
		"call system",
		"turn agent "+agentText(t, "a02")+" interrupted",
		"interrupt caller",
		"turn caller "+question.Text,
		"turn agent "+agentText(t, "a08"),
		"end system hung up caller")
	checkCutLines(t, lines, cut)
	s.idle(t)
}

// The caller speaks while two answers are queued: the one that plays is truncated, the one that nobody heard is deleted.
func testBargeInQueue(t *testing.T) {
	web := serveOrders(t)
	m := startModel(t, simulator.Options{Dialect: simulator.DialectPreview, Script: greeting("a08", order("slt-c05", "a05"), goodbye("rms-c12"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_DIALECT": m.dialect, "E2E_REDIS": redis.URL(), "E2E_WEBHOOK": web.url})
	number, bye := callerClip(t, "slt-c05"), callerClip(t, "rms-c12")
	c := place(t, s, m, callPlan{law: transcode.PCMA, clips: []simulator.Clip{number, bye}})
	c.heardAll(1)
	c.cue(t)
	eventually(t, "both answers are spoken by the model", func() bool {
		rec := c.session.Record()
		return len(rec.Spoken) == 3 && len(rec.Responses) == 3 && rec.Responses[2].Status == "completed"
	})
	c.cue(t)
	rec := c.over()

	checkStream(t, c.law, c.toCaller())
	compareUplink(t, c.law, c.toService(), rec.Input)
	cut := checkCut(t, c, &rec, 1)
	if n := countEvents(&rec, "conversation.item.delete"); n != 1 {
		t.Errorf("%d items were deleted, want the one that was not heard", n)
	}
	checkHeard(t, &rec, number.Text, bye.Text)
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"barge": "1", "by": "agent"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkLines(t, lines,
		"call system",
		"turn agent "+agentText(t, "a08"),
		"turn caller "+number.Text,
		"turn agent "+agentText(t, "a04")+" interrupted",
		`tool_call agent order_status {"order":"4271"}`,
		`tool_result system order_status {"status":"shipped","order":"4271"} ok`,
		"turn agent "+agentText(t, "a05")+" interrupted",
		"interrupt caller",
		"turn caller "+bye.Text,
		"turn agent "+agentText(t, "a09"),
		"tool_call agent hang_up {}",
		`tool_result system hang_up {"result":"the call ends after your last words"} ok`,
		"end system hang_up agent")
	checkCutLines(t, lines, cut)
	s.idle(t)
}

// The caller hangs up in the middle of an answer. Nobody is left to be told, but the transcript must not claim that the
// caller heard all of it.
func testHangUpMidAnswer(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a02")})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	c := place(t, s, m, callPlan{law: transcode.PCMU, hangsUp: true})
	c.hearing(50)
	c.cue(t)
	rec := c.over()
	if len(rec.Spoken) != 1 {
		t.Fatalf("the model spoke %d items, want the greeting", len(rec.Spoken))
	}
	// Nothing was truncated: what is found on the wire stands in for it.
	wire := match(c.law, &rec, c.toCaller())
	item := rec.Spoken[0]
	heard := wire.heard[item.ItemID]
	if wire.found != len(wire.frames) || heard.from < 1000 || heard.from > 4000 {
		t.Fatalf("%d to %d ms of the greeting were on the wire", heard.from, heard.to)
	}
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"by": "caller", "turns": "1"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkCutLines(t, lines, simulator.Truncation{ItemID: item.ItemID, AudioEndMS: heard.to, SentMS: item.Bytes / transcode.BytesPerMS})
	s.idle(t)
}

// hearing waits until n frames with sound were sent to the caller.
func (c *phoneCall) hearing(n int) {
	c.t.Helper()
	eventually(c.t, "the caller hears the agent", func() bool { return countVoiced(c.law, c.toCaller()) >= n })
}

// checkCut wants exactly one truncation, of the item with the index, that agrees with the wire within a frame.
func checkCut(t *testing.T, c *phoneCall, rec *simulator.Record, item int) simulator.Truncation {
	t.Helper()
	heard := compareDownlink(t, c.law, rec, c.toCaller())
	if len(rec.Truncations) != 1 || rec.Truncations[0].ItemID != rec.Spoken[item].ItemID {
		t.Fatalf("truncations %+v, want one of %s", rec.Truncations, rec.Spoken[item].ItemID)
	}
	cut := rec.Truncations[0]
	part := heard[cut.ItemID]
	t.Logf("truncated at %d ms; on the wire were %d to %d ms of %d", cut.AudioEndMS, part.from, part.to, cut.SentMS)
	if cut.AudioEndMS < part.from-20 || cut.AudioEndMS > part.to+20 {
		t.Errorf("truncated at %d ms, but %d to %d ms were on the wire", cut.AudioEndMS, part.from, part.to)
	}
	return cut
}

// checkCutLines wants the cut and the words that were heard in the transcript.
func checkCutLines(t *testing.T, lines []row, cut simulator.Truncation) {
	t.Helper()
	for _, l := range lines {
		if l["i"] != cut.ItemID || l["k"] != "turn" {
			continue
		}
		share := float64(len(l["h"])) / float64(len(l["t"]))
		want := float64(cut.AudioEndMS) / float64(cut.SentMS)
		ms, _ := strconv.Atoi(l["cut"])
		if ms < cut.AudioEndMS-20 || ms > cut.AudioEndMS+20 || l["st"] != "interrupted" || l["h"] == "" || l["ha"] != "" || l["t"][:len(l["h"])] != l["h"] || share > want+0.01 || share < want-0.3 {
			t.Errorf("line %v, want the beginning of the text as heard, %.2f of it, cut at %d ms", l, want, cut.AudioEndMS)
		}
		return
	}
	t.Errorf("no line of the item %s that was cut", cut.ItemID)
}

func countEvents(rec *simulator.Record, kind string) (n int) {
	for _, e := range rec.Events {
		if e.Type == kind {
			n++
		}
	}
	return n
}
