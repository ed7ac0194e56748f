package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Files are the certificates for a rediss URL, as PEM. Each may be left out.
type Files struct {
	CA          string // authorities that sign the certificate of the server; "": those of the system
	Certificate string // that we show
	Key         string // of Certificate
	ServerName  string // that the certificate of the server has to have; "": the host that we connect to
}

// TLS reads the files. Our certificate is read again for each connection, so that one that was renewed is used without a
// restart. Without any it is nil.
func (f Files) TLS() (*tls.Config, error) {
	if f == (Files{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("store.redis.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("store.redis.ca: there is no certificate in %s; it must be PEM", f.CA)
		}
	}
	if f.Certificate != "" {
		if _, err := f.own(); err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.own() }
	}
	return c, nil
}

func (f Files) own() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("store.redis.certificate and key: %w", err)
	}
	return &pair, nil
}

// tlsRemedy says which key of the configuration a failed handshake is about; "": it is none.
func tlsRemedy(err error) string {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return "the server's certificate has another name: write the one it has in store.redis.server_name"
	case errors.As(err, &authority):
		return "nobody we know signed the server's certificate: name the file of its authority in store.redis.ca"
	case strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "tls: handshake failure"):
		return "the server wants a certificate from us: name its file in store.redis.certificate"
	case strings.Contains(err.Error(), "tls: unknown certificate authority"):
		return "the server does not know who signed our certificate: see store.redis.certificate"
	}
	return ""
}
