package trunkline_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// Calls leave nothing behind: no session, port, goroutine or descriptor. The caller speaks over the greeting and hangs up
// while an answer is under way, so each call also ends in the middle of something.
func testManyCalls(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a02", answers("slt-c09", "a01"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	clip := lawFile(t, transcode.PCMU, callerClip(t, "slt-c09"))
	file := scenario(t, "short", map[string]any{"PayloadType": 0, "Clip": clip})
	const warm, calls = 10, 40
	short := func(transport string, n int) {
		succeed(t, file, transport, s.sip[transport].String(), "-m", fmt.Sprint(n), "-l", "10", "-r", "10")
	}
	short("udp", warm)
	s.idle(t)
	before := s.footprint(t)
	short("udp", calls/2)
	short("tcp", calls/2)
	s.idle(t)
	var now footprint
	eventually(t, "goroutines and descriptors are back", func() bool {
		now = s.footprint(t)
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors
	}, func() string { return fmt.Sprintf("before %+v, now %+v\n%s", before, now, s.openFiles(t)) })
	t.Logf("before %+v, now %+v", before, now)

	if n := s.metric(t, "trunkline_calls_total"); n != warm+calls {
		t.Errorf("%v calls ended, want %d", n, warm+calls)
	}
	if n := len(m.Sessions()); n != warm+calls {
		t.Errorf("%d sessions with the model, want %d", n, warm+calls)
	}
	for _, session := range m.Sessions() {
		if rec := session.Record(); rec.Ended.IsZero() || rec.InputBytes == 0 {
			t.Errorf("session %s: ended %v, %d bytes of audio", rec.ID, rec.Ended, rec.InputBytes)
		}
	}
	records := 0
	keys, _ := mustRedis(t, redis.Addr, "KEYS", "tl:{*}:meta").([]any)
	for _, k := range keys {
		if r := rowOf(mustRedis(t, redis.Addr, "HGETALL", k.(string))); r["end"] != "" && r["by"] == "caller" {
			records++
		}
	}
	if live := mustRedis(t, redis.Addr, "ZCARD", "tl:live"); records != warm+calls || live != "0" {
		t.Errorf("%d closed records in Redis, want %d; %v calls still live", records, warm+calls, live)
	}
}

// footprint is what a process holds.
type footprint struct{ goroutines, descriptors int }

func (s *service) footprint(t *testing.T) footprint {
	t.Helper()
	return footprint{int(s.metric(t, "go_goroutines")), len(strings.Fields(s.openFiles(t))) / 2}
}

// openFiles lists the descriptors of the process, each with what it is.
func (s *service) openFiles(t *testing.T) string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range list {
		if to, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil {
			fmt.Fprintln(&b, f.Name(), strings.ReplaceAll(to, " ", "_"))
		}
	}
	return b.String()
}

// SIGTERM under a running call: new calls are refused, the running one goes on to its own end, and then the program ends
// with everything written.
func testDrain(t *testing.T) {
	web := serveOrders(t)
	m := startModel(t, simulator.Options{Script: greeting("a08", order("slt-c05", "a08"), goodbye("rms-c12"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_WEBHOOK": web.url})
	number, bye := callerClip(t, "slt-c05"), callerClip(t, "rms-c12")
	c := place(t, s, m, callPlan{law: transcode.PCMU, clips: []simulator.Clip{number, bye}})
	c.heardAll(1)
	s.terminate(t)
	eventually(t, "the service drains", func() bool {
		status, body := s.get(t, "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "draining")
	})
	if n := s.metric(t, "trunkline_draining"); n != 1 {
		t.Errorf("trunkline_draining is %v", n)
	}
	for _, transport := range []string{"udp", "tcp"} {
		refused(t, s, transport, dialledNumber, 0, 503, "Retry-After: *[1-9]")
		request(t, s, transport, "OPTIONS", 503, "CSeq: 1 OPTIONS")
	}
	c.cue(t)
	c.heardAll(3)
	c.cue(t)
	rec := c.over()
	if err := s.wait(); err != nil {
		t.Errorf("the service ended with %v, want exit code 0", err)
	}
	checkStream(t, c.law, c.toCaller())
	compareUplink(t, c.law, c.toService(), rec.Input)
	compareDownlink(t, c.law, &rec, c.toCaller())
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"by": "agent", "turns": "6", "tools": "2"})
	lines := storedLines(t, redis.Addr, call["id"])
	if len(lines) != 12 || lines[11]["k"] != "end" || lines[7]["t"] != bye.Text {
		t.Errorf("transcript of %d lines: %v", len(lines), lines)
	}
}

// A call that outlasts limits.drain_timeout is ended with BYE, and its record says why.
func testDrainTimeout(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08")})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "TRUNKLINE_LIMITS_DRAIN_TIMEOUT": "100ms"})
	c := place(t, s, m, callPlan{law: transcode.PCMU})
	c.hearing(20)
	s.terminate(t)
	rec := c.over()
	if err := s.wait(); err != nil {
		t.Errorf("the service ended with %v, want exit code 0", err)
	}
	if len(rec.Spoken) != 1 {
		t.Errorf("the model spoke %d items, want the greeting", len(rec.Spoken))
	}
	call := storedCall(t, redis.Addr, c.callID())
	checkRecord(t, call, row{"by": "system", "cause": "service is shutting down", "turns": "1"})
	lines := storedLines(t, redis.Addr, call["id"])
	checkLines(t, lines[max(0, len(lines)-1):], "end system service is shutting down system")
}

// A second signal does not wait for anybody: the call is ended with BYE, and its record says why.
func testSecondSignal(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08")})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	c := place(t, s, m, callPlan{law: transcode.PCMU})
	c.hearing(20)
	s.terminate(t)
	eventually(t, "the service drains", func() bool { return s.metric(t, "trunkline_draining") == 1 })
	s.terminate(t)
	c.over()
	if err := s.wait(); err != nil {
		t.Errorf("the service ended with %v, want exit code 0", err)
	}
	checkRecord(t, storedCall(t, redis.Addr, c.callID()), row{"by": "system", "cause": "service is shutting down"})
}
