package agent

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

// bookings is a back end that counts what was done to it.
type bookings struct {
	mu   sync.Mutex
	done []string // order, and the idempotency key
	fail bool
}

func (b *bookings) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.done)
}

// book is a stage whose only tool, book, takes a second, with these options.
func (b *bookings) book(t *testing.T, opts ...tools.Option) stageOptions {
	t.Helper()
	r := tools.NewRegistry()
	err := tools.Add(r, "book", "", func(ctx context.Context, c *tools.Call, in lookup) (string, error) {
		b.mu.Lock()
		b.done = append(b.done, in.Order+" "+c.Invocation)
		n, fail := len(b.done), b.fail
		b.mu.Unlock()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		if fail {
			return "", fmt.Errorf("back end is down")
		}
		return fmt.Sprintf("booked %d", n), nil
	}, append([]tools.Option{tools.OnInterrupt(tools.Finish)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return stageOptions{tools: r}
}

func bookCall(n int, arguments string) []realtime.ServerEvent {
	return callTools(fmt.Sprintf("r%d", n), "completed", functionCall(fmt.Sprintf("f%d", n), fmt.Sprintf("c%d", n), "book", arguments))
}

func TestTheSameCallWhileItRuns(t *testing.T) {
	for _, tc := range []struct {
		name string
		opt  tools.Option
		done int
		sent []string
	}{
		{"allow", tools.OnDuplicate(tools.Allow), 2, []string{`output c1 {"result":"booked 1"}`, "create", `output c2 {"result":"booked 2"}`}},
		{"reject", tools.OnDuplicate(tools.Reject), 1, []string{`output c2 {"error":"this is being done already; wait for its result"}`, "create", `output c1 {"result":"booked 1"}`}},
		{"join", tools.OnDuplicate(tools.Join), 1, []string{`output c2 {"result":"booked 1"}`, `output c1 {"result":"booked 1"}`, "create"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bookings
			play(t, b.book(t, tc.opt), func(s *stage) {
				s.server(bookCall(1, `{"order":"7"}`)...)
				s.wait(300 * time.Millisecond)
				s.server(bookCall(2, ` { "order" : "7" } `)...) // the same in other words
				s.wait(3 * time.Second)
				s.sent(tc.sent...)
			})
			if b.count() != tc.done {
				t.Errorf("done %q, want %d", b.done, tc.done)
			}
		})
	}
}

// What is done is not done again in this call, unless it failed, and then under the same key.
func TestOnce(t *testing.T) {
	var b bookings
	s := play(t, b.book(t, tools.Once()), func(s *stage) {
		b.fail = true
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(2 * time.Second)
		b.mu.Lock()
		b.fail = false
		b.mu.Unlock()
		for n := 2; n <= 4; n++ {
			s.server(created(fmt.Sprintf("x%d", n)), done(fmt.Sprintf("x%d", n), "completed"))
			s.server(bookCall(n, `{"order":"7"}`)...)
			s.wait(2 * time.Second)
		}
		s.server(bookCall(5, `{"order":"8"}`)...)
		s.wait(2 * time.Second)
	})
	if len(b.done) != 3 || b.done[0] != b.done[1] || !strings.HasPrefix(b.done[2], "8 ") {
		t.Errorf("done %q, want order 7 twice under one key, because it failed at first, and order 8", b.done)
	}
	if n := strings.Count(s.journal.text(), "tool_result"); n != 5 {
		t.Errorf("%d results in the record, want one for each of 5 calls", n)
	}
	if s.figures.ToolFailures != 1 {
		t.Errorf("%d failures counted, want 1", s.figures.ToolFailures)
	}
}

func TestAfterTurn(t *testing.T) {
	for _, tc := range []struct {
		name     string
		cutsIn   bool
		done     int
		output   string
		finished bool
	}{
		{"heard to the end", false, 1, `output c1 {"result":"booked 1"}`, true},
		{"the caller cuts in", true, 0, `output c1 {"error":"nothing was done, because the caller spoke before you had finished; ask again what they want"}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bookings
			play(t, b.book(t, tools.AfterTurn()), func(s *stage) {
				call := functionCall("f1", "c1", "book", `{"order":"7"}`)
				s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 2000), words("r1", "a1", "I book that now."),
					&realtime.OutputItemDone{ResponseID: "r1", Item: call}, done("r1", "completed", message("a1"), call))
				s.wait(time.Second)
				if b.count() != 0 {
					t.Error("done before the caller had heard it")
				}
				if tc.cutsIn {
					s.server(&realtime.SpeechStarted{ItemID: "u1", AudioStartMS: 1000})
				}
				s.wait(4 * time.Second)
				if log := strings.Join(s.model.log(), "\n"); !strings.Contains(log, tc.output) || strings.Count(log, "output") != 1 {
					t.Errorf("the model got\n%s", log)
				}
			})
			if b.count() != tc.done {
				t.Errorf("done %d times, want %d", b.count(), tc.done)
			}
		})
	}
}

func TestBackground(t *testing.T) {
	var b bookings
	s := play(t, b.book(t, tools.Background()), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.sent("output c1 "+laterOutput, "create")
		s.server(outputTaken("c1"))
		s.server(answer("r2", "a2", "I am on it.", 200)...)
		s.wait(300 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"}) // which cancels nothing
		s.wait(2 * time.Second)
		s.sent(`system: (The result of book, which you called before with {"order":"7"}: {"result":"booked 1"})`) // the caller has the floor
		s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"})
		s.sent("create")
	})
	if n := strings.Count(s.journal.text(), "tool_result"); n != 1 {
		t.Errorf("%d results in the record:\n%s", n, s.journal.text())
	}
}

// A slow tool is explained once, when nobody speaks, and not with the tools at hand.
func TestSayAfter(t *testing.T) {
	var b bookings
	play(t, b.book(t, tools.SayAfter(400*time.Millisecond, "One moment.")), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(300 * time.Millisecond)
		s.sent()
		s.wait(200 * time.Millisecond)
		s.model.mu.Lock()
		sent := s.model.sent
		s.model.mu.Unlock()
		if len(sent) != 1 {
			t.Fatalf("%d events sent, want a response.create", len(sent))
		}
		if create, ok := sent[0].(*realtime.ResponseCreate); !ok || !strings.HasSuffix(create.Response.Instructions, ": One moment.") || create.Response.ToolChoice != "none" {
			t.Errorf("sent %+v", sent[0])
		}
		s.model.log()
		s.server(answer("r2", "a2", "One moment.", 200)...)
		s.wait(3 * time.Second)
		s.sent(`output c1 {"result":"booked 1"}`, "create")
	})
	play(t, b.book(t, tools.SayAfter(400*time.Millisecond, "One moment.")), func(s *stage) {
		s.server(bookCall(2, `{"order":"8"}`)...)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(900 * time.Millisecond)
		s.sent() // the caller speaks
		s.wait(2 * time.Second)
		if log := s.model.log(); len(log) != 1 || !strings.HasPrefix(log[0], "output c2") {
			t.Errorf("sent %q", log)
		}
	})
}

func TestSayAfterPlaysAClip(t *testing.T) {
	var b bookings
	s := play(t, b.book(t, tools.SayLineAfter(400*time.Millisecond, tools.Line{Clip: make([]int16, 1600)})), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(2 * time.Second)
		s.sent(`output c1 {"result":"booked 1"}`, "create")
	})
	if n := len(s.line.player.wire); n != 1600 {
		t.Errorf("%d bytes were heard, want the clip", n)
	}
}

// A line at the start is heard at once, and the one for slow work after it, each once.
func TestSayAtStart(t *testing.T) {
	var b bookings
	s := play(t, b.book(t, tools.SayLineAtStart(tools.Line{Clip: make([]int16, 800)}),
		tools.SayLineAfter(400*time.Millisecond, tools.Line{Clip: make([]int16, 1600)})), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(200 * time.Millisecond)
		if n := len(s.line.player.wire); n != 800 {
			t.Errorf("%d bytes were heard at the start, want 800", n)
		}
		s.wait(3 * time.Second)
	})
	if n := len(s.line.player.wire); n != 2400 {
		t.Errorf("%d bytes were heard, want both clips", n)
	}
	play(t, b.book(t, tools.SayAtStart("Let me see.")), func(s *stage) {
		s.server(bookCall(2, `{"order":"8"}`)...)
		s.model.mu.Lock()
		sent := s.model.sent
		s.model.mu.Unlock()
		if len(sent) != 1 {
			t.Fatalf("%d events sent, want a response.create", len(sent))
		}
		if create, ok := sent[0].(*realtime.ResponseCreate); !ok || !strings.HasSuffix(create.Response.Instructions, ": Let me see.") {
			t.Errorf("sent %+v", sent[0])
		}
	})
}

func TestSayOnFailure(t *testing.T) {
	b := bookings{fail: true}
	play(t, b.book(t, tools.SayOnFailure("I could not book that.")), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(2 * time.Second)
		if told := s.told(); len(told) != 1 || !strings.HasSuffix(told[0], "go on: I could not book that.") {
			t.Errorf("told %q", told)
		}
	})
}

// The record says what a tool is about to do before it does it, and how it ended, also when the caller has hung up.
func TestIntentAndResult(t *testing.T) {
	var b bookings
	s := play(t, b.book(t), func(s *stage) {
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.wait(500 * time.Millisecond)
		begun := s.journal.effects()
		if len(begun) != 1 || begun[0].Status != "begun" || begun[0].Arguments == "" || b.count() != 1 {
			t.Errorf("recorded %+v", begun)
		}
	}) // hangs up
	all := s.journal.effects()
	if len(all) != 2 || all[1].Status != "ok" || all[1].CallID != "c1" || !strings.Contains(all[1].Result, "booked 1") {
		t.Errorf("recorded %+v", all)
	}
}
