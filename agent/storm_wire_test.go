package agent

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
)

// sightings are what the wire showed of the calls: the storms are judged by it and by the server, not by what the
// conversation says of itself.
type sightings struct {
	mu      sync.Mutex
	outputs map[string][]output // by call_id
	deleted map[string]bool     // items
	notes   []told
	done    map[string]doneAt    // by response
	sound   map[string]time.Time // when a response was first heard of, by response
	opened  []time.Time          // first message of each connection
}

type output struct {
	link int
	text string
}

type told struct {
	link int
	text string
}

type doneAt struct {
	link int
	at   time.Time
}

func newSightings() sightings {
	return sightings{outputs: map[string][]output{}, deleted: map[string]bool{}, done: map[string]doneAt{}, sound: map[string]time.Time{}}
}

// wireMessage has the members that matter here.
type wireMessage struct {
	ItemID     string `json:"item_id"`
	ResponseID string `json:"response_id"`
	Response   struct {
		ID string `json:"id"`
	} `json:"response"`
	Item struct {
		Type    string `json:"type"`
		Role    string `json:"role"`
		CallID  string `json:"call_id"`
		Output  string `json:"output"`
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	} `json:"item"`
}

func (s *sightings) note(link int, m simulator.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.opened) <= link {
		s.opened = append(s.opened, m.Sent)
	}
	name := typeOf(m.Text)
	if strings.HasSuffix(name, "audio.delta") {
		if id := member(string(m.Text[:min(300, len(m.Text))]), "response_id"); s.sound[id].IsZero() {
			s.sound[id] = m.Arrives
		}
		return
	}
	var w wireMessage
	switch name {
	case "response.done", "conversation.item.create", "conversation.item.delete":
		if json.Unmarshal(m.Text, &w) != nil {
			return
		}
	}
	switch {
	case m.FromServer && name == "response.done":
		s.done[w.Response.ID] = doneAt{link, m.Arrives}
	case m.FromServer:
	case name == "conversation.item.delete":
		s.deleted[w.ItemID] = true
	case name == "conversation.item.create" && w.Item.Type == "function_call_output":
		s.outputs[w.Item.CallID] = append(s.outputs[w.Item.CallID], output{link, w.Item.Output})
	case name == "conversation.item.create" && w.Item.Role == "system":
		s.notes = append(s.notes, told{link, w.Item.Content[0].Text})
	}
}

// toldOf counts the notes on a connection from there on that hold one of the texts, and whether something was left out.
func (s *sightings) toldOf(from int, texts ...string) (n int) {
	for _, t := range s.notes {
		for _, text := range texts {
			if t.link >= from && strings.Contains(t.text, text) {
				n++
				break
			}
		}
	}
	return n
}
