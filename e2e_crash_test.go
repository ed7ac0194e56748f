package trunkline_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/redisstore"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// The service is killed with -9 in the middle of calls. What was said before is all there, once and in order; the next
// start takes calls at once, and those that were cut are closed as lost.
func testServiceKilled(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "calls.db")
		crash(t, "embedded.yaml", map[string]string{"E2E_STORE": path}, func() (store.Store, error) {
			return boltstore.Open(path, boltstore.Options{})
		})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		redis := redisproc.Start(t)
		crash(t, "service.yaml", map[string]string{"E2E_REDIS": redis.URL(), "E2E_SPOOL": filepath.Join(t.TempDir(), "spool")},
			func() (store.Store, error) { return redisstore.Open(redisstore.Options{URL: redis.URL()}) })
	})
	// Only the spool has what was said while Redis was away.
	t.Run("redis away", func(t *testing.T) {
		t.Parallel()
		redis := redisproc.Start(t)
		redis.Kill()
		crash(t, "service.yaml", map[string]string{"E2E_REDIS": redis.URL(), "E2E_SPOOL": filepath.Join(t.TempDir(), "spool")},
			func() (store.Store, error) { return redisstore.Open(redisstore.Options{URL: redis.URL()}) }, redis.Restart)
	})
}

// crash holds three calls that have come to different points, kills the service, and reads what is kept after the next
// start. between is done while no service runs.
func crash(t *testing.T, config string, vars map[string]string, open func() (store.Store, error), between ...func()) {
	t.Helper()
	m := startModel(t, simulator.Options{Script: greeting("a08", answers("rms-c09", "a08"))})
	vars["E2E_MODEL"] = m.url
	s := serveConfig(t, config, vars)
	s.bad = []string{"store", "redis"}
	yes := callerClip(t, "rms-c09")
	var calls []*phoneCall
	for i := range 3 {
		c := place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{yes, yes}, session: i})
		c.heardAll(1)
		calls = append(calls, c)
	}
	greeted := []string{"call system", "turn agent " + agentText(t, "a08")}
	answered := append(slices.Clone(greeted), "turn caller "+yes.Text, "turn agent "+agentText(t, "a08"))
	calls[1].cue(t)
	calls[2].cue(t)
	calls[1].heardAll(2)
	calls[2].heardAll(2)
	calls[2].cue(t)
	calls[2].saying(10)
	s.crash()
	for _, c := range calls {
		c.sipp.kill()
	}
	for _, f := range between {
		f()
	}

	s = serveConfig(t, config, vars)
	after := place(t, s, m, callPlan{law: transcode.PCMU, hangsUp: true, session: 3})
	after.heardAll(1)
	after.cue(t)
	after.over()
	s.idle(t)
	s.terminate(t)
	if err := s.wait(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
	kept, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	checkLost(t, kept, calls, [][]string{greeted, answered, answered})
}

// saying waits until the phone has sent n more packets, one each 20 ms.
func (c *phoneCall) saying(n int) {
	c.t.Helper()
	from := len(c.toService())
	eventually(c.t, "the caller speaks", func() bool { return len(c.toService()) >= from+n })
}

// checkLost lets the leases of the calls run out and wants each closed as lost, with the lines that were written.
func checkLost(t *testing.T, kept store.Store, calls []*phoneCall, want [][]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	closed, err := kept.Sweep(ctx, time.Now().Add(time.Hour))
	if err != nil || len(closed) != len(calls) {
		t.Fatalf("swept %q, %v, want %d calls", closed, err, len(calls))
	}
	for i, c := range calls {
		page, err := kept.List(ctx, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(page.Calls, func(k store.Call) bool { return k.SIPCallID == c.callID() })
		if at < 0 {
			t.Fatalf("call %d is not kept", i)
		}
		call := page.Calls[at]
		if call.Cause != store.CauseLost || !slices.Contains(closed, call.ID) {
			t.Errorf("call %d ended by %q, %q", i, call.EndedBy, call.Cause)
		}
		entries, err := kept.Entries(ctx, call.ID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			if e.Kind == store.KindCall || e.Kind == store.KindTurn {
				got = append(got, strings.TrimSpace(e.Kind+" "+string(e.Role)+" "+e.Text))
			}
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("call %d:\n  %s\nwant:\n  %s", i, strings.Join(got, "\n  "), strings.Join(want[i], "\n  "))
		}
	}
}

// Redis is killed with -9, restarted, frozen, and killed and restarted at once, while calls run. Nobody hears of it, and
// afterwards every line of every call is there once and in order.
func testRedisKilled(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08", answers("rms-c09", "a08"), goodbye("rms-c12"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_SPOOL": filepath.Join(t.TempDir(), "spool")})
	s.bad = []string{"store", "redis"}
	yes, bye := callerClip(t, "rms-c09"), callerClip(t, "rms-c12")
	var calls []*phoneCall
	for i := range 3 {
		calls = append(calls, place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{yes, yes, bye}, session: i}))
	}
	all := func(f func(*phoneCall)) {
		for _, c := range calls {
			f(c)
		}
	}
	all(func(c *phoneCall) { c.heardAll(1) })
	redis.Kill()
	all(func(c *phoneCall) { c.cue(t) })
	all(func(c *phoneCall) { c.heardAll(2) })
	if s.metric(t, "trunkline_store_backlog_events") == 0 {
		t.Error("no line waits for Redis, although it is down")
	}
	redis.Restart()
	all(func(c *phoneCall) { c.cue(t) })
	redis.Pause()
	all(func(c *phoneCall) { c.heardAll(3) })
	redis.Resume()
	all(func(c *phoneCall) { c.cue(t) })
	all(func(c *phoneCall) { c.saying(10); redis.Restart() })
	all(func(c *phoneCall) { c.over() })
	s.idle(t)
	for _, c := range calls {
		call := storedCall(t, redis.Addr, c.callID())
		checkRecord(t, call, row{"by": "agent", "turns": "7"})
		lines := storedLines(t, redis.Addr, call["id"])
		checkLines(t, lines,
			"call system",
			"turn agent "+agentText(t, "a08"),
			"turn caller "+yes.Text,
			"turn agent "+agentText(t, "a08"),
			"turn caller "+yes.Text,
			"turn agent "+agentText(t, "a08"),
			"turn caller "+bye.Text,
			"turn agent "+agentText(t, "a09"),
			"tool_call agent hang_up {}",
			`tool_result system hang_up {"result":"the call ends after your last words"} ok`,
			"end system "+call["cause"]+" agent")
		checkTimes(t, lines)
	}
}

// A service that starts before Redis takes calls, says what is wrong, and writes everything once Redis is there.
func testRedisDownAtStart(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08", goodbye("rms-c12"))})
	redis := redisproc.Start(t)
	redis.Kill()
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_SPOOL": filepath.Join(t.TempDir(), "spool")})
	s.bad = []string{"store", "redis"}
	if status, body := s.get(t, "/readyz"); status != 200 || !strings.HasPrefix(body, "degraded: store does not answer") {
		t.Errorf("/readyz says %d %q while Redis is down", status, body)
	}
	bye := callerClip(t, "rms-c12")
	c := place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{bye}})
	c.heardAll(1)
	c.cue(t)
	c.over()
	redis.Restart()
	s.idle(t)
	if status, body := s.get(t, "/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("/readyz says %d %q once Redis is there", status, body)
	}
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"by": "agent", "turns": "3"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkLines(t, lines[:min(4, len(lines))], "call system", "turn agent "+agentText(t, "a08"), "turn caller "+bye.Text, "turn agent "+agentText(t, "a09"))
	checkTimes(t, lines)
}
