package trunkline

import (
	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// Where the rooms meet: each interface is its consumer's, proven here.
var (
	_ agent.Line        = line{}
	_ agent.Player      = player{}
	_ agent.Toolbox     = (*tools.Registry)(nil)
	_ telephony.Handler = (*Service)(nil)
)

// line is a phone call as the agent sees it.
type line struct {
	law   transcode.Law
	media *media.Session
}

func (l line) Law() transcode.Law             { return l.law }
func (l line) Attach(sink func(frame []byte)) { l.media.Attach(sink) }
func (l line) Player() agent.Player           { return player{l.media} }
func (l line) Digits() <-chan rune            { return l.media.Digits() }

// player is the playout queue as the agent sees it.
type player struct{ *media.Session }

// Status translates what became of an item's audio.
func (p player) Status(id uint64) agent.PlayStatus {
	s := p.Session.Status(id)
	return agent.PlayStatus{Sent: s.Sent, First: s.First}
}
