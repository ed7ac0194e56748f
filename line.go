package trunkline

import (
	"context"

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

// line is a phone call as the agent sees it. Static.
type line struct {
	law      transcode.Law
	media    *media.Session
	digits   <-chan rune
	held     <-chan bool
	transfer func(ctx context.Context, target string) error
}

func lineOf(call *telephony.Call) line {
	return line{call.Info().Law, call.Media(), call.Digits(), call.Held(), call.Transfer}
}

func (l line) Law() transcode.Law             { return l.law }
func (l line) Attach(sink func(frame []byte)) { l.media.Attach(sink) }
func (l line) Player() agent.Player           { return player{l.media} }
func (l line) Digits() <-chan rune            { return l.digits }
func (l line) Held() <-chan bool              { return l.held }

func (l line) Transfer(ctx context.Context, target string) error { return l.transfer(ctx, target) }

// player is the playout queue as the agent sees it.
type player struct{ *media.Session }

// Status translates what became of an item's audio.
func (p player) Status(id uint64) agent.PlayStatus {
	s := p.Session.Status(id)
	return agent.PlayStatus{Sent: s.Sent, First: s.First}
}
