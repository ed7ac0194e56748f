package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/trunkline/trunkline/store"
)

// pageDemo fills a stand with an afternoon at a hotel: calls that run in every state, one that is over with everything
// that a transcript can have, and some history.
func (s *pageStand) demo() {
	s.Helper()
	now := time.Now().Truncate(time.Millisecond)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	running := func(id, agent, caller string, since time.Duration, lines ...store.Entry) {
		s.begin(store.Call{ID: id, Agent: agent, Caller: caller, Dialled: "+49301234500", Started: ago(since + 3*time.Second),
			Answered: ago(since), Trunk: "carrier", Node: "node-1", Codec: "PCMA", Model: "gpt-realtime"})
		s.add(id, lines...)
	}
	running("run-1", "reservations", "+49 170 5550101", 4*time.Minute+12*time.Second,
		said(store.RoleCaller, "Could I move my booking to the Friday after?"),
		said(store.RoleAgent, "Friday the fourth is free. Shall I move it, or would you like to hear the price first?"))
	running("run-2", "reservations", "+49 171 5550144", 96*time.Second, said(store.RoleCaller, "No, two rooms. Two. And one with a bath."))
	running("run-3", "front desk", "+44 20 7946 0958", 47*time.Second, said(store.RoleAgent, "I am putting you through to somebody who can help with the invoice."),
		store.Entry{Kind: store.KindEscalation, Role: store.RoleAgent, Text: "the caller disputes an invoice"},
		store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, Tool: "find_invoice", CallID: "f1", Arguments: `{"number":"2261"}`},
		store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, Tool: "find_invoice", CallID: "f1", Status: "timeout", DurationMS: 5000})
	running("run-4", "reservations", "+33 1 70 18 99 00", 11*time.Minute, said(store.RoleCaller, "One moment please, somebody is at the door."),
		store.Entry{Kind: store.KindHold, Role: store.RoleCaller, Status: "on"})
	running("run-5", "front desk", "", 20*time.Second, said(store.RoleAgent, "Good afternoon, this is the automatic front desk. How can I help?"))
	running("run-6", "night porter", "+49 30 5550177", 3*time.Minute, said(store.RoleCaller, "I would rather speak with a person, honestly."))
	s.live.set("run-6", true)
	s.begin(store.Call{ID: "run-7", Agent: "reservations", Caller: "+1 555 123 0001", Started: ago(2 * time.Second)})
	s.begin(store.Call{ID: "run-8", Agent: "front desk", Direction: "out", Dialled: "+49 40 5550190", Started: ago(70 * time.Second), Answered: ago(61 * time.Second), Reconnects: 1})
	s.add("run-8", said(store.RoleAgent, "Your taxi is booked for six, at the side entrance."))
	s.past(now)
	s.heard(ago(26 * time.Minute))
}

// past is the history.
func (s *pageStand) past(now time.Time) {
	s.Helper()
	causes, agents := []string{"normal", "normal", "normal", "transferred", "busy"}, []string{"reservations", "front desk", "night porter"}
	for i := range 36 {
		start := now.Add(-time.Duration(i+1) * 41 * time.Minute)
		c := store.Call{ID: fmt.Sprintf("past-%d", i), Agent: agents[i%3], Caller: fmt.Sprintf("+49 17%d 555%04d", i%9, i*37), Dialled: "+49301234500", Started: start}
		s.begin(c)
		s.add(c.ID, said(store.RoleAgent, "Good afternoon, how can I help?"), said(store.RoleCaller, fmt.Sprintf("I have a question about room %d.", 100+i)))
		c.Cause, c.EndedBy = causes[i%5], "caller"
		if c.Cause != "busy" {
			c.Answered = start.Add(2 * time.Second)
			c.LatencyP50MS, c.Interruptions, c.Turns = 700+i*9, i%4, 2
		}
		if i%7 == 2 {
			c.Tags, c.EndedBy = store.NewTags("booking"), "agent"
		}
		c.ToolFailures = btoi(i%11 == 4)
		c.Ended = start.Add(time.Duration(40+i*13) * time.Second)
		s.finish(c)
	}
}

// heard is a call that is over, with a recording.
func (s *pageStand) heard(start time.Time) {
	s.Helper()
	c := store.Call{ID: "heard-1", SIPCallID: "a84b4c76e66710", Agent: "reservations", Caller: "+49 170 5550123", Dialled: "+49 30 1234500",
		Started: start, Answered: start.Add(2100 * time.Millisecond), Trunk: "carrier", Node: "node-1", Codec: "PCMA", SRTP: "AES_CM_128_HMAC_SHA1_80",
		Model: "gpt-realtime", Verification: "passed A"}
	s.begin(c)
	at := func(seconds float64) time.Time { return c.Answered.Add(time.Duration(seconds * float64(time.Second))) }
	turn := func(seconds float64, e store.Entry) store.Entry { e.At = at(seconds); return e }
	timed := func(e store.Entry, detect, think, play int) store.Entry {
		e.DetectMS, e.ThinkMS, e.PlayMS, e.LatencyMS = detect, think, play, detect+think+play
		return e
	}
	s.add(c.ID,
		turn(0, said(store.RoleAgent, "Hotel Linden, this is the automatic reservations desk. The call is recorded. How can I help?")),
		turn(6, said(store.RoleCaller, "Hello, I have a booking for the weekend and I need to move it.")),
		turn(11, timed(said(store.RoleAgent, "Of course. Which reference is on your confirmation?"), 210, 520, 60)),
		turn(18, said(store.RoleCaller, "It is L, N, four, seven, one, one.")),
		turn(23, store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, Tool: "find_booking", CallID: "t1", Arguments: `{"reference":"LN4711"}`}),
		turn(23.4, store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, Tool: "find_booking", CallID: "t1", Status: "ok", DurationMS: 340, Result: `{"guest":"A. Weber","room":"double","from":"2026-11-27","to":"2026-11-29"}`}),
		turn(24, timed(store.Entry{Kind: store.KindTurn, Role: store.RoleAgent, Status: "interrupted", CutMS: 2900,
			Text: "I found it: a double room from Friday the 27th to Sunday the 29th, breakfast included. Which new dates would you like?", Heard: "I found it: a double room from Friday the 27th"}, 190, 870, 55)),
		turn(27, store.Entry{Kind: store.KindInterrupt, Role: store.RoleCaller, CutMS: 2900}),
		turn(30, said(store.RoleCaller, "Exactly, and please one week later.")),
		turn(34, store.Entry{Kind: store.KindDTMF, Role: store.RoleCaller, Text: "1#"}),
		turn(35, store.Entry{Kind: store.KindToolCall, Role: store.RoleAgent, Tool: "move_booking", CallID: "t2", Arguments: `{"reference":"LN4711","from":"2026-12-04"}`}),
		turn(40, store.Entry{Kind: store.KindToolResult, Role: store.RoleSystem, Tool: "move_booking", CallID: "t2", Status: "timeout", DurationMS: 5000, Result: "the booking system did not answer"}),
		turn(40.2, store.Entry{Kind: store.KindEscalation, Role: store.RoleAgent, Text: "the booking could not be moved"}),
		turn(41, timed(said(store.RoleAgent, "I am sorry, I cannot reach the booking system. A colleague will call you back within the hour."), 220, 640, 58)),
		turn(44, store.Entry{Kind: store.KindHold, Role: store.RoleCaller, Status: "on"}),
		turn(45, store.Entry{Kind: store.KindHold, Role: store.RoleCaller, Status: "off"}),
		turn(46, said(store.RoleCaller, "Fine, thank you.")),
		turn(48, store.Entry{Kind: store.KindNote, Role: store.RoleSupervisor, Author: "ruth", Text: "Moved by hand, guest called back at 15:10."}),
		turn(48, store.Entry{Kind: store.KindEnd, Role: store.RoleSystem}))
	c.Ended, c.Cause, c.Code, c.EndedBy = at(48), "normal", 16, "caller"
	c.Turns, c.Interruptions, c.SetupMS, c.LatencyP50MS, c.LatencyP95MS = 9, 1, 2100, 790, 1115
	c.FramesIn, c.FramesOut, c.FramesLost, c.MOSCaller, c.MOSAgent, c.JitterMS, c.RTTMS = 2400, 2398, 3, 421, 408, 6, 38
	c.TokensIn, c.TokensOut, c.TokensCached, c.CostMicros, c.ToolCalls, c.ToolFailures = 18_450, 1_204, 15_200, 41_300, 2, 1
	c.Tags = store.NewTags("booking", "call-back")
	s.finish(c)
}

// running reports how many calls run.
func (s *pageStand) running() int {
	s.Helper()
	page, err := s.archive.List(context.Background(), store.Query{Live: true})
	if err != nil {
		s.Fatal(err)
	}
	return len(page.Calls)
}
