package boltstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "calls.db") }

func call(id string) store.Call {
	return store.Call{ID: id, Agent: "frontdesk", Caller: "+15551230001", Started: time.Now().Add(-time.Minute)}
}

func line(ms int64) store.Entry {
	return store.Entry{ID: fmt.Sprintf("%d-0", ms), Kind: store.KindTurn, Text: fmt.Sprint("line ", ms), At: time.UnixMilli(ms).UTC()}
}

// TestAnotherProcessHasTheFile lets a second process hold the file and expects to be told who it is.
func TestAnotherProcessHasTheFile(t *testing.T) {
	path := file(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdVariable+"="+path)
	stdin, err := holder.StdinPipe()
	must(t, err)
	stdout, err := holder.StdoutPipe()
	must(t, err)
	must(t, holder.Start())
	t.Cleanup(func() {
		stdin.Close()
		holder.Wait()
	})
	if said, err := bufio.NewReader(stdout).ReadString('\n'); said != "held\n" {
		t.Fatalf("the holder said %q, %v", said, err)
	}
	for _, o := range []Options{{}, {ReadOnly: true}} {
		_, err = Open(path, o)
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Path != path {
			t.Fatalf("%+v: %v", o, err)
		}
		if runtime.GOOS == "linux" && locked.PID != holder.Process.Pid {
			t.Errorf("the holder is %d, named is %d", holder.Process.Pid, locked.PID)
		}
		if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, "stop it") || !strings.Contains(text, "store.path") {
			t.Errorf("%s", text)
		}
	}
	stdin.Close()
	must(t, holder.Wait())
	open(t, path, Options{})
}

func TestLockedErrorNamesWhatIsKnown(t *testing.T) {
	for want, e := range map[string]*LockedError{
		"by another process": {Path: "p"}, "by process 7:": {Path: "p", PID: 7}, "by process 7 (trunkline)": {Path: "p", PID: 7, Name: "trunkline"},
	} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%s", e)
		}
	}
}

func TestReadOnly(t *testing.T) {
	path := file(t)
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	s := open(t, path, Options{})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.Append(ctx, "c1", line(1)))
	must(t, s.Close())
	a, b := open(t, path, Options{ReadOnly: true}), open(t, path, Options{ReadOnly: true}) // two at once
	for _, s := range []*Store{a, b} {
		entries, err := s.Follow(ctx, "c1", "")
		if err != nil || len(entries) != 1 {
			t.Errorf("Follow: %v, %v", entries, err)
		}
		if _, err := s.Follow(ctx, "c1", "1-0"); !errors.Is(err, store.ErrEnded) {
			t.Errorf("Follow waits for a writer that cannot be: %v", err)
		}
		page, err := s.List(ctx, store.Query{Caller: "+15551230001"})
		if err != nil || len(page.Calls) != 1 {
			t.Errorf("List: %+v, %v", page, err)
		}
		if err := s.Append(ctx, "c1", line(2)); err == nil || store.Permanent(err) {
			t.Errorf("Append: %v", err)
		}
	}
}

func TestFileIsPrivateAndOurs(t *testing.T) {
	path := file(t)
	open(t, path, Options{}).Close()
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	db, err := bbolt.Open(path, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketSys).Put(keyVersion, []byte("3")) }))
	must(t, db.Close())
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), `format "3"`) {
		t.Errorf("a file of the future: %v", err)
	}
	other := file(t)
	db, err = bbolt.Open(other, 0o600, nil)
	must(t, err)
	must(t, db.Close())
	if _, err := Open(other, Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "not a transcript store") {
		t.Errorf("a file of somebody else: %v", err)
	}
	text := file(t)
	must(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 2000)), 0o600))
	if _, err := Open(text, Options{}); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("no database at all: %v", err)
	}
}

// TestCallsOfADeadProcessAreLost reopens a file in which a call was running.
func TestCallsOfADeadProcessAreLost(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.Begin(ctx, call("c2")))
	last := time.Now().Add(5 * time.Minute).UnixMilli() // renewals kept it alive; they were in memory
	must(t, s.Append(ctx, "c1", line(1), line(last)))
	must(t, s.Renew(ctx, "c1", time.Hour))
	must(t, s.Finish(ctx, store.Call{ID: "c2"}))
	must(t, s.Close())
	s = open(t, path, Options{})
	closed, err := s.Sweep(ctx, time.Now().Add(2*store.DefaultLease))
	if err != nil || fmt.Sprint(closed) != "[c1]" {
		t.Errorf("swept %v, %v", closed, err)
	}
	c, err := s.Call(ctx, "c1")
	must(t, err)
	if c.Cause != store.CauseLost || c.Ended.UnixMilli() != last {
		t.Errorf("%+v, want the end at its last line", c)
	}
	if entries, err := s.Entries(ctx, "c1", "", 0); err != nil || len(entries) != 2 {
		t.Errorf("its lines: %v, %v", entries, err)
	}
}

func TestRetentionRemovesEverything(t *testing.T) {
	s := open(t, file(t), Options{Retention: time.Hour})
	for i := range purgeBatch + 5 {
		id := fmt.Sprint("gone", i)
		must(t, s.Begin(ctx, call(id)))
		must(t, s.Append(ctx, id, line(1), line(2)))
		must(t, s.Finish(ctx, store.Call{ID: id}))
	}
	must(t, s.Finish(ctx, store.Call{ID: "gone0", Expires: time.Now().Add(24 * time.Hour)})) // moves in the expiry index
	must(t, s.Begin(ctx, call("live")))
	for range 2 {
		_, err := s.Sweep(ctx, time.Now().Add(time.Hour))
		must(t, err)
	}
	left, err := listed{s}.KeyNames(ctx)
	must(t, err)
	for _, key := range left {
		if strings.Contains(key, "gone1") {
			t.Errorf("left: %q", key)
		}
	}
	page, err := s.List(ctx, store.Query{})
	must(t, err)
	if len(page.Calls) != 2 { // gone0, and live, which Sweep closed as lost
		t.Errorf("%d calls are left", len(page.Calls))
	}
}

func TestDamagedRecordIsAnError(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte("c1"), []byte{200, 1}) }))
	if _, err := s.Call(ctx, "c1"); !errors.Is(err, errTorn) {
		t.Errorf("Call: %v", err)
	}
	if err := s.Begin(ctx, call("c1")); !errors.Is(err, errTorn) {
		t.Errorf("Begin: %v", err)
	}
}

func TestUnknownFieldsSurvive(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("c1")))
	must(t, s.db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		fields, err := unpack(meta.Get([]byte("c1")))
		must(t, err)
		fields["hologram"] = "yes"
		return meta.Put([]byte("c1"), pack(maps.All(fields)))
	}))
	must(t, s.Finish(ctx, store.Call{ID: "c1"}))
	must(t, s.db.View(func(tx *bbolt.Tx) error {
		fields, err := unpack(tx.Bucket(bucketMeta).Get([]byte("c1")))
		if fields["hologram"] != "yes" {
			t.Errorf("fields: %v", fields)
		}
		return err
	}))
}

func TestFollowersLeaveNothingInTheHub(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("c1")))
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for range 3 {
		if _, err := s.Follow(gone, "c1", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if n := len(s.hub.topics); n != 0 {
		t.Errorf("%d topics are left", n)
	}
}

func TestCloseEndsFollow(t *testing.T) {
	s := open(t, file(t), Options{})
	must(t, s.Begin(ctx, call("c1")))
	done := make(chan error, 1)
	go func() {
		_, err := s.Follow(ctx, "c1", "")
		done <- err
	}()
	must(t, s.Close())
	if err := <-done; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Follow: %v", err)
	}
}

// BenchmarkAppend writes batches of 16 lines of about 115 characters, each batch on disk when it returns.
func BenchmarkAppend(b *testing.B) {
	s := open(b, file(b), Options{})
	must(b, s.Begin(ctx, call("c1")))
	batch := make([]store.Entry, 16)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			n++
			batch[i] = store.Entry{ID: store.ID{MS: 1_700_000_000_000, Seq: uint64(n)}.String(), Kind: store.KindTurn,
				Role: store.RoleCaller, ItemID: fmt.Sprint("item_", n), Text: strings.Repeat("some words ", 10)}
		}
		must(b, s.Append(ctx, "c1", batch...))
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "lines/s")
}
