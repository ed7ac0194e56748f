package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony"
)

// issue makes a certificate with its key in files of the test's directory, signed by
// parent or, without one, by itself as an authority.
func issue(t *testing.T, name string, parent *tls.Certificate) (pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: parent == nil, BasicConstraintsValid: true,
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		template.DNSNames, template.IPAddresses = []string{name}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	err = errors.Join(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
	if err == nil {
		pair, err = tls.LoadX509KeyPair(certFile, keyFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pair, certFile, keyFile
}

// A call over TLS from a trunk that is known by its certificate alone, over both address
// families, with sound; a phone with another name is turned away.
func TestCallOverTLS(t *testing.T) {
	ca, caFile, _ := issue(t, "authority", nil)
	_, certFile, keyFile := issue(t, "sip.trunkline.test", &ca)
	known, _, _ := issue(t, "sbc.carrier.test", &ca)
	stranger, _, _ := issue(t, "sbc.other.test", &ca)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	speech := clip(300, 500)
	s, err := telephony.Listen(telephony.Config{
		SIP: telephony.SIP{Listen: []string{"tls://127.0.0.1:0", "tls://[::1]:0"},
			TLS: telephony.TLS{CertFile: certFile, KeyFile: keyFile, ClientCAFile: caFile}},
		Trunks: []telephony.Trunk{{Name: "carrier", TLSNames: []string{"SBC.carrier.test"}}},
	}, telephony.HandlerFunc(func(ctx context.Context, c *telephony.Call) {
		if info := c.Info(); info.Trunk != "carrier" || info.Transport != "tls" {
			t.Errorf("info %+v", info)
		}
		_ = c.Answer(ctx)
		for c.Media().Stats().PacketsIn == 0 && ctx.Err() == nil { // until the phone listens
			<-time.After(5 * time.Millisecond)
		}
		c.Media().Play(1, lawBytes(c.Info().Law, speech))
		c.Media().End(1)
		<-ctx.Done()
	}))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(context.Background()) }()
	defer func() { _ = s.Close(); <-served }()
	for _, a := range s.Addrs() {
		call := func(cert tls.Certificate) (Report, error) {
			p, err := New(Config{Transport: "tls", Bind: a.Addr.Addr(), TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			return place(t, p, CallOptions{To: "sip:+15551230001@" + a.Addr.String() + ";transport=tls", Script: []Step{WaitSpeech{}, WaitQuiet{}, Hangup{}}})
		}
		if r, err := call(known); err != nil || r.EndedBy != Us || !heard(r, speech) {
			t.Errorf("%v: %v, ended by %q", a, err, r.EndedBy)
		}
		var refused *CallError
		if _, err := call(stranger); !errors.As(err, &refused) || refused.Status != 403 {
			t.Errorf("%v: a stranger got %v", a, err)
		}
	}
	if st := s.Stats(); st.Accepted != 2 || st.SIP.Refused != 2 {
		t.Errorf("stats %+v", st)
	}
}
