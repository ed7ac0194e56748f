package trunkline_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

var soakFor = flag.Duration("soak", 0, "how long TestSoak places 20 calls a second, 300 at once")

// Load is steady and nothing grows: for as long as -soak says, 20 calls a second begin, each of 15 s, so that 300 are up
// at once, with audio in both directions, a model session each, and a transcript in Redis. No call may fail, and in the
// end memory, goroutines, descriptors and ports are where they were.
//
// Without -soak it is a short run with few calls, which finds what is broken at once; the race detector could not hold
// more of them on two cores.
func TestSoak(t *testing.T) {
	build(t)
	rate, length, calls := 20, 15*time.Second, 20*int(soakFor.Seconds())
	if *soakFor == 0 {
		rate, length, calls = 5, 2*time.Second, 20
	}
	atOnce := rate * int(length.Seconds())
	m := startModel(t, simulator.Options{Script: greeting("a02", answers("slt-c09", "a01"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "E2E_CALLS": fmt.Sprint(atOnce + 50)})
	clip := lawFile(t, transcode.PCMU, callerClip(t, "slt-c09"))
	file := scenario(t, "soak", map[string]any{"PayloadType": 0, "Clip": clip, "Milliseconds": length.Milliseconds()})
	place := func(n, rate int) {
		p := sipp(t, file, "udp", s.sip["udp"].String(), "-m", fmt.Sprint(n), "-l", fmt.Sprint(atOnce), "-r", fmt.Sprint(rate), "-timeout", "0")
		most := 0.0
		for watched := time.Now(); p.running(); <-time.After(time.Second) {
			most = max(most, s.metric(t, "trunkline_calls_active"))
			if time.Since(watched) > time.Minute {
				watched = time.Now()
				t.Logf("%v calls ended, %v up, %v of memory", s.metric(t, "trunkline_calls_total"), s.metric(t, "trunkline_calls_active"), s.resident(t))
			}
		}
		if err := p.wait(); err != nil {
			t.Fatalf("sipp: %v\n%s", err, failed(p))
		}
		t.Logf("%d calls at %d a second, at most %v at once", n, rate, most)
	}
	place(atOnce/10, rate) // what is made once is made now
	s.idle(t)
	before, heap := s.footprint(t), s.metric(t, "go_memstats_heap_alloc_bytes")
	place(calls, rate)
	s.idle(t)
	const pooled = 8 // connections to Redis that load made, and that wait for more
	var now footprint
	eventually(t, "goroutines and descriptors are back", func() bool {
		now = s.footprint(t)
		return now.goroutines <= before.goroutines+pooled && now.descriptors <= before.descriptors+pooled
	}, func() string { return fmt.Sprintf("before %+v, now %+v\n%s", before, now, s.openFiles(t)) })
	s.thin(t, heap)
	s.soaked(t, m, calls+atOnce/10)
}

// thin waits until the heap is as small as it was. What ended calls left is collected within two minutes, the longest
// that the runtime waits.
func (s *service) thin(t *testing.T, before float64) {
	t.Helper()
	const slack = 16e6 // of what the process keeps for the next calls
	now := 0.0
	eventuallyWithin(t, 4*time.Minute, "the heap is as small as before", func() bool {
		now = s.metric(t, "go_memstats_heap_alloc_bytes")
		return now <= before+slack
	}, func() string { return fmt.Sprintf("%.1f MB, before %.1f MB", now/1e6, before/1e6) })
	t.Logf("heap %.1f MB before and %.1f MB after, %s resident", before/1e6, now/1e6, s.resident(t))
}

// soaked compares what service, model and store know of the calls.
func (s *service) soaked(t *testing.T, m *model, calls int) {
	t.Helper()
	if n := s.metric(t, "trunkline_calls_total"); int(n) != calls {
		t.Errorf("%v calls ended, want %d", n, calls)
	}
	if n := s.metric(t, "trunkline_calls_rejected_total"); n != 0 {
		t.Errorf("%v calls were refused", n)
	}
	deaf := 0
	for _, session := range m.Sessions() {
		if rec := session.Record(); rec.InputBytes < transcode.SampleRate {
			deaf++
		}
	}
	if deaf > 0 {
		t.Errorf("of the last %d sessions with the model %d heard less than a second", len(m.Sessions()), deaf)
	}
}

// resident is the memory of the process, in megabytes.
func (s *service) resident(t *testing.T) string {
	t.Helper()
	var size, resident int
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &resident)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%.1f MB", float64(resident*os.Getpagesize())/1e6)
}
