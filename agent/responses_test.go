package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// A server that was to answer by itself and does not is asked.
func TestP28TurnThatTheServerDoesNotAnswerIsAskedFor(t *testing.T) {
	play(t, stageOptions{profile: serverAnswers}, func(s *stage) {
		s.server(turn("u1")...)
		s.sent()
		s.wait(turnWithin)
		s.sent("create")
		s.server(answer("r1", "a1", "Yes?", 100)...)
		s.wait(time.Second)
		s.server(turn("u2")...)
		s.server(answer("r2", "a2", "Its own.", 100)...)
		s.wait(time.Minute)
		s.sent() // the second turn it answered
	})
}

// A server that has shown that it answers by itself, and then stops doing so, is asked again from then on.
func TestP65WhatAServerHasShownMayChange(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		s.server(turn("u1")...)
		s.sent("create")
		s.server(created("r1"), &realtime.ErrorEvent{Error: realtime.Error{Code: "conversation_already_has_active_response"}},
			done("r1", "completed"))
		s.wait(time.Minute)
		s.sent()
		s.server(turn("u2")...)
		s.sent()
		s.wait(turnWithin)
		s.sent("create")
		s.server(answer("r2", "a2", "Yes?", 100)...)
		s.wait(time.Second)
		s.server(turn("u3")...)
		s.sent("create")
	})
}

func TestP16AnAnswerThatStopsHalfWayIsNotCalledSilent(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Greeting: "Hello."}}, func(s *stage) {
		s.sent("create")
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 300),
			&realtime.AudioDone{Loc: realtime.Loc{ResponseID: "r1", ItemID: "a1"}})
		s.wait(silentFor)
		s.sent("cancel r1")
		s.server(done("r1", "cancelled"))
		s.wait(time.Second)
		if told := s.told(); len(told) != 1 || told[0] != "" {
			t.Errorf("asked for %q, want whatever follows and not the greeting again", told)
		}
	})
	if s.counts.of(Muted) != 0 || strings.Contains(s.journal.text(), "no sound") {
		t.Errorf("an answer that was heard is called silent:\n%s", s.journal.text())
	}
}

func TestP21AnApologyThatIsFilteredIsNotRepeated(t *testing.T) {
	play(t, stageOptions{}, func(s *stage) {
		filtered := func(id string) realtime.ServerEvent {
			return &realtime.ResponseDone{Response: realtime.Response{ID: id, Status: "incomplete", Reason: "content_filter"}}
		}
		s.server(turn("u1")...)
		s.sent("create")
		s.server(created("r1"), item("r1", "a1"), soundOf("r1", "a1", 100), filtered("r1"))
		s.wait(time.Second)
		s.sent("create")
		s.server(created("r2"), item("r2", "a2"), soundOf("r2", "a2", 100), filtered("r2"))
		s.wait(time.Minute)
		s.sent()
	})
}
