package sipua

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Config says how to listen and what to do with calls. Only Listen and Invite are
// required.
type Config struct {
	// Listen holds "udp://127.0.0.1:5060", "tcp://[::1]:5060", "tls://:5061" and so on; an
	// empty host is every address of both families, port 0 is any free port.
	Listen []string

	// TLS holds the files for tls:// listeners and for connections to TLS servers.
	TLS TLS

	// Advertise is the address that peers are told to use, in Contact, Via and SDP: an
	// IP address or a host name, without port. A name is resolved once, by Listen.
	// Default: the local address that faces the peer.
	Advertise string

	// Log gets one line for things an operator must know; nil discards.
	Log *slog.Logger

	// Admit decides about a source before anything is kept for it: for UDP for every
	// datagram before it is parsed, for TCP when a connection is accepted, for TLS then
	// and again when the handshake has proved names. A source that is not allowed by its
	// address gets the handshake only if TLS.ClientCAFile is set. Admit is asked again for
	// every request. It is called by several goroutines at once and must not block. nil
	// allows everybody.
	Admit func(Source) Admission

	// Auth returns what a caller of a peer must prove before Invite is called; nil asks
	// for nothing. It is called by several goroutines at once and must not block. nil
	// asks nobody.
	Auth func(peer string) *Auth

	// Resolver finds the addresses of peers that we send requests to. Default:
	// net.DefaultResolver.
	Resolver Resolver

	// Invite runs one call in its own goroutine. When it returns the call is over: 500
	// if it gave no final response, BYE if it answered. A panic costs that call only.
	Invite func(ctx context.Context, d *Dialog)

	// Draining reports whether OPTIONS should say 503 so that peers send their calls
	// elsewhere. nil means never.
	Draining func() bool

	// SessionTimers says how long a call lasts without a sign of life.
	SessionTimers SessionTimers

	// PreferReliable sends 180 reliably (RFC 3262) to every peer that supports it, and not
	// only to one that demands it.
	PreferReliable bool

	// MaxDialogs limits calls plus recently ended calls (those are remembered for 32 s);
	// beyond it an INVITE gets 503. Default 20000.
	MaxDialogs int

	// MaxConns limits accepted TCP and TLS connections; a quarter of it is the limit for
	// one source address. Beyond either a new connection is closed at once. Default 1024.
	MaxConns int

	// MessagesPerSecond bounds what an allowed peer may send on one transport, with twice
	// as much at once; of messages that are no good requests a twentieth. What is more is
	// dropped over UDP, before it is parsed and new calls before what belongs to old ones;
	// a connection is made to wait. Default 1000, below 0 for no bound.
	MessagesPerSecond int
}

// Source is where something comes from, as far as it is known.
type Source struct {
	Addr      netip.AddrPort
	Transport string // "udp", "tcp" or "tls"

	// TLSNames are the names that the certificate of the peer proved, in lower case: the
	// SIP domains and DNS names among its alternative names, or else its common name. nil
	// without a certificate, and before the handshake.
	TLSNames []string
}

// Verdict is what to do with a source address. The zero value is the safe one.
type Verdict uint8

// The three verdicts.
const (
	Ignore Verdict = iota // silence
	Forbid                // 403, cheap and limited in rate
	Allow
)

// Admission is a verdict and, if allowed, the name of the peer that the source
// belongs to (a trunk). Requests inside a dialog must come from the peer that
// started it; nothing else is made of the name.
type Admission struct {
	Verdict Verdict
	Peer    string
}

// ListenAddr is one address that is being listened on.
type ListenAddr struct {
	Transport string // "udp", "tcp" or "tls"
	Addr      netip.AddrPort
}

// String is the address in the form of Config.Listen.
func (a ListenAddr) String() string { return a.Transport + "://" + a.Addr.String() }

// timing holds the durations and bounds the user agent lives by. Only tests change them.
type timing struct {
	t1, t2        time.Duration // RFC 3261 §17.1.1.1: round trip estimate, longest repeat interval
	grave         time.Duration // how long an ended dialog is remembered, the 64·T1 of a peer's own timers
	gap           time.Duration // wait for a request that is missing in the CSeq order
	late          time.Duration // the same for one that was read from the wire but not yet handled
	ackWait       time.Duration // a re-INVITE waits this long for the ACK before it
	closeGrace    time.Duration // Close waits this long for peers to confirm BYE
	handshake     time.Duration // connecting and the TLS handshake must be done by then
	firstMessage  time.Duration // a new connection must have sent a message by then
	wholeMessage  time.Duration // a message that began must be complete by then
	write         time.Duration // a message of ours must be taken by the peer by then
	idleConn      time.Duration // a connection without calls may be silent that long
	linger        time.Duration // a connection that the peer ended is kept that long after a message
	idleBrief     time.Duration // the same for one that we opened for a single request
	checkFiles    time.Duration // TLS files are looked at once in that time
	retryListener time.Duration // pause after a listener reported an error
	ringAgain     time.Duration // from one 180 to the next
	second        time.Duration // of Session-Expires and Retry-After
	glare         time.Duration // the unit of the pause after two offers have crossed
	hopWait       time.Duration // patience with an address of a peer when there is another
	maxSources    int           // UDP source addresses that sipgo may collect, see udpListener
}

func defaultTiming() timing {
	return timing{
		t1:            500 * time.Millisecond,
		t2:            4 * time.Second,
		grave:         32 * time.Second,
		gap:           50 * time.Millisecond,
		late:          time.Second,
		ackWait:       200 * time.Millisecond,
		closeGrace:    2 * time.Second,
		handshake:     10 * time.Second,
		firstMessage:  30 * time.Second,
		wholeMessage:  10 * time.Second,
		write:         5 * time.Second,
		idleConn:      10 * time.Minute,
		linger:        500 * time.Millisecond,
		idleBrief:     32 * time.Second,
		checkFiles:    2 * time.Second,
		retryListener: 20 * time.Millisecond,
		ringAgain:     time.Minute,
		second:        time.Second,
		glare:         10 * time.Millisecond,
		hopWait:       8 * time.Second,
		maxSources:    8192,
	}
}

// giveUp is 64·T1, when RFC 3261 calls an unanswered request or response lost.
func (t timing) giveUp() time.Duration { return 64 * t.t1 }

// withDefaults fills what was left out.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = discardLogger()
	}
	if c.Admit == nil {
		c.Admit = func(Source) Admission { return Admission{Verdict: Allow} }
	}
	if c.Auth == nil {
		c.Auth = func(string) *Auth { return nil }
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Draining == nil {
		c.Draining = func() bool { return false }
	}
	c.SessionTimers = c.SessionTimers.withDefaults()
	if c.MaxDialogs <= 0 {
		c.MaxDialogs = 20000
	}
	if c.MessagesPerSecond == 0 {
		c.MessagesPerSecond = 1000
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 1024
	}
	return c
}
