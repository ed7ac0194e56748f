package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// desk is one agent profile, ready to take calls. Static.
type desk struct {
	agent.Desk
	model string // for the record
}

// desks makes a desk of every agent. Names were checked when the configuration was loaded, tools of Go are checked here.
func desks(cfg *configs.Config, registry *tools.Registry, log *slog.Logger) (map[string]*desk, error) {
	all, sounds := map[string]*desk{}, clips{}
	var errs []error
	for i := range cfg.Agents {
		a := &cfg.Agents[i]
		d, err := newDesk(a, cfg, registry, sounds, log)
		if err != nil {
			errs = append(errs, fmt.Errorf("agent %q: %w", a.Name, err))
			continue
		}
		all[a.Name] = d
	}
	return all, errors.Join(errs...)
}

func newDesk(a *configs.Agent, cfg *configs.Config, registry *tools.Registry, sounds clips, log *slog.Logger) (*desk, error) {
	service := cfg.Service(a.Realtime)
	if service == nil {
		return nil, fmt.Errorf("no realtime service is named %q", a.Realtime)
	}
	own, err := ownTools(a, registry)
	if err != nil {
		return nil, err
	}
	dial, err := dialer(service, log)
	if err != nil {
		return nil, err
	}
	model := service.Model
	if model == "" {
		model = service.Deployment
	}
	d := &desk{agent.Desk{Profile: profile(a, service, cfg.Limits.CallDuration.Std()), Dial: dial, Tools: own, Service: service.Name}, model}
	return d, sounds.fill(&d.Profile, a)
}

// ownTools is the allow-list of an agent, with hand_off and transfer for one that has somebody to give its calls to.
func ownTools(a *configs.Agent, registry *tools.Registry) (*tools.Registry, error) {
	own, err := registry.Subset(a.Tools...)
	if err == nil && len(a.HandOff) > 0 {
		err = tools.AddHandOff(own, a.HandOff...)
	}
	if err == nil && len(a.Transfers) > 0 {
		err = tools.AddTransfer(own, destinations(a)...)
	}
	return own, err
}

func destinations(a *configs.Agent) []tools.Destination {
	all := make([]tools.Destination, len(a.Transfers))
	for i, d := range a.Transfers {
		all[i] = tools.Destination{Name: d.Name, Description: d.Description, To: d.To, Attended: d.Attended, Ring: d.Ring.Std()}
	}
	return all
}

// profile translates the configuration of an agent, but for its clips. longest is what bounds every call.
func profile(a *configs.Agent, service *configs.Realtime, longest time.Duration) agent.Profile {
	p := agent.Profile{
		Name: a.Name, Instructions: a.Instructions, Greeting: a.Greeting, Voice: a.Voice, Language: a.Language,
		TimeZone:       a.TimeZone.Location(),
		Format:         audioFormats[service.Audio],
		TurnDetection:  turnDetection(&a.TurnDetection),
		NoiseReduction: a.NoiseReduction,
		Temperature:    optional(a.Temperature), Speed: optional(a.Speed),
		MaxOutputTokens: realtime.TokenLimit(a.MaxOutputTokens),
		ReasoningEffort: a.ReasoningEffort,
		Tools:           a.Tools,
		Prices:          (*agent.Prices)(service.Prices),
	}
	if len(a.HandOff) > 0 {
		p.Tools = append(slices.Clone(p.Tools), "hand_off")
	}
	if len(a.Transfers) > 0 {
		p.Tools = append(slices.Clone(p.Tools), "transfer")
	}
	if t := a.Transcription; t != nil {
		p.Transcription = &realtime.Transcription{Model: t.Model, Language: t.Language, Prompt: t.Prompt}
	}
	if a.Recording != nil {
		p.Recording = &agent.Recording{}
	}
	manners(&p, a, longest)
	return p
}

// manners translates how an agent behaves in a call.
func manners(p *agent.Profile, a *configs.Agent, longest time.Duration) {
	protects := func(what string) bool { return slices.Contains(a.Interruption.Protect, what) }
	p.Interruption = agent.Interruption{Confirm: msOf(a.Interruption.ConfirmMS), EchoGuard: msOf(a.Interruption.EchoGuardMS),
		ProtectGreeting: protects("greeting"), ProtectNotices: protects("notices")}
	p.Idle = agent.Idle{After: a.Idle.After.Std(), Prompts: a.Idle.Prompts, Ask: a.Idle.Ask, Goodbye: a.Idle.Goodbye}
	p.Limit = agent.Limit{Duration: a.MaxDuration.Std(), Warning: a.MaxDurationWarning.Std(), Notice: a.MaxDurationNotice}
	if p.Limit.Warning > 0 && (p.Limit.Duration == 0 || p.Limit.Duration > longest) {
		p.Limit.Duration = longest // the line is cut then; the warning has to know
	}
	p.Filler.After = a.Filler.After.Std()
	p.Silence.After = a.SilenceGuard.Std()
	p.Fallback.Transfer = a.Fallback.Transfer
	p.Renewal = agent.Renewal{Within: never(a.Reconnect.Within), ClipAfter: a.Reconnect.ClipAfter.Std(),
		Lead: a.Rotate.Lead.Std(), Age: a.Rotate.Age.Std()}
	p.Keys = agent.Keys{Pause: a.DTMF.Pause.Std(), Ignore: a.DTMF.Ignore}
}

func msOf(n int) time.Duration { return time.Duration(n) * time.Millisecond }

var audioFormats = map[string]realtime.AudioFormat{"pcmu": realtime.FormatPCMU, "pcma": realtime.FormatPCMA}

// turnDetection is what the file says; the agent settles who answers and who interrupts.
func turnDetection(t *configs.TurnDetection) realtime.Opt[realtime.TurnDetection] {
	if t.Type == configs.NoVAD {
		return realtime.Null[realtime.TurnDetection]()
	}
	return realtime.Some(realtime.TurnDetection{
		Type: t.Type, Threshold: optional(t.Threshold), PrefixPaddingMS: optional(t.PrefixPaddingMS),
		SilenceDurationMS: optional(t.SilenceDurationMS), Eagerness: t.Eagerness,
		CreateResponse: optional(t.CreateResponse), InterruptResponse: optional(t.InterruptResponse),
		IdleTimeoutMS: optional(t.IdleTimeoutMS),
	})
}

func optional[T any](v *T) realtime.Opt[T] {
	if v == nil {
		return realtime.Opt[T]{}
	}
	return realtime.Some(*v)
}

// dialer connects to one service, for each call anew: credentials are read at every connect.
func dialer(service *configs.Realtime, log *slog.Logger) (agent.Dialer, error) {
	dialect, err := realtime.ParseDialect(service.Dialect)
	if err != nil {
		return nil, err
	}
	if _, _, err := service.Endpoint(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, want realtime.Session) (agent.Model, realtime.Session, error) {
		url, header, err := service.Endpoint()
		if err != nil {
			return nil, realtime.Session{}, err
		}
		dialCtx, cancel := context.WithTimeout(ctx, service.Timeouts.Connect.Std())
		defer cancel()
		conn, err := realtime.Dial(dialCtx, realtime.DialOptions{URL: url, Header: header, Dialect: dialect, Log: log,
			PingEvery: service.Timeouts.Ping.Std(), PingTimeout: service.Timeouts.Pong.Std()})
		if err != nil {
			return nil, realtime.Session{}, err
		}
		session, err := realtime.Open(ctx, conn, want, service.Timeouts.Session.Std())
		if err != nil {
			conn.Close("session was not confirmed")
			return nil, realtime.Session{}, err
		}
		return conn, session, nil
	}, nil
}
