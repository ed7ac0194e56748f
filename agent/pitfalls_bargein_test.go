package agent

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// slow is a model that speaks hardly faster than the caller listens: its response is active while it is heard.
var slow = simulator.Options{Speed: 1.3}

func TestP01NeverTruncatesBeyondWhatWasSent(t *testing.T) {
	for _, after := range []time.Duration{30, 777, 1233, 2100, 2440} {
		t.Run(fmt.Sprintf("after %dms", after), func(t *testing.T) {
			provoke(t, trap{answers: []simulator.Answer{says("a09")}, service: simulator.Options{Speed: 2}}, func(s *scene) {
				s.say("hello")
				s.wait(after * time.Millisecond) // the last is after the last sample
				s.start()
				for _, cut := range s.record().Truncations {
					if cut.AudioEndMS > cut.SentMS || cut.AudioEndMS != len(s.heard())/transcode.BytesPerMS {
						s.t.Errorf("truncated at %d ms of %d ms sent, the caller heard %d ms", cut.AudioEndMS, cut.SentMS, len(s.heard())/transcode.BytesPerMS)
					}
				}
				unheard := s.spoken(0)[len(s.heard()):]
				if sound := lastSound(transcode.PCMU, unheard) >= 0; sound && len(s.record().Truncations) != 1 {
					s.t.Errorf("not truncated with %d ms unheard", len(unheard)/transcode.BytesPerMS)
				}
			})
		})
	}
}

func TestP01AudioAlreadyShorterIsInformation(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a09")}, refusals: []string{"Audio content of 1ms is already shorter"}}, func(s *scene) {
		s.say("hello")
		s.wait(500 * time.Millisecond)
		s.send(&realtime.ItemTruncate{ItemID: s.record().Spoken[0].ItemID, AudioEndMS: 1}) // somebody was there before us
		s.wait(50 * time.Millisecond)
		s.start()
		s.stop("")
		s.goesOn()
		if strings.Contains(s.journal.text(), "error") || len(s.counts.faults) > 0 {
			s.t.Errorf("it was taken for a fault: %q\n%s", s.counts.faults, s.journal.text())
		}
	})
}

func TestP02NothingIsTruncatedBeforeTheFirstDelta(t *testing.T) {
	late := does(simulator.Action{Say: []string{"a02"}, Delay: 2 * time.Second})
	provoke(t, trap{answers: []simulator.Answer{late}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		if len(s.messages(false, "response.content_part.added")) != 1 || len(s.record().Spoken[0].Audio) > 0 {
			s.t.Fatal("the caller does not speak between the part and its first delta")
		}
		s.start()
		s.stop("stop")
		s.wait(5 * time.Second)
		s.wantSent("conversation.item.truncate", 0)
		s.wantHeard(s.spoken(0))
	})
}

func TestP02WhatWasNotPlayedIsDeleted(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.line.player.Hold(true) // as a line does that has not begun to send
		s.say("hello")
		s.wait(100 * time.Millisecond)
		s.start()
		s.line.player.Hold(false)
		s.wantSent("conversation.item.truncate", 0)
		if deleted := s.sent("conversation.item.delete"); len(deleted) != 1 || !strings.Contains(deleted[0], s.record().Spoken[0].ItemID) {
			s.t.Errorf("deleted %q, want the item that nobody heard", deleted)
		}
		s.stop("stop")
		s.goesOn()
	})
}

func TestP03MillisecondsAreWholeOnTheWire(t *testing.T) {
	whole := regexp.MustCompile(`"audio_end_ms":[0-9]+[,}]`)
	provoke(t, trap{answers: []simulator.Answer{says("a02"), says("a02"), says("a02")}}, func(s *scene) {
		for odd := range time.Duration(3) {
			s.say("hello")
			s.wait(317*time.Millisecond + odd*333*time.Microsecond)
		}
		s.say("stop")
		cuts := s.sent("conversation.item.truncate")
		for _, cut := range cuts {
			if !whole.MatchString(cut) {
				s.t.Errorf("not in whole milliseconds: %s", cut)
			}
		}
		if len(cuts) != 3 {
			s.t.Errorf("%d truncations, want 3", len(cuts))
		}
	})
}

func TestP04DurationsAreThoseOfG711InBothLaws(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		for _, format := range []realtime.AudioFormat{realtime.FormatPCMU, realtime.FormatPCMA} {
			p := withManners(func(p *Profile) { p.Format = format })
			provoke(t, trap{law: law, profile: p, answers: []simulator.Answer{says("a02")}}, func(s *scene) {
				s.say("hello")
				began := time.Now()
				s.wait(1500 * time.Millisecond)
				s.start()
				heard, cuts := time.Since(began).Milliseconds(), s.record().Truncations
				if len(cuts) != 1 || cuts[0].AudioEndMS != len(s.heard())/8 || int64(cuts[0].AudioEndMS) < heard-250 || int64(cuts[0].AudioEndMS) > heard {
					s.t.Errorf("%v on a line of %v: truncated %+v after %d ms of listening", format, law, cuts, heard)
				}
			})
		}
	}
}

func TestP05TheClientTruncatesWhatTheServerCancelled(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}, service: slow}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.start()
		r := s.record()
		if r.Responses[0].Status != "cancelled" || r.Responses[0].Reason != "turn_detected" {
			s.t.Fatalf("the server did not cancel by itself: %+v", r.Responses)
		}
		s.wantSent("response.cancel", 0)
		if len(r.Truncations) != 1 || r.Truncations[0].ItemID != r.Spoken[0].ItemID {
			s.t.Errorf("truncated %+v, want what was being played", r.Truncations)
		}
	})
}

func TestP06TheCallerStopsAnAnswerThatWasDoneLongAgo(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02", "a05")}}, func(s *scene) {
		s.say("hello")
		s.wait(2 * time.Second)
		if r := s.record().Responses[0]; r.Status != "completed" {
			s.t.Fatalf("the response is %+v", r)
		}
		s.start()
		heard := len(s.heard())
		s.wait(2 * time.Second)
		if after := len(s.heard()); after != heard {
			s.t.Errorf("%d bytes were heard after the caller began to speak", after-heard)
		}
		if cuts := s.record().Truncations; len(cuts) != 1 || cuts[0].AudioEndMS != heard/8 {
			s.t.Errorf("truncated %+v, want at %d ms", cuts, heard/8)
		}
	})
}

func TestP07AudioAfterTheCancelIsDropped(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02"), says("a09")}, service: slow, faults: simulator.Faults{LateDeltas: 5}}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.start()
		first := s.heard()
		s.wait(time.Second)
		s.stop("stop")
		s.wait(4 * time.Second)
		s.wantHeard(first, s.spoken(1))
		s.over()
		if s.figures.LateAudioBytes != 5*1600 {
			s.t.Errorf("%d bytes came late, want the five deltas", s.figures.LateAudioBytes)
		}
	})
}

func TestP08NothingLeavesAfterTheFlush(t *testing.T) {
	provoke(t, trap{answers: []simulator.Answer{says("a02")}}, func(s *scene) {
		s.downDelay.Store(0)
		s.say("hello")
		s.wait(time.Second)
		before := len(s.heard())
		s.start() // 10 ms
		if after := len(s.heard()); after-before > transcode.FrameBytes || s.line.player.Queued() != 0 {
			s.t.Errorf("%d bytes left after speech_started and %d are still queued", after-before, s.line.player.Queued())
		}
	})
}

func TestP09TheItemThatPlaysIsCutAndLaterOnesAreDeleted(t *testing.T) {
	three := does(say("a09"), say("a08"), say("a10"))
	provoke(t, trap{answers: []simulator.Answer{three}}, func(s *scene) {
		s.say("hello")
		s.wait(3 * time.Second)
		s.start()
		r, heard := s.record(), len(s.heard())-len(s.spoken(0))
		if len(r.Truncations) != 1 || r.Truncations[0].ItemID != r.Spoken[1].ItemID || r.Truncations[0].AudioEndMS != heard/8 {
			s.t.Errorf("truncated %+v, want the second item at %d ms", r.Truncations, heard/8)
		}
		if deleted := s.sent("conversation.item.delete"); len(deleted) != 1 || !strings.Contains(deleted[0], r.Spoken[2].ItemID) {
			s.t.Errorf("deleted %q, want the third item", deleted)
		}
	})
}

func TestP10AnItemThatIsGoneChangesNothing(t *testing.T) {
	gone := trap{answers: []simulator.Answer{does(say("a02"), say("a05"))}, refusals: []string{"item_truncate_invalid_item_id", "item_delete_invalid_item_id"}}
	provoke(t, gone, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		for _, item := range s.record().Spoken {
			s.send(&realtime.ItemDelete{ItemID: item.ItemID})
		}
		s.start()
		s.stop("stop")
		s.goesOn()
		if len(s.counts.faults) > 0 || strings.Contains(s.journal.text(), "error") {
			s.t.Errorf("it was taken for a fault: %q\n%s", s.counts.faults, s.journal.text())
		}
	})
}

func TestP11TheCallEndsAfterTheLastWordWasHeard(t *testing.T) {
	box := tools.NewRegistry()
	if err := tools.AddBuiltins(box); err != nil {
		t.Fatal(err)
	}
	goodbye := does(say("a02"), simulator.Action{Call: "hang_up"})
	p := withManners(func(p *Profile) { p.Tools = []string{"hang_up"} })
	provoke(t, trap{profile: p, box: box, answers: []simulator.Answer{goodbye}}, func(s *scene) {
		s.say("goodbye")
		s.wait(4 * time.Second)
		if s.end != nil || len(s.messages(false, "response.done")) != 1 {
			s.t.Fatalf("the call has ended with %+v before the last word", s.end)
		}
		s.wait(time.Second)
		if s.end == nil || s.end.By != ByAgent {
			s.t.Errorf("the call has ended with %+v, want by the agent", s.end)
		}
		s.wantHeard(s.spoken(0))
	})
}

func TestP12TheAgentsEchoDoesNotInterruptIt(t *testing.T) {
	p := withManners(func(p *Profile) { p.Interruption.EchoGuard = 700 * time.Millisecond })
	provoke(t, trap{profile: p, answers: []simulator.Answer{says("a09")}, service: slow}, func(s *scene) {
		s.say("hello")
		s.wait(100 * time.Millisecond)
		s.start()
		s.wait(300 * time.Millisecond)
		s.stop("thank you for") // the echo has words, too
		s.wait(5 * time.Second)
		s.wantHeard(s.spoken(0))
		s.wantSent("response.create", 1)
		s.wantSent("conversation.item.delete", 1)
		s.goesOn()
	})
}

func TestP13ACoughLetsTheAgentGoOnWhereItStopped(t *testing.T) {
	p := withManners(func(p *Profile) { p.Interruption.Confirm = 250 * time.Millisecond })
	provoke(t, trap{profile: p, answers: []simulator.Answer{says("a02")}, service: slow}, func(s *scene) {
		s.say("hello")
		s.wait(time.Second)
		s.start()
		held := len(s.heard())
		s.wait(610 * time.Millisecond) // 120 ms and the silence that ends a turn
		if after := len(s.heard()); after != held {
			s.t.Errorf("%d bytes were heard while nobody knew whether the caller says something", after-held)
		}
		s.stop("")
		s.wait(6 * time.Second)
		s.wantHeard(s.spoken(0))
		s.wantSent("response.create", 1)
		s.wantSent("response.cancel", 0)
		s.wantSent("conversation.item.truncate", 0)
		s.wantSent("conversation.item.delete", 1)
		if s.counts.of(Resumed) != 1 || s.counts.of(Interrupted) != 0 {
			s.t.Errorf("it was counted as %v", s.counts.happened)
		}
	})
}
