package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/sound"
)

// openSound opens the place where recordings are kept. Nothing is made there before the first recording.
func openSound(cfg *configs.Recordings, log *slog.Logger) (*sound.Keep, error) {
	o := sound.Options{Directory: cfg.Directory, Recipients: cfg.Recipients, Identity: cfg.Identity.Reveal(), Log: log}
	if s := cfg.S3; s != nil {
		o.S3 = &sound.S3{Endpoint: s.Endpoint.Reveal(), Bucket: s.Bucket, Region: s.Region, Prefix: s.Prefix,
			AccessKey: s.AccessKey.Reveal(), SecretKey: s.SecretKey.Reveal()}
	}
	keep, err := sound.New(o)
	if err != nil {
		return nil, fmt.Errorf("open recordings: %w", err)
	}
	return keep, nil
}

// wake has tend look at once.
func (a *archive) wake() {
	select {
	case a.woken <- struct{}{}:
	default: // it will
	}
}

// tend looks after recordings until ctx is done: what is finished goes to the bucket, what is over is removed, and what an
// earlier process left behind is completed.
func (a *archive) tend(ctx context.Context, expiry func(agent string, now time.Time) time.Time) {
	left, err := a.sound.Left()
	a.warn(ctx, "recordings of an earlier process cannot be looked for", err)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		left = slices.DeleteFunc(left, func(id string) bool { return a.recover(ctx, id, expiry) })
		a.warn(ctx, "recordings are not uploaded", a.sound.Upload(ctx))
		a.warn(ctx, "recordings are not removed", a.sound.Sweep(ctx, time.Now()))
		select {
		case <-tick.C:
		case <-a.woken:
		case <-ctx.Done():
			return
		}
	}
}

func (a *archive) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		a.log.Warn(what, "err", err)
	}
}

// recover completes the recording of a call whose process died. It reports whether that is settled: a call that still
// counts as running is not, and neither is one that the store cannot be asked about.
func (a *archive) recover(ctx context.Context, id string, expiry func(agent string, now time.Time) time.Time) (settled bool) {
	c, err := a.store.Call(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound): // deleted, or over long ago
		a.warn(ctx, "recording of a call that is gone is not removed", a.sound.Discard(id))
		return true
	case err != nil || c.Live():
		return false
	}
	name, err := a.sound.Recover(id, expiry(c.Agent, c.Ended))
	if err != nil {
		a.log.Warn("recording of an earlier process stays as it is", "call_id", id, "err", err)
		return true
	}
	if name == "" {
		return true
	}
	c.Recording = name
	a.warn(ctx, "recording of an earlier process is not in its record", a.store.Finish(ctx, c))
	return true
}
