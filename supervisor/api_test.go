package supervisor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
)

// TestWhoMayDoWhat asks for every route as everybody, about a call of an agent that some may see and one of an agent
// that they may not.
func TestWhoMayDoWhat(t *testing.T) {
	bodies := map[string]string{"notes": `{"text":"x"}`, "tags": `{"add":["x"]}`, "transfer": `{"target":"desk"}`, "tell": `{"text":"x"}`, "silence": `{"off":true}`}
	queries := map[string]string{"search": "?q=line", "callers": "?number=%2B1555"}
	for name, who := range apiPeople {
		t.Run(name, func(t *testing.T) {
			s := newAPIStand(t)
			for _, rt := range s.server.api.routes {
				for _, agent := range []string{"sales", "other"} {
					id := "rec-" + agent
					s.begin(store.Call{ID: id, Agent: agent, Caller: "+1555"})
					s.live.hold(id)
					s.finish(id) // so that follow ends
					path := strings.ReplaceAll(rt.path, "{id}", id)
					verb := path[strings.LastIndex(path, "/")+1:]
					want := 0
					switch {
					case who.Role < rt.role:
						want = http.StatusForbidden
					case rt.path == "callers" && who.Agents != nil:
						want = http.StatusForbidden
					case strings.Contains(rt.path, "{id}") && !who.Sees(agent):
						want = http.StatusNotFound
					}
					before := len(s.audit())
					if rt.path == "feed" && want == 0 {
						s.wall(name).close()
					} else if want != 0 {
						s.refused(want, name, rt.method, path+queries[verb], bodies[verb])
						if did := s.did(before); len(did) > 0 {
							t.Errorf("%s %s was refused and is in the audit list as %q", rt.method, path, did)
						}
					} else if resp, text := s.ask(name, rt.method, path+queries[verb], bodies[verb]); resp.StatusCode >= 300 {
						t.Errorf("%s %s: %s %s", rt.method, path, resp.Status, text)
					}
				}
			}
		})
	}
}

// TestListsShowWhatTheUserMaySee looks at every answer that holds more than one call.
func TestListsShowWhatTheUserMaySee(t *testing.T) {
	s := newAPIStand(t)
	for i, agent := range []string{"sales", "other", "sales", "third"} {
		id := fmt.Sprintf("c%d", i)
		s.begin(store.Call{ID: id, Agent: agent})
		s.say(id, &store.IDs{}, 1)
	}
	for _, c := range []struct {
		who, query string
		want       []string
	}{
		{"vera", "", []string{"c3", "c2", "c1", "c0"}},
		{"vera", "?agent=other", []string{"c1"}},
		{"vera", "?agent=other&agent=third", []string{"c3", "c1"}},
		{"val", "", []string{"c2", "c0"}},
		{"val", "?agent=sales", []string{"c2", "c0"}},
		{"val", "?agent=other", nil},
		{"val", "?agent=other&agent=sales", []string{"c2", "c0"}},
		{"val", "?agent=other&agent=third", nil},
	} {
		var got []string
		for _, call := range get[callPage](s, c.who, "calls"+c.query).Calls {
			got = append(got, call.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s%s lists %q, want %q", c.who, c.query, got, c.want)
		}
		and := "?q=line&from=2026-11-25&" + strings.TrimPrefix(c.query, "?")
		if n := len(get[hitPage](s, c.who, "search"+and).Hits); n != len(c.want) {
			t.Errorf("%s%s finds %d, want %d", c.who, c.query, n, len(c.want))
		}
		when := "?from=2026-11-25&to=2026-11-26&" + strings.TrimPrefix(c.query, "?")
		if n := get[figures](s, c.who, "stats"+when).Calls; n != len(c.want) {
			t.Errorf("%s%s counts %d, want %d", c.who, c.query, n, len(c.want))
		}
	}
}

func TestNothingIsReadOrDoneThatIsNotInTheAuditList(t *testing.T) {
	s := newAPIStand(t)
	asked := []struct{ method, path, body, action string }{
		{"GET", "calls/rec1/entries", "", "read"},
		{"GET", "calls/rec1/follow", "", "follow"},
		{"GET", "calls/rec1/recording", "", "listen"},
		{"GET", "calls/rec1/export", "", "export"},
		{"GET", "search?q=line", "", "search"},
		{"POST", "calls/rec1/notes", `{"text":"secret"}`, "note"},
		{"POST", "calls/rec1/tags", `{"add":["vip"]}`, "tag"},
		{"POST", "calls/rec1/hangup", "", "hang_up"},
		{"POST", "calls/rec1/transfer", `{"target":"desk"}`, "transfer"},
		{"POST", "calls/rec1/tell", `{"text":"secret"}`, "tell"},
		{"POST", "calls/rec1/silence", `{"off":true}`, "take_off"},
		{"POST", "calls/rec1/silence", `{"off":false}`, "put_back"},
		{"DELETE", "callers?number=%2B15550001", "", "delete_caller"},
		{"DELETE", "calls/rec1", "", "delete"},
	}
	begin := func() {
		s.begin(store.Call{ID: "rec1", Agent: "sales", Caller: "+15551234"})
		s.finish("rec1")
	}
	begin()
	s.live.hold("rec1")
	s.archive.fail(func(method, _ string) error {
		if method == "Record" {
			return errors.New("disk full")
		}
		return nil
	})
	for _, c := range asked {
		if p := s.refused(http.StatusServiceUnavailable, "ada", c.method, c.path, c.body); p.Place != "audit" {
			t.Errorf("%s %s is refused for %+v", c.method, c.path, p)
		}
	}
	if did := s.live.was(); len(did) > 0 {
		t.Errorf("did %q", did)
	}
	s.archive.fail(nil)
	if n := len(get[entryPage](s, "vera", "calls/rec1/entries").Entries); n != 0 {
		t.Errorf("%d notes were written", n)
	}
	for _, c := range asked {
		from := len(s.audit())
		if resp, text := s.ask("ada", c.method, c.path, c.body); resp.StatusCode >= 300 {
			t.Errorf("%s %s: %s %s", c.method, c.path, resp.Status, text)
		}
		if did := s.did(from); !slices.Equal(did, []string{c.action}) {
			t.Errorf("%s %s is in the list as %q, want %q", c.method, c.path, did, c.action)
		}
	}
	for _, e := range s.audit() {
		if said := fmt.Sprint(e); strings.Contains(said, "secret") || strings.Contains(said, "+1555") {
			t.Errorf("the list holds words or numbers: %s", said)
		}
	}
}

func TestMethodsAndPathsThatAreNotThere(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	s.refused(http.StatusNotFound, "ada", "GET", "nothing", "")
	s.refused(http.StatusNotFound, "ada", "GET", "calls/", "")
	s.refused(http.StatusNotFound, "ada", "GET", "calls/none", "")
	s.refused(http.StatusNotFound, "ada", "GET", "calls/%7Bx%7D", "")
	resp, _ := s.ask("ada", "PUT", "calls/c", "")
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS" {
		t.Errorf("PUT: %s, allowed %q", resp.Status, resp.Header.Get("Allow"))
	}
	resp, text := s.ask("none", "OPTIONS", "calls/c", "")
	if resp.StatusCode != http.StatusNoContent || text != "" || resp.Header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %s, allowed %q, %q", resp.Status, resp.Header.Get("Allow"), text)
	}
}

// TestHeadIsGetWithoutBody asks for the heads of streams too, which must not stay open.
func TestHeadIsGetWithoutBody(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "rec", Agent: "sales"})
	for _, path := range []string{"calls", "calls/rec", "calls/rec/entries", "calls/rec/follow", "calls/rec/export", "calls/rec/recording", "feed", "stats"} {
		resp, text := s.ask("ada", "HEAD", path, "")
		if resp.StatusCode != http.StatusOK || text != "" || resp.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %s with %q of type %q", path, resp.Status, text, resp.Header.Get("Content-Type"))
		}
	}
	s.eventually("all streams end", func() bool { return s.server.Streams().Open == 0 })
}

func TestPanicCostsOneRequest(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "good", Agent: "sales"})
	s.begin(store.Call{ID: "bad", Agent: "sales"})
	bystander := s.followed("vera", "good", "")
	bystander.until("record")
	s.archive.fail(func(_, call string) error {
		if call == "bad" {
			panic("on purpose")
		}
		return nil
	})
	for _, path := range []string{"calls/bad", "calls/bad/follow", "calls/bad/export"} {
		req, err := http.NewRequest("GET", s.http.URL+apiPrefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Who", "ada")
		if resp, err := s.http.Client().Do(req); err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode < 500 {
				t.Errorf("GET %s: %s", path, resp.Status)
			}
		}
	}
	get[callPage](s, "vera", "calls")
	id := s.say("good", &store.IDs{}, 1)[0]
	if e := bystander.until("entry"); e.id != id {
		t.Errorf("the bystander got %+v", e)
	}
	bystander.close()
	s.eventually("all streams are counted out", func() bool { return s.server.Streams().Open == 0 })
}

func TestLogHoldsNothingPersonal(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales", Caller: "+15559876"})
	s.archive.fail(func(method, _ string) error { return errors.New(method + " failed") })
	s.ask("vera", "GET", "calls/c", "")
	s.ask("vera", "GET", "search?q=word&caller=%2B15559876", "")
	s.ask("ada", "DELETE", "callers?number=%2B15559876", "")
	s.ask("sam", "POST", "calls/c/notes", `{"text":"word"}`)
	s.server.Close()
	s.http.Close()
	if text := s.log.String(); !strings.Contains(text, "failed") || strings.Contains(text, "5559876") || strings.Contains(text, "word") {
		t.Errorf("the log:\n%s", text)
	}
}

// TestServerHasTheAPI goes through all that stands before it.
func TestServerHasTheAPI(t *testing.T) {
	s := newAPIStand(t)
	whole := httptest.NewServer(s.server)
	defer whole.Close()
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 204, "PUT": 405, "PATCH": 405, "DELETE": 405} {
		req, err := http.NewRequestWithContext(t.Context(), method, whole.URL+apiPrefix+"calls", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := whole.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %s", method, resp.Status)
		}
	}
	for _, page := range []string{"/", "GET /"} { // which may stand beside
		mux := http.NewServeMux()
		mux.Handle(page, http.NotFoundHandler())
		(&Server{Options: Options{Archive: s.archive}}).apiRoutes(mux)
	}
}
