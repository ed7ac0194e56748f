package telephony

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
	"github.com/trunkline/trunkline/transcode"
)

func TestConfigIsChecked(t *testing.T) {
	good := Trunk{Name: "a", Sources: prefixes("192.0.2.0/24")}
	handler, proving := HandlerFunc(func(context.Context, *Call) {}), TLS{ClientCAFile: "ca.pem"}
	for name, cfg := range map[string]Config{
		"no trunk":    {},
		"no name":     {Trunks: []Trunk{{Sources: good.Sources}}},
		"same name":   {Trunks: []Trunk{good, {Name: "a", Sources: prefixes("198.51.100.0/24")}}},
		"no source":   {Trunks: []Trunk{{Name: "a"}}},
		"bad network": {Trunks: []Trunk{{Name: "a", Sources: []netip.Prefix{{}}}}},
		"overlap":     {Trunks: []Trunk{good, {Name: "b", Sources: prefixes("192.0.2.128/25")}}},
		"name of two": {SIP: SIP{TLS: proving}, Trunks: []Trunk{{Name: "a", TLSNames: []string{"sbc.test"}},
			{Name: "b", Sources: good.Sources, TLSNames: []string{"SBC.test."}}}},
		"empty name":     {SIP: SIP{TLS: proving}, Trunks: []Trunk{{Name: "a", TLSNames: []string{""}}}},
		"a URI":          {SIP: SIP{TLS: proving}, Trunks: []Trunk{{Name: "a", TLSNames: []string{"sip:sbc.test"}}}},
		"names unproved": {Trunks: []Trunk{{Name: "a", TLSNames: []string{"sbc.test"}}}},
		"overlap in 6":   {Trunks: []Trunk{good, {Name: "b", Sources: prefixes("::ffff:192.0.2.7/128")}}},
		"no sip server":  {Trunks: []Trunk{{Name: "a", Sources: good.Sources, Server: "sip.example.com"}}},
		"empty dial":     {Trunks: []Trunk{{Name: "a", Sources: good.Sources, Dials: []string{"+49*", ""}}}},
	} {
		cfg.SIP.Listen = []string{"udp://127.0.0.1:0"}
		var config *ConfigError
		if s, err := Listen(cfg, handler); !errors.As(err, &config) {
			if s != nil {
				_ = s.Close()
			}
			t.Errorf("%s: err = %v", name, err)
		}
	}
	for name, cfg := range map[string]Config{
		"no TLS":     {Trunks: []Trunk{good}, SIP: SIP{Listen: []string{"tls://127.0.0.1:0"}}},
		"no TLS key": {Trunks: []Trunk{good}, SIP: SIP{Listen: []string{"udp://127.0.0.1:0"}, TLS: TLS{CertFile: "x.pem"}}},
		"bad ports":  {Trunks: []Trunk{good}, SIP: SIP{Listen: []string{"udp://127.0.0.1:0"}}, Media: Media{FirstPort: 5, LastPort: 6}},
		"bad listen": {Trunks: []Trunk{good}, SIP: SIP{Listen: []string{"nonsense"}}},
	} {
		if _, err := Listen(cfg, handler); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Listen(Config{}, nil); err == nil {
		t.Error("no handler: accepted")
	}
}

func TestTrunks(t *testing.T) {
	ts := newTrunks([]Trunk{{Name: "a", Sources: prefixes("192.0.2.0/24", "2001:db8::/32")}, {Name: "b", Sources: prefixes("::ffff:198.51.100.0/120")}})
	for addr, want := range map[string]string{
		"192.0.2.7": "a", "::ffff:192.0.2.7": "a", "2001:db8::9": "a", "198.51.100.1": "b", "203.0.113.1": "", "::1": "",
	} {
		got := ""
		if trunk := ts.find(netip.MustParseAddr(addr)); trunk != nil {
			got = trunk.Name
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", addr, got, want)
		}
	}
}

// A proved name says more than an address; either is enough.
func TestTrunksByName(t *testing.T) {
	ts := newTrunks([]Trunk{{Name: "a", Sources: prefixes("192.0.2.0/24"), TLSNames: []string{"SBC.a.test"}}, {Name: "b", TLSNames: []string{"b.test.", "*.c.test"}}})
	for _, tc := range []struct {
		addr  string
		names []string
		want  string
	}{
		{"192.0.2.7:5061", nil, "a"},
		{"192.0.2.7:5061", []string{"unknown.test"}, "a"},
		{"192.0.2.7:5061", []string{"b.test"}, "b"},
		{"203.0.113.1:5061", []string{"x.test", "sbc.a.test"}, "a"},
		{"203.0.113.1:5061", []string{"*.c.test"}, "b"},
		{"203.0.113.1:5061", []string{"x.c.test"}, ""},
		{"203.0.113.1:5061", []string{""}, ""},
		{"203.0.113.1:5061", nil, ""},
	} {
		got := ""
		if trunk := ts.of(sipua.Source{Addr: netip.MustParseAddrPort(tc.addr), Transport: "tls", TLSNames: tc.names}); trunk != nil {
			got = trunk.Name
		}
		if got != tc.want {
			t.Errorf("%s %q belongs to %q, want %q", tc.addr, tc.names, got, tc.want)
		}
	}
}

func TestMediaAddresses(t *testing.T) {
	open, closed := &Trunk{}, &Trunk{MediaNetworks: prefixes("192.0.2.0/24")}
	for _, tc := range []struct {
		trunk         *Trunk
		media, source string
		want          bool
	}{
		{open, "192.0.2.1:4000", "203.0.113.1:5060", true},
		{open, "10.0.0.1:4000", "203.0.113.1:5060", true},
		{open, "127.0.0.1:4000", "203.0.113.1:5060", false},
		{open, "127.0.0.1:4000", "127.0.0.1:5060", true},
		{open, "[::1]:4000", "[::1]:5060", true},
		{open, "0.0.0.0:4000", "203.0.113.1:5060", false},
		{open, "239.1.1.1:4000", "203.0.113.1:5060", false},
		{open, "192.0.2.1:0", "203.0.113.1:5060", false},
		{closed, "192.0.2.1:4000", "203.0.113.1:5060", true},
		{closed, "192.0.3.1:4000", "203.0.113.1:5060", false},
	} {
		if got := tc.trunk.allowsMedia(netip.MustParseAddrPort(tc.media), netip.MustParseAddrPort(tc.source)); got != tc.want {
			t.Errorf("media %s from %s: %v", tc.media, tc.source, got)
		}
	}
}

// A trunk with a limit of its own leaves room for the others.
func TestGateOfATrunk(t *testing.T) {
	g, small, other := newGate(Limits{Calls: 9, CallsPerSecond: 1000}), &Trunk{Calls: 1}, &Trunk{}
	steps := []*rejection{g.enter(small), g.enter(small), g.enter(other), g.enter(other)}
	if !slices.Equal(steps, []*rejection{nil, rejectFull, nil, nil}) {
		t.Errorf("steps %v", steps)
	}
	g.leave(small)
	if r := g.enter(small); r != nil {
		t.Errorf("after a call has ended: %v", r)
	}
}

func TestLawsOf(t *testing.T) {
	u, a := transcode.PCMU, transcode.PCMA
	for _, tc := range []struct{ wanted, allowed, want []transcode.Law }{
		{nil, nil, nil},
		{nil, []transcode.Law{a}, []transcode.Law{a}},
		{[]transcode.Law{u, a}, nil, []transcode.Law{u, a}},
		{[]transcode.Law{u, a}, []transcode.Law{a, u}, []transcode.Law{u, a}},
		{[]transcode.Law{u}, []transcode.Law{a}, []transcode.Law{a}},
	} {
		if got := lawsOf(tc.wanted, tc.allowed); !slices.Equal(got, tc.want) {
			t.Errorf("%v of %v: %v", tc.wanted, tc.allowed, got)
		}
	}
}

func TestGate(t *testing.T) {
	g, t1 := newGate(Limits{Calls: 2, CallsPerSecond: 1000}), &Trunk{}
	<-g.empty()
	steps := []*rejection{g.enter(t1), g.enter(t1), g.enter(t1)}
	if !slices.Equal(steps, []*rejection{nil, nil, rejectFull}) {
		t.Errorf("steps %v", steps)
	}
	g.leave(t1)
	g.tokens, g.rate = 0, 1e-9
	if r := g.enter(t1); r != rejectRate {
		t.Errorf("got %v, want the rate limit", r)
	}
	g.close()
	if r := g.enter(t1); r != rejectDraining || !g.closed() {
		t.Errorf("got %v, want draining", r)
	}
	select {
	case <-g.empty():
		t.Error("empty with one call inside")
	default:
	}
	g.leave(t1)
	<-g.empty()
}

func TestIDsSortByTime(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_000)
	var ids []string
	for i := range 200 {
		ids = append(ids, newID(start.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) || len(ids[0]) != 24 {
		t.Errorf("ids %q", ids[:3])
	}
	if newID(start) == newID(start) {
		t.Error("two calls with one id")
	}
}

func TestEnds(t *testing.T) {
	for cause, want := range map[error]Ended{
		&sipua.ByeError{}: {By: Caller, SIP: 200, Q850: 16},
		&sipua.ByeError{Reason: sipua.Reason{Protocol: "Q.850", Cause: 31}}: {By: Caller, SIP: 200, Q850: 31},
		&sipua.ByeError{Reason: sipua.Reason{Protocol: "SIP", Cause: 200}}:  {By: Caller, SIP: 200, Q850: 16},
		sipua.ErrCancelled:     {By: Caller, SIP: 487, Q850: 16},
		sipua.ErrNoACK:         {By: System, SIP: 408, Q850: 102},
		sipua.ErrShutdown:      {By: System, SIP: 503, Q850: 41},
		sipua.ErrNoDescription: {By: System, SIP: 488, Q850: 88},
		sipua.ErrNoPRACK:       {By: System, SIP: 504, Q850: 102},
		sipua.ErrExpired:       {By: System, SIP: 200, Q850: 102},
		sipua.ErrGone:          {By: System, SIP: 200, Q850: 41},
		context.Canceled:       {By: System, SIP: 500, Q850: 41},
	} {
		got := endedBy(cause)
		if got.By != want.By || got.SIP != want.SIP || got.Q850 != want.Q850 || got.Text == "" {
			t.Errorf("%v: %+v, want %+v", cause, got, want)
		}
		if !strings.Contains(got.Error(), got.By.String()) {
			t.Errorf("text %q", got.Error())
		}
	}
	for status := 300; status < 700; status++ {
		if c := q850(status); c < 1 || c > 127 {
			t.Errorf("status %d maps to cause %d", status, c)
		}
	}
}
