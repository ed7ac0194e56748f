package trunkline

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/phone"
)

// Nothing that New opened is left when it fails: the same address and file work at once when the fault is gone.
func TestNewThatFailsLeavesNothingOpen(t *testing.T) {
	busyTCP, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer busyTCP.Close()
	busyUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer busyUDP.Close()
	notADirectory := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(notADirectory, nil, 0o600))
	for name, c := range map[string]struct {
		fault func(*configs.Config)
		says  string
	}{
		"SIP port taken, UDP": {func(c *configs.Config) { c.SIP.Listen[0] = configs.ListenAddr("udp://" + busyUDP.LocalAddr().String()) }, busyUDP.LocalAddr().String()},
		"SIP port taken, TCP": {func(c *configs.Config) { c.SIP.Listen[1] = configs.ListenAddr("tcp://" + busyTCP.Addr().String()) }, busyTCP.Addr().String()},
		"admin port taken":    {func(c *configs.Config) { c.Admin.Listen = configs.HostPort(busyTCP.Addr().String()) }, "admin.listen"},
		"no directory":        {func(c *configs.Config) { c.Store.Path = filepath.Join(notADirectory, "calls.db") }, notADirectory},
		"spool not a file": {func(c *configs.Config) {
			c.Store.Redis, c.Store.Spool = &configs.Redis{URL: configs.NewURL("redis://127.0.0.1:1/0")}, filepath.Dir(notADirectory)
		}, "spool"},
		"address of Redis wrong": {func(c *configs.Config) { c.Store.Redis = &configs.Redis{URL: configs.NewURL("redis//nowhere")} }, "redis"},
		"unknown tool":           {func(c *configs.Config) { c.Agents[0].Tools = []string{"teleport"} }, `agent "frontdesk": `},
		"unknown service":        {func(c *configs.Config) { c.Agents[0].Realtime = "moon" }, `no realtime service is named "moon"`},
		"webhook taken":          {func(c *configs.Config) { c.Tools = []configs.Tool{webhookTool("hang_up")} }, "hang_up"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{}
			cfg := s.config(t, "ws://127.0.0.1:1/v1/realtime")
			path := cfg.Store.Path
			c.fault(cfg)
			service, err := New(cfg, WithTools(s.registry(t)))
			if err == nil {
				t.Fatal("no error", service)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error does not name %q: %v", c.says, err)
			}
			left, err := boltstore.Open(path, boltstore.Options{})
			if err != nil {
				t.Fatalf("the store is still held: %v", err)
			}
			must(t, left.Close())
			if _, err := os.Lstat(path + ".sock"); err == nil {
				t.Error("the socket of the store is left")
			}
		})
	}
}

func webhookTool(name string) configs.Tool {
	return configs.Tool{Name: name, Description: "Does it.", Webhook: &configs.Webhook{URL: configs.NewURL("http://127.0.0.1:1/"), Timeout: configs.Duration(time.Second)}}
}

// The SIP address is free again when only the operator's listener failed.
func TestNewThatFailsFreesItsAddresses(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	address := free.LocalAddr().String()
	must(t, free.Close())
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer busy.Close()
	s := setup{}
	cfg := s.config(t, "ws://127.0.0.1:1/v1/realtime")
	cfg.SIP.Listen = []configs.ListenAddr{configs.ListenAddr("udp://" + address)}
	cfg.Admin.Listen = configs.HostPort(busy.Addr().String())
	if _, err := New(cfg, WithTools(s.registry(t))); err == nil {
		t.Fatal("no error")
	}
	again, err := net.ListenPacket("udp", address)
	must(t, err)
	must(t, again.Close())
}

// A service that is ended before it began leaves nothing open either.
func TestServeThatIsOverAtOnce(t *testing.T) {
	s := setup{}
	cfg := s.config(t, "ws://127.0.0.1:1/v1/realtime")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, cfg, WithTools(s.registry(t))); err != nil {
		t.Fatal(err)
	}
	left, err := boltstore.Open(cfg.Store.Path, boltstore.Options{})
	must(t, err)
	must(t, left.Close())
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	s := setup{}
	cfg := s.config(t, "ws://127.0.0.1:1/v1/realtime")
	if err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "lookup") { // no tools were given
		t.Errorf("error is %v", err)
	}
}

// While a service drains, calls go on to their end and new ones are refused.
func TestDrain(t *testing.T) {
	s := stage(t, setup{script: silentScript()})
	held := s.hold(t)
	s.stop()
	until(t, "the service drains", func() bool { return s.Stats().Draining })
	_, err := s.call(t, t.Context(), "+15551230001")
	if refused := (*phone.CallError)(nil); !errors.As(err, &refused) || refused.Status != 503 {
		t.Errorf("a call while draining: %v", err)
	}
	if unready, _ := s.ready(t.Context()); unready == nil || unready.Error() != "draining" {
		t.Errorf("ready while draining: %v", unready)
	}
	select {
	case err := <-s.done:
		t.Fatalf("Serve ended during a call: %v", err)
	default:
	}
	held.hangUp()
	held.wait(t)
	must(t, s.ended(t))
	if c := lastCall(t, s.cfg.Store.Path); c.EndedBy != "caller" || c.Ended.IsZero() {
		t.Errorf("%+v", c)
	}
}

// What is left after the limit is cut, and its record closed.
func TestDrainHasALimit(t *testing.T) {
	s := stage(t, setup{script: silentScript(), yaml: "limits: { drain_timeout: 0s }\n"})
	held := s.hold(t)
	s.stop()
	must(t, s.ended(t))
	held.wait(t)
	if c := lastCall(t, s.cfg.Store.Path); c.EndedBy != "system" || c.Cause != telephony.ErrShutdown.Error() {
		t.Errorf("%+v", c)
	}
}

// silentScript is a model that says one thing and then waits for ever.
func silentScript() *simulator.Script {
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}}}}}}
}

// lastCall is the newest call of a file that nobody holds.
func lastCall(t *testing.T, path string) store.Call {
	t.Helper()
	kept, err := boltstore.Open(path, boltstore.Options{ReadOnly: true})
	must(t, err)
	defer kept.Close()
	page, err := kept.List(context.Background(), store.Query{Limit: 1})
	must(t, err)
	if len(page.Calls) != 1 {
		t.Fatal("no call in the store")
	}
	return page.Calls[0]
}

// Each setting of the phone side reaches it, in its meaning: 0 in the file is never, and not the default.
func TestTelephonyConfig(t *testing.T) {
	cfg, err := configs.Parse("test.yaml", []byte(`version: 1
sip: { listen: ["udp://127.0.0.1:5062", "tcp://127.0.0.1:5063"], advertise: sip.example.com, strangers: ignore }
media: { ports: 30000-30099, reorder_window: 0s, first_timeout: 0s, timeout: 40s }
limits: { calls: 7, calls_per_second: 3, call_duration: 2m }
trunks:
  - { name: carrier, sources: [203.0.113.0/24, "2001:db8::/32"] }
  - { name: office, sources: [198.51.100.7] }
routes: [ { to: "*", agent: a } ]
realtime: [ { name: main, url: "ws://127.0.0.1:1/" } ]
agents: [ { name: a, realtime: main, instructions: Listen. } ]
`), configs.Options{Env: []string{"NONE=1"}})
	must(t, err)
	log := testLog(t)
	want := telephony.Config{
		SIP: telephony.SIP{Listen: []string{"udp://127.0.0.1:5062", "tcp://127.0.0.1:5063"}, Advertise: "sip.example.com", MessagesPerSecond: 1000},

		SessionTimers: telephony.SessionTimers{Expires: 30 * time.Minute, Min: 90 * time.Second},
		Media:         telephony.Media{FirstPort: 30000, LastPort: 30099, ReorderWindow: -1, FirstTimeout: -1, Timeout: 40 * time.Second},
		Limits:        telephony.Limits{Calls: 7, CallsPerSecond: 3, CallDuration: 2 * time.Minute},
		Trunks: []telephony.Trunk{
			{Name: "carrier", Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}},
			{Name: "office", Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}},
		},
		Strangers: telephony.Silent,
		Log:       log,
	}
	if got := telephonyConfig(cfg, log); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	cfg.SIP.Strangers = "forbid"
	if got := telephonyConfig(cfg, log); got.Strangers != telephony.Refuse {
		t.Errorf("forbid is %v", got.Strangers)
	}
}
