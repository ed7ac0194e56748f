package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
)

// The words of the clips that the model says here.
const (
	anythingElse = "Is there anything else I can help you with?" // a08
	goodbyeWords = "Thank you for calling. Goodbye."             // a09
)

// turns are the lines of the transcript that somebody said.
func (s *scene) turns() (list []store.Entry) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	for _, e := range s.journal.entries {
		if e.Kind == store.KindTurn {
			list = append(list, e)
		}
	}
	return list
}

func TestP41TheQuestionStandsBeforeItsAnswer(t *testing.T) {
	for fault, lines := range map[string][2]string{"late": {"first", "transcript missing"}, "failed": {"transcription failed", "transcription failed"},
		"never": {"transcript missing", "transcript missing"}} {
		t.Run(fault, func(t *testing.T) {
			provoke(t, trap{faults: simulator.Faults{Transcription: fault}, answers: []simulator.Answer{says("a09")}}, func(s *scene) {
				s.say("first")
				s.wait(200 * time.Millisecond)
				s.say("second") // the words of the first come after this, if they come at all
				s.wait(4 * time.Second)
				began := time.Now()
				s.over()
				if took := time.Since(began); took > FinalPatience+100*time.Millisecond {
					s.t.Errorf("the end of the call waited %v for words", took)
				}
				s.wantText("turn caller | "+lines[0], "turn agent | "+goodbyeWords, "turn caller | "+lines[1], "turn agent | "+anythingElse)
			})
		})
	}
}

func TestP42WordsThatComeBeforeTheirItemAreItsOwn(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{Transcription: "early"}, answers: []simulator.Answer{says("a09")}}, func(s *scene) {
		s.say("first")
		s.wait(4 * time.Second)
		s.say("second")
		s.wait(4 * time.Second)
		s.over()
		s.wantText("turn caller | first\n", "turn agent | "+goodbyeWords, "turn caller | second\n", "turn agent | "+anythingElse)
		if n := len(s.turns()); n != 4 {
			s.t.Errorf("%d lines, want 4:\n%s", n, s.journal.text())
		}
	})
}

func TestP43FailedTranscriptionsEndNothing(t *testing.T) {
	provoke(t, trap{faults: simulator.Faults{Transcription: "failed"}}, func(s *scene) {
		for range 3 {
			s.goesOn()
		}
		s.over()
		s.wantText("transcription failed", "turn agent", "transcription failed", "turn agent", "transcription failed", "turn agent")
		if !s.counts.fault("transcription") {
			s.t.Error("the failures were not counted")
		}
	})
}

func TestP44TranscriptionIsAskedFor(t *testing.T) {
	provoke(t, trap{}, func(s *scene) {
		s.say("hello")
		s.wait(4 * time.Second)
		if update := s.sent("session.update")[0]; !strings.Contains(update, `transcription":{"model":"whisper-1"}`) {
			s.t.Errorf("%s does not ask for the caller's words", update)
		}
		s.over()
		s.wantText("turn caller | hello\n")
	})
}

func TestP44AnOperatorMaySwitchItOff(t *testing.T) {
	p := withManners(func(p *Profile) { p.Transcription = nil })
	provoke(t, trap{profile: p}, func(s *scene) {
		s.say("hello")
		s.wait(4 * time.Second)
		began := time.Now()
		s.over()
		s.wantText("turn caller | no transcription\n", "turn agent")
		if took := time.Since(began); took > 100*time.Millisecond {
			s.t.Errorf("the end of the call waited %v for words that nobody writes", took)
		}
	})
}

func TestP45UsageOfATranscriptionMayBeAnything(t *testing.T) {
	usages := []string{``, `,"usage":null`, `,"usage":{"type":"tokens","total_tokens":9,"input_tokens":4,"output_tokens":5}`,
		`,"usage":{"type":"duration","seconds":1.5}`, `,"usage":"free"`, `,"usage":{"seconds":"1"}`}
	for _, usage := range usages {
		provoke(t, trap{faults: simulator.Faults{Transcription: "never"}}, func(s *scene) {
			s.say("hello")
			s.session().SendText(`{"type":"conversation.item.input_audio_transcription.completed","content_index":0,"item_id":"` +
				s.record().Turns[0].ItemID + `","transcript":"hello"` + usage + `}`)
			s.wait(3 * time.Second)
			s.over()
			s.wantText("turn caller | hello\n", "turn agent")
		})
	}
}

func TestP46SaidAndHeardAreKeptApart(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.say("when are you open")
		s.wait(2 * time.Second)
		s.start()
		heard := len(s.heard()) / 8
		s.stop("thank you")
		s.wait(4 * time.Second)
		s.over()
		e := s.turns()[1]
		if e.Status != "interrupted" || e.CutMS != heard || !strings.HasPrefix(e.Text, e.Heard) || e.Heard == e.Text || e.Heard == "" ||
			!strings.HasSuffix(e.Text, "in the evening.") {
			s.t.Errorf("%+v, want all that was said, the words of the first %d ms and the place of the cut", e, heard)
		}
		if cut := s.record().Truncations; len(cut) != 1 || cut[0].AudioEndMS != e.CutMS {
			s.t.Errorf("the server knows of %+v", cut)
		}
	})
}

func TestP47WordsOfACancelledAnswerStayWithIt(t *testing.T) {
	doubled := func(ev realtime.ServerEvent) []realtime.ServerEvent {
		if _, ok := ev.(*realtime.TranscriptDelta); ok {
			return []realtime.ServerEvent{ev, ev} // the whole text replaces the sum
		}
		return []realtime.ServerEvent{ev}
	}
	tr := trap{answers: []simulator.Answer{says("a02"), says("a09")}, service: slow, faults: simulator.Faults{LateDeltas: 3}, down: doubled}
	provoke(t, tr, func(s *scene) {
		s.say("when are you open")
		s.wait(time.Second)
		s.say("thank you")
		s.wait(4 * time.Second)
		s.over()
		lines := s.turns()
		if len(lines) != 4 || lines[3].Text != goodbyeWords || lines[3].Heard != goodbyeWords {
			s.t.Errorf("transcript:\n%s", s.journal.text())
		}
	})
}

func TestP48OrderIsThatOfTheConversation(t *testing.T) {
	var held []realtime.ServerEvent
	late := func(ev realtime.ServerEvent) []realtime.ServerEvent { // the caller's item is told of when the answer has begun
		switch ev := ev.(type) {
		case *realtime.AudioCommitted:
			held = append(held, ev)
			return nil
		case *realtime.ItemAdded:
			if ev.Item.Role == "user" {
				held = append(held, ev)
				return nil
			}
		case *realtime.AudioDelta:
			evs := append([]realtime.ServerEvent{ev}, held...)
			held = nil
			return evs
		}
		return []realtime.ServerEvent{ev}
	}
	for name, greeting := range map[string]string{"from the first turn on": "", "after a greeting": "Hello."} {
		t.Run(name, func(t *testing.T) {
			tr := trap{profile: selfAnswering, down: late, answers: []simulator.Answer{says("a09")}, faults: simulator.Faults{DuplicateItems: true}}
			tr.profile.Greeting = greeting
			provoke(t, tr, func(s *scene) {
				s.wait(4 * time.Second)
				s.say("first")
				s.wait(4 * time.Second)
				s.say("second")
				s.wait(4 * time.Second)
				s.over()
				s.wantText("turn caller | first\n", "turn agent", "turn caller | second\n", "turn agent")
				if n, want := len(s.turns()), 4+min(len(greeting), 1); n != want {
					s.t.Errorf("%d lines, want %d:\n%s", n, want, s.journal.text())
				}
			})
		})
	}
}
