package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/tools"
)

// talker is a stage whose only tool, book, says things and takes three seconds.
func talker(t *testing.T, said chan<- error, lines int, opts ...tools.Option) stageOptions {
	t.Helper()
	r := tools.NewRegistry()
	err := tools.Add(r, "book", "", func(ctx context.Context, c *tools.Call, in lookup) (string, error) {
		for i := range lines {
			said <- c.Say(ctx, fmt.Sprintf("Line %d.", i))
		}
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
		return "done", nil
	}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return stageOptions{tools: r, profile: Profile{Tools: []string{"book"}}}
}

// asked are the words that the model was told to say, since the last look.
func (s *stage) asked() (words []string) {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	for _, ev := range s.model.sent {
		if create, ok := ev.(*realtime.ResponseCreate); ok {
			_, text, _ := strings.Cut(create.Response.Instructions, "nothing else: ")
			words = append(words, text)
		}
	}
	s.model.sent = nil
	return words
}

// What a handler says is said one by one, when nobody speaks, and no more once its tool is done.
func TestCallSay(t *testing.T) {
	for name, opts := range map[string][]tools.Option{"usual": nil, "background": {tools.Background()}} {
		t.Run(name, func(t *testing.T) {
			said := make(chan error, 10)
			play(t, talker(t, said, 3, opts...), func(s *stage) {
				s.server(bookCall(1, `{"order":"7"}`)...)
				if opts != nil { // the model says that it takes a while
					s.asked()
					s.server(answer("r2", "a2", "It takes a while.", 100)...)
					s.wait(200 * time.Millisecond)
				}
				for i := range 2 {
					if got := s.asked(); len(got) != 1 || got[0] != fmt.Sprintf("Line %d.", i) {
						t.Fatalf("the model was asked to say %q in place %d", got, i)
					}
					id := fmt.Sprint("s", i)
					s.server(answer(id, id, "Line.", 200)...)
					s.wait(100 * time.Millisecond)
					if got := s.asked(); len(got) != 0 {
						t.Errorf("asked to say %q over the last line", got)
					}
					if i == 1 { // the tool is done before the caller has finished
						s.server(&realtime.SpeechStarted{ItemID: "u1"})
						s.wait(4 * time.Second)
						s.server(&realtime.SpeechStopped{ItemID: "u1"}, &realtime.AudioCommitted{ItemID: "u1"})
					}
					s.wait(150 * time.Millisecond)
				}
				if got := s.asked(); slices.Contains(got, "Line 2.") {
					t.Errorf("asked to say %q of a tool that is done, or over the caller", got)
				}
			})
			for range 3 {
				if err := <-said; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestCallSayIsBounded(t *testing.T) {
	said := make(chan error, 10)
	play(t, talker(t, said, 7), func(s *stage) {
		s.server(&realtime.SpeechStarted{ItemID: "u0"}, &realtime.SpeechStopped{ItemID: "u0"}, &realtime.AudioCommitted{ItemID: "u0"})
		s.server(bookCall(1, `{"order":"7"}`)...)
		s.server(&realtime.SpeechStarted{ItemID: "u1"})
		s.wait(time.Second)
	})
	refused := 0
	for len(said) > 0 {
		if err := <-said; errors.Is(err, tools.ErrSayings) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("any number of lines may wait")
	}
}
