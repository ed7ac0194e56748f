package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/redisstore"
	"github.com/trunkline/trunkline/store/share"
	"github.com/trunkline/trunkline/store/sound"
)

// flushTimeout bounds how long the last lines may take to reach the store at the end.
const flushTimeout = 10 * time.Second

// archive is where transcripts are kept, and who writes them there.
type archive struct {
	store  store.Store
	writer *store.Writer
	share  *share.Server // of the embedded file; nil with Redis
	sound  *sound.Keep
	log    *slog.Logger

	woken chan struct{} // cap 1: a recording was finished
}

func openArchive(whole *configs.Config, log *slog.Logger) (*archive, error) {
	cfg := &whole.Store
	a := &archive{log: log, woken: make(chan struct{}, 1)}
	var err error
	if a.sound, err = openSound(&whole.Recordings, log); err != nil {
		return nil, err
	}
	if a.store, err = openStore(whole, log); err != nil {
		return nil, err
	}
	if cfg.Redis == nil {
		if a.share, err = share.Serve(cfg.Path, supervised{a.store, a.sound}); err != nil { // calls matter more than readers
			log.Warn("other processes cannot read the transcripts while this one runs", "err", err)
		}
	}
	spool := cfg.Spool
	if cfg.Redis == nil {
		spool = "" // the embedded file is as near as a spool
	}
	if a.writer, err = store.NewWriter(a.store, store.WriterConfig{Spool: spool, Log: log}); err != nil {
		return nil, errors.Join(err, a.close(context.Background()))
	}
	return a, nil
}

func openStore(whole *configs.Config, log *slog.Logger) (store.Store, error) {
	cfg := &whole.Store
	if r := cfg.Redis; r != nil {
		o, err := redisOptions(r)
		if err != nil {
			return nil, err
		}
		o.Retention, o.Retentions, o.Log = cfg.Retention.Std(), retentions(whole), log
		return redisstore.Open(o)
	}
	return boltstore.Open(cfg.Path, boltstore.Options{Retention: cfg.Retention.Std(), Retentions: retentions(whole)})
}

// retentions are those of the agents that have one of their own.
func retentions(cfg *configs.Config) map[string]time.Duration {
	own := map[string]time.Duration{}
	for _, a := range cfg.Agents {
		if a.Retention != nil {
			own[a.Name] = a.Retention.Std()
		}
	}
	return own
}

// OpenReader opens the transcripts that cfg keeps, to read them. An embedded file that a running service holds is read
// through that service.
func OpenReader(ctx context.Context, cfg *configs.Config, log *slog.Logger) (store.Reader, func() error, error) {
	if cfg.Store.Redis == nil {
		if c, err := share.Open(ctx, cfg.Store.Path); err == nil {
			return c, c.Close, nil
		}
		s, err := boltstore.Open(cfg.Store.Path, boltstore.Options{ReadOnly: true})
		if err != nil {
			return nil, nil, fmt.Errorf("open transcripts: %w", err)
		}
		return s, s.Close, nil
	}
	s, err := openStore(cfg, log)
	if err != nil {
		return nil, nil, fmt.Errorf("open transcripts: %w", err)
	}
	return s, s.Close, nil
}

// flush writes what is unwritten; no line is taken afterwards.
func (a *archive) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := a.writer.Close(ctx); err != nil {
		a.log.Error("transcripts are not complete", "err", err)
	}
}

func (a *archive) close(ctx context.Context) error {
	var errs []error
	if a.writer != nil {
		errs = append(errs, a.writer.Close(ctx))
	}
	if a.share != nil {
		errs = append(errs, a.share.Close())
	}
	return errors.Join(append(errs, a.store.Close())...)
}
