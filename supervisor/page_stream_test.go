package supervisor

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageEvent is one event of a stream.
type pageEvent struct{ id, name, data string }

// pageClient reads a stream as a browser does.
type pageClient struct {
	*pageStand
	body  *bufio.Reader
	close func()
}

func (s *pageStand) stream(path, last string) *pageClient {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pagePatience)
	req, err := http.NewRequestWithContext(ctx, "GET", s.http.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatalf("%s: %v %v", path, resp, err)
	}
	c := &pageClient{s, bufio.NewReader(resp.Body), func() { cancel(); resp.Body.Close() }}
	s.Cleanup(c.close)
	return c
}

// next is the next event with one of the names.
func (c *pageClient) next(names ...string) (e pageEvent) {
	c.Helper()
	for {
		line, err := c.body.ReadString('\n')
		if err != nil {
			c.Fatalf("no %v: %v", names, err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data += value + "\n"
		case "":
			if slices.Contains(names, e.name) {
				return e
			}
			e = pageEvent{}
		}
	}
}

func TestTranscriptGoesOnWhereItWas(t *testing.T) {
	s := newPageStand(t)
	s.begin(store.Call{ID: "c", Agent: "a", Started: time.Now(), Answered: time.Now()})
	ids := s.add("c", said(store.RoleCaller, "one"), said(store.RoleAgent, "two"))
	ids = append(ids, s.add("c", store.Entry{Kind: store.KindToolCall, Tool: "find", CallID: "f"})...)

	c := s.stream("/calls/c/stream?after="+ids[0], "")
	for i, want := range []string{"two", "find"} {
		if e := c.next("line"); e.id != ids[i+1] || !strings.Contains(e.data, want) {
			t.Errorf("%d: %+v", i, e)
		}
	}
	c.close()
	ids = append(ids, s.add("c", store.Entry{Kind: store.KindToolResult, Tool: "find", CallID: "f", Status: "ok"}, said(store.RoleAgent, "three\nlines"))...)
	c = s.stream("/calls/c/stream?after="+ids[0], ids[2]) // the address is that of the page, the id counts
	if e := c.next("line"); e.id != ids[3] || !strings.Contains(e.data, `id="e-`+ids[2]+`"`) || !strings.Contains(e.data, `data-status="ok"`) {
		t.Errorf("the result does not go to its call: %+v", e)
	}
	if e := c.next("line"); e.id != ids[4] || !strings.Contains(e.data, "three\nlines") {
		t.Errorf("%+v", e)
	}
	now := time.Now()
	s.finish(store.Call{ID: "c", Agent: "a", Started: now, Ended: now, Cause: "normal"})
	if e := c.next("head"); !strings.Contains(e.data, "state") {
		t.Errorf("%+v", e)
	}
	c.next("end")
	if got := s.archive.actions(); !slices.Equal(got, []string{"follow c", "follow c"}) {
		t.Errorf("the audit list has %v", got)
	}
}

func TestTranscriptStreamRefusesNonsense(t *testing.T) {
	s := newPageStand(t)
	s.begin(store.Call{ID: "c", Agent: "a", Started: time.Now()})
	if status, _ := s.get("/calls/c/stream?after=5"); status != http.StatusBadRequest {
		t.Errorf("a place that is none: %d", status)
	}
	if status, _ := s.get("/calls/nobody/stream"); status != http.StatusNotFound {
		t.Errorf("no such call: %d", status)
	}
}

func TestWallFollowsWhatHappens(t *testing.T) {
	s := newPageStand(t)
	s.user = &User{Name: "x", Role: Viewer, Agents: []string{"a"}}
	s.begin(store.Call{ID: "one", Agent: "a", Started: time.Now()})
	c := s.stream("/wall/stream", "")
	if e := c.next("card"); !strings.Contains(e.data, `data-call="one"`) || !strings.Contains(e.data, "Ringing") {
		t.Errorf("%+v", e)
	}
	if e := c.next("all"); e.data != `["one"]`+"\n" {
		t.Errorf("%+v", e)
	}
	s.begin(store.Call{ID: "other", Agent: "b", Started: time.Now()})
	s.begin(store.Call{ID: "two", Agent: "a", Started: time.Now(), Answered: time.Now()})
	e := c.next("card", "gone")
	if !strings.Contains(e.data, `data-call="two"`) {
		t.Errorf("%+v", e)
	}
	s.add("two", said(store.RoleCaller, "Is <b>anybody</b> there?"))
	if e = c.next("card"); !strings.Contains(e.data, "Is &lt;b&gt;anybody&lt;/b&gt; there?") {
		t.Errorf("%+v", e)
	}
	c.close()
	s.add("two", store.Entry{Kind: store.KindHold, Status: "on"}) // while nobody looks
	s.finish(store.Call{ID: "one", Agent: "a", Started: time.Now(), Ended: time.Now()})
	c = s.stream("/wall/stream", e.id)
	if e := c.next("card"); !strings.Contains(e.data, "On hold") {
		t.Errorf("%+v", e)
	}
	if e := c.next("all"); e.data != `["two"]`+"\n" {
		t.Errorf("%+v", e)
	}
	if err := s.archive.Store.Delete(context.Background(), "two"); err != nil {
		t.Fatal(err)
	}
	if e := c.next("gone"); e.data != "two\n" {
		t.Errorf("%+v", e)
	}
}
