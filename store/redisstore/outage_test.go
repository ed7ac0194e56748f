package redisstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

const patience = 60 * time.Second

// until waits for a condition that another goroutine or process brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
	}
}

func writer(t *testing.T, s *Store, cfg store.WriterConfig) *store.Writer {
	t.Helper()
	w, err := store.NewWriter(s, cfg)
	must(t, err)
	return w
}

func closeWriter(t *testing.T, w *store.Writer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(t, w.Close(ctx))
	if s := w.Stats(); s.Backlog != 0 || len(s.Dropped) != 0 || s.Corrupt != 0 {
		t.Errorf("closed with %+v", s)
	}
}

func say(i int) store.Entry {
	return store.Entry{Kind: store.KindTurn, Role: store.RoleCaller, Text: fmt.Sprint("line ", i)}
}

// wantLines expects the lines 0..n-1 of a call, once each and in order, between its first and last entry.
func wantLines(t *testing.T, s *Store, id string, n int) {
	t.Helper()
	entries, err := s.Entries(ctx, id, "", 0)
	must(t, err)
	want := []string{""}
	for i := range n {
		want = append(want, fmt.Sprint("line ", i))
	}
	want = append(want, "bye")
	got := make([]string, len(entries))
	for i := range entries {
		got[i] = entries[i].Text
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d lines, want %d: %q", id, len(got), len(want), got)
	}
}

// TestKilledInTheMiddle kills Redis with -9 while calls are being written, more than once, and expects every line once.
func TestKilledInTheMiddle(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL()})
	w := writer(t, s, store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool"), Batch: 16})
	const calls, lines = 5, 400
	for c := range calls {
		w.Begin(call(fmt.Sprint("c", c)))
	}
	for i := range lines {
		for c := range calls {
			w.Append(fmt.Sprint("c", c), say(i))
		}
		switch i {
		case 100, 250:
			written := w.Stats().Written
			until(t, "a line is written", func() bool { return w.Stats().Written > written })
			server.Kill() // with lines in the queue, on the wire, and written without an answer
		case 150, 300:
			until(t, "the writer notices", func() bool { return w.Stats().Away })
			server.Restart()
		}
	}
	for c := range calls {
		w.Finish(store.Call{ID: fmt.Sprint("c", c), Cause: "bye"})
	}
	closeWriter(t, w)
	if w.Stats().Replayed == 0 {
		t.Error("nothing went through the spool: the test tests nothing")
	}
	for c := range calls {
		wantLines(t, s, fmt.Sprint("c", c), lines)
	}
}

// TestProcessDiesWhileRedisIsDown leaves a spool behind and lets the next process find it.
func TestProcessDiesWhileRedisIsDown(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL()})
	cfg := store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool")}
	w := writer(t, s, cfg)
	w.Begin(call("c0"))
	for i := range 10 {
		w.Append("c0", say(i))
	}
	until(t, "the lines are written", func() bool { return w.Stats().Backlog == 0 })
	server.Kill()
	for i := 10; i < 20; i++ {
		w.Append("c0", say(i))
	}
	w.Finish(store.Call{ID: "c0", Cause: "bye"})
	hurry, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	must(t, w.Close(hurry))
	server.Restart()
	closeWriter(t, writer(t, s, cfg))
	wantLines(t, s, "c0", 20)
}

// TestFrozenRedisHoldsNobodyUp stops Redis with its connections open. Appending returns although nothing answers: if it
// waited, the test would end only with the server.
func TestFrozenRedisHoldsNobodyUp(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL(), Timeout: time.Second})
	w := writer(t, s, store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool"), Timeout: time.Second})
	w.Begin(call("c0"))
	until(t, "the call is written", func() bool { return w.Stats().Backlog == 0 })
	server.Pause()
	for i := range 1000 {
		w.Append("c0", say(i))
	}
	until(t, "the lines are safe on disk", func() bool { return w.Stats().Spooled >= 1000 })
	until(t, "the writer calls Redis away", func() bool { return w.Stats().Away })
	server.Resume()
	w.Finish(store.Call{ID: "c0", Cause: "bye"})
	closeWriter(t, w)
	wantLines(t, s, "c0", 1000)
}

// TestFullRedis lets Redis refuse writes for lack of memory for a while.
func TestFullRedis(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL()})
	w := writer(t, s, store.WriterConfig{Spool: filepath.Join(t.TempDir(), "spool")})
	w.Begin(call("c0"))
	until(t, "the call is written", func() bool { return w.Stats().Backlog == 0 })
	must(t, s.client.ConfigSet(ctx, "maxmemory", "1").Err())
	for i := range 100 {
		w.Append("c0", say(i))
	}
	until(t, "the writer notices", func() bool { return w.Stats().Away })
	must(t, s.client.ConfigSet(ctx, "maxmemory", "0").Err())
	w.Finish(store.Call{ID: "c0", Cause: "bye"})
	closeWriter(t, w)
	wantLines(t, s, "c0", 100)
}

// TestRedisThatForgets restarts Redis at once and without its data, as one that had not written its log yet. Nobody sees
// an error: the next command finds a new connection.
func TestRedisThatForgets(t *testing.T) {
	server := redisproc.Start(t, "--appendonly", "no")
	s := open(t, Options{URL: server.URL()})
	w := writer(t, s, store.WriterConfig{})
	w.Begin(call("c0"))
	w.Append("c0", say(0), say(1))
	until(t, "the lines are written", func() bool { return w.Stats().Backlog == 0 })
	server.Restart()
	w.Append("c0", say(2))
	w.Finish(store.Call{ID: "c0", Cause: "bye"})
	closeWriter(t, w)
	c, err := s.Call(ctx, "c0")
	must(t, err)
	if c.Agent != "frontdesk" || c.Cause != "bye" {
		t.Errorf("the record: %+v", c)
	}
	wantLines(t, s, "c0", 3)
}

func TestLifeOf(t *testing.T) {
	const process, history = "# Server\r\nredis_version:7.0.15\r\nrun_id:5f2a\r\ntcp_port:1\r\n", "# Replication\r\nrole:master\r\nmaster_replid:77c0\r\n"
	for _, tc := range []struct{ process, history, want string }{
		{process, history, "5f2a 77c0"},
		{process, "", "5f2a "},
		{"", history, ""},
		{"# Server\r\n", "", ""},
		{"\nrun_id:", "\nmaster_replid:", ""},
	} {
		if got := lifeOf(tc.process, tc.history); got != tc.want {
			t.Errorf("%q, %q: %q, want %q", tc.process, tc.history, got, tc.want)
		}
	}
}

func TestEpochChangesWithTheServerOnly(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL()})
	must(t, s.Begin(ctx, call("c0"))) // several connections
	must(t, s.Finish(ctx, store.Call{ID: "c0"}))
	first := s.Epoch()
	if first != 1 {
		t.Errorf("after the first server: %d", first)
	}
	server.Restart()
	must(t, s.Ping(ctx))
	if s.Epoch() != 2 {
		t.Errorf("after the second: %d", s.Epoch())
	}
}

// TestFollowOfAFrozenRedisEnds: the server neither answers nor breaks the connection.
func TestFollowOfAFrozenRedisEnds(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL(), Timeout: 500 * time.Millisecond})
	must(t, s.Begin(ctx, call("c0")))
	done := make(chan error, 1)
	go func() {
		_, err := s.Follow(ctx, "c0", "")
		done <- err
	}()
	until(t, "the reader blocks", func() bool {
		info, err := s.client.Info(ctx, "clients").Result()
		return err == nil && slices.Contains(slices.Collect(fieldsOf(info)), "blocked_clients:1")
	})
	server.Pause()
	defer server.Resume()
	select {
	case err := <-done:
		if err == nil || store.Permanent(err) || errors.Is(err, store.ErrEnded) {
			t.Errorf("Follow: %v", err)
		}
	case <-time.After(patience):
		t.Error("Follow hangs as long as the server does")
	}
}

// TestBlockedReadersDoNotHoldWritersUp has more followers than the pool of ordinary commands has connections.
func TestBlockedReadersDoNotHoldWritersUp(t *testing.T) {
	s := open(t, Options{URL: redisproc.Start(t).URL()})
	must(t, s.Begin(ctx, call("c0")))
	const readers = 60
	got := make(chan int, readers)
	for range readers {
		go func() {
			entries, err := s.Follow(ctx, "c0", "")
			if err != nil {
				t.Error(err)
			}
			got <- len(entries)
		}()
	}
	until(t, "all block", func() bool {
		info, err := s.client.Info(ctx, "clients").Result()
		return err == nil && slices.Contains(slices.Collect(fieldsOf(info)), fmt.Sprint("blocked_clients:", readers))
	})
	must(t, s.Append(ctx, "c0", line(1)))
	for range readers {
		select {
		case n := <-got:
			if n != 1 {
				t.Errorf("%d lines", n)
			}
		case <-time.After(patience):
			t.Fatal("a reader was not woken")
		}
	}
}
