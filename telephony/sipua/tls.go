package sipua

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
)

// TLS names the files for SIP over TLS, all in PEM form. They are read again when they
// change; when that fails the log says why and what was read before stays in force.
type TLS struct {
	// CertFile and KeyFile are our certificate, with the chain behind it, and its key.
	// A tls:// listener needs them; servers that we connect to see them when they ask.
	CertFile, KeyFile string

	// ClientCAFile holds the authorities of peers that connect to us. With it peers may
	// show a certificate, and one that is shown must be valid; its names are in
	// Source.TLSNames. A peer without one is judged by its address.
	ClientCAFile string

	// RootCAFile holds the authorities of servers that we connect to. Default: those of
	// the system.
	RootCAFile string
}

// tlsStore makes TLS configurations out of files. Static after construction.
type tlsStore struct {
	cert    *watched[*tls.Certificate] // nil when not configured, like the others
	clients *watched[*x509.CertPool]
	roots   *watched[*x509.CertPool]
}

func newTLSStore(c TLS, t timing, log *slog.Logger) (*tlsStore, error) {
	s := &tlsStore{}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("tls.certificate and tls.key belong together: set both")
	}
	var err error
	if c.CertFile != "" {
		if s.cert, err = watch("TLS certificate", t.checkFiles, log, loadPair, c.CertFile, c.KeyFile); err != nil {
			return nil, fmt.Errorf("tls.certificate and tls.key: %w", err)
		}
	}
	if c.ClientCAFile != "" {
		if s.clients, err = watch("TLS client authorities", t.checkFiles, log, loadPool, c.ClientCAFile); err != nil {
			return nil, fmt.Errorf("tls.client_ca: %w", err)
		}
	}
	if c.RootCAFile != "" {
		if s.roots, err = watch("TLS root authorities", t.checkFiles, log, loadPool, c.RootCAFile); err != nil {
			return nil, fmt.Errorf("tls.root_ca: %w", err)
		}
	}
	return s, nil
}

func loadPair(files []string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(files[0], files[1])
	return &pair, err
}

func loadPool(files []string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", files[0])
	}
	return pool, nil
}

// asks reports whether peers that connect may show a certificate.
func (s *tlsStore) asks() bool { return s.clients != nil }

// suites are for TLS 1.2: forward secrecy and authenticated encryption only. Those of
// TLS 1.3 are all like that.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// server is for connections that we accept.
func (s *tlsStore) server() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.cert.get(), nil },
		// Every handshake is a full one: a resumed session would keep what a certificate
		// that has expired or been replaced once proved.
		SessionTicketsDisabled: true,
	}
	if s.asks() {
		c.ClientAuth, c.VerifyConnection = tls.RequestClientCert, s.verifyClient
	}
	return c
}

// verifyClient checks the certificate of a peer that connected, if it showed one. It is
// ours because the standard library insists on a certificate made for clients: a SIP
// server has one for servers, and connects to others with it (RFC 5922 §3).
func (s *tlsStore) verifyClient(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	others := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: s.clients.get(), Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// client is for a connection that we open to a server of that name or address.
func (s *tlsStore) client(name string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites, ServerName: name}
	if s.roots != nil {
		c.RootCAs = s.roots.get()
	}
	if s.cert != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.cert.get(), nil }
	}
	return c
}

// peerNames are the names in the certificate of a peer after the handshake, in lower
// case; nil when it showed none. They are the SIP domains and host names among the
// alternative names, or without any the common name (RFC 5922 §7.1).
func peerNames(c *tls.Conn) []string {
	certs := c.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return nil
	}
	return certificateNames(certs[0])
}

func certificateNames(c *x509.Certificate) (names []string) {
	add := func(name string) {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); name != "" {
			names = append(names, name)
		}
	}
	for _, u := range c.URIs {
		if host := u.Opaque; u.Scheme == "sip" && !strings.Contains(host, "@") {
			add(host)
		}
	}
	for _, name := range c.DNSNames {
		add(name)
	}
	if len(names)+len(c.URIs)+len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses) == 0 {
		add(c.Subject.CommonName)
	}
	return names
}

// handshakeFailed counts a TLS handshake that failed, and now and then says why.
func (u *UA) handshakeFailed(peer netip.AddrPort, err error) {
	total := u.counters.handshakesFailed.Add(1)
	if u.handshakeNoise.allow() {
		u.log.Info("TLS handshakes fail", "last", peer.Addr(), "err", err, "total", total)
	}
}
