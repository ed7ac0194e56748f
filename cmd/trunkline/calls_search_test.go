package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
)

func spoken(ms int, text string) store.Entry {
	at := begin.UnixMilli() + int64(ms)
	return store.Entry{ID: store.ID{MS: uint64(at)}.String(), Kind: store.KindTurn, Role: store.RoleCaller, Text: text}
}

func TestSearchOfAFileThatAServiceHolds(t *testing.T) {
	path, s := shared(t)
	put(t, s, "call-a", "frontdesk", true, spoken(1000, "where is my Order 4271"), spoken(2000, "nothing\x1b[31m"))
	put(t, s, "call-b", "sales", true, spoken(1000, "an order of mine"))
	must(t, s.Label(t.Context(), "call-b", []string{"vip"}, nil))

	code, out, stderr := trunklineRun(t, "", "calls", "search", "--store", path, "--agent", "frontdesk", "ORDER", "4271")
	if code != 0 || !strings.Contains(out, "call-a") || !strings.Contains(out, "where is my Order 4271") || strings.Contains(out, "nothing") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	code, out, _ = trunklineRun(t, "", "calls", "search", "--store", path, "--tag", "vip", "--json", "order")
	var hit struct {
		Call struct {
			ID   string
			Tags []string
		}
		Lines []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(out), &hit); err != nil || code != 0 || hit.Call.ID != "call-b" || len(hit.Call.Tags) != 1 || len(hit.Lines) != 1 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	code, out, stderr = trunklineRun(t, "", "calls", "search", "--store", path, "--tag", "vip", "unheard-of")
	if code != 0 || out != "" || !strings.Contains(stderr, "no calls with these words") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if code, _, stderr = trunklineRun(t, "", "calls", "search", "--store", path); code != exitUsage || !strings.Contains(stderr, "name the words") {
		t.Errorf("without words: exit %d: %s", code, stderr)
	}
}

func TestListTakesEveryFilter(t *testing.T) {
	path, s := held(t)
	put(t, s, "call-a", "frontdesk", true)
	put(t, s, "call-b", "sales", false)
	must(t, s.Label(t.Context(), "call-a", []string{"vip", "refund"}, nil))
	must(t, s.Close())
	for args, want := range map[string]string{
		"--tag vip": "call-a", "--tag none": "", "--ended-by caller": "call-a", "--ended-by agent": "", "--cause HUNG": "call-a",
		"--dialled +15551230001 --live": "call-b", "--dialled +1": "", "--min 80s": "call-a", "--min 100s": "", "--max 80s": "call-b", "--agent sales": "call-b",
	} {
		code, out, stderr := trunklineRun(t, "", append([]string{"calls", "list", "--store", path}, strings.Fields(args)...)...)
		if code != 0 || strings.Count(out, "\n") != strings.Count(want, "call-")*2 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d: %s%s", args, code, out, stderr)
		}
	}
	if _, out, _ := trunklineRun(t, "", "calls", "list", "--store", path); !strings.Contains(out, "refund,vip") {
		t.Errorf("no tags in %s", out)
	}
	if _, out, _ := trunklineRun(t, "", "calls", "show", "--store", path, "call-a"); !strings.Contains(out, "tags: refund vip") {
		t.Errorf("no tags in %s", out)
	}
}
