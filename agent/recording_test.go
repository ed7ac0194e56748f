package agent

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// notice is a clip of a second.
func notice() *Clip { return NewClip(slices.Repeat([]int16{8000, -8000}, 4000)) }

func wantRecorded(t *testing.T, s *stage, want ...bool) {
	t.Helper()
	if got := s.line.recorded(); !slices.Equal(got, want) {
		t.Errorf("recording was %v, want %v", got, want)
	}
}

func wantStatus(t *testing.T, s *stage, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(s.journal.text()) {
		if status, ok := strings.CutPrefix(strings.TrimSpace(line), "recording system | "); ok {
			got = append(got, status)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the transcript says %q of the recording, want %q", got, want)
	}
}

// Nothing is recorded before the caller has heard the notice, which comes before the greeting and is not interrupted.
func TestNoticeComesFirst(t *testing.T) {
	p := Profile{Greeting: "Hello.", Recording: &Recording{Notice: notice()}}
	s := play(t, stageOptions{profile: p}, func(s *stage) {
		s.server(answer("r1", "a1", "Hello.", 500)...)
		s.wait(300 * time.Millisecond)
		s.server(&realtime.SpeechStarted{ItemID: "u1"}, &realtime.SpeechStopped{ItemID: "u1"})
		s.wait(600 * time.Millisecond)
		wantRecorded(t, s)
		s.wait(200 * time.Millisecond)
		wantRecorded(t, s, true)
	})
	wantStatus(t, s, "begun")
	wantRecorded(t, s, true)
}

// A notice that was cut off does not count: the call is not recorded at all.
func TestNoticeThatWasCutOff(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Recording: &Recording{Notice: notice()}}}, func(s *stage) {
		s.wait(500 * time.Millisecond)
		s.conv.Silence(true, "ada")
		s.wait(time.Minute)
	})
	wantRecorded(t, s)
	wantStatus(t, s, "not begun")
}

// While the caller presses a number that nobody may know, and shortly after, nothing is kept.
func TestRecordingPausesForSecretKeys(t *testing.T) {
	s := play(t, stageOptions{profile: Profile{Recording: &Recording{}}}, func(s *stage) {
		wantRecorded(t, s, true)
		asks, done := context.WithCancel(s.t.Context())
		keys := s.conv.Digits(asks, true)
		synctest.Wait()
		wantRecorded(t, s, true, false)
		s.wait(time.Minute)
		wantRecorded(t, s, true, false)
		done()
		for range keys {
		}
		s.wait(900 * time.Millisecond)
		wantRecorded(t, s, true, false)
		s.wait(200 * time.Millisecond)
		wantRecorded(t, s, true, false, true)
		open, end := context.WithCancel(s.t.Context())
		s.conv.Digits(open, false) // these may be known
		synctest.Wait()
		end()
		wantRecorded(t, s, true, false, true)
	})
	wantStatus(t, s, "begun", "paused", "resumed")
}

func TestWhatIsNotToBeRecordedIsNot(t *testing.T) {
	s := play(t, stageOptions{}, func(s *stage) { s.wait(time.Minute) })
	wantRecorded(t, s)
	wantStatus(t, s)
}
