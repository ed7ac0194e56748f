package trunkline

import (
	"context"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/telephony"
)

// Every setting that says who calls whom reaches the telephone side.
func TestTrunkIsTranslated(t *testing.T) {
	cfg, err := configs.Parse("t.yaml", []byte(`version: 1
trunks:
  - name: line
    sources: [192.0.2.0/24, 192.0.3.1]
    server: sip:192.0.2.1
    credentials: { username: acme, password: a-long-password }
    register: { contact: trunkline }
    trust_identity: false
    dialled_from: [to, diversion]
    numbers: { country: 39, national: none, international: "000", length: 8-10, bare: true }
    media: { networks: [198.51.100.0/24] }
    headers: [X-Account]
    transfers: ["+39*"]
  - { name: us, sources: [198.51.100.1], numbers: { country: 1 } }
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
	}, {
		Name: "us", Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")}, Numbers: telephony.Numbers{Country: "1"},
	}}
	if got := telephonyConfig(cfg, nil).Trunks; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
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
	for _, file := range files {
		cfg, err := configs.Load(configs.Options{Path: file, Env: env})
		must(t, err)
		cfg.SIP.Listen, cfg.SIP.TLS, cfg.Trunks[0].TLSNames = []configs.ListenAddr{"udp://127.0.0.1:0"}, nil, nil // no free port is named there, and no real certificate
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
