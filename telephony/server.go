package telephony

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// Server takes calls from trunks and hands them to a Handler.
type Server struct {
	// Static.
	cfg     Config
	handler Handler
	trunks  *trunks
	ports4  *media.Ports // nil when Media.Bind is IPv6
	ports6  *media.Ports // nil when Media.Bind is IPv4
	pacer   *media.Pacer
	ua      *sipua.UA
	peers   peers
	gate    *gate
	own     *own

	accepted      atomic.Uint64
	encrypted     atomic.Uint64
	dialled       atomic.Uint64
	digitsLost    atomic.Uint64
	panics        atomic.Uint64
	digitsDropped atomic.Uint64
	refusedAt     atomic.Int64 // unix time of the last refusal that was logged
	rejected      tally
	closing       sync.Once
}

// ErrClosed is returned by Serve after Close or Shutdown.
var ErrClosed = sipua.ErrClosed

// Addr is an address that the server listens on.
type Addr = sipua.ListenAddr

// Listen checks the configuration and binds the SIP addresses. Nothing is answered
// before Serve. The error is one or more *ConfigError, or says what could not be bound.
func Listen(cfg Config, h Handler) (*Server, error) {
	if h == nil {
		return nil, errors.New("telephony: a handler is required")
	}
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, handler: h, trunks: newTrunks(cfg.Trunks), gate: newGate(cfg.Limits)}
	if err := s.makePorts(); err != nil {
		return nil, err
	}
	ua, err := sipua.Listen(sipua.Config{
		Listen: cfg.SIP.Listen, Advertise: cfg.SIP.Advertise, Log: cfg.Log,
		TLS: sipua.TLS(cfg.SIP.TLS), MessagesPerSecond: cfg.SIP.MessagesPerSecond,
		SessionTimers: cfg.SessionTimers, PreferReliable: cfg.SIP.PreferReliable,
		Admit: s.admit, Auth: s.auth, Invite: s.invite, Draining: s.gate.closed,
	})
	if err != nil {
		return nil, fmt.Errorf("telephony: %w", err)
	}
	s.ua = ua
	if err := s.openPeers(); err != nil {
		_ = ua.Close()
		return nil, err
	}
	s.pacer = media.NewPacer()
	s.own = s.makeOwn()
	return s, nil
}

// makePorts prepares a port range for each address family that calls may use.
func (s *Server) makePorts() (err error) {
	m := s.cfg.Media
	bind4, bind6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	if m.Bind.IsValid() {
		bind4, bind6 = m.Bind.Unmap(), m.Bind.Unmap()
	}
	if bind4.Is4() {
		if s.ports4, err = media.NewPorts(bind4, m.FirstPort, m.LastPort); err != nil {
			return fmt.Errorf("telephony: media: %w", err)
		}
	}
	if bind6.Is6() {
		if s.ports6, err = media.NewPorts(bind6, m.FirstPort, m.LastPort); err != nil {
			return fmt.Errorf("telephony: media: %w", err)
		}
	}
	return nil
}

// ports is the range for an address family, nil if there is none.
func (s *Server) ports(a netip.Addr) *media.Ports {
	if a.Unmap().Is4() {
		return s.ports4
	}
	return s.ports6
}

// Addrs lists the SIP addresses in the order of the configuration, with real ports.
func (s *Server) Addrs() []Addr { return s.ua.Addrs() }

// Serve takes calls until ctx is done, which ends all calls at once, or until Shutdown
// or Close. It returns ErrClosed.
func (s *Server) Serve(ctx context.Context) error {
	err := s.ua.Serve(ctx)
	s.close()
	return err
}

// Drain refuses new calls with 503, has registrations removed so that their registrars
// send calls elsewhere, and lets the running calls go on. It does not wait.
func (s *Server) Drain() {
	s.gate.close()
	s.ua.Leave()
}

// Shutdown drains, waits until the last call is over or ctx ends, ends what is left and
// closes. It returns the error of ctx if calls had to be cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	var err error
	select {
	case <-s.gate.empty():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.close()
	return err
}

// Close ends all calls with ErrShutdown and returns when everything has left.
func (s *Server) Close() error {
	s.Drain()
	s.close()
	return nil
}

func (s *Server) close() {
	_ = s.ua.Close()
	s.closing.Do(func() {
		s.pacer.Close()
		for _, p := range []*media.Ports{s.ports4, s.ports6} {
			if p != nil {
				p.Close()
			}
		}
	})
}

// admit decides about a source, for every datagram, connection and request.
func (s *Server) admit(src sipua.Source) sipua.Admission {
	if t := s.trunks.of(src); t != nil {
		return sipua.Admission{Verdict: sipua.Allow, Peer: t.Name}
	}
	if s.cfg.Strangers == Silent {
		return sipua.Admission{Verdict: sipua.Ignore}
	}
	return sipua.Admission{Verdict: sipua.Forbid}
}

// invite runs one call, from the INVITE to its end.
func (s *Server) invite(ctx context.Context, d *sipua.Dialog) {
	trunk := s.trunks.byName[d.Request().Peer]
	if r := s.gate.enter(trunk); r != nil {
		s.reject(d, r)
		return
	}
	defer s.gate.leave(trunk)
	p, r := s.plan(d, trunk)
	if r != nil {
		s.reject(d, r)
		return
	}
	c := s.newCall(d, trunk)
	if r := s.openMedia(p, c); r != nil {
		s.reject(d, r)
		return
	}
	s.accepted.Add(1)
	if c.info.SRTP != "" {
		s.encrypted.Add(1)
	}
	c.sip = ctx
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	d.OnReoffer(c.reoffer)
	d.OnLateOffer(c.lateOffer, c.lateAnswer)
	d.OnAnswer(c.openWith)
	d.OnInfoDigit(func(key rune) { c.pressed(byINFO, key) })
	c.logStart()
	c.run(s.handler)
}

// reject refuses a call. Of the refusals of one second only one is logged: at a limit
// there are as many as the trunk has callers. Stats counts them all.
func (s *Server) reject(d *sipua.Dialog, r *rejection) {
	s.rejected.add(Rejection{r.status, r.text})
	if now, last := time.Now().Unix(), s.refusedAt.Load(); now != last && s.refusedAt.CompareAndSwap(last, now) {
		s.cfg.Log.Info("call refused", "trunk", d.Request().Peer, "status", r.status, "why", r.text)
	}
	if err := d.Reject(r.status, reasonPhrase(r.status), r.headers()...); err != nil {
		s.cfg.Log.Debug("refusal was not sent", "err", err)
	}
}
