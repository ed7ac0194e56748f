package supervisor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newPair writes a certificate for this machine and its key to files.
func newPair(t *testing.T, name string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, name, cert, key)
	return cert, key
}

func writePair(t *testing.T, name, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func writeFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// trusting trusts the certificate in a file.
func trusting(t *testing.T, cert string) *tls.Config {
	t.Helper()
	raw, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	return &tls.Config{RootCAs: pool}
}

// shown is the name in the certificate that the listener shows.
func shown(t *testing.T, l *Listener) string {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: soon}, "tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificateIsReadAgain(t *testing.T) {
	d := newDoorStand(t, someTokens)
	cert, key := newPair(t, "one")
	times := usualTimes
	times.files = 0 // looks at every handshake
	l := d.listens(ListenOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key}, times)
	if got := shown(t, l); got != "one" {
		t.Fatal(got)
	}
	writeFile(t, cert, []byte("half"))
	if got := shown(t, l); got != "one" {
		t.Errorf("%s is shown while the file is broken", got)
	}
	writePair(t, "another", cert, key)
	if got := shown(t, l); got != "another" {
		t.Errorf("%s is shown after the change", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, l); got != "another" {
		t.Errorf("%s is shown without a key", got)
	}
}

func TestHTTP2AndTLSVersions(t *testing.T) {
	d := newDoorStand(t, someTokens)
	cert, key := newPair(t, "one")
	l := d.listens(ListenOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key}, usualTimes)
	resp, err := httpClient(t, trusting(t, cert)).Get("https://" + l.Addr().String() + "/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	if resp.ProtoMajor != 2 {
		t.Errorf("HTTP/%d", resp.ProtoMajor)
	}
	expectAnswer(t, resp, 200)
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if c, err := tls.Dial("tcp", l.Addr().String(), old); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A broken pair is told of once, not at every handshake.
func TestBrokenCertificateIsToldOfOnce(t *testing.T) {
	var log bytes.Buffer
	cert, key := newPair(t, "one")
	c, err := newCertificate(cert, key, 0, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, key, []byte("half"))
	for range 5 {
		if pair, err := c.get(nil); pair == nil || err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "supervisor.tls"); n != 1 {
		t.Errorf("it is told of %d times: %s", n, &log)
	}
}
