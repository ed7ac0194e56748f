package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestWallTellsWhatHappens(t *testing.T) {
	for name, open := range apiBackends {
		t.Run(name, func(t *testing.T) { wallTellsWhatHappens(t, newAPIStandOn(t, open(t))) })
	}
}

func wallTellsWhatHappens(t *testing.T, s *apiStand) {
	w := s.wall("vera")
	defer w.close()
	expect := func(what string, lines int) wallNews {
		t.Helper()
		e := w.until("call")
		n := into[wallNews](e)
		if n.What != what || n.ID != "c" || len(n.Lines) != lines || (n.Call == nil) != (what == store.NewsDeleted) || e.id == "" {
			t.Fatalf("told %+v, want %q with %d lines", e, what, lines)
		}
		return n
	}
	ids := &store.IDs{}
	s.begin(store.Call{ID: "c", Agent: "sales"})
	expect(store.NewsStarted, 0)
	last := s.say("c", ids, 1)[0]
	if n := expect(store.NewsLines, 1); n.Lines[0].ID != last || n.Lines[0].Text != "line "+last {
		t.Errorf("line %+v", n.Lines[0])
	}
	e := store.Entry{ID: ids.Next(apiBegan), Kind: store.KindToolResult, Tool: "t", Text: strings.Repeat("ä", wallText), Arguments: "secret", Result: "secret"}
	if err := s.archive.Append(t.Context(), "c", e); err != nil {
		t.Fatal(err)
	}
	if n := expect(store.NewsLines, 1); n.Lines[0].Arguments != "" || n.Lines[0].Result != "" || n.Lines[0].Text != strings.Repeat("ä", wallText/2)+"…" {
		t.Errorf("line %+v", n.Lines[0])
	}
	if err := s.archive.Label(t.Context(), "c", []string{"vip"}, nil); err != nil {
		t.Fatal(err)
	}
	if n := expect(store.NewsChanged, 0); n.Call.Tags != "vip" {
		t.Errorf("tags %q", n.Call.Tags)
	}
	s.finish("c")
	if n := expect(store.NewsEnded, 0); n.Call.EndedBy != "caller" {
		t.Errorf("record %+v", n.Call)
	}
	if err := s.archive.Delete(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	expect(store.NewsDeleted, 0)
}

// TestWallShowsWhatTheUserMaySee ends with news that everybody sees, so that nothing is waited for in vain.
func TestWallShowsWhatTheUserMaySee(t *testing.T) {
	s := newAPIStand(t)
	some, all := s.wall("val"), s.wall("vera")
	for _, id := range []string{"other", "sales"} {
		s.begin(store.Call{ID: id, Agent: id})
		s.say(id, &store.IDs{}, 1)
		all.until("call") // so that what follows is another batch
	}
	for _, id := range []string{"other", "sales"} {
		if err := s.archive.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	s.begin(store.Call{ID: "last", Agent: "sales"})
	for w, want := range map[*sseClient]string{some: "last sales:deleted", all: "last other:deleted sales:deleted"} {
		told := map[string]string{}
		for told["last"] == "" {
			n := into[wallNews](w.until("call"))
			told[n.ID] = map[bool]string{true: n.ID + ":deleted", false: n.ID}[n.What == store.NewsDeleted]
		}
		if got := strings.Join(slices.Sorted(maps.Values(told)), " "); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		w.close()
	}
}

func TestNobodyKnowsWhoseCallItWas(t *testing.T) {
	s := newAPIStand(t)
	events, err := newSeen(s.archive).resolve(t.Context(), []store.News{{ID: "1-0", What: store.NewsDeleted, Call: "unheard of"}})
	if err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	if events[0].sees(apiPeople["val"]) || !events[0].sees(apiPeople["vera"]) {
		t.Error("it is shown to the wrong ones")
	}
}

// TestWallsShareOneReader counts what hundreds of lines cost the store: no more than one look-up each, however many walls.
func TestWallsShareOneReader(t *testing.T) {
	s := newAPIStand(t)
	var looked atomic.Int64
	s.archive.fail(func(method, _ string) error {
		if method == "Call" || method == "Entries" {
			looked.Add(1)
		}
		return nil
	})
	const calls, lines, walls = 200, 3, 12
	var open []*sseClient
	for i := range walls {
		who := "vera"
		if i%2 == 1 {
			who = "sam"
		}
		open = append(open, s.wall(who))
	}
	var all sync.WaitGroup
	final := make(chan map[string]string, 1)
	all.Go(func() {
		last, ids := map[string]string{}, &store.IDs{}
		for i := range calls {
			s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: "sales"})
		}
		for range lines {
			for i := range calls {
				call := fmt.Sprintf("c%d", i)
				last[call] = s.say(call, ids, 1)[0]
			}
		}
		final <- last
	})
	for _, w := range open {
		all.Go(func() {
			newest := map[string]string{}
			for done := 0; done < calls; {
				e, ok := w.next()
				if !ok || e.name == wallLagged {
					t.Errorf("%+v after %d calls", e, done)
					break
				}
				n := into[wallNews](e)
				for _, line := range n.Lines {
					if line.ID <= newest[n.ID] && len(line.ID) == len(newest[n.ID]) {
						t.Errorf("line %s after %s", line.ID, newest[n.ID])
					}
					newest[n.ID] = line.ID
				}
				if n.What == store.NewsLines && strings.HasSuffix(newest[n.ID], fmt.Sprintf("-%d", (lines-1)*calls+number(n.ID))) {
					done++
				}
			}
		})
	}
	all.Wait()
	for call, id := range <-final {
		if want := fmt.Sprintf("%d-%d", apiBegan.UnixMilli(), (lines-1)*calls+number(call)); id != want {
			t.Fatalf("the last line of %s is %s, not %s: the test counts wrongly", call, id, want)
		}
	}
	if news := int64(calls * (lines + 1)); looked.Load() > 2*news {
		t.Errorf("%d look-ups for %d pieces of news", looked.Load(), news)
	}
	if n := s.archive.mostReaders(); n != 1 {
		t.Errorf("%d readers of the news", n)
	}
	for _, w := range open {
		w.close()
	}
}

func number(call string) (n int) {
	fmt.Sscanf(call, "c%d", &n)
	return n
}

// TestWallResumes loses the connection at random places: what is shown afterwards is the same as without.
func TestWallResumes(t *testing.T) {
	for name, open := range apiBackends {
		t.Run(name, func(t *testing.T) { wallResumes(t, newAPIStandOn(t, open(t))) })
	}
}

func wallResumes(t *testing.T, s *apiStand) {
	s.begin(store.Call{ID: "c", Agent: "sales"})
	w := s.wall("vera")
	rnd := rand.New(rand.NewPCG(5, 6))
	ids := &store.IDs{}
	var said, seen []string
	for range 40 {
		w.close()
		said = append(said, s.say("c", ids, 1+rnd.IntN(wallLines))...)
		w = s.stream("vera", "feed", w.last)
		for len(seen) < len(said) {
			e, ok := w.next()
			if !ok {
				t.Fatal("the stream ended")
			}
			if e.name != "call" {
				t.Fatalf("told %+v", e)
			}
			for _, line := range into[wallNews](e).Lines {
				seen = append(seen, line.ID)
			}
		}
	}
	w.close()
	if !slices.Equal(seen, said) {
		t.Errorf("saw %d lines of %d, or not in their order", len(seen), len(said))
	}
	lost := s.stream("vera", "feed", "77777-0")
	if e, _ := lost.next(); e.name != wallLagged || e.id == "" {
		t.Errorf("a wall from nowhere is told %+v", e)
	}
	lost.close()
}

// TestWallThatIsTooSlowLoadsAnew fills the queue of a wall that is not read.
func TestWallThatIsTooSlowLoadsAnew(t *testing.T) {
	a := newAPIStand(t).server.api
	w := &wall{user: apiPeople["vera"], queue: make(chan hubEvent, hubQueue)}
	a.hub.walls[w] = struct{}{}
	for i := range hubRing + 10 {
		id := fmt.Sprintf("%d-0", i)
		a.hub.publish([]hubEvent{{id: id, frame: []byte("event: call\nid: " + id + "\n\n")}}, id)
	}
	if len(a.hub.ring) != hubRing || len(w.queue) != hubQueue {
		t.Errorf("%d in the ring, %d in the queue", len(a.hub.ring), len(w.queue))
	}
	rec := httptest.NewRecorder()
	ctx, cancel := context.WithCancel(t.Context())
	out, err := openSSE(ctx, rec)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.show(ctx, out, w, "", "", nil) }()
	deadline := time.After(apiPatience)
	for a.hub.lagged.Load() == 0 {
		select {
		case <-deadline:
			t.Fatal("the wall was not told")
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if text := rec.Body.String(); strings.Contains(text, "event: call") || strings.Count(text, "event: lagged\nid: 1033-0\n") != 1 {
		t.Errorf("the wall was told:\n%s", text)
	}
}

func TestHubGoesOnAfterTheStoreWasAway(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	w := s.wall("vera")
	defer w.close()
	ids := &store.IDs{}
	s.say("c", ids, 1)
	for len(into[wallNews](w.until("call")).Lines) == 0 {
	}
	s.archive.fail(func(method, _ string) error {
		if method == "Append" {
			return nil
		}
		return errors.New("away")
	})
	said := s.say("c", ids, 1)[0]
	s.eventually("the hub sees that the store is away", func() bool { return s.server.Streams().FeedLost > 0 })
	s.archive.fail(nil)
	if n := into[wallNews](w.until("call")); len(n.Lines) != 1 || n.Lines[0].ID != said {
		t.Errorf("told %+v, want line %s", n, said)
	}
}

func TestNewsOfACallThatIsGoneHoldNobody(t *testing.T) {
	s := newAPIStand(t)
	w := s.wall("vera")
	defer w.close()
	s.begin(store.Call{ID: "gone", Agent: "sales"})
	w.until("call")
	s.archive.fail(func(method, call string) error {
		if method == "Call" && call == "gone" {
			return store.ErrNotFound
		}
		return nil
	})
	s.say("gone", &store.IDs{}, 1)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	if n := into[wallNews](w.until("call")); n.ID != "c" {
		t.Errorf("told %+v", n)
	}
}

func TestABatchIsOneEventACall(t *testing.T) {
	news := func(text string) (out []store.News) {
		for i, word := range strings.Fields(text) {
			call, what, _ := strings.Cut(word, ":")
			out = append(out, store.News{ID: fmt.Sprintf("%d-0", i+1), Call: call, What: what})
		}
		return out
	}
	for in, want := range map[string]string{
		"":                                  "",
		"a:lines":                           "a:lines@1",
		"a:started a:lines a:lines":         "a:started@3",
		"a:lines b:lines a:lines":           "b:lines@2 a:lines@3",
		"a:started a:ended b:changed":       "a:ended@2 b:changed@3",
		"a:ended a:lines":                   "a:ended@2",
		"a:ended a:deleted a:lines b:dance": "a:deleted@3 b:lines@4",
	} {
		var got []string
		for _, n := range gathered(news(in)) {
			got = append(got, n.Call+":"+n.What+"@"+strings.TrimSuffix(n.ID, "-0"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestHubForgetsOldCalls(t *testing.T) {
	s := newSeen(nil)
	for i := range seenCalls + 500 {
		s.learn(map[string]lastSeen{fmt.Sprint(i): {}})
	}
	if len(s.calls) != seenCalls {
		t.Errorf("%d calls are remembered", len(s.calls))
	}
}

// BenchmarkLiveLine is the time from the end of a write to the line in the hands of a client, with 200 running calls of
// which 20 speak at any moment, and ten walls.
func BenchmarkLiveLine(b *testing.B) {
	for name, open := range apiBackends {
		b.Run(name, func(b *testing.B) { liveLine(b, newAPIStandOn(b, open(b))) })
	}
}

func liveLine(b *testing.B, s *apiStand) {
	const calls = 200
	ids := &store.IDs{}
	for i := range calls {
		s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: "sales"})
	}
	var others sync.WaitGroup
	w := s.wall("vera")
	for range 9 {
		idle := s.wall("sam")
		others.Go(func() {
			for ok := true; ok; {
				_, ok = idle.next()
			}
			idle.close()
		})
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		waiting := map[string]time.Time{}
		for j := range 20 {
			call := fmt.Sprintf("c%d", (20*i+j)%calls)
			waiting[s.say(call, ids, 1)[0]] = time.Now()
		}
		for len(waiting) > 0 {
			for _, line := range into[wallNews](w.until("call")).Lines {
				took = append(took, time.Since(waiting[line.ID]))
				delete(waiting, line.ID)
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	w.close()
	s.server.Close()
	others.Wait()
}
