package sipua

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// UA is a SIP user agent. Make one with Listen, run it with Serve.
type UA struct {
	// Static after Listen.
	cfg       Config
	timing    timing
	log       *slog.Logger
	host      string     // advertised host, "" for the address facing the peer
	addr      netip.Addr // advertised address for SDP, invalid likewise
	parser    *sip.Parser
	transport *sip.TransportLayer
	layer     *sip.TransactionLayer
	udp       []*udpListener
	tcp       []*tcpListener
	secure    []*tlsListener
	inboxes   map[string]*inbox // by transport, for those of connections
	addrs     []ListenAddr
	tls       *tlsStore
	conns     *conns
	dials     dials
	learned   *learned
	resolver  *resolver
	registry  *registry
	attempts  *attempts
	tagger    *tagger

	authenticator *authenticator

	strangers *bucket
	broken    *bucket // answers to datagrams that cannot be parsed
	greetings *bucket
	noise     *throttle
	floods    *floods

	handshakeNoise *throttle
	tags           []string // extensions that a peer may require
	supported      Header   // the same as a header

	calls     context.Context // parent of every call; its cause is why they must end
	stopCalls context.CancelCauseFunc
	life      context.Context // ends when nothing may wait any more
	endLife   context.CancelFunc

	counters counters
	muted    atomic.Bool // for sipgo's log

	mu            sync.Mutex
	state         uaState
	registrations []*Registration // guarded by mu
	running       sync.WaitGroup  // Add under mu: handlers, retransmissions
	handlers      sync.WaitGroup  // Add under mu: Config.Invite
	serving       sync.WaitGroup  // Add under mu: listeners
	serves        chan struct{}   // closed when Serve has begun
	closed        chan struct{}   // closed at the end of Close
}

type uaState int

const (
	open     uaState = iota
	draining         // no new calls, the old ones are being ended
	shut             // nothing starts any more
)

// counters are what Stats reports.
type counters struct {
	refused, malformed, panics, listenErrors, connsRefused, connsTimedOut, handshakesFailed, flooded, throttled atomic.Uint64

	challenged, authFailures, authBlocked, uninvited atomic.Uint64

	connsSpared atomic.Uint64 // idle limits passed over because of a call; for tests
}

// Stats is a snapshot of the user agent's figures; the uint64 ones only grow.
type Stats struct {
	Dialogs       int    // calls in progress
	Remembered    int    // calls that ended within the last 32 s
	Conns         int    // open TCP and TLS connections, accepted or our own
	Refused       uint64 // datagrams and connections from sources that Admit did not allow
	Malformed     uint64 // messages that could not be parsed
	Panics        uint64 // handlers that panicked, each cost one call or message
	ListenErrors  uint64 // errors of listeners that were waited out
	ConnsRefused  uint64 // connections beyond the limits
	ConnsTimedOut uint64 // connections that were idle or too slow, reading or writing

	Flooded   uint64 // datagrams dropped because an allowed peer sent too many
	Throttled uint64 // messages on connections whose peer was then made to wait

	HandshakesFailed uint64 // TLS handshakes that failed or took too long, either side's

	Challenged   uint64 // INVITEs that were asked for a password
	AuthFailures uint64 // answers to that with a wrong name, password or nonce count
	AuthBlocked  uint64 // INVITEs refused unseen after too many of those
	Uninvited    uint64 // INVITEs of a registrar that do not name our registration
}

// Listen binds every address and prepares the user agent; nothing is read before
// Serve.
func Listen(cfg Config) (*UA, error) { return listen(cfg, defaultTiming()) }

func listen(cfg Config, t timing) (*UA, error) {
	if cfg.Invite == nil {
		return nil, errors.New("sip: no call handler is configured")
	}
	cfg = cfg.withDefaults()
	host, addr, err := advertised(cfg.Advertise)
	if err != nil {
		return nil, err
	}
	files, err := newTLSStore(cfg.TLS, t, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	u := &UA{
		tls: files, inboxes: map[string]*inbox{"tcp": newInbox(), "tls": newInbox()},
		cfg: cfg, timing: t, log: cfg.Log, host: host, addr: addr,
		parser:    newParser(),
		registry:  newRegistry(cfg.MaxDialogs, t.grave),
		attempts:  newAttempts(),
		tagger:    newTagger(),
		strangers: newBucket(forbidRate, forbidBurst),
		broken:    newBucket(forbidRate, forbidBurst),
		greetings: newBucket(greetRate, greetBurst),
		noise:     newThrottle(10 * time.Second),

		handshakeNoise: newThrottle(10 * time.Second),

		serves: make(chan struct{}),
		closed: make(chan struct{}),
	}
	u.conns, u.floods = newConns(u), newFloods(cfg.MessagesPerSecond, &u.counters)
	u.tags = extensions(cfg)
	u.supported = Header{"Supported", strings.Join(u.tags, ", ")}
	u.learned, u.cfg.Admit = newLearned(cfg.Admit)
	u.resolver = newResolver(cfg.Resolver)
	u.authenticator = newAuthenticator(cfg.Auth, &u.counters)
	u.calls, u.stopCalls = context.WithCancelCause(context.Background())
	u.life, u.endLife = context.WithCancel(context.Background())
	u.wire()
	if err := u.open(cfg.Listen); err != nil {
		return nil, err
	}
	return u, nil
}

// wire connects sipgo's layers. Our own hook must be first: it sees messages in the
// order of the wire, before a goroutine is started for each.
func (u *UA) wire() {
	quiet := slog.New(&sipgoLog{counters: &u.counters, log: u.log, throttle: newThrottle(time.Second), muted: &u.muted})
	u.transport = sip.NewTransportLayer(net.DefaultResolver, u.parser, nil,
		sip.WithTransportLayerLogger(quiet),
		sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: newTCP(), TLS: &sip.TransportTLS{TransportTCP: newTCP()}}))
	u.transport.OnMessage(u.arrive)
	u.layer = sip.NewTransactionLayer(u.transport,
		sip.WithTransactionLayerLogger(quiet),
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}))
	u.layer.OnRequest(u.handle)
}

// Addrs lists what is being listened on, in the order of Config.Listen, with the real
// port where 0 was asked for.
func (u *UA) Addrs() []ListenAddr { return slices.Clone(u.addrs) }

// Serve handles messages until ctx is done or Close is called, closes the user agent
// and returns ErrClosed. Call it once.
func (u *UA) Serve(ctx context.Context) error {
	if !u.startServing() {
		return ErrClosed
	}
	select {
	case <-ctx.Done():
	case <-u.closed:
	}
	_ = u.Close()
	return ErrClosed
}

func (u *UA) startServing() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != open {
		return false
	}
	for _, l := range u.udp {
		// Requests of ours may leave before sipgo's reader has entered its socket.
		u.transport.Pool("udp").Add(l.spare.PacketAddr, l.spare)
		u.serving.Go(l.serve)
	}
	for _, l := range u.tcp {
		u.serving.Go(func() { _ = u.transport.ServeTCP(l) })
	}
	for _, l := range u.secure {
		u.serving.Go(l.serve)
	}
	u.serving.Go(func() { _ = u.transport.ServeTCP(u.inboxes["tcp"]) })
	u.serving.Go(func() { _ = u.transport.ServeTLS(u.inboxes["tls"]) })
	close(u.serves)
	return true
}

// Close ends every call (its context gets ErrShutdown, answered ones get a BYE), closes
// the sockets and returns when all goroutines of calls and listeners have left. Handlers
// must return on their context, or Close waits for them.
func (u *UA) Close() error {
	if !u.advance(draining) {
		<-u.closed
		return nil
	}
	u.stopCalls(ErrShutdown)
	u.Unregister() // while the calls are being ended
	u.handlers.Wait()
	u.advance(shut)
	u.endLife()
	u.closeSockets()
	u.serving.Wait()
	u.layer.Close()
	u.conns.close() // sipgo's own Close would also empty the UDP table, see udpListener

	_ = u.transport.Pool("tcp").Clear() // the connections that we opened
	u.running.Wait()
	u.attempts.close()
	u.registry.close()
	u.muted.Store(true)
	close(u.closed)
	return nil
}

// advance moves to a later state; false if somebody already did.
func (u *UA) advance(to uaState) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state >= to {
		return false
	}
	u.state = to
	return true
}

// enter registers a goroutine that Close must wait for; false means: too late.
func (u *UA) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state == shut {
		return false
	}
	u.running.Add(1)
	return true
}

func (u *UA) leave() { u.running.Done() }

// enterCall registers a new call; false when no new ones may start.
func (u *UA) enterCall() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != open {
		return false
	}
	u.handlers.Add(1)
	return true
}

// spawn runs f in a goroutine of the user agent. A panic costs that one task.
func (u *UA) spawn(f func()) {
	if u.enter() {
		go func() {
			defer u.leave()
			u.guard("task", f)
		}()
	}
}

// Stats returns the figures of this moment.
func (u *UA) Stats() Stats {
	living, ended := u.registry.counts()
	return Stats{
		Dialogs: living, Remembered: ended, Conns: u.conns.count(),
		Refused:       u.counters.refused.Load(),
		Malformed:     u.counters.malformed.Load(),
		Panics:        u.counters.panics.Load(),
		ListenErrors:  u.counters.listenErrors.Load(),
		ConnsRefused:  u.counters.connsRefused.Load(),
		ConnsTimedOut: u.counters.connsTimedOut.Load(),

		Flooded:   u.counters.flooded.Load(),
		Throttled: u.counters.throttled.Load(),

		HandshakesFailed: u.counters.handshakesFailed.Load(),

		Challenged:   u.counters.challenged.Load(),
		AuthFailures: u.counters.authFailures.Load(),
		AuthBlocked:  u.counters.authBlocked.Load(),
		Uninvited:    u.counters.uninvited.Load(),
	}
}

// admission decides about a request that arrived, by its source address and by the names
// that its connection proved.
func (u *UA) admission(req *sip.Request) Admission { return u.cfg.Admit(u.source(req)) }

func (u *UA) source(req *sip.Request) Source {
	transport := sip.NetworkToLower(req.Transport())
	return Source{Addr: sourceOf(req), Transport: transport, TLSNames: u.conns.names(connKey{transport, req.Source()})}
}

// refused counts a stranger, and says so now and then: an operator who forgot to list a
// carrier must find it, a scanner must not fill the disk.
func (u *UA) refused(src netip.AddrPort, transport string) {
	total := u.counters.refused.Add(1)
	if u.noise.allow() {
		u.log.Info("refusing SIP from sources that no trunk lists", "last", src.Addr(), "transport", transport, "total", total)
	}
}

// guard runs f and survives it; false means that it panicked.
func (u *UA) guard(where string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			u.panicked(where, p)
		}
	}()
	f()
	return true
}

// panicked records a recovered panic.
func (u *UA) panicked(where string, value any) {
	u.counters.panics.Add(1)
	u.log.Error("panic while handling SIP", "where", where, "panic", value, "stack", string(debug.Stack()))
}
