package supervisor

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
)

func TestListIsPaged(t *testing.T) {
	s := newAPIStand(t)
	for i := range 7 {
		s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: "sales"})
	}
	var got []string
	pages := 0
	for cursor := ""; ; pages++ {
		page := get[callPage](s, "vera", "calls?limit=3&cursor="+cursor)
		for _, c := range page.Calls {
			got = append(got, c.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"c6", "c5", "c4", "c3", "c2", "c1", "c0"}) || pages != 2 {
		t.Errorf("%q on %d pages", got, pages+1)
	}
	if page := get[callPage](s, "vera", "calls?live=true&caller=nobody"); page.Calls == nil || len(page.Calls) > 0 {
		t.Errorf("an empty list is %v", page.Calls)
	}
}

func TestTranscriptIsPaged(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	said := s.say("c", &store.IDs{}, 7)
	var got []string
	for after := ""; ; {
		page := get[entryPage](s, "vera", "calls/c/entries?limit=3&after="+after)
		for _, e := range page.Entries {
			got = append(got, e.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, said) {
		t.Errorf("%q, want %q", got, said)
	}
}

func TestTextOfStrangersIsNoMarkup(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales", Caller: "</script><script>alert(1)</script>"})
	resp, text := s.ask("vera", "GET", "calls/c", "")
	if strings.ContainsAny(text, "<>&") || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", resp.Header, text)
	}
	if c := get[store.Call](s, "vera", "calls/c"); c.Caller != "</script><script>alert(1)</script>" {
		t.Errorf("the caller is %q", c.Caller)
	}
}

func TestDeletingACallerDeletesAllTheirCalls(t *testing.T) {
	s := newAPIStand(t)
	for i := range 3 {
		s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: []string{"sales", "other"}[i%2], Caller: "+1555 0001"})
	}
	s.begin(store.Call{ID: "else", Agent: "sales", Caller: "+15550002"})
	resp, text := s.ask("ada", "DELETE", "callers?number=%2B1-555-0001", "")
	if resp.StatusCode != http.StatusOK || text != `{"deleted":3}`+"\n" {
		t.Errorf("%s %s", resp.Status, text)
	}
	if page := get[callPage](s, "ada", "calls"); len(page.Calls) != 1 || page.Calls[0].ID != "else" {
		t.Errorf("left are %+v", page.Calls)
	}
	if resp, text := s.ask("ada", "DELETE", "calls/else", ""); resp.StatusCode != http.StatusNoContent || text != "" {
		t.Errorf("%s %s", resp.Status, text)
	}
	s.refused(http.StatusNotFound, "ada", "DELETE", "calls/else", "")
}

func TestDeletingACallerThatStopsSaysHowFarItCame(t *testing.T) {
	s := newAPIStand(t)
	for i := range 3 {
		s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: "sales", Caller: "+15550001"})
	}
	s.archive.fail(func(method, call string) error {
		if method == "Delete" && call == "c1" {
			return errors.New("away")
		}
		return nil
	})
	if p := s.refused(http.StatusServiceUnavailable, "ada", "DELETE", "callers?number=%2B15550001", ""); !strings.HasPrefix(p.Detail, "1 calls") {
		t.Errorf("refused with %+v", p)
	}
	s.archive.fail(nil)
	if _, text := s.ask("ada", "DELETE", "callers?number=%2B15550001", ""); text != `{"deleted":2}`+"\n" {
		t.Errorf("then %s", text)
	}
}

func TestAuditListIsPagedAndKeptToAgents(t *testing.T) {
	s := newAPIStand(t)
	for _, agent := range []string{"sales", "other"} {
		s.begin(store.Call{ID: agent, Agent: agent})
		get[entryPage](s, "vera", "calls/"+agent+"/entries")
		s.ask("ada", "DELETE", "calls/"+agent, "")
	}
	read := func(who, query string) (out []string) {
		before := ""
		for {
			page := get[auditPage](s, who, "audit?limit=3&"+query+"&before="+before)
			for _, e := range page.Entries {
				if e.Who == "" || e.From != "127.0.0.1" || e.At.IsZero() {
					t.Errorf("entry %+v", e)
				}
				out = append(out, e.Action+" "+e.Call)
			}
			if before = page.Next; before == "" {
				return out
			}
		}
	}
	for _, c := range []struct {
		who, query string
		want       []string
	}{
		{"ada", "", []string{"delete other", "read other", "delete sales", "read sales"}},
		{"ada", "call=other", []string{"delete other", "read other"}},
		{"amy", "", []string{"delete sales", "read sales"}},
		{"amy", "call=other", nil},
	} {
		if got := read(c.who, c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s %s reads %q, want %q", c.who, c.query, got, c.want)
		}
	}
}

func TestSearchFindsWordsAndGoesOn(t *testing.T) {
	s := newAPIStand(t)
	for i := range 5 {
		id := fmt.Sprintf("c%d", i)
		s.begin(store.Call{ID: id, Agent: "sales"})
		ids := &store.IDs{}
		for _, text := range []string{"Where is my Parcel", "it is lost", "the PARCEL?", "parcel", "parcel again"} {
			if i == 2 {
				text = "nothing"
			}
			if err := s.archive.Append(t.Context(), id, store.Entry{ID: ids.Next(apiBegan), Kind: store.KindTurn, Text: text}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for cursor := ""; ; {
		page := get[hitPage](s, "vera", "search?from=2026-11-25&q=parcel&limit=2&cursor="+cursor)
		for _, h := range page.Hits {
			got = append(got, h.Call.ID)
			if len(h.Lines) != store.HitLines || h.Lines[0].Text != "Where is my Parcel" {
				t.Errorf("lines %+v", h.Lines)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"c4", "c3", "c1", "c0"}) {
		t.Errorf("found %q", got)
	}
	if page := get[hitPage](s, "vera", "search?q=100%25"); page.Hits == nil || len(page.Hits) > 0 {
		t.Errorf("found %+v", page.Hits)
	}
}
