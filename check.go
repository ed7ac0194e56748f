package trunkline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/configs"
)

// How a Finding came out.
const (
	CheckOK   = "ok"
	CheckWarn = "warn" // it works, and somebody should look at it
	CheckFail = "fail" // calls would fail
)

// CheckAreas are what Check looks at, in its order.
var CheckAreas = []string{"config", "sip", "media", "tls", "trunks", "realtime", "store", "tools", "clips"}

// Finding is one thing that Check looked at. It holds no secret.
type Finding struct {
	Status string // CheckOK, CheckWarn or CheckFail
	Area   string // one of CheckAreas
	Place  string // in the configuration, such as realtime[main]
	Detail string // what was found
	Remedy string // what to do; empty when it is ok
}

// AreaError says that there is nothing of that name to check.
type AreaError struct{ Area string }

// Error implements error.
func (e *AreaError) Error() string {
	return fmt.Sprintf("there is no area %q to check; there are %s", e.Area, strings.Join(CheckAreas, ", "))
}

// checkWithin bounds each part of a check.
const checkWithin = 5 * time.Second

// checksAtOnce bounds how many parts run side by side.
const checksAtOnce = 16

// probe is one part of a check.
type probe struct {
	area  string
	place string
	run   func(context.Context, *probe) []Finding
}

// Check looks whether what cfg names is there and works: addresses, ports, certificates, model services, the store, the
// servers of tools, clips. It takes no call and runs no tool, and a model service is asked for a session and for no answer.
// only limits it to some of CheckAreas; none means all.
//
// The parts run side by side for at most 5 s each. report is told of each finding as it is made, one at a time. The error is
// an *AreaError, or the end of ctx.
func Check(ctx context.Context, cfg *configs.Config, only []string, report func(Finding)) error {
	for _, area := range only {
		if !slices.Contains(CheckAreas, area) {
			return &AreaError{area}
		}
	}
	var crew sync.WaitGroup
	var reporting sync.Mutex
	slots := make(chan struct{}, checksAtOnce)
	for _, p := range probes(cfg) {
		if len(only) > 0 && !slices.Contains(only, p.area) {
			continue
		}
		slots <- struct{}{}
		crew.Go(func() {
			found := p.within(ctx)
			<-slots
			reporting.Lock()
			defer reporting.Unlock()
			for _, f := range found {
				report(f)
			}
		})
	}
	crew.Wait()
	return ctx.Err()
}

func (p *probe) within(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeoutCause(ctx, checkWithin, fmt.Errorf("no answer within %s", checkWithin))
	defer cancel()
	return p.run(ctx, p)
}

func (p *probe) ok(format string, args ...any) []Finding {
	return []Finding{{CheckOK, p.area, p.place, fmt.Sprintf(format, args...), ""}}
}

func (p *probe) warn(remedy, format string, args ...any) []Finding {
	return []Finding{{CheckWarn, p.area, p.place, fmt.Sprintf(format, args...), remedy}}
}

func (p *probe) fail(remedy, format string, args ...any) []Finding {
	return []Finding{{CheckFail, p.area, p.place, fmt.Sprintf(format, args...), remedy}}
}

// probes are the parts of the check of cfg.
func probes(cfg *configs.Config) []probe {
	all := []probe{{"config", "file", func(_ context.Context, p *probe) []Finding { return checkConfig(cfg, p) }}}
	all = append(all, networkProbes(cfg)...)
	all = append(all, trunkProbes(cfg)...)
	for i := range cfg.Realtime {
		r := &cfg.Realtime[i]
		all = append(all, probe{"realtime", "realtime[" + r.Name + "]", func(ctx context.Context, p *probe) []Finding { return checkRealtime(ctx, r, p) }})
	}
	all = append(all, storeProbe(&cfg.Store))
	all = append(all, toolProbes(cfg)...)
	return append(all, clipProbes(cfg)...)
}

func checkConfig(cfg *configs.Config, p *probe) []Finding {
	found := p.ok("it is valid")
	for _, w := range cfg.Warnings() {
		found = append(found, Finding{CheckWarn, p.area, w.Path, w.Problem, "look at " + w.Where.String()})
	}
	return found
}

func clipProbes(cfg *configs.Config) (all []probe) {
	add := func(place string, clip configs.Clip) {
		if clip == "" {
			return
		}
		all = append(all, probe{"clips", place, func(_ context.Context, p *probe) []Finding {
			samples, err := samplesOf(string(clip))
			if err != nil {
				return p.fail("give a WAV file of at most 1 min that this user may read", "read clip %s: %v", clip, err)
			}
			return p.ok("%.1f s", float64(len(samples))/8000)
		}})
	}
	for i := range cfg.Agents {
		a := &cfg.Agents[i]
		place := "agents[" + a.Name + "]."
		add(place+"filler.clip", a.Filler.Clip)
		add(place+"fallback.clip", a.Fallback.Clip)
		add(place+"reconnect.clip", a.Reconnect.Clip)
	}
	for i := range cfg.Tools {
		if s := cfg.Tools[i].Say; s != nil {
			add("tools["+cfg.Tools[i].Name+"].say.clip", s.Clip)
		}
	}
	return all
}
