package trunkline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/outbox"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/tools"
)

// Service is Trunkline, wired. Make it with New, run it with Serve.
type Service struct {
	// Static after New.
	cfg      *configs.Config
	log      *slog.Logger
	node     string
	desks    map[string]*desk
	registry *tools.Registry
	metrics  *metrics
	observer observer
	kept     *archive
	journal  *journal
	phones   *telephony.Server
	admin    *admin // nil: none is configured
	page     *page  // for supervisors; nil: none is configured
	couriers []*outbox.Courier
	live     live

	served atomic.Bool // Serve was called, or Close instead of it
	models models      // those that could not be reached
}

// Option changes a Service.
type Option func(*options)

type options struct {
	tools *tools.Registry
	log   *slog.Logger
	tap   func(callID string, entries []store.Entry)
}

// WithTools gives the agents the tools of r besides those of the configuration.
func WithTools(r *tools.Registry) Option { return func(o *options) { o.tools = r } }

// WithLogger sends logs to log; without it there are none.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithTap shows every line of every transcript to tap as it is written. tap must not block.
func WithTap(tap func(callID string, entries []store.Entry)) Option {
	return func(o *options) { o.tap = tap }
}

// New checks cfg against the tools, opens the store and binds the listeners. Nothing is answered before Serve.
// After an error nothing is left open, and the tools are closed.
func New(cfg *configs.Config, opts ...Option) (_ *Service, err error) {
	o := options{tools: tools.NewRegistry(), log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&o)
	}
	s := &Service{cfg: cfg, log: o.log, registry: o.tools, metrics: newMetrics()}
	s.node, _ = os.Hostname()
	s.observer = observer{s.metrics, knownTool(o.tools)}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeTools(o.tools))
		}
	}()
	if err := addTools(o.tools, cfg, o.log); err != nil {
		return nil, err
	}
	if s.desks, err = desks(cfg, o.tools, o.log); err != nil {
		return nil, err
	}
	if s.kept, err = openArchive(cfg, o.log); err != nil {
		return nil, err
	}
	s.journal = newJournal(s.kept.writer, cfg, o.tap)
	if s.couriers, err = couriers(&cfg.Events, s.kept.store, s.node, s.metrics.told, o.log); err != nil {
		return nil, errors.Join(err, s.kept.close(context.Background()))
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.kept.close(context.Background()))
	}
	return s, nil
}

func (s *Service) listen() (err error) {
	s.phones, err = telephony.Listen(telephonyConfig(s.cfg, s.log), s)
	if err != nil {
		return err
	}
	s.metrics.registry.MustRegister(&snapshot{s.phones.Stats, s.kept.writer.Stats})
	if address := string(s.cfg.Admin.Listen); address != "" {
		if s.admin, err = listenAdmin(address, s.metrics, s.ready); err != nil {
			return errors.Join(err, s.phones.Close())
		}
	}
	if s.page, err = s.openPage(&s.cfg.Supervisor); err != nil {
		if s.admin != nil {
			s.admin.close()
		}
		return errors.Join(err, s.phones.Close())
	}
	return nil
}

// PageURL is where supervisors find their page, "" when there is none.
func (s *Service) PageURL() string {
	if s.page == nil {
		return ""
	}
	scheme := "http"
	if s.cfg.Supervisor.Encrypted() {
		scheme = "https"
	}
	return scheme + "://" + s.page.listener.Addr().String() + "/"
}

// SIPAddrs are the SIP addresses, with their real ports.
func (s *Service) SIPAddrs() []telephony.Addr { return s.phones.Addrs() }

// AdminAddr is the address of the operator's listener, "" when there is none.
func (s *Service) AdminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.ln.Addr().String()
}

// Store reads the transcripts.
func (s *Service) Store() store.Reader { return s.kept.store }

// Stats are the figures of the phone side at this moment.
func (s *Service) Stats() telephony.Stats { return s.phones.Stats() }

// Serve takes calls until ctx is done. Then it refuses new ones, lets the running ones go on for limits.drain_timeout,
// ends what is left, writes what is unwritten and returns nil.
func (s *Service) Serve(ctx context.Context) error {
	s.served.Store(true)
	sweeping, stopSweeping := context.WithCancel(context.Background())
	var crew sync.WaitGroup
	crew.Go(func() { store.SweepEvery(sweeping, s.kept.store, time.Minute, s.log) })
	crew.Go(func() { s.kept.tend(sweeping, s.expiry) })
	crew.Go(func() { deliver(sweeping, s.couriers) })
	served := make(chan error, 1)
	crew.Go(func() { served <- s.phones.Serve(context.WithoutCancel(ctx)) })
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		s.drain()
	}
	_ = s.phones.Close()
	s.kept.flush() // so that the last events are there to be told
	stopSweeping()
	crew.Wait()
	lastEvents(s.couriers)
	s.closeStore()
	if errors.Is(err, telephony.ErrClosed) {
		return nil
	}
	return err
}

// Close ends all calls at once, with BYE, and makes Serve return. It is for an operator who does not want to wait. A
// service that never served is closed by it wholly: the store, the listeners and the programs of tools.
func (s *Service) Close() error {
	err := s.phones.Close()
	if !s.served.Swap(true) {
		s.closeStore()
	}
	return err
}

// drain lets running calls end by themselves, within the limit.
func (s *Service) drain() {
	n := s.phones.Stats().Active
	if n > 0 {
		s.log.Info("draining", "calls", n, "timeout", s.cfg.Limits.DrainTimeout.Std())
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.DrainTimeout.Std())
	defer cancel()
	if err := s.phones.Shutdown(ctx); err != nil && n > 0 {
		s.log.Warn("calls were cut", "err", err)
	}
}

// closeStore writes what is unwritten and closes everything that is not the phone side.
func (s *Service) closeStore() {
	if s.admin != nil {
		s.admin.close()
	}
	if s.page != nil {
		if err := s.page.close(); err != nil {
			s.log.Debug("page for supervisors closed", "err", err)
		}
	}
	if err := closeTools(s.registry); err != nil {
		s.log.Warn("tools still at work", "err", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := s.kept.close(ctx); err != nil {
		s.log.Error("closing the store failed", "err", err)
	}
}

// ready is what /readyz says: whether a call would be taken now.
func (s *Service) ready(ctx context.Context) (unready, degraded error) {
	stats := s.phones.Stats()
	switch {
	case stats.Draining:
		return errors.New("draining"), nil
	case stats.Active >= stats.Capacity:
		return fmt.Errorf("at the limit of %d calls", stats.Capacity), nil
	}
	unready, degraded = s.models.state(s.services(), time.Now())
	if unready != nil {
		return unready, nil
	}
	if err := s.kept.store.Ping(ctx); err != nil {
		degraded = errors.Join(degraded, fmt.Errorf("store does not answer, transcripts wait: %w", err))
	}
	return nil, degraded
}

// services are the names of the model services that agents work with.
func (s *Service) services() map[string]bool {
	all := map[string]bool{}
	for _, d := range s.desks {
		all[d.Service] = true
	}
	return all
}

// route finds who answers, nil when nobody does.
func (s *Service) route(trunk, dialled string) *desk {
	r, ok := s.cfg.Route(trunk, dialled)
	if !ok {
		return nil
	}
	return s.desks[r.Agent]
}

// Run is New and Serve: it runs the service that cfg describes until ctx is done.
func Run(ctx context.Context, cfg *configs.Config, opts ...Option) error {
	s, err := New(cfg, opts...)
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}
