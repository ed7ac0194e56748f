package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/store"
)

func TestCostOfAResponse(t *testing.T) {
	prices := &Prices{TextIn: 4, TextCached: 0.4, TextOut: 16, AudioIn: 32, AudioCached: 0.4, AudioOut: 64}
	for _, tc := range []struct {
		usage realtime.Usage
		want  int64
	}{
		{realtime.Usage{InputText: 1_000_000}, 4_000_000},
		{realtime.Usage{InputAudio: 100, OutputAudio: 50, OutputText: 10}, 3200 + 3200 + 160},
		{realtime.Usage{InputText: 100, InputAudio: 100, InputCached: 150}, 100*0.4 + 50*0.4 + 50*32},
		{realtime.Usage{InputText: 100, InputAudio: 100, InputCached: 60, CachedAudio: 60}, 400 + 40*32 + 60*0.4},
		{realtime.Usage{InputCached: 60}, 60 * 0.4}, // parts that do not add up cost no less than nothing
	} {
		if got := prices.micros(&tc.usage); got != tc.want && tc.usage.InputText+tc.usage.InputAudio > 0 || got < 0 {
			t.Errorf("%+v costs %d, want %d", tc.usage, got, tc.want)
		}
	}
	if got := (*Prices)(nil).micros(&realtime.Usage{InputText: 100}); got != 0 {
		t.Errorf("without prices it costs %d", got)
	}
}

func TestUsageIsSummedAndWrittenDown(t *testing.T) {
	p := Profile{Prices: &Prices{AudioIn: 10, AudioOut: 20}}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		for _, id := range []string{"r1", "r2"} {
			s.server(created(id), &realtime.ResponseDone{Response: realtime.Response{ID: id, Status: "completed",
				Usage: &realtime.Usage{Input: 100, InputAudio: 100, Output: 50, OutputAudio: 50}}})
		}
	})
	f := s.figures
	if f.TokensIn != 200 || f.TokensOut != 100 || f.CostMicros != 4000 {
		t.Errorf("figures %+v", f)
	}
	var lines int
	for _, e := range s.journal.entries {
		if e.Kind == store.KindUsage && e.TokensIn == 100 && e.TokensOut == 50 && e.CostMicros == 2000 {
			lines++
		}
	}
	if lines != 2 {
		t.Errorf("%d lines of usage, want two", lines)
	}
}

func TestStepsOfATurn(t *testing.T) {
	s := play(t, stageOptions{profile: transcribing}, func(s *stage) {
		s.line.speak(pattern(8 * 2500))
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, &realtime.SpeechStopped{ItemID: "u1", AudioEndMS: 2500}, &realtime.AudioCommitted{ItemID: "u1"})
		s.wait(300 * time.Millisecond)
		s.server(created("r1"), item("r1", "a1"), audio("r1", "a1", 200), done("r1", "completed", message("a1")))
		s.wait(time.Second)
	})
	if len(s.counts.timings) != 1 {
		t.Fatalf("%d turns measured, want one", len(s.counts.timings))
	}
	got := s.counts.timings[0]
	if got.Detect != 500*time.Millisecond || got.Think != 300*time.Millisecond || got.Play > 20*time.Millisecond || got.Play <= 0 ||
		got.Total != got.Detect+got.Think+got.Play {
		t.Errorf("steps %+v", got)
	}
	for _, e := range s.journal.entries {
		if e.Role == store.RoleAgent && (e.DetectMS != 500 || e.ThinkMS != 300 || e.LatencyMS != int(got.Total.Milliseconds())) {
			t.Errorf("line %+v", e)
		}
	}
}

func TestP45TranscriptionIsPaidByTokensOrByTheMinute(t *testing.T) {
	p := transcribing
	p.Prices = &Prices{TranscribeIn: 6, TranscribeOut: 10, TranscribeMinute: 0.006}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		for n, usage := range []realtime.TranscriptionUsage{{Input: 100, Output: 20}, {Seconds: 30}, {}} {
			id := string(rune('a' + n))
			s.server(turn(id)...)
			s.server(&realtime.TranscriptionCompleted{ItemID: id, Transcript: "hm", Usage: usage})
		}
	})
	if got := s.figures.CostMicros; got != 800+3000 {
		t.Errorf("it cost %d, want 3800", got)
	}
	if n := strings.Count(s.journal.text(), "usage system | transcription"); n != 2 {
		t.Errorf("%d lines of usage, want two", n)
	}
}
