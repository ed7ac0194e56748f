package phone

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/trunkline/trunkline/telephony/media"
)

// Config of a phone. The zero value is a UDP phone on the loopback address.
type Config struct {
	Bind      netip.Addr   // address of SIP and RTP, default 127.0.0.1; ports are the system's choice
	Transport string       // "udp" (default), "tcp" or "tls"
	TLS       *tls.Config  // for "tls": RootCAs for the far end, Certificates of ours
	Log       *slog.Logger // nil: none. SIP messages are logged at debug level only
}

// Phone places calls and takes them, any number at once. It is safe for concurrent use.
type Phone struct {
	cfg    Config                     // static
	port   int                        // static; of SIP
	ua     *sipgo.UserAgent           // static
	client *sipgo.Client              // static
	ports  *media.Ports               // static
	pacer  *media.Pacer               // static
	listen interface{ Close() error } // static; SIP socket, closed by Close
	serve  sync.WaitGroup
	closed atomic.Bool // what is still read is dropped
	close  sync.Once
	err    error // of Close; written once

	incoming chan incoming // INVITEs for Answer; never closed
	quit     chan struct{} // closed when the phone closes

	mu    sync.Mutex
	calls map[string]*call // guarded by mu; by Call-ID
}

// New opens the phone's SIP socket. Close ends it.
func New(cfg Config) (*Phone, error) {
	if !cfg.Bind.IsValid() {
		cfg.Bind = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	cfg.Transport = strings.ToLower(cfg.Transport)
	if cfg.Transport == "" {
		cfg.Transport = "udp"
	}
	switch {
	case cfg.Transport != "udp" && cfg.Transport != "tcp" && cfg.Transport != "tls":
		return nil, fmt.Errorf("phone: transport %q is not udp, tcp or tls", cfg.Transport)
	case cfg.Transport == "tls" && (cfg.TLS == nil || len(cfg.TLS.Certificates) == 0):
		return nil, errors.New("phone: TLS needs a certificate")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ports, err := media.NewPorts(cfg.Bind, 0, 0)
	if err != nil {
		return nil, err
	}
	p := &Phone{cfg: cfg, ports: ports, calls: make(map[string]*call), incoming: make(chan incoming), quit: make(chan struct{})}
	if err := p.open(); err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	p.pacer = media.NewPacer()
	return p, nil
}

// open makes the user agent and its socket.
func (p *Phone) open() error {
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgenTLSConfig(p.cfg.TLS),
		sipgo.WithUserAgent("phone"),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(p.cfg.Log),
			sip.WithTransportLayerReadFilter(p.observe)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(p.cfg.Log),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
	)
	if err != nil {
		return err
	}
	p.ua = ua
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(p.cfg.Log))
	if err == nil {
		server.OnBye(p.onBye)
		server.OnInvite(p.onInvite)
		server.OnAck(p.onAck)
		server.OnRefer(p.onRefer)
		err = p.bind(server)
	}
	if err == nil {
		err = p.makeClient()
	}
	if err != nil {
		return errors.Join(err, p.shut())
	}
	return nil
}

// bind opens the socket and serves it until it is closed.
func (p *Phone) bind(server *sipgo.Server) error {
	local := netip.AddrPortFrom(p.cfg.Bind, 0).String()
	if p.cfg.Transport != "udp" {
		l, err := net.Listen("tcp", local)
		if err != nil {
			return err
		}
		p.listen, p.port = l, l.Addr().(*net.TCPAddr).Port
		if p.cfg.Transport == "tls" {
			p.serve.Go(func() { _ = server.ServeTLS(tls.NewListener(l, p.cfg.TLS)) })
		} else {
			p.serve.Go(func() { _ = server.ServeTCP(l) })
		}
		return nil
	}
	c, err := net.ListenPacket("udp", local)
	if err != nil {
		return err
	}
	p.listen, p.port = c, c.LocalAddr().(*net.UDPAddr).Port
	p.serve.Go(func() { _ = server.ServeUDP(c) })
	return p.awaitPool(c.LocalAddr().String())
}

// awaitPool waits until sipgo knows the socket as one to send from; it gives no
// other sign of it.
func (p *Phone) awaitPool(addr string) error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if c, err := p.ua.TransportLayer().GetConnection("udp", addr); err == nil && c != nil {
			return nil
		}
	}
	return fmt.Errorf("the SIP socket %s is not served", addr)
}

func (p *Phone) makeClient() (err error) {
	options := []sipgo.ClientOption{
		sipgo.WithClientLogger(p.cfg.Log),
		sipgo.WithClientHostname(p.cfg.Bind.String()),
		sipgo.WithClientPort(p.port),
	}
	if p.cfg.Transport == "udp" {
		options = append(options, sipgo.WithClientConnectionAddr(netip.AddrPortFrom(p.cfg.Bind, uint16(p.port)).String()))
	}
	p.client, err = sipgo.NewClient(p.ua, options...)
	return err
}

// Close ends the phone. Calls must be over; one that is not loses its signalling.
func (p *Phone) Close() error {
	p.close.Do(func() {
		p.err = p.shut()
		p.pacer.Close()
	})
	return p.err
}

// quiesce is how long messages that were read already have to be dealt with, in
// goroutines that sipgo starts and nobody joins. One that found the socket gone would open
// another, for good.
const quiesce = 20 * time.Millisecond

func (p *Phone) shut() error {
	if !p.closed.Swap(true) {
		close(p.quit)
	}
	<-time.After(quiesce)
	err := p.ua.Close()
	if p.listen != nil {
		if e := p.listen.Close(); !errors.Is(e, net.ErrClosed) { // sipgo closes some of its sockets
			err = errors.Join(err, e)
		}
	}
	p.serve.Wait()
	return err
}

// onBye is the far end's hang-up.
func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.callOf(req)
	if c == nil {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 481, "Call/Transaction Does Not Exist", nil))
		return
	}
	reason := ""
	if h := req.GetHeader("Reason"); h != nil {
		reason = h.Value()
	}
	<-c.placed
	if err := c.leg.ReadBye(req, tx); err != nil {
		p.cfg.Log.Warn("answer to BYE not sent", "error", err)
	}
	c.farHungUp(reason)
}

func (p *Phone) callOf(req *sip.Request) *call {
	if id := req.CallID(); id != nil {
		return p.find(id.Value())
	}
	return nil
}

func (p *Phone) find(callID string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[callID]
}

func (p *Phone) add(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[c.report.CallID] = c
}

func (p *Phone) remove(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.report.CallID)
}
