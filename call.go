package trunkline

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
)

// modelRetryAfter is what a caller's side is told while the model cannot be reached.
const modelRetryAfter = 10 * time.Second

// hangupTimeout bounds the wait for the caller's side to confirm our BYE.
const hangupTimeout = 5 * time.Second

// ServeCall is the life of one call (telephony.Handler): it returns when the record is closed.
func (s *Service) ServeCall(ctx context.Context, call *telephony.Call) {
	info := call.Info()
	log := s.log.With("call_id", info.ID, "trunk", info.Trunk)
	desk := s.route(info.Trunk, info.Dialled)
	if desk == nil {
		log.Info("no route for the dialled number")
		s.report(call.Reject(404, "Not Found", 0), log)
		return
	}
	log = log.With("agent", desk.Profile.Name)
	if err := call.Ring(); err != nil {
		return // the caller gave up
	}
	conv, err := s.open(ctx, desk, info, log)
	if err != nil {
		s.refuse(ctx, call, desk, err, log)
		return
	}
	s.hold(ctx, call, desk, conv, log)
}

// open prepares the model while the phone rings.
func (s *Service) open(ctx context.Context, desk *desk, info telephony.CallInfo, log *slog.Logger) (*agent.Conversation, error) {
	return agent.Open(ctx, agent.Setup{
		Info: s.told(info), Law: info.Law, Desk: desk.Desk, Colleague: s.colleague,
		Journal: s.journal, Observer: s.observer, Log: log,
	})
}

// told is what the agent knows of a call.
func (s *Service) told(info telephony.CallInfo) agent.CallInfo {
	return agent.CallInfo{ID: info.ID, SIPCallID: info.SIPCallID, Trunk: info.Trunk, Caller: info.Caller, Dialled: info.Dialled,
		Forwarded: firstCalled(info.Forwarded), Verification: verification(info.Verification),
		Node: s.node, Started: info.Started, Headers: info.Headers}
}

// colleague finds whom a call is handed to. Who may be asked for is what the tool hand_off of each agent knows.
func (s *Service) colleague(name string) (agent.Desk, bool) {
	d, ok := s.desks[name]
	if !ok {
		return agent.Desk{}, false
	}
	return d.Desk, true
}

// refuse answers a call that the model cannot take. The caller that hung up meanwhile needs no answer.
func (s *Service) refuse(ctx context.Context, call *telephony.Call, desk *desk, err error, log *slog.Logger) {
	if ctx.Err() != nil {
		return
	}
	s.observer.RealtimeError("dial")
	s.models.failed(desk.Service, err, time.Now())
	log.Error("model cannot be reached: call refused", "err", err)
	s.report(call.Reject(503, "Service Unavailable", modelRetryAfter), log)
}

// hold answers and talks.
func (s *Service) hold(ctx context.Context, call *telephony.Call, desk *desk, conv *agent.Conversation, log *slog.Logger) {
	if err := call.Answer(ctx); err != nil {
		conv.Finish(0)
		return
	}
	s.talk(ctx, call, desk, conv, log)
}

// talk is a call from its answer on, whoever placed it: it talks, hangs up and closes the record, whatever happens in
// between.
func (s *Service) talk(ctx context.Context, call *telephony.Call, desk *desk, conv *agent.Conversation, log *slog.Logger) {
	s.models.reached(desk.Service)
	record := beginning(call.Info(), desk, s.node)
	record.SRTP = call.SRTP() // of an INVITE without an offer it is known since the answer
	s.journal.Begin(record)
	end := agent.End{By: agent.BySystem, Cause: "internal error"} // stands when a panic ends the call
	x := newExchange(ctx, s, call, log)
	rec := &recorder{keep: s.kept.sound, call: call, log: log}
	leave := s.live.enter(record.ID, &heldCall{conv, call, x, desk.Profile.Name, s.destinations(desk.Profile.Name)})
	figures := sync.OnceValue(func() agent.Figures { return conv.Finish(agent.FinalPatience) })
	defer func() {
		leave() // a panic comes here without it
		f := figures()
		x.close()
		record.Recording = rec.finish(s.expiry(record.Agent, time.Now()))
		s.kept.wake()
		s.close(record, call, end, x.addTo(f))
	}()
	end = conv.Run(ctx, lineOf(call, x, rec))
	rec.stop() // whoever talks to the caller now was not asked
	leave()
	if human, name := x.wanted(); human != nil && call.Ended() == nil {
		x.crew.Go(func() { figures() }) // the model is not needed any more
		end = s.putThrough(ctx, call, human, name, log)
	}
	if e := call.Ended(); e != nil { // the phone side knows best how the phone side ended
		end = agent.End{By: e.By.String(), Cause: e.Text}
		return
	}
	s.hangUp(call, end, log)
}

// destinations are whom an agent may put callers through to.
func (s *Service) destinations(agent string) []configs.Destination {
	if a := s.cfg.Agent(agent); a != nil {
		return a.Transfers
	}
	return nil
}

// hangUp sends BYE. What the model gave as its reason stays here: the text of a BYE leaves this machine.
func (s *Service) hangUp(call *telephony.Call, end agent.End, log *slog.Logger) {
	by, text := telephony.Agent, "conversation over"
	switch end.By {
	case agent.BySystem:
		by, text = telephony.System, end.Cause
	case agent.BySupervisor:
		by = telephony.System
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangupTimeout)
	defer cancel()
	s.report(call.Hangup(ctx, by, text), log)
}

func (s *Service) report(err error, log *slog.Logger) {
	var ended *telephony.Ended
	if err != nil && !errors.As(err, &ended) {
		log.Warn("signalling failed", "err", err)
	}
}

func beginning(info telephony.CallInfo, desk *desk, node string) store.Call {
	now := time.Now()
	return store.Call{
		ID: info.ID, SIPCallID: info.SIPCallID, Trunk: info.Trunk, Agent: desk.Profile.Name,
		Caller: info.Caller, Dialled: info.Dialled, Direction: direction(info), Forwarded: forwardings(info.Forwarded),
		Verification: verification(info.Verification), SRTP: info.SRTP, Node: node, Codec: info.Law.String(), Model: desk.model,
		Started: info.Started, Answered: now, SetupMS: int(now.Sub(info.Started).Milliseconds()),
	}
}

// close completes the record of a call that is over.
func (s *Service) close(c store.Call, call *telephony.Call, end agent.End, f agent.Figures) {
	c.Ended, c.EndedBy, c.Cause = time.Now(), end.By, end.Cause
	if e := call.Ended(); e != nil {
		c.Code = e.SIP
	}
	stats := call.Media().Stats()
	c.Tags = f.Tags
	c.Turns, c.Interruptions, c.ToolCalls, c.ToolFailures = f.Turns, f.Interruptions, f.ToolCalls, f.ToolFailures
	c.TokensIn, c.TokensOut, c.TokensCached, c.CostMicros = int64(f.TokensIn), int64(f.TokensOut), int64(f.TokensCached), f.CostMicros
	c.Reconnects, c.Rotations = f.Reconnects, f.Rotations
	c.LatencyP50MS, c.LatencyP95MS = ms(f.Latency(0.5)), ms(f.Latency(0.95))
	c.FramesIn, c.FramesOut, c.FramesLost = int64(stats.FramesIn), int64(stats.PacketsOut), int64(stats.Lost)
	q := call.Quality()
	c.MOSCaller, c.MOSAgent, c.JitterMS, c.RTTMS = hundredths(q.Caller.MOS), hundredths(q.Agent.MOS), ms(q.Caller.Jitter, true), ms(q.RTT, true)
	s.metrics.ended(&c, stats)
	s.metrics.sounded(q)
	s.journal.Finish(c)
}

// expiry is when the call of an agent that ends now is removed; zero: never.
func (s *Service) expiry(agent string, now time.Time) time.Time {
	kept := s.cfg.Store.Retention
	if a := s.cfg.Agent(agent); a != nil && a.Retention != nil {
		kept = *a.Retention
	}
	if kept <= 0 {
		return time.Time{}
	}
	return now.Add(kept.Std())
}

func hundredths(mos float64) int { return int(math.Round(mos * 100)) }

func ms(d time.Duration, _ bool) int { return int(d.Milliseconds()) }
