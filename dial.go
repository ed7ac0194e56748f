package trunkline

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/telephony"
)

// Dial calls somebody over a trunk and has the named agent talk to them, as to a caller: the record and the transcript are
// kept, tools run. It may be called while Serve runs, and returns when the call is over; nil means that they talked.
//
// The agent greets as soon as they have answered. Its prompts have their number as {{dialled}} and the one that they were
// shown as {{caller}}. The trunk's dials must allow out.To.
//
// Errors are those of [telephony.Server.Dial]: among others telephony.ErrBusy, telephony.ErrNoAnswer and the cause of ctx,
// whose end gives up a call that rings and hangs up one that was answered. An agent whose model cannot be reached hangs up
// at once; the error says so.
func (s *Service) Dial(ctx context.Context, agentName string, out telephony.Outbound) error {
	desk, ok := s.desks[agentName]
	if !ok {
		return fmt.Errorf("dial: no agent is named %q; there are %s", agentName, strings.Join(slices.Sorted(maps.Keys(s.desks)), ", "))
	}
	var failed error
	err := s.phones.Dial(ctx, out, telephony.HandlerFunc(func(ctx context.Context, call *telephony.Call) {
		info := call.Info()
		failed = s.greet(ctx, call, desk, s.log.With("call_id", info.ID, "trunk", info.Trunk, "agent", agentName))
	}))
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return failed
}

// greet talks to somebody who has answered. Without a model it hangs up, and the record says why.
func (s *Service) greet(ctx context.Context, call *telephony.Call, desk *desk, log *slog.Logger) error {
	conv, err := s.open(ctx, desk, call.Info(), log)
	if err == nil {
		s.talk(ctx, call, desk, conv, log)
		return nil
	}
	record := beginning(call.Info(), desk, s.node)
	s.journal.Begin(record)
	end := agent.End{By: agent.BySystem, Cause: "model cannot be reached"}
	if call.Ended() == nil && ctx.Err() == nil {
		s.observer.RealtimeError("dial")
		s.models.failed(desk.Service, err, time.Now())
		log.Error("model cannot be reached: call ended", "err", err)
	}
	s.hangUp(call, end, log)
	if e := call.Ended(); e != nil && e.By == telephony.Caller {
		end = agent.End{By: e.By.String(), Cause: e.Text}
	}
	s.close(record, call, end, agent.Figures{})
	return fmt.Errorf("dial: agent %s: model cannot be reached: %w", desk.Profile.Name, err)
}
