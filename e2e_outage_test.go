package trunkline_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// Redis hangs, comes back, dies and comes back, all during one call. The call does not notice, and its transcript has
// every line once.
func testRedisOutage(t *testing.T) {
	web := serveOrders(t)
	m := startModel(t, simulator.Options{Script: greeting("a08", order("slt-c05", "a08"), answers("rms-c09", "a08"), goodbye("rms-c12"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_WEBHOOK": web.url,
		"E2E_SPOOL": filepath.Join(t.TempDir(), "spool")})
	s.bad = []string{"store", "redis"}
	number, yes, bye := callerClip(t, "slt-c05"), callerClip(t, "rms-c09"), callerClip(t, "rms-c12")
	c := place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{number, yes, bye}})
	c.heardAll(1)
	redis.Pause()
	c.cue(t)
	c.heardAll(3)
	redis.Resume()
	eventually(t, "what waited is written", func() bool { return s.metric(t, "trunkline_store_backlog_events") == 0 })
	redis.Kill()
	c.cue(t)
	c.heardAll(4)
	c.cue(t)
	rec := c.over()
	if n := s.metric(t, "trunkline_store_backlog_events"); n == 0 {
		t.Error("no line waits for Redis, although it is down")
	}
	redis.Restart()
	s.idle(t)

	checkStream(t, c.law, c.toCaller())
	compareUplink(t, c.law, c.toService(), rec.Input)
	compareDownlink(t, c.law, &rec, c.toCaller())
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"by": "agent", "turns": "8", "tools": "2"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkLines(t, lines,
		"call system",
		"turn agent "+agentText(t, "a08"),
		"turn caller "+number.Text,
		"turn agent "+agentText(t, "a04"),
		`tool_call agent order_status {"order":"4271"}`,
		`tool_result system order_status {"status":"shipped","order":"4271"} ok`,
		"turn agent "+agentText(t, "a08"),
		"turn caller "+yes.Text,
		"turn agent "+agentText(t, "a08"),
		"turn caller "+bye.Text,
		"turn agent "+agentText(t, "a09"),
		"tool_call agent hang_up {}",
		`tool_result system hang_up {"result":"the call ends after your last words"} ok`,
		"end system hang_up agent")
	checkTimes(t, lines)
	if n := s.metric(t, "trunkline_store_errors_total"); n == 0 {
		t.Error("the outage is not counted")
	}
}

// The connection to the model is lost in the middle of a call and cannot be had again: the caller is not left in silence,
// and the record says why.
func testModelLost(t *testing.T) {
	for name, lose := range map[string]func(*simulator.Session){
		"cut":     (*simulator.Session).Drop,
		"closed":  func(s *simulator.Session) { s.CloseWith(1011, "keepalive ping timeout") },
		"broken":  (*simulator.Session).SendBrokenFrame,
		"expired": (*simulator.Session).Expire,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startModel(t, simulator.Options{Script: greeting("a08")})
			redis := redisproc.Start(t)
			s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
			c := place(t, s, m, callPlan{law: transcode.PCMU})
			c.heardAll(1)
			if err := m.SetFaults(simulator.Faults{UpgradeStatus: 401}); err != nil {
				t.Fatal(err)
			}
			lose(c.session)
			eventuallyWithin(t, 10*time.Second, "BYE after the model was lost", func() bool { return !c.sipp.running() })
			rec := c.over()
			compareDownlink(t, c.law, &rec, c.toCaller())
			call := storedCall(t, redis.Addr, c.callID())
			checkRecord(t, call, row{"by": "system", "turns": "1"})
			lines := storedLines(t, redis.Addr, call["id"])
			checkLines(t, lines[:min(2, len(lines))], "call system", "turn agent "+agentText(t, "a08"))
			checkLines(t, lines[max(0, len(lines)-3):],
				"session system lost",
				"error system model connection lost",
				"end system model connection lost system")
			if n := s.metric(t, "trunkline_realtime_errors_total"); n == 0 {
				t.Error("the loss is not counted")
			}
			s.idle(t)
		})
	}
}
