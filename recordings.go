package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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

// leftover is a recording that an earlier process did not complete. Owned by tend.
type leftover struct {
	call string
	told bool // that it cannot be completed
}

// tend looks after recordings until ctx is done: what an earlier process left behind is completed, what is over is removed,
// and beside that, however long it takes, what is finished goes to the bucket.
func (a *archive) tend(ctx context.Context, expiry func(agent string, now time.Time) time.Time) {
	left := a.leftovers(ctx)
	var crew sync.WaitGroup
	defer crew.Wait()
	crew.Go(func() { a.upload(ctx) })
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		left = slices.DeleteFunc(left, func(l *leftover) bool { return a.recover(ctx, l, expiry) })
		a.warn(ctx, "recordings are not removed", a.sound.Sweep(ctx, time.Now()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *archive) leftovers(ctx context.Context) (left []*leftover) {
	ids, err := a.sound.Left()
	a.warn(ctx, "recordings of an earlier process cannot be looked for", err)
	for _, id := range ids {
		left = append(left, &leftover{call: id})
	}
	return left
}

// upload takes to the bucket what is finished, at once and what could not be taken each minute, until ctx is done.
func (a *archive) upload(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		a.warn(ctx, "recordings are not uploaded", a.sound.Upload(ctx))
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
// counts as running is not, and neither is one that the store cannot be asked about, nor a recording that cannot be
// completed: it goes with its call.
func (a *archive) recover(ctx context.Context, l *leftover, expiry func(agent string, now time.Time) time.Time) (settled bool) {
	c, err := a.store.Call(ctx, l.call)
	switch {
	case errors.Is(err, store.ErrNotFound): // deleted, or over long ago
		a.warn(ctx, "recording of a call that is gone is not removed", a.sound.Discard(l.call))
		return true
	case err != nil || c.Live():
		return false
	}
	name, err := a.sound.Recover(l.call, expiry(c.Agent, c.Ended))
	if err != nil {
		if !l.told {
			a.log.Warn("recording of an earlier process stays as it is", "call_id", l.call, "err", err)
		}
		l.told = true
		return false
	}
	if name == "" {
		return true
	}
	c.Recording = name
	a.warn(ctx, "recording of an earlier process is not in its record", a.store.Finish(ctx, c))
	a.wake()
	return true
}
