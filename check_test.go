package trunkline

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// found runs a check and gives its findings.
func found(t *testing.T, cfg *configs.Config, only ...string) (all []Finding) {
	t.Helper()
	must(t, Check(t.Context(), cfg, only, func(f Finding) { all = append(all, f) }))
	for _, f := range all {
		for _, secret := range []string{"sk-secret", "hunter"} {
			if strings.Contains(f.Detail+f.Remedy+f.Place, secret) {
				t.Errorf("a secret is shown: %+v", f)
			}
		}
		if (f.Remedy == "") != (f.Status == CheckOK) || f.Place == "" || f.Detail == "" {
			t.Errorf("no place, no finding, or no remedy where there should be one: %+v", f)
		}
	}
	return all
}

// wantFinding fails the test unless there is a finding of that status and place whose detail and remedy hold says.
func wantFinding(t *testing.T, all []Finding, status, place, says string) {
	t.Helper()
	for _, f := range all {
		if f.Status == status && f.Place == place && strings.Contains(f.Detail+"\n"+f.Remedy, says) {
			return
		}
	}
	t.Errorf("no %s of %s that says %q in:\n%+v", status, place, says, all)
}

func TestCheckOfAreas(t *testing.T) {
	cfg := everyKindConfig(t)
	for _, f := range found(t, cfg, "clips", "config") {
		if f.Area != "clips" && f.Area != "config" {
			t.Errorf("not asked for: %+v", f)
		}
	}
	wantFinding(t, found(t, cfg, "clips"), CheckOK, "tools[card].say.clip", "0.1 s")
	unknown := (*AreaError)(nil)
	if err := Check(t.Context(), cfg, []string{"weather"}, nil); !errors.As(err, &unknown) || unknown.Area != "weather" {
		t.Errorf("%v for an area that is not", err)
	}
	must(t, os.WriteFile(string(cfg.Tools[1].Say.Clip), []byte("no sound"), 0o600))
	wantFinding(t, found(t, cfg, "clips"), CheckFail, "tools[card].say.clip", "wait.wav")
}

// Servers of tools are reached, and none of them is asked to do anything.
func TestCheckOfTools(t *testing.T) {
	requests := 0
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	t.Cleanup(hook.Close)
	cfg := everyKindConfig(t)
	cfg.Tools[0].Webhook.URL = configs.NewURL(hook.URL + "/hook?key=hunter2")
	cfg.Tools[2].Webhook.URL = configs.NewURL("http://127.0.0.1:1/hunter2")
	secure := httptest.NewUnstartedServer(http.NotFoundHandler()) // its certificate is by an authority that nobody trusts
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	cfg.Tools[3].Webhook.URL = configs.NewURL(secure.URL)
	all := found(t, cfg, "tools")
	wantFinding(t, all, CheckOK, "tools[order_status].webhook", "no request was sent")
	wantFinding(t, all, CheckFail, "tools[book].webhook", "refused")
	wantFinding(t, all, CheckFail, "tools[report].webhook", "certificate")
	wantFinding(t, all, CheckOK, "mcp[crm]", "connected, 1 tools")
	wantFinding(t, all, CheckFail, "mcp[gone]", "check that the program or service starts")
	wantFinding(t, all, CheckOK, "openapi[stock].base_url", "answers")
	wantFinding(t, all, CheckOK, "openapi[stock].document", "1 operations")
	if requests != 0 {
		t.Errorf("the webhook got %d requests", requests)
	}

	cfg.MCP = cfg.MCP[:1]
	cfg.MCP[0].Allow = []string{"find", "lose"}
	cfg.OpenAPI[0].Operations = []string{"items"}
	all = found(t, cfg, "tools")
	wantFinding(t, all, CheckFail, "mcp[crm]", "no tool lose")
	wantFinding(t, all, CheckFail, "openapi[stock].document", "items")
}

func TestCheckOfRealtime(t *testing.T) {
	_, address := startModel(t, simulator.Options{RequireKey: "sk-secret"})
	cfg := everyKindConfig(t)
	r := &cfg.Realtime[0]
	r.URL = configs.NewURL(address)
	wantFinding(t, found(t, cfg, "realtime"), CheckOK, "realtime[ga]", "a session was confirmed")
	r.Dialect = configs.Preview
	wantFinding(t, found(t, cfg, "realtime"), CheckFail, "realtime[ga]", "dialect")
	r.Dialect, r.APIKey = configs.GA, configs.NewSecret("sk-secret-of-another")
	wantFinding(t, found(t, cfg, "realtime"), CheckFail, "realtime[ga]", "check api_key")
	r.URL = configs.NewURL("ws://127.0.0.1:1/v1/realtime")
	wantFinding(t, found(t, cfg, "realtime"), CheckFail, "realtime[ga]", "firewall")
}

// The list of models says whether the model is there, and for how long.
func TestCheckOfTheModel(t *testing.T) {
	sim, err := simulator.New(simulator.Options{RequireKey: "sk-secret"})
	must(t, err)
	t.Cleanup(func() { must(t, sim.Close()) })
	models, status := "", http.StatusOK
	mux := http.NewServeMux()
	mux.Handle("/v1/realtime", sim)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-secret" {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(models))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	cfg := everyKindConfig(t)
	r := &cfg.Realtime[0]
	r.URL, r.Provider, r.Base = configs.URL{}, configs.OpenAI, configs.NewURL(s.URL)
	for _, c := range []struct {
		status        int
		models        string
		verdict, says string
	}{
		{200, `{"data":[{"id":"other"},{"id":"gpt-realtime-2.1"}]}`, CheckOK, "is listed"},
		{200, `{"data":[{"id":"gpt-realtime-2.1","shutdown_date":"2027-01-31"}]}`, CheckWarn, "2027-01-31"},
		{200, `{"data":[{"id":"gpt-realtime-2.1","deprecation":{"shutdown_date":"2027-02-28"}}]}`, CheckWarn, "2027-02-28"},
		{200, `{"data":[{"id":"other"}]}`, CheckFail, "does not list model"},
		{200, `<html>`, CheckWarn, "not one of models"},
		{404, ``, CheckWarn, "404"},
		{401, ``, CheckFail, "check api_key"},
	} {
		models, status = c.models, c.status
		all := found(t, cfg, "realtime")
		wantFinding(t, all, c.verdict, "realtime[ga]", c.says)
		wantFinding(t, all, CheckOK, "realtime[ga]", "a session was confirmed")
	}
}

func TestCheckOfRedis(t *testing.T) {
	cfg := everyKindConfig(t)
	careful := redisproc.Start(t)
	cfg.Store.Spool = filepath.Join(t.TempDir(), "spool")
	cfg.Store.Redis = &configs.Redis{URL: configs.NewURL(careful.URL())}
	all := found(t, cfg, "store")
	wantFinding(t, all, CheckOK, "store.redis", "version ")
	wantFinding(t, all, CheckOK, "store.spool", "can be written")
	if len(all) != 2 {
		t.Errorf("more than two findings: %+v", all)
	}
	careless := redisproc.Start(t, "--requirepass", "hunter1", "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
	with := func(password string) configs.URL {
		return configs.NewURL(strings.Replace(careless.URL(), "redis://", "redis://:"+password+"@", 1))
	}
	cfg.Store.Redis.URL = with("hunter1")
	cfg.Store.Spool = filepath.Join(t.TempDir(), "nowhere", "spool")
	all = found(t, cfg, "store")
	wantFinding(t, all, CheckWarn, "store.redis", "set appendonly yes")
	wantFinding(t, all, CheckWarn, "store.redis", "allkeys-lru throws transcripts away when its memory is full")
	wantFinding(t, all, CheckFail, "store.spool", "nowhere")
	cfg.Store.Redis.URL = with("hunter2")
	wantFinding(t, found(t, cfg, "store"), CheckFail, "store.redis", "password")
	careless.Kill()
	wantFinding(t, found(t, cfg, "store"), CheckFail, "store.redis", "check that the server runs")
}

func TestCheckOfTheEmbeddedFile(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.Store.Path = filepath.Join(t.TempDir(), "calls.db")
	wantFinding(t, found(t, cfg, "store"), CheckOK, "store.path", "is not there yet")
	if _, err := os.Stat(cfg.Store.Path); err == nil {
		t.Error("the check made the file")
	}
	s, err := boltstore.Open(cfg.Store.Path, boltstore.Options{})
	must(t, err)
	wantFinding(t, found(t, cfg, "store"), CheckWarn, "store.path", "in use")
	must(t, s.Close())
	wantFinding(t, found(t, cfg, "store"), CheckOK, "store.path", "can be opened")
	must(t, os.WriteFile(cfg.Store.Path, []byte(strings.Repeat("no store ", 2000)), 0o600))
	wantFinding(t, found(t, cfg, "store"), CheckFail, "store.path", "calls.db")
	cfg.Store.Path = filepath.Join(t.TempDir(), "nowhere", "calls.db")
	wantFinding(t, found(t, cfg, "store"), CheckFail, "store.path", "nowhere")
}

func TestCheckOfTheNetwork(t *testing.T) {
	busy, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer busy.Close()
	cfg := everyKindConfig(t)
	taken := "udp://" + busy.LocalAddr().String()
	cfg.SIP.Listen = []configs.ListenAddr{"tcp://127.0.0.1:0", configs.ListenAddr(taken), "udp://192.0.2.1:0"}
	cfg.SIP.Advertise, cfg.Admin.Listen = "127.0.0.1", "127.0.0.1:0"
	all := found(t, cfg, "sip")
	wantFinding(t, all, CheckOK, "sip.advertise", "an address of this machine")
	wantFinding(t, all, CheckOK, "sip.listen tcp://127.0.0.1:0", "free")
	wantFinding(t, all, CheckFail, "sip.listen "+taken, "another program")
	wantFinding(t, all, CheckFail, "sip.listen udp://192.0.2.1:0", "an address that this machine has")

	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(running.Close)
	cfg.SIP.Advertise, cfg.Admin.Listen = "192.0.2.7", configs.HostPort(running.Listener.Addr().String())
	all = found(t, cfg, "sip")
	wantFinding(t, all, CheckOK, "sip.advertise", "NAT")
	wantFinding(t, all, CheckOK, "sip.listen "+taken, "runs already")
	cfg.Admin.Listen = ""
	wantFinding(t, found(t, cfg, "sip"), CheckWarn, "sip.listen "+taken, "nothing, if that is the running service")

}

func TestCheckOfMediaPorts(t *testing.T) {
	cfg := everyKindConfig(t)
	wildcard, err := net.ListenPacket("udp", ":0") // has its port on every address
	must(t, err)
	defer wildcard.Close()
	port := wildcard.LocalAddr().(*net.UDPAddr).Port
	cfg.Media.Ports = configs.PortRange{First: port, Last: port}
	wantFinding(t, found(t, cfg, "media"), CheckWarn, "media.ports", "in use")
	must(t, wildcard.Close())
	cfg.Limits.Calls = 9
	wantFinding(t, found(t, cfg, "media"), CheckWarn, "media.ports", "limits.calls allows 9")
}

func TestCheckOfTrunkServers(t *testing.T) {
	cfg := everyKindConfig(t)
	cfg.Trunks[0].Server, cfg.Trunks[0].OutboundProxy = "sip:[::1]", "sip:localhost:5060"
	cfg.Trunks[0].Register = &configs.Register{Registrar: "sip:no-such-host.invalid:5060"}
	all := found(t, cfg, "trunks")
	wantFinding(t, all, CheckOK, "trunks[carrier].server", "is an address")
	wantFinding(t, all, CheckOK, "trunks[carrier].outbound_proxy", "localhost is ")
	wantFinding(t, all, CheckFail, "trunks[carrier].register.registrar", "no-such-host.invalid")
}

// certificate writes a certificate of its own and its key.
func certificate(t *testing.T, until time.Time) (cert, key configs.File) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-1000 * time.Hour), NotAfter: until, DNSNames: []string{"sip.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	write := func(name, kind string, der []byte) configs.File {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return configs.File(path)
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

func TestCheckOfCertificates(t *testing.T) {
	cfg := everyKindConfig(t)
	for left, want := range map[time.Duration][2]string{
		40*24*time.Hour + time.Hour: {CheckOK, "40 days left"},
		3*24*time.Hour + time.Hour:  {CheckWarn, "3 days left"},
		-time.Hour:                  {CheckFail, "expired"},
	} {
		cert, key := certificate(t, time.Now().Add(left))
		cfg.SIP.TLS = &configs.TLS{Certificate: cert, Key: key, ClientCA: cert, RootCA: key}
		all := found(t, cfg, "tls")
		wantFinding(t, all, want[0], "sip.tls.certificate", want[1])
		wantFinding(t, all, CheckOK, "sip.tls.client_ca", "can be read")
		wantFinding(t, all, CheckFail, "sip.tls.root_ca", "no certificate in")
	}
	_, foreign := certificate(t, time.Now().Add(time.Hour))
	cfg.SIP.TLS.Key = foreign
	wantFinding(t, found(t, cfg, "tls"), CheckFail, "sip.tls.certificate", "its own key")
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Check(ctx, everyKindConfig(t), []string{"realtime"}, func(Finding) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzReadModels(f *testing.F) {
	f.Add(`{"data":[{"id":"m","shutdown_date":null,"deprecation":{"shutdown_date":"2027-01-31"}}]}`)
	f.Add(`[]`)
	f.Add(`{"data":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		if models, err := readModels(strings.NewReader(body)); err != nil && models != nil {
			t.Errorf("models beside an error: %v", models)
		}
	})
}
