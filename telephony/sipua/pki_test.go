package sipua

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a throw-away certificate authority in the test's directory.
type authority struct {
	t    *testing.T
	dir  string
	file string // its certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	usage x509.ExtKeyUsage // of what it issues
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), usage: x509.ExtKeyUsageServerAuth}
	a.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate, for servers as SIP peers have them if usage is not changed, with a common name and
// alternative names: addresses, sip: URIs, DNS names. It returns the files.
func (a *authority) issue(name string, alternatives ...string) (cert, key string) {
	a.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{a.usage},
	}
	for _, s := range alternatives {
		if ip := net.ParseIP(s); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if u, err := url.Parse(s); err == nil && u.Scheme == "sip" {
			template.URIs = append(template.URIs, u)
		} else {
			template.DNSNames = append(template.DNSNames, s)
		}
	}
	private := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "EC PRIVATE KEY", secret)
}

// server is the configuration of a user agent with a certificate for the loopback.
func (a *authority) server() TLS {
	cert, key := a.issue("server", "127.0.0.1", "::1", "sip.trunkline.test")
	return TLS{CertFile: cert, KeyFile: key, RootCAFile: a.file}
}

// client is the configuration of a peer, with the certificate of that name if any.
func (a *authority) client(name string, alternatives ...string) *tls.Config {
	a.t.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "sip.trunkline.test"}
	c.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.issue(name, alternatives...))
		if err != nil {
			a.t.Fatal(err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c
}

// dialTLS is dial over TLS; an error is the handshake's, which includes the server's
// judgement about our certificate.
func dialTLS(t *testing.T, to netip.AddrPort, cfg *tls.Config) (*peer, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", to.String(), cfg)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return peerOn(t, conn, "tls"), nil
}

func mustDialTLS(t *testing.T, to netip.AddrPort, cfg *tls.Config) *peer {
	t.Helper()
	p, err := dialTLS(t, to, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func peerOn(t *testing.T, conn net.Conn, transport string) *peer {
	return &peer{t: t, conn: conn, in: bufio.NewReader(conn), transport: transport, callID: newCallID(),
		contact: "sip:caller@" + conn.LocalAddr().String() + ";transport=" + transport}
}
