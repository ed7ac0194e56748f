package trunkline

import (
	"net/netip"
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
