package agent

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
)

// wireText is one message on a connection.
type wireText struct {
	link    int
	up      bool
	sent    time.Time
	arrives time.Time
	name    string
	text    string
}

// watcher is an Observer that keeps the faults as well.
type watcher struct {
	counts
	faults []string
}

func (w *watcher) RealtimeError(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, kind)
}

// fault reports whether a fault of the kind was counted.
func (w *watcher) fault(kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.faults, kind)
}

// lockedText is a log that is kept.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// phone is a memoryLine whose playout queue may be short.
type phone struct {
	*memoryLine
	room int
}

func (p phone) Player() Player {
	if p.room == 0 {
		return p.player
	}
	return shortPlayer{p.player, p.room}
}

type shortPlayer struct {
	*memoryPlayer
	room int
}

func (p shortPlayer) Play(id uint64, audio []byte) int {
	return p.memoryPlayer.Play(id, audio[:min(len(audio), max(0, p.room-p.Queued()))])
}

// onTheWay is a connection on which events are lost, altered and invented.
type onTheWay struct {
	*simulator.Direct
	down func(realtime.ServerEvent) []realtime.ServerEvent

	pending []realtime.ServerEvent // owned by Recv
}

func (l *onTheWay) Recv(ctx context.Context) (realtime.ServerEvent, error) {
	for len(l.pending) == 0 {
		ev, err := l.Direct.Recv(ctx)
		if err != nil || l.down == nil {
			return ev, err
		}
		l.pending = l.down(ev)
	}
	ev := l.pending[0]
	l.pending = l.pending[1:]
	return ev, nil
}

func (s *scene) see(link int, m simulator.Message) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(m.Text, &head); err != nil {
		head.Type = "no event"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire = append(s.wire, wireText{link, !m.FromServer, m.Sent, m.Arrives, head.Type, string(m.Text)})
}

// dump tells how it came about.
func (s *scene) dump() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.wire {
		arrow := "◄──  "
		if m.up {
			arrow = "──►  "
		}
		if m.up && m.name != "input_audio_buffer.append" || strings.HasPrefix(m.name, "response.created") || m.name == "response.done" || m.name == "error" {
			s.t.Logf("%d %s %s%s", m.link, m.sent.Format("04:05.000"), arrow, m.text[:min(len(m.text), 240)])
		}
	}
}

// said are the messages with a sound of all sessions, one after the other.
func (s *scene) said() (list []simulator.SpokenItem) {
	for _, session := range s.srv.Sessions() {
		for _, item := range session.Record().Spoken {
			if len(item.Audio) > 0 {
				list = append(list, item)
			}
		}
	}
	return list
}

// spoken is the audio of the nth of them, as far as it was sent.
func (s *scene) spoken(n int) []byte {
	s.t.Helper()
	if list := s.said(); n < len(list) {
		return list[n].Audio
	}
	s.t.Errorf("the model has not said message %d", n)
	return nil
}

// messages are those of a type and direction so far; "" is any type.
func (s *scene) messages(up bool, name string) (list []wireText) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.wire {
		if m.up == up && (name == "" || m.name == name) {
			list = append(list, m)
		}
	}
	return list
}

// sent are the texts of the client's events of a type.
func (s *scene) sent(name string) (texts []string) {
	for _, m := range s.messages(true, name) {
		texts = append(texts, m.text)
	}
	return texts
}

// instructions are those that the nth response was made with, "" when there was none.
func (s *scene) instructions(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < len(s.prompts) {
		return s.prompts[n].Instructions
	}
	return ""
}
