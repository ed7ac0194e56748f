package trunkline

import (
	"context"
	"errors"

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
	call     *telephony.Call // for what is done to it
	exchange *exchange       // nil: there is nobody to ask
	recorder *recorder       // nil: the call is not recorded
}

func lineOf(call *telephony.Call, x *exchange, r *recorder) line {
	return line{call.Info().Law, call.Media(), call.Digits(), call.Held(), call, x, r}
}

func (l line) Law() transcode.Law             { return l.law }
func (l line) Attach(sink func(frame []byte)) { l.media.Attach(sink) }
func (l line) Player() agent.Player           { return player{l.media} }
func (l line) Digits() <-chan rune            { return l.digits }
func (l line) Held() <-chan bool              { return l.held }

// Transfer words what the caller may be told.
func (l line) Transfer(ctx context.Context, target string) error {
	err := l.call.Transfer(ctx, target)
	var refused *telephony.TransferError
	switch {
	case isOver(err):
		return tools.Tell("the call was over before the transfer came about: %w", err)
	case errors.Is(err, telephony.ErrTransferTimeout):
		return tools.Tell("the transfer did not come about in time: %w", err)
	case errors.As(err, &refused):
		return tools.Tell("the transfer was refused: %w", err)
	}
	return err
}

// isOver tells the end of the call, which is no fault of what was done to it.
func isOver(err error) bool {
	var ended *telephony.Ended
	return errors.As(err, &ended)
}

// SendDigits words what the model can act on.
func (l line) SendDigits(ctx context.Context, keys string) error {
	err := l.call.SendDigits(ctx, keys)
	if isOver(err) {
		return tools.Tell("the call was over before the keys were pressed: %w", err)
	}
	if errors.Is(err, telephony.ErrDigits) {
		return tools.Tell("these keys cannot be pressed now: %w", err)
	}
	return err
}

func (l line) Record(on bool) {
	if l.recorder != nil {
		l.recorder.Record(on)
	}
}

func (l line) Consult(ctx context.Context, q tools.Consultation) error {
	if l.exchange == nil {
		return tools.ErrNoLine
	}
	return l.exchange.Consult(ctx, q)
}

// player is the playout queue as the agent sees it.
type player struct{ *media.Session }

// Status translates what became of an item's audio.
func (p player) Status(id uint64) agent.PlayStatus {
	s := p.Session.Status(id)
	return agent.PlayStatus{Sent: s.Sent, First: s.First}
}
