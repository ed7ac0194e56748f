package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/share"
)

// held is an embedded file with calls in it.
func held(t *testing.T) (path string, s *boltstore.Store) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "calls.db")
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return path, s
}

// shared is held, and its owner answers readers as a service does.
func shared(t *testing.T) (path string, s *boltstore.Store) {
	t.Helper()
	path, s = held(t)
	srv, err := share.Serve(path, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return path, s
}

// put writes a call that is over, or goes on.
func put(t *testing.T, s store.Store, id, agent string, over bool, entries ...store.Entry) {
	t.Helper()
	ctx := context.Background()
	c := store.Call{ID: id, Trunk: "carrier", Agent: agent, Caller: "+15550100001", Dialled: "+15551230001", Codec: "PCMU",
		Started: begin, Answered: begin}
	must(t, s.Begin(ctx, c))
	if len(entries) > 0 {
		must(t, s.Append(ctx, id, entries...))
	}
	if over {
		must(t, s.Finish(ctx, store.Call{ID: id, Ended: begin.Add(90 * time.Second), EndedBy: "caller", Cause: "caller hung up", Turns: 2}))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// withIDs gives entries the ids that a writer would give them.
func withIDs(entries []store.Entry) []store.Entry {
	var ids store.IDs
	for i := range entries {
		entries[i].ID = ids.Next(entries[i].At)
	}
	return entries
}

func TestCallsOfAFileNobodyHolds(t *testing.T) {
	path, s := held(t)
	put(t, s, "one", "frontdesk", true, withIDs(everyLine())...)
	put(t, s, "two", "sales", true)
	must(t, s.Close())
	readCalls(t, path)
}

func TestCallsOfAFileThatAServiceHolds(t *testing.T) {
	path, s := shared(t)
	put(t, s, "one", "frontdesk", true, withIDs(everyLine())...)
	put(t, s, "two", "sales", true)
	readCalls(t, path)
}

// readCalls reads the calls one and two in every way.
func readCalls(t *testing.T, path string) {
	code, out, errs := execute(t, "calls", "list", "--store", path)
	if code != 0 || errs != "" {
		t.Fatalf("%d: %s", code, errs)
	}
	wants(t, out, "CALL ", "one ", "two ", "+15550100001", "1m30s", "ended by caller: caller hung up")

	_, out, errs = execute(t, "calls", "list", "--store", path, "--agent", "sales", "--json")
	if c := decode[store.Call](t, out); len(c) != 1 || c[0].ID != "two" || !c[0].Started.Equal(begin) {
		t.Errorf("--agent sales: %s%s", out, errs)
	}
	_, out, errs = execute(t, "calls", "list", "--store", path, "--limit", "1")
	wants(t, errs, "more: --cursor '")
	cursor := strings.Split(errs, "'")[1]
	_, second, errs := execute(t, "calls", "list", "--store", path, "--limit", "1", "--cursor", cursor)
	if errs != "" || strings.Count(out, "\n") != 2 || strings.Count(second, "\n") != 2 || out == second {
		t.Errorf("two pages:\n%s%s%s", out, second, errs)
	}
	_, out, errs = execute(t, "calls", "list", "--store", path, "--live")
	if out != "" || errs != "no calls\n" {
		t.Errorf("--live: %q, %q", out, errs)
	}
	_, _, errs = execute(t, "calls", "list", "--store", path, "--since", "1ns")
	if errs != "no calls\n" {
		t.Errorf("--since: %q", errs)
	}

	code, out, errs = execute(t, "calls", "show", "one", "--store", path)
	if code != 0 || errs != "" {
		t.Fatalf("%d: %s", code, errs)
	}
	wants(t, out, "call one\n", "from +15550100001 to +15551230001 over carrier, answered by frontdesk (PCMU)",
		"6.3  caller  where is my order\n", `order_status {"order":"4271"} …`, "‹not heard: comes on Thursday.›")
	_, out, _ = execute(t, "calls", "show", "one", "--store", path, "--json")
	if n := strings.Count(out, "\n"); n != 1+len(everyLine()) || !strings.HasPrefix(out, `{"id":"one"`) {
		t.Errorf("%d lines of JSON:\n%s", n, out)
	}
	decode[map[string]any](t, out)

	const usageLines = 2
	for _, verb := range []string{"show", "follow"} {
		_, plain, _ := execute(t, "calls", verb, "one", "--store", path)
		_, verbose, _ := execute(t, "calls", verb, "one", "--store", path, "--verbose")
		if strings.Count(plain, " usage ") != 0 || strings.Count(verbose, " usage ") != usageLines {
			t.Errorf("%s: tokens of each answer are in\n%s\nand with --verbose in\n%s", verb, plain, verbose)
		}
	}
	code, out, _ = execute(t, "calls", "follow", "one", "--store", path)
	if code != 0 || strings.Count(out, "\n") != len(everyLine())-usageLines {
		t.Errorf("follow of a call that is over: %d\n%s", code, out)
	}
	for _, verb := range []string{"show", "follow"} {
		code, _, errs = execute(t, "calls", verb, "three", "--store", path)
		if code != exitFailed || !strings.Contains(errs, "there is no call three here") {
			t.Errorf("%s of an unknown call: %d %s", verb, code, errs)
		}
	}
}

// decode reads one JSON value a line.
func decode[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

func TestFollowGrowsWithTheCall(t *testing.T) {
	path, s := shared(t)
	lines := withIDs(everyLine())
	put(t, s, "live", "frontdesk", false, lines[:2]...)
	for _, asJSON := range []bool{false, true} {
		t.Run(fmt.Sprint("json ", asJSON), func(t *testing.T) {
			args := []string{"calls", "follow", "live", "--store", path}
			if asJSON {
				args = append(args, "--json")
			}
			follower := start(t, args...)
			follower.waitFor("How can I help?")
			must(t, s.Append(context.Background(), "live", lines[2]))
			follower.waitFor("where is my order")
			follower.interrupt()
			if code := follower.ends(); code != exitInterrupted || follower.errs.String() != "" {
				t.Errorf("interrupted: %d %s", code, follower.errs)
			}
		})
	}
	follower := start(t, "calls", "follow", "live", "--store", path)
	follower.waitFor("where is my order")
	must(t, s.Append(context.Background(), "live", lines[len(lines)-1]))
	must(t, s.Finish(context.Background(), store.Call{ID: "live", EndedBy: "agent"}))
	if code := follower.ends(); code != 0 {
		t.Errorf("at the end of the call: %d %s", code, follower.errs)
	}
	wants(t, follower.out.String(), "end     by agent: hang_up")
}

// A service that ends with the call it holds takes the reader's way to it along: the file has the last lines.
func TestFollowOutlivesTheOwner(t *testing.T) {
	lines := withIDs(everyLine())
	path, whole := held(t) // the file as it is afterwards
	put(t, whole, "live", "frontdesk", true, lines...)
	must(t, whole.Close())
	_, before := held(t)
	put(t, before, "live", "frontdesk", false, lines[:2]...)
	srv, err := share.Serve(path, before)
	must(t, err)
	follower := start(t, "calls", "follow", "live", "--store", path)
	follower.waitFor("How can I help?")
	must(t, srv.Close())
	if code := follower.ends(); code != 0 || follower.errs.String() != "" {
		t.Errorf("%d %s", code, follower.errs)
	}
	if out := follower.out.String(); strings.Count(out, "How can I help?") != 1 || !strings.Contains(out, "end     by agent: hang_up") {
		t.Errorf("shown is\n%s", out)
	}
}

func TestNoTranscripts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	code, _, errs := execute(t, "calls", "list", "--store", path)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wants(t, errs, "there are no transcripts at "+path, "--store", "trunkline demo")
	if _, err := os.Stat(path); err == nil {
		t.Error("reading made the file")
	}
}

// Without a configuration file the transcripts are those of the demonstration, in the working directory; with one they
// are the configuration's.
func TestWhereTheTranscriptsAre(t *testing.T) {
	path, s := held(t)
	put(t, s, "one", "frontdesk", true)
	must(t, s.Close())
	dir := t.TempDir()
	t.Chdir(dir)
	_, _, errs := execute(t, "calls", "list")
	wants(t, errs, "there are no transcripts at ./trunkline.db")

	must(t, os.WriteFile("trunkline.yaml", []byte(smallConfig+"store: { path: "+path+" }\n"), 0o600))
	code, out, errs := execute(t, "calls", "list")
	if code != 0 || !strings.Contains(out, "one ") {
		t.Errorf("of trunkline.yaml: %d %s%s", code, out, errs)
	}
	_, _, errs = execute(t, "calls", "list", "--set", "store.path=elsewhere.db")
	wants(t, errs, "there are no transcripts at elsewhere.db")
	for _, args := range [][]string{{"--config", "other.yaml"}, {"--config", "other.yaml", "--set", "limits.calls=3"}} {
		if code, _, errs := execute(t, append([]string{"calls", "list"}, args...)...); code != exitUsage {
			t.Errorf("configuration that is not there: %d %s", code, errs)
		}
	}
	t.Setenv("TRUNKLINE_CONFIG", filepath.Join(dir, "trunkline.yaml"))
	t.Chdir(t.TempDir())
	if code, out, errs := execute(t, "calls", "list"); code != 0 || !strings.Contains(out, "one ") {
		t.Errorf("of TRUNKLINE_CONFIG: %d %s%s", code, out, errs)
	}
	t.Setenv("TRUNKLINE_CONFIG", "other.yaml")
	if code, _, errs := execute(t, "calls", "list"); code != exitUsage {
		t.Errorf("of a TRUNKLINE_CONFIG that is not there: %d %s", code, errs)
	}
}

func TestHeldFileWithoutASocketSaysWhoHoldsIt(t *testing.T) {
	path, _ := held(t)
	code, _, errs := execute(t, "calls", "list", "--store", path)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	wants(t, errs, path, "in use by process")
}
