package agent

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// Whatever arrives in whatever pieces, and whenever the caller cuts in: an item is truncated at the whole milliseconds of
// it that were written to the wire, which is never more than came; an item without audio is left alone; one of which
// nothing was heard is deleted; and one that was heard to its end is neither.
func TestP01TruncationProperty(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		play(t, stageOptions{}, func(s *stage) { truncation(t, s, rng, seed) })
	}
}

func truncation(t *testing.T, s *stage, rng *rand.Rand, seed uint64) {
	s.server(created("r1"))
	sent, number := map[string]int{}, map[string]uint64{} // bytes of each item; the players' number of those with audio
	for n := range 1 + rng.IntN(4) {
		id := fmt.Sprintf("a%d", n)
		s.server(item("r1", id))
		for range rng.IntN(4) { // none at all is a case, too
			piece := pattern(sent[id] + 1 + rng.IntN(6000))[sent[id]:]
			sent[id] += len(piece)
			if number[id] == 0 {
				number[id] = uint64(len(number)) + 1
			}
			s.server(&realtime.AudioDelta{Loc: realtime.Loc{ResponseID: "r1", ItemID: id}, Audio: piece})
			s.wait(time.Duration(rng.IntN(300)) * time.Millisecond)
		}
	}
	s.wait(time.Duration(rng.IntN(2000)) * time.Millisecond)
	s.model.log()
	s.server(&realtime.SpeechStarted{ItemID: "u1"})
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	told := map[string]bool{}
	for _, ev := range s.model.sent {
		id := checkCut(t, ev, sent, func(id string) int { return s.line.player.Status(number[id]).Sent }, seed)
		told[id] = true
	}
	for id, n := range sent {
		if heard := s.line.player.Status(number[id]).Sent; heard < n && !told[id] {
			t.Errorf("seed %d: %s was heard for %d of %d bytes, and the server is not told", seed, id, heard, n)
		}
	}
}

// checkCut compares a truncate or delete with what the player wrote. It returns the item.
func checkCut(t *testing.T, ev realtime.ClientEvent, sent map[string]int, wrote func(id string) int, seed uint64) string {
	switch ev := ev.(type) {
	case *realtime.ItemTruncate:
		heard := wrote(ev.ItemID)
		if ev.AudioEndMS != heard/transcode.BytesPerMS || ev.AudioEndMS*transcode.BytesPerMS > sent[ev.ItemID] || ev.AudioEndMS == 0 {
			t.Errorf("seed %d: %s truncated at %d ms; %d bytes were written of %d", seed, ev.ItemID, ev.AudioEndMS, heard, sent[ev.ItemID])
		}
		return ev.ItemID
	case *realtime.ItemDelete:
		if sent[ev.ItemID] == 0 || wrote(ev.ItemID) >= transcode.BytesPerMS {
			t.Errorf("seed %d: %s deleted; %d bytes were written of %d", seed, ev.ItemID, wrote(ev.ItemID), sent[ev.ItemID])
		}
		return ev.ItemID
	}
	return ""
}
