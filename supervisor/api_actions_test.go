package supervisor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestActionsReachTheCall(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales", Node: "node-1"})
	if got := get[possible](s, "sam", "calls/c/actions"); got.Here || len(got.Targets) > 0 || got.Node != "node-1" {
		t.Errorf("possible elsewhere: %+v", got)
	}
	s.live.hold("c")
	if got := get[possible](s, "sam", "calls/c/actions"); !got.Here || got.Silenced || !slices.Equal(got.Targets, []string{"desk", "<boss>"}) {
		t.Errorf("possible here: %+v", got)
	}
	for _, c := range []struct{ verb, body string }{
		{"hangup", ""}, {"transfer", `{"target":"<boss>"}`}, {"tell", `{"text":" offer a refund "}`}, {"silence", `{"off":true}`},
	} {
		if resp, text := s.ask("sam", "POST", "calls/c/"+c.verb, c.body); resp.StatusCode != http.StatusNoContent || text != "" {
			t.Errorf("%s: %s %s", c.verb, resp.Status, text)
		}
	}
	want := []string{"hang up c by sam", "transfer c to <boss> by sam", "tell c: offer a refund by sam", "silence c true by sam"}
	if did := s.live.was(); !slices.Equal(did, want) {
		t.Errorf("did %q", did)
	}
	if got := get[possible](s, "sam", "calls/c/actions"); !got.Silenced {
		t.Errorf("possible then: %+v", got)
	}
	s.live.err = fmt.Errorf("%w: the caller is on hold", ErrRefused)
	if p := s.refused(http.StatusConflict, "sam", "POST", "calls/c/hangup", ""); !strings.Contains(p.Detail, "on hold") {
		t.Errorf("refused with %+v", p)
	}
}

func TestActionsOnWhatRunsElsewhere(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	for verb, body := range map[string]string{"hangup": "", "transfer": `{"target":"desk"}`, "tell": `{"text":"x"}`, "silence": `{"off":true}`} {
		s.refused(http.StatusConflict, "sam", "POST", "calls/c/"+verb, body)
	}
	s.live.hold("c")
	from := len(s.audit())
	s.refused(http.StatusBadRequest, "sam", "POST", "calls/c/transfer", `{"target":"+15551234"}`)
	if did := s.did(from); len(did) > 0 {
		t.Errorf("a target that is none is in the list: %q", did)
	}
	s.server.Live = nil
	s.refused(http.StatusConflict, "sam", "POST", "calls/c/hangup", "")
	s.refused(http.StatusConflict, "sam", "POST", "calls/c/transfer", `{"target":"desk"}`)
	if got := get[possible](s, "sam", "calls/c/actions"); got.Here {
		t.Errorf("possible without calls: %+v", got)
	}
}

// TestTransferGoesOnWithoutWhoAskedForIt leaves while the target rings.
func TestTransferGoesOnWithoutWhoAskedForIt(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	s.live.hold("c")
	s.live.transfer = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, err := http.NewRequestWithContext(ctx, "POST", s.http.URL+apiPrefix+"calls/c/transfer", strings.NewReader(`{"target":"desk"}`))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Who", "sam")
		req.Header.Set("Content-Type", "application/json")
		if resp, err := s.http.Client().Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	s.eventually("the transfer begins", func() bool { return slices.Contains(s.did(0), "transfer") })
	leave()
	<-gone
	close(s.live.transfer)
	s.eventually("the transfer comes about", func() bool { return len(s.live.was()) == 1 })
}

func TestBodiesAreStrict(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	for body, status := range map[string]int{
		`{"text":"x","txet":"y"}`:   400,
		`{"text":"x"} {"text":"y"}`: 400,
		`{"text":"x"`:               400,
		`{"text":7}`:                400,
		`[]`:                        400,
		`{"text":"  "}`:             400,
		`{}`:                        400,
		`{"text":"` + strings.Repeat("x", maxNote+1) + `"}`: 400,
		`{"text":"` + strings.Repeat("x", maxJSON) + `"}`:   413,
	} {
		s.refused(status, "sam", "POST", "calls/c/notes", body)
	}
	s.refused(http.StatusUnsupportedMediaType, "sam", "POST", "calls/c/notes", `{"text":"x"}`, "Content-Type", "text/plain")
	s.refused(http.StatusBadRequest, "sam", "POST", "calls/c/silence", `{}`)
	s.refused(http.StatusBadRequest, "sam", "POST", "calls/c/tags", `{}`)
	s.refused(http.StatusBadRequest, "sam", "POST", "calls/c/tags", `{"add":["Not One"]}`)
	s.refused(http.StatusBadRequest, "sam", "POST", "calls/c/tags", `{"remove":[""]}`)
	if n := len(get[entryPage](s, "sam", "calls/c/entries").Entries); n > 0 {
		t.Errorf("%d notes were written", n)
	}
}

func TestTagsAreInTheAnswer(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales", Tags: "old"})
	resp, text := s.ask("sam", "POST", "calls/c/tags", `{"add":["vip","billing"],"remove":["old"]}`)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"tags":["billing","vip"]`) {
		t.Errorf("%s %s", resp.Status, text)
	}
}

// TestNotesStandBehindTheLinesThatAreThere writes notes between the lines of a call whose writer has ids of its own.
func TestNotesStandBehindTheLinesThatAreThere(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	ids := &store.IDs{}
	var want []string
	note := func(text string) {
		resp, body := s.ask("sam", "POST", "calls/c/notes", `{"text":"`+text+`"}`)
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s", resp.Status, body)
		}
		want = append(want, text)
	}
	c := s.followed("vera", "c", "")
	note("before all")
	for i := range 3 {
		e := store.Entry{ID: ids.Next(apiBegan.Add(time.Duration(i+1) * time.Millisecond)), Kind: store.KindTurn, Text: fmt.Sprint("line ", i)}
		if err := s.archive.Append(t.Context(), "c", e); err != nil {
			t.Fatal(err)
		}
		want = append(want, e.Text)
		note(fmt.Sprint("note ", i))
		note(fmt.Sprint("again ", i))
	}
	s.finish("c")
	note("after all")
	var got, live []string
	for _, e := range get[entryPage](s, "vera", "calls/c/entries").Entries {
		got = append(got, e.Text)
		if e.Kind == store.KindNote && (e.Author != "sam" || e.Role != store.RoleSupervisor || e.At.Before(apiBegan)) {
			t.Errorf("note %+v", e)
		}
	}
	for len(live) < len(want)-1 {
		live = append(live, into[store.Entry](c.until("entry")).Text)
	}
	c.close()
	if !slices.Equal(got, want) || !slices.Equal(live, want[:len(want)-1]) {
		t.Errorf("the transcript is\n%q, live\n%q, want\n%q", got, live, want)
	}
}

func TestNoteFindsAnotherPlaceWhenItsOwnIsTaken(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	tries := 0
	s.archive.fail(func(method, _ string) error {
		if method != "Append" {
			return nil
		}
		if tries++; tries < 3 {
			return &store.Conflict{IDs: []string{"1-0"}}
		}
		return nil
	})
	if resp, text := s.ask("sam", "POST", "calls/c/notes", `{"text":"x"}`); resp.StatusCode != http.StatusCreated || tries != 3 {
		t.Errorf("%s %s after %d tries", resp.Status, text, tries)
	}
}

func TestNotesAtTheSameMomentAreAllKept(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if resp, text := s.ask("sam", "POST", "calls/c/notes", fmt.Sprintf(`{"text":"note %d"}`, i)); resp.StatusCode != http.StatusCreated {
				t.Errorf("%s %s", resp.Status, text)
			}
		})
	}
	all.Wait()
	if n := len(get[entryPage](s, "sam", "calls/c/entries").Entries); n != 20 {
		t.Errorf("%d notes", n)
	}
}
