package supervisor

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestFollowTellsOfACallFromItsBeginningToItsEnd(t *testing.T) {
	for name, open := range apiBackends {
		t.Run(name, func(t *testing.T) { followTellsOfACallFromItsBeginningToItsEnd(t, newAPIStandOn(t, open(t))) })
	}
}

func followTellsOfACallFromItsBeginningToItsEnd(t *testing.T, s *apiStand) {
	s.begin(store.Call{ID: "c", Agent: "sales"})
	ids := &store.IDs{}
	before := s.say("c", ids, 2)
	c := s.followed("vera", "c", "")
	if call := into[store.Call](c.until("record")); call.ID != "c" || !call.Ended.IsZero() {
		t.Errorf("record %+v", call)
	}
	for _, id := range append(before, s.say("c", ids, 2)...) {
		e := c.until("entry")
		if line := into[store.Entry](e); e.id != id || line.ID != id || line.Text != "line "+id {
			t.Errorf("entry %+v, want %s", e, id)
		}
	}
	if err := s.archive.Label(t.Context(), "c", []string{"vip"}, nil); err != nil {
		t.Fatal(err)
	}
	s.say("c", ids, 1)
	if call := into[store.Call](c.until("record")); call.Tags != "vip" {
		t.Errorf("tags %q", call.Tags)
	}
	s.finish("c")
	if call := into[store.Call](c.until("record")); call.EndedBy != "caller" {
		t.Errorf("record %+v", call)
	}
	if end := c.until("end"); into[endNote](end).Reason != "ended" {
		t.Errorf("end %+v", end)
	}
	c.ends()
}

func TestFollowSeesThatACallWasDeleted(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	c := s.followed("vera", "c", "")
	c.until("record")
	if err := s.archive.Delete(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if end := c.until("end"); into[endNote](end).Reason != "deleted" {
		t.Errorf("end %+v", end)
	}
	c.ends()
}

func TestFollowBeginsWhereItIsTold(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	lines := s.say("c", &store.IDs{}, 3)
	s.finish("c")
	for _, c := range []struct{ query, header, first string }{
		{"", "", lines[0]}, {"?after=" + lines[0], "", lines[1]}, {"", lines[1], lines[2]},
		{"?after=" + lines[0], lines[1], lines[2]}, // a browser that came back knows better than the address
	} {
		stream := s.stream("vera", "calls/c/follow"+c.query, c.header)
		if e := stream.until("entry"); e.id != c.first {
			t.Errorf("after %q %q comes %s, want %s", c.query, c.header, e.id, c.first)
		}
		stream.ends()
	}
	s.refused(http.StatusBadRequest, "vera", "GET", "calls/c/follow?after=5", "")
	s.refused(http.StatusBadRequest, "vera", "GET", "calls/c/follow", "", "Last-Event-ID", "x")
}

// TestFollowLosesAndRepeatsNothing has readers lose their connections at random places while lines are written.
func TestFollowLosesAndRepeatsNothing(t *testing.T) {
	for name, open := range apiBackends {
		t.Run(name, func(t *testing.T) { followLosesAndRepeatsNothing(t, newAPIStandOn(t, open(t))) })
	}
}

func followLosesAndRepeatsNothing(t *testing.T, s *apiStand) {
	s.begin(store.Call{ID: "c", Agent: "sales"})
	var said []string
	var all sync.WaitGroup
	all.Go(func() {
		ids := &store.IDs{}
		for range 60 {
			said = append(said, s.say("c", ids, 5)...)
		}
		s.finish("c")
	})
	got := make([][]string, 4)
	for i := range got {
		all.Go(func() { got[i] = s.unsteady(rand.New(rand.NewPCG(7, uint64(i)))) })
	}
	all.Wait()
	for i := range got {
		if !slices.Equal(got[i], said) {
			t.Errorf("reader %d has %d lines of %d, or not in their order", i, len(got[i]), len(said))
		}
	}
	s.eventually("all streams are counted out", func() bool { return s.server.Streams().Open == 0 })
}

// unsteady follows call c to its end over many connections, and returns the ids of its lines.
func (s *apiStand) unsteady(rnd *rand.Rand) (ids []string) {
	last := ""
	for {
		c := s.followed("vera", "c", last)
		for range rnd.IntN(25) {
			e, ok := c.next()
			if !ok {
				break
			}
			if e.name == "end" {
				c.close()
				return ids
			}
			if e.name == "entry" {
				ids = append(ids, e.id)
			}
		}
		last = c.last
		c.close()
	}
}

// quietCall is an archive with one call that nobody speaks in.
type quietCall struct {
	Archive
	mu   sync.Mutex
	call store.Call
}

func (q *quietCall) Call(context.Context, string) (store.Call, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.call, nil
}

func (q *quietCall) Follow(ctx context.Context, _, _ string) ([]store.Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSilentStreamIsHeardOfAndSeesTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := &quietCall{call: store.Call{ID: "c", Started: apiBegan}}
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out, err := openSSE(ctx, w)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			done <- (&follower{sse: out, archive: quiet, call: quiet.call}).run(ctx)
		}()
		time.Sleep(61 * time.Second)
		quiet.mu.Lock()
		quiet.call.Tags = "vip"
		quiet.mu.Unlock()
		time.Sleep(lookEvery + time.Second)
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("error %v", err)
		}
		text := w.Body.String()
		if n := strings.Count(text, "\n:\n\n") + strings.Count(text, "\n\n:\n\n"); n < 3 {
			t.Errorf("%d signs of life in a minute:\n%s", n, text)
		}
		if n := strings.Count(text, "event: record"); n != 2 || !strings.Contains(text, `"tags":["vip"]`) {
			t.Errorf("the record was shown %d times:\n%s", n, text)
		}
	})
}

func TestStreamOutlivesWhatAnswersMayTake(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	c, w := s.followed("vera", "c", ""), s.wall("vera")
	c.until("record")
	begun := time.Now()
	s.eventually("more than the server's write timeout", func() bool { return time.Since(begun) > s.http.Config.WriteTimeout+200*time.Millisecond })
	s.say("c", &store.IDs{}, 1)
	c.until("entry")
	w.until("call")
	c.close()
	w.close()
}

// TestSlowReaderHoldsNobody has one client that reads nothing, behind buffers that fill.
func TestSlowReaderHoldsNobody(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	slow := s.raw("calls/c/follow")
	defer slow.Close()
	steady := s.followed("vera", "c", "")
	ids := &store.IDs{}
	for range 20 {
		e := store.Entry{ID: ids.Next(apiBegan), Kind: store.KindTurn, Role: store.RoleAgent, Text: strings.Repeat("word ", 100_000)}
		if err := s.archive.Append(t.Context(), "c", e); err != nil {
			t.Fatal(err)
		}
		if got := steady.until("entry"); got.id != e.ID {
			t.Errorf("got %s, want %s", got.id, e.ID)
		}
	}
	steady.close()
	closed := make(chan struct{})
	go func() { s.server.Close(); close(closed) }()
	select {
	case <-closed: // although a write waits for the slow one
	case <-time.After(apiPatience):
		t.Fatal("the server waits for the slow reader")
	}
}

// raw sends a request and reads nothing.
func (s *apiStand) raw(path string) net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		s.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET " + apiPrefix + path + " HTTP/1.1\r\nHost: x\r\nWho: vera\r\n\r\n")); err != nil {
		s.Fatal(err)
	}
	return conn
}
