package supervisor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// ListenOptions says where people and programs reach a [Server]. Address is required.
type ListenOptions struct {
	Address string // HOST:PORT; an empty host is every address of this machine
	// CertFile and KeyFile are a certificate with its chain, and its key, in PEM form. They are read again when they
	// change; while that fails, what was read before stays in force. "": plain HTTP.
	CertFile, KeyFile string
	// Proxies are the networks of the proxies in front that speak TLS with the outside. What they say in X-Forwarded-For
	// and X-Forwarded-Proto is believed, and from nobody else.
	Proxies []netip.Prefix
}

// Listener serves a [Server] until it is closed.
type Listener struct {
	// Static.
	ln       net.Listener
	http     *http.Server
	stop     context.CancelFunc // of all requests
	farewell time.Duration
	gone     chan struct{} // closed when nobody accepts any more

	running sync.RWMutex // every request holds it for reading
	closed  bool         // guarded by running
}

// listenTimes are how long clients may take. Tests are less patient.
type listenTimes struct {
	header   time.Duration // for the head of a request, TLS handshake included
	body     time.Duration // for all of it
	idle     time.Duration // between requests
	stalled  time.Duration // without taking anything of an answer
	farewell time.Duration // for answers that are under way at the end
	files    time.Duration // between looks at the certificate
}

var usualTimes = listenTimes{header: 10 * time.Second, body: 30 * time.Second, idle: 2 * time.Minute,
	stalled: 30 * time.Second, farewell: time.Second, files: time.Second}

// Listen begins to serve. It refuses what would hand calls to strangers: an address beyond this machine where nobody
// signs in, or without TLS unless proxies are named. Close the listener to end it.
func (s *Server) Listen(o ListenOptions) (*Listener, error) { return s.listen(o, usualTimes) }

func (s *Server) listen(o ListenOptions, t listenTimes) (*Listener, error) {
	address, err := net.ResolveTCPAddr("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("supervisor.listen: %q is no HOST:PORT: %w", o.Address, err)
	}
	if err := s.mayListen(o, address); err != nil {
		return nil, err
	}
	var cert *certificate
	if o.CertFile != "" {
		if cert, err = newCertificate(o.CertFile, o.KeyFile, t.files, s.Log); err != nil {
			return nil, fmt.Errorf("supervisor.tls: %w", err)
		}
	}
	tcp, err := net.ListenTCP("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for supervisors (supervisor.listen): %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Listener{ln: newConns(tcp, o.Proxies, t.stalled), stop: stop, farewell: t.farewell, gone: make(chan struct{})}
	l.http = &http.Server{
		Handler:           l.joined(onStream(t.stalled, whence(o.Proxies, s))),
		ReadHeaderTimeout: t.header, ReadTimeout: t.body, IdleTimeout: t.idle, // writing: see conn and stream
		MaxHeaderBytes: 32 << 10,
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: 100},
		BaseContext:    func(net.Listener) context.Context { return ctx },
		ErrorLog:       slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // strangers can make it say much
	}
	go l.serve(cert, s.Log)
	return l, nil
}

// mayListen refuses to be reached by those who should not.
func (s *Server) mayListen(o ListenOptions, address *net.TCPAddr) error {
	beyond := address.IP == nil || !address.IP.IsLoopback()
	switch {
	case (o.CertFile == "") != (o.KeyFile == ""):
		return errors.New("supervisor.tls.certificate and supervisor.tls.key belong together: set both")
	case beyond && s.door == nil:
		return fmt.Errorf("supervisor.listen: %s is reached from other machines, and nobody has to sign in: "+
			"set supervisor.tokens or supervisor.oidc, or listen on 127.0.0.1", o.Address)
	case beyond && o.CertFile == "" && len(o.Proxies) == 0:
		return fmt.Errorf("supervisor.listen: %s is reached from other machines, and tokens would cross the net in the clear: "+
			"set supervisor.tls, or supervisor.proxies when a proxy in front speaks TLS", o.Address)
	}
	return nil
}

func (l *Listener) serve(cert *certificate, log *slog.Logger) {
	defer close(l.gone)
	var err error
	if cert == nil {
		err = l.http.Serve(l.ln)
	} else {
		l.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
		err = l.http.ServeTLS(l.ln, "", "") // speaks HTTP/2 as well
	}
	if !errors.Is(err, http.ErrServerClosed) {
		log.Error("supervisors are not served any more", "err", err)
	}
}

// joined lets Close wait for requests.
func (l *Listener) joined(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.running.RLock()
		defer l.running.RUnlock()
		if l.closed {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Close stops accepting, tells every request to end, gives them a moment to say so to their clients, and returns when
// none runs any more. It may be called again.
func (l *Listener) Close() error {
	l.stop()
	ctx, cancel := context.WithTimeout(context.Background(), l.farewell)
	defer cancel()
	err := l.http.Shutdown(ctx)
	if err != nil {
		err = l.http.Close() // who still listens is cut off
	}
	<-l.gone
	l.running.Lock()
	defer l.running.Unlock()
	l.closed = true
	return err
}
