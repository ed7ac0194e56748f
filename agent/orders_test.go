package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoteOfASupervisorNamesItsAuthor(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.conv.Tell("Offer a refund.", "ada", false)
		synctest.Wait()
		s.sent("system: Offer a refund.")
	})
	if text := s.journal.text(); !strings.Contains(text, "note supervisor | Offer a refund. | told") {
		t.Errorf("transcript:\n%s", text)
	}
	if e := s.journal.entries[0]; e.Author != "ada" {
		t.Errorf("%+v", e)
	}
}

func TestDismissedCallEndsAfterTheLastWord(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) {
		s.server(answer("r1", "a1", "I will look that up.", 2000)...)
		s.wait(500 * time.Millisecond)
		s.conv.Dismiss("ada")
		s.wait(time.Second)
		if len(s.end) != 0 {
			t.Fatal("the agent was cut off in the middle of a word")
		}
		s.wait(time.Second)
		s.ended = <-s.end
	})
	if s.ended.By != BySupervisor {
		t.Errorf("ended by %q", s.ended.By)
	}
}

func TestSilencedModelHearsAndDoesNotAnswer(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Idle: Idle{After: 5 * time.Second, Prompts: 1}}}, func(s *stage) {
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 3000))
		s.wait(time.Second)
		s.conv.Silence(true, "ada")
		synctest.Wait()
		if !s.conv.Silenced() {
			t.Error("the model is on the call")
		}
		s.sent("cancel r1", "truncate a1 1000")
		s.server(done("r1", "cancelled"))
		s.server(turn("u1")...)
		s.wait(time.Minute)
		s.sent() // neither an answer nor a question whether somebody is there
		s.conv.Silence(false, "ada")
		s.conv.Silence(false, "ada") // it is back already
		synctest.Wait()
		s.sent("create")
		if s.conv.Silenced() {
			t.Error("the model is off the call")
		}
	})
	text := s.journal.text()
	for _, want := range []string{"silence supervisor | on\n", "silence supervisor | off\n"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("transcript does not say %q once:\n%s", want, text)
		}
	}
	if s.figures.Interruptions != 0 {
		t.Error("the supervisor counts as a caller who interrupts")
	}
}

// A service that answers by itself is stopped each time, and what it would have answered is answered at the end.
func TestSilencedServerOfItsOwnIsStopped(t *testing.T) {
	play(t, stageOptions{profile: serverAnswers}, func(s *stage) {
		s.conv.Silence(true, "ada")
		synctest.Wait()
		s.server(turn("u1")...)
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 1000))
		s.sent("cancel r1")
		s.wait(time.Second)
		if s.line.player.Queued() > 0 || s.line.player.Status(1).Sent > 0 {
			t.Error("the caller hears a model that is off the call")
		}
		s.server(done("r1", "cancelled"))
		s.conv.Silence(false, "ada")
		synctest.Wait()
		s.sent("create")
	})
}

func TestOrdersThatNobodyTakesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, journal: &memoryJournal{}}
		s.start(stageOptions{})
		for i := range mostOrders + 1 {
			if taken := s.conv.Tell("note", "ada", false); taken != (i < mostOrders) {
				t.Errorf("order %d: %v", i, taken)
			}
		}
		s.conv.Finish(0)
		if s.conv.Dismiss("ada") || s.conv.Silence(true, "ada") {
			t.Error("a conversation that is over takes orders")
		}
	})
}
