package supervisor

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

func TestExportInEveryFormat(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "a/b", Agent: "sales"})
	s.say("a/b", &store.IDs{}, 3)
	for _, f := range export.Formats {
		from := len(s.audit())
		resp, text := s.ask("sam", "GET", "calls/a%2Fb/export?format="+f.Name, "")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != f.ContentType || strings.Count(text, "line ") != 3 ||
			resp.Header.Get("Content-Disposition") != "attachment; filename*=UTF-8''a%2Fb."+f.Name {
			t.Errorf("%s: %s %v\n%s", f.Name, resp.Status, resp.Header, text)
		}
		if e := s.audit()[from]; e.Detail != f.Name || e.Call != "a/b" || e.Agent != "sales" || e.Who != "sam" {
			t.Errorf("in the list as %+v", e)
		}
	}
}

// TestExportThatBreaksOffIsNotTakenForWhole has the store fail on a later page.
func TestExportThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	ids := &store.IDs{}
	for range 3 {
		var lines []store.Entry
		for range 500 {
			lines = append(lines, store.Entry{ID: ids.Next(apiBegan), Kind: store.KindTurn, Text: strings.Repeat("word ", 50)})
		}
		if err := s.archive.Append(t.Context(), "c", lines...); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	s.archive.fail(func(method, _ string) error {
		if method == "Entries" {
			pages++
		}
		if pages == 3 {
			return errors.New("away")
		}
		return nil
	})
	resp := s.open(t.Context(), "sam", "GET", "calls/c/export?format=txt", "")
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n == 0 {
		t.Errorf("%d bytes came without an error", n)
	}
	pages = 2
	s.refused(http.StatusServiceUnavailable, "sam", "GET", "calls/c/export?format=txt", "")
}
