package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// desk is one agent profile, ready to take calls. Static.
type desk struct {
	profile agent.Profile
	dial    agent.Dialer
	tools   *tools.Registry // the profile's own
	service string          // name of the entry of realtime; a metric label
	model   string          // for the record
}

// desks makes a desk of every agent. Names were checked when the configuration was loaded, tools of Go are checked here.
func desks(cfg *configs.Config, registry *tools.Registry, log *slog.Logger) (map[string]*desk, error) {
	all := map[string]*desk{}
	var errs []error
	for i := range cfg.Agents {
		a := &cfg.Agents[i]
		d, err := newDesk(a, cfg.Service(a.Realtime), registry, log)
		if err != nil {
			errs = append(errs, fmt.Errorf("agent %q: %w", a.Name, err))
			continue
		}
		all[a.Name] = d
	}
	return all, errors.Join(errs...)
}

func newDesk(a *configs.Agent, service *configs.Realtime, registry *tools.Registry, log *slog.Logger) (*desk, error) {
	if service == nil {
		return nil, fmt.Errorf("no realtime service is named %q", a.Realtime)
	}
	own, err := registry.Subset(a.Tools...)
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
	return &desk{profile: profile(a, service), dial: dial, tools: own, service: service.Name, model: model}, nil
}

// profile translates the configuration of an agent.
func profile(a *configs.Agent, service *configs.Realtime) agent.Profile {
	p := agent.Profile{
		Name: a.Name, Instructions: a.Instructions, Greeting: a.Greeting, Voice: a.Voice,
		Format:         audioFormats[service.Audio],
		TurnDetection:  turnDetection(&a.TurnDetection),
		NoiseReduction: a.NoiseReduction,
		Temperature:    optional(a.Temperature), Speed: optional(a.Speed),
		MaxOutputTokens: realtime.TokenLimit(a.MaxOutputTokens),
		Tools:           a.Tools,
		MaxDuration:     a.MaxDuration.Std(),
	}
	if t := a.Transcription; t != nil {
		p.Transcription = &realtime.Transcription{Model: t.Model, Language: t.Language, Prompt: t.Prompt}
	}
	return p
}

var audioFormats = map[string]realtime.AudioFormat{"pcmu": realtime.FormatPCMU, "pcma": realtime.FormatPCMA}

// turnDetection is always sent whole: a server that is told half keeps surprising defaults for the rest.
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
