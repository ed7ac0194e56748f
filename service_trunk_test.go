package trunkline

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/transcode"
)

// Every setting of a trunk reaches the telephone side.
func TestTrunkIsTranslated(t *testing.T) {
	cfg, err := configs.Parse("t.yaml", []byte(`version: 1
sip:
  listen: ["udp://127.0.0.1:0", "tls://127.0.0.1:0"]
  tls: { certificate: configs/testdata/pem.pem, key: configs/testdata/pem.pem, client_ca: configs/testdata/pem.pem, root_ca: configs/testdata/pem.pem }
  session_timers: { expires: 0s, min: 100s }
limits: { messages_per_second: 77 }
trunks:
  - name: line
    sources: [192.0.2.0/24, 192.0.3.1]
    server: sip:192.0.2.1
    credentials: { username: acme, password: a-long-password }
    register: { contact: trunkline, registrar: "sip:reg.example", expires: 20m }
    outbound_proxy: sip:192.0.2.9
    qualify: 30s
    calls: 7
    dials: ["+3906*"]
    caller_id: "+39061"
    trust_identity: false
    dialled_from: [to, diversion]
    numbers: { country: 39, national: none, international: "000", length: 8-10, bare: true }
    media: { networks: [198.51.100.0/24], srtp: "off", laws: [pcma], first_timeout: 0s, timeout: 1m }
    headers: [X-Account]
    transfers: ["+39*"]
  - { name: us, sources: [198.51.100.1], numbers: { country: 1 } }
  - { name: safe, tls_names: [sbc.example], media: { srtp: required } }
  - { name: phones, auth: { algorithms: [md5, sha-256], users: [ { name: pbx, password: a-long-password } ] } }
routes: [ { to: "*", agent: a } ]
realtime: [ { name: m, url: "wss://example.com" } ]
agents: [ { name: a, realtime: m, instructions: Be brief. } ]
`), configs.Options{Env: []string{}})
	must(t, err)
	want := []telephony.Trunk{{
		Name: "line", Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.0.3.1/32")},
		MediaNetworks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		Headers:       []string{"X-Account"}, Transfers: []string{"+39*"}, DistrustIdentity: true,
		DialledFrom: []string{telephony.FromTo, telephony.FromDiversion}, Accounts: []string{"acme", "trunkline"},
		Numbers: telephony.Numbers{Country: "39", International: "000", MinLength: 8, MaxLength: 10, Bare: true},
		Server:  "sip:192.0.2.1", Proxy: "sip:192.0.2.9", Qualify: 30 * time.Second, Calls: 7, Dials: []string{"+3906*"}, CallerID: "+39061",
		Credentials: telephony.Credentials{Username: "acme", Password: "a-long-password"},
		Register:    &telephony.Registration{Registrar: "sip:reg.example", Address: "sip:acme@reg.example", Contact: "trunkline", Expires: 20 * time.Minute},
		SRTP:        telephony.SRTPOff, Laws: []transcode.Law{transcode.PCMA}, FirstMediaTimeout: -1, MediaTimeout: time.Minute,
	}, {
		Name: "us", Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")}, Numbers: telephony.Numbers{Country: "1"},
	}, {
		Name: "safe", TLSNames: []string{"sbc.example"}, SRTP: telephony.SRTPRequired,
	}, {
		Name: "phones", Sources: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		Auth: &telephony.TrunkAuth{Realm: "phones", Algorithms: []string{"MD5", "SHA-256"}, Users: []telephony.User{{Name: "pbx", Password: "a-long-password"}}},
	}}
	if got := telephonyConfig(cfg, nil).Trunks; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	all := telephonyConfig(cfg, nil)
	if all.SIP.TLS.CertFile == "" || all.SIP.TLS.KeyFile == "" || all.SIP.TLS.ClientCAFile == "" || all.SIP.TLS.RootCAFile == "" ||
		all.SIP.MessagesPerSecond != 77 || all.SessionTimers != (telephony.SessionTimers{Expires: -1, Min: 100 * time.Second}) {
		t.Errorf("%+v, %+v", all.SIP, all.SessionTimers)
	}
}

// Without a contact of its own a registration gets one that nobody can guess, and that is known as ours.
func TestContactIsUnguessable(t *testing.T) {
	one := telephonyTrunk(&configs.Trunk{Register: &configs.Register{Account: "a"}})
	two := telephonyTrunk(&configs.Trunk{Register: &configs.Register{Account: "a"}})
	if len(one.Register.Contact) < 20 || one.Register.Contact == two.Register.Contact || one.Accounts[1] != one.Register.Contact {
		t.Errorf("%+v, %q", one.Register, one.Accounts)
	}
}

// selfSigned makes a certificate for this test.
func selfSigned(t *testing.T) (cert, key configs.File) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	dir := t.TempDir()
	cert, key = configs.File(filepath.Join(dir, "cert.pem")), configs.File(filepath.Join(dir, "key.pem"))
	must(t, os.WriteFile(string(cert), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}), 0o600))
	must(t, os.WriteFile(string(key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

// What the preset files say is taken by the telephone side, and not by the configuration alone.
func TestPresetsAreTaken(t *testing.T) {
	files, err := filepath.Glob("configs/trunk-*.yaml")
	must(t, err)
	env := []string{"PUBLIC_ADDRESS=127.0.0.1", "OPENAI_API_KEY=k"}
	for _, name := range []string{"TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA"} {
		env = append(env, name+"=testdata/pem.pem")
	}
	for _, name := range []string{"ASTERISK", "FREESWITCH", "TWILIO"} {
		env = append(env, name+"_PASSWORD=a-secret-of-some-length")
	}
	cert, key := selfSigned(t)
	for _, file := range files {
		cfg, err := configs.Load(configs.Options{Path: file, Env: env})
		must(t, err)
		for i, l := range cfg.SIP.Listen { // no free port is named there, and no real certificate
			cfg.SIP.Listen[i] = configs.ListenAddr(l.Transport() + "://127.0.0.1:0")
		}
		if cfg.SIP.TLS != nil {
			cfg.SIP.TLS = &configs.TLS{Certificate: cert, Key: key, ClientCA: cert}
		}
		s, err := telephony.Listen(telephonyConfig(cfg, nil), telephony.HandlerFunc(func(context.Context, *telephony.Call) {}))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		must(t, s.Close())
	}
	if len(files) == 0 {
		t.Error("there are none")
	}
}
