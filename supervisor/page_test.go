package supervisor

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestPagesAnswerInEveryLanguage(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	for name, path := range pictured {
		for _, lang := range []string{"en", "de"} {
			want := http.StatusOK
			if name == "missing" {
				want = http.StatusNotFound
			}
			status, text := s.get(path, "Accept-Language", lang)
			if status != want || !strings.HasSuffix(strings.TrimSpace(text), "</html>") || strings.Contains(text, "ZgotmplZ") {
				t.Errorf("%s in %s: %d", path, lang, status)
			}
		}
	}
}

func TestPageHidesWhatTheReaderMayNot(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	for role, want := range map[Role][]bool{Viewer: {false, false, false, false}, Supervisor: {true, true, false, false}, Admin: {true, true, true, true}} {
		s.user = &User{Name: "x", Role: role}
		_, over := s.get("/calls/heard-1")
		_, live := s.get("/calls/run-1")
		got := []bool{strings.Contains(over, `id="note"`) && strings.Contains(over, "export?format=csv"), strings.Contains(live, `id="actions"`),
			strings.Contains(over, `id="delete"`), strings.Contains(over, `href="/audit"`)}
		if !slices.Equal(got, want) {
			t.Errorf("%s: write, act, delete, audit are %v", role, got)
		}
	}
	s.user = &User{Name: "x", Role: Supervisor}
	if status, _ := s.get("/audit"); status != http.StatusForbidden {
		t.Errorf("the audit list of others: %d", status)
	}
}

func TestPageKeepsCallsOfOtherAgentsAway(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	s.user = &User{Name: "x", Role: Supervisor, Agents: []string{"night porter"}}
	for _, path := range []string{"/calls/heard-1", "/calls/heard-1/head", "/calls/run-1/stream"} {
		if status, text := s.get(path); status != http.StatusNotFound || strings.Contains(text, "5550123") {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/", "/calls", "/calls?q=room", "/calls?agent=reservations", "/stats?days=30"} {
		if _, text := s.get(path); strings.Contains(text, ">reservations<") || strings.Contains(text, "front desk") {
			t.Errorf("%s shows calls of another agent", path)
		}
	}
	if _, text := s.get("/"); !strings.Contains(text, `id="c-run-6"`) {
		t.Error("the own call is not there")
	}
	if got := s.archive.actions(); slices.ContainsFunc(got, func(a string) bool { return strings.HasPrefix(a, "read") }) {
		t.Errorf("reads that were none: %v", got)
	}
}

func TestPageReadsAreAudited(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	for _, path := range []string{"/", "/calls", "/stats"} {
		s.get(path)
	}
	if got := s.archive.actions(); len(got) != 0 {
		t.Errorf("nobody read a transcript: %v", got)
	}
	s.get("/calls/heard-1")
	s.get("/calls?q=booking")
	if got := s.archive.actions(); !slices.Equal(got, []string{"read heard-1", "search "}) {
		t.Errorf("the audit list has %q", got)
	}
}

func TestPageSaysThatTheStoreIsAway(t *testing.T) {
	s := newPageStand(t)
	s.archive.fault = errors.New("connection refused by 10.1.2.3")
	for _, path := range []string{"/", "/calls", "/stats"} {
		status, text := s.get(path)
		if status != http.StatusServiceUnavailable || !strings.Contains(text, "nothing said is lost") || strings.Contains(text, "10.1.2.3") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestPageAssetsAreAskedForAgain(t *testing.T) {
	s := newPageStand(t)
	for name, a := range s.pages().assets {
		if status, text := s.get("/static/" + name); status != http.StatusOK || text != string(a.body) || a.kind == "" {
			t.Errorf("%s: %d, %q", name, status, a.kind)
		}
		if status, text := s.get("/static/"+name, "If-None-Match", a.tag); status != http.StatusNotModified || text != "" {
			t.Errorf("%s again: %d", name, status)
		}
		if strings.Contains(string(a.body), "://") && !strings.Contains(string(a.body), "www.w3.org/2000/svg") {
			t.Errorf("%s names another server", name)
		}
	}
	if status, _ := s.get("/static/page.go"); status != http.StatusNotFound {
		t.Errorf("what is not there: %d", status)
	}
}

// pages is another set of pages of the same server.
func (s *pageStand) pages() *pages {
	s.Helper()
	p, err := newPages(s.server)
	if err != nil {
		s.Fatal(err)
	}
	return p
}
