package trunkline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is an agent with every value set, and one that leaves all to the service.
const full = `version: 1
trunks: [ { name: carrier, sources: [203.0.113.0/24] } ]
routes: [ { to: "*", agent: full } ]
realtime:
  - { name: ga, url: "wss://model.test/v1/realtime", model: gpt-realtime-2.1, api_key: sk-secret }
  - { name: preview, url: "wss://model.test/v1/realtime", dialect: preview, model: gpt-4o-realtime-preview, audio: pcma }
agents:
  - name: full
    realtime: ga
    voice: marin
    greeting: "Hello, this is Acme."
    instructions: "You are {{agent}}, the front desk of Acme, and speak {{language}}."
    transcription: { model: gpt-4o-transcribe, language: en, prompt: "Acme" }
    turn_detection: { type: server_vad, threshold: 0.6, prefix_padding_ms: 250, silence_duration_ms: 450,
                      create_response: false, interrupt_response: false, idle_timeout_ms: 6000 }
    noise_reduction: far_field
    max_output_tokens: 500
    speed: 1.2
    tools: [lookup, order_status, hang_up]
    hand_off: [warm, bare]
    language: en
    time_zone: Europe/Berlin
    reasoning_effort: low
    max_duration: 10m
  - name: warm
    realtime: preview
    instructions: "Be warm."
    temperature: 0.7
    max_output_tokens: inf
    turn_detection: { type: none }
  - name: semantic
    realtime: ga
    instructions: "Listen."
    turn_detection: { type: semantic_vad, eagerness: low }
  - { name: bare, realtime: ga, instructions: "Be brief." }
  - { name: patient, realtime: ga, instructions: "Be patient.", interruption: { confirm_ms: 200 } }
tools:
  - name: order_status
    description: Looks up an order by its number.
    webhook: { url: "http://127.0.0.1:9200/order_status", secret: "whsec_dGVzdA==", timeout: 5s }
    parameters: { type: object, required: [order], properties: { order: { type: string } } }
`

func fullConfig(t *testing.T) (*configs.Config, *tools.Registry) {
	t.Helper()
	cfg, err := configs.Parse("full.yaml", []byte(full), configs.Options{Env: []string{"NONE=1"}, KnownTools: []string{"lookup"}})
	must(t, err)
	r := (&setup{}).registry(t)
	must(t, addTools(r, cfg, slog.New(slog.DiscardHandler)))
	return cfg, r
}

// What the configuration says of an agent is what the model is told, in the words of its dialect.
func TestSessionUpdateOfEachAgent(t *testing.T) {
	cfg, r := fullConfig(t)
	all, err := desks(cfg, r, testLog(t))
	must(t, err)
	var out bytes.Buffer
	for _, a := range cfg.Agents {
		for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
			if law == transcode.PCMA && a.Name != "bare" {
				continue // once is enough
			}
			dialect, err := realtime.ParseDialect(cfg.Service(a.Realtime).Dialect)
			must(t, err)
			text, err := realtime.Encode(nil, dialect, &realtime.SessionUpdate{Session: wanted(t, all[a.Name], law)})
			must(t, err)
			out.WriteString("-- " + a.Name + ", " + dialect.String() + ", caller speaks " + law.String() + " --\n")
			must(t, json.Indent(&out, text, "", "  "))
			out.WriteString("\n")
		}
	}
	golden(t, "sessions.golden", out.String())
}

// wanted is the session that a desk asks its service for.
func wanted(t *testing.T, d *desk, law transcode.Law) (session realtime.Session) {
	t.Helper()
	stop := errors.New("seen enough")
	_, err := agent.Open(t.Context(), agent.Setup{Law: law, Journal: silentJournal{}, Desk: agent.Desk{Profile: d.Profile, Tools: d.Tools,
		Dial: func(_ context.Context, want realtime.Session) (agent.Model, realtime.Session, error) {
			session = want
			return nil, realtime.Session{}, stop
		}}})
	if !errors.Is(err, stop) {
		t.Fatalf("open: %v", err)
	}
	return session
}

type silentJournal struct{}

func (silentJournal) Append(string, ...store.Entry) {}

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if text != string(want) {
		t.Errorf("differs from %s (run with -update and look at the difference):\n%s", path, text)
	}
}

// notForTheModel are the settings of an agent that act elsewhere than in its profile.
var notForTheModel = map[string]string{
	"Realtime":   "chooses the service",
	"PromptFile": "is in Instructions after loading",
	"Clip":       "is read by clips",
	"Redact":     "is the journal's",
	"Retention":  "is the store's",
}

// A setting that is added to the configuration must reach the profile: this test changes each one in turn and wants a
// different profile.
func TestEverySettingOfAnAgentReachesItsProfile(t *testing.T) {
	service := &configs.Realtime{Name: "main", Dialect: configs.GA}
	base := func() *configs.Agent {
		return &configs.Agent{Name: "a", TurnDetection: configs.TurnDetection{Type: configs.ServerVAD}}
	}
	plain := profile(base(), service, time.Hour)
	eachSetting(reflect.TypeFor[configs.Agent](), nil, func(name string, at []int) {
		if notForTheModel[name] != "" {
			return
		}
		a := base()
		a.Transcription = nil
		set(reflect.ValueOf(a).Elem(), at)
		if reflect.DeepEqual(profile(a, service, time.Hour), plain) {
			t.Errorf("%s changes nothing in the profile", name)
		}
	})
}

// eachSetting visits every scalar, pointer and list below a struct, those of inner structs too.
func eachSetting(of reflect.Type, at []int, visit func(name string, at []int)) {
	for i := range of.NumField() {
		f, here := of.Field(i), append(append([]int(nil), at...), i)
		if f.Type.Kind() == reflect.Struct {
			eachSetting(f.Type, here, visit)
			continue
		}
		visit(f.Name, here)
	}
}

// set gives a setting a value that is not its usual one.
func set(v reflect.Value, at []int) {
	f := v.FieldByIndex(at)
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString("Asia/Tokyo") // a time zone must be one
	case reflect.Int, reflect.Int64:
		f.SetInt(7)
	case reflect.Float64:
		f.SetFloat(0.7)
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Slice:
		if f.Type().Elem().Kind() == reflect.Struct {
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		} else {
			f.Set(reflect.ValueOf([]string{"greeting"})) // what can be protected must be one
		}
	case reflect.Struct: // a new transcription is other than none
	default:
		panic("no other value for " + f.Type().String())
	}
}

func TestDesk(t *testing.T) {
	cfg, r := fullConfig(t)
	all, err := desks(cfg, r, testLog(t))
	must(t, err)
	d := all["full"]
	if d.Service != "ga" || d.model != "gpt-realtime-2.1" || d.Profile.Limit.Duration != 10*time.Minute || d.Profile.Greeting != "Hello, this is Acme." {
		t.Errorf("%+v", d)
	}
	if names := toolNames(d); !reflect.DeepEqual(names, []string{"hand_off", "hang_up", "lookup", "order_status"}) {
		t.Errorf("tools of the desk: %q", names)
	}
	if names := toolNames(all["bare"]); len(names) != 0 {
		t.Errorf("an agent without tools has %q", names)
	}
}

// What the file says of manners is what the profile holds; 0s where it means "not at all" is told from what was left out.
func TestManners(t *testing.T) {
	text := strings.Replace(full, "hand_off: [warm, bare]", `hand_off: [warm, bare]
    interruption: { confirm_ms: 250, echo_guard_ms: 300, protect: [notices] }
    max_duration_warning: 1m
    max_duration_notice: "One minute left."
    filler: { after: 1.5s }
    silence_guard: 8s
    fallback: { transfer: "+49301" }
    reconnect: { within: 0s, clip_after: 2s }
    rotate: { lead: 2m, age: 30m }
    dtmf: { pause: 3s, ignore: true }`, 1)
	text = strings.Replace(text, "interrupt_response: false, idle_timeout_ms: 6000", "interrupt_response: false", 1)
	text = strings.Replace(text, `"Be brief." }`, `"Be brief.", max_duration_warning: 5m, idle: { after: 9s, prompts: 3, ask: "Ask.", goodbye: "Bye." } }`, 1)
	text = strings.Replace(text, "model: gpt-realtime-2.1,", "model: gpt-realtime-2.1, prices: { text_in: 1, text_cached: 2, text_out: 3, audio_in: 4, audio_cached: 5, audio_out: 6 },", 1)
	cfg, err := configs.Parse("full.yaml", []byte(text), configs.Options{Env: []string{"NONE=1"}, KnownTools: []string{"lookup"}})
	must(t, err)
	full, bare := cfg.Agent("full"), cfg.Agent("bare")
	service := cfg.Service("ga")
	p := profile(full, service, time.Hour)
	for _, c := range []struct{ got, want any }{
		{p.Interruption, agent.Interruption{Confirm: 250 * time.Millisecond, EchoGuard: 300 * time.Millisecond, ProtectNotices: true}},
		{p.Limit, agent.Limit{Duration: 10 * time.Minute, Warning: time.Minute, Notice: "One minute left."}},
		{p.Filler, agent.Filler{After: 1500 * time.Millisecond}},
		{p.Silence, agent.Silence{After: 8 * time.Second}},
		{p.Fallback, agent.Fallback{Transfer: "+49301"}},
		{p.Renewal, agent.Renewal{Within: -1, ClipAfter: 2 * time.Second, Lead: 2 * time.Minute, Age: 30 * time.Minute}},
		{p.Keys, agent.Keys{Pause: 3 * time.Second, Ignore: true}},
		{*p.Prices, agent.Prices{TextIn: 1, TextCached: 2, TextOut: 3, AudioIn: 4, AudioCached: 5, AudioOut: 6}},
		{p.TimeZone.String(), "Europe/Berlin"},
		{profile(bare, service, time.Hour).Idle, agent.Idle{After: 9 * time.Second, Prompts: 3, Ask: "Ask.", Goodbye: "Bye."}},
		// A warning before the end that limits.call_duration brings.
		{profile(bare, service, time.Hour).Limit, agent.Limit{Duration: time.Hour, Warning: 5 * time.Minute}},
		{profile(full, service, 5*time.Minute).Limit.Duration, 5 * time.Minute},
		{profile(cfg.Agent("semantic"), service, time.Hour).Limit, agent.Limit{}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got %+v, want %+v", c.got, c.want)
		}
	}
}

// toolNames are the tools that a desk's model may call.
func toolNames(d *desk) []string { return d.Tools.(*tools.Registry).Names() }

func TestDeskOfADeployment(t *testing.T) {
	cfg := &configs.Config{Realtime: []configs.Realtime{{Name: "main", Provider: configs.Azure, Resource: "res", Deployment: "phone", Dialect: configs.GA}}}
	d, err := newDesk(&configs.Agent{Name: "a", Realtime: "main"}, cfg, tools.NewRegistry(), clips{}, testLog(t))
	must(t, err)
	if d.model != "phone" {
		t.Errorf("model for the record is %q", d.model)
	}
}

// Every agent with a fault is named, with what is wrong.
func TestDeskFaults(t *testing.T) {
	cfg, r := fullConfig(t)
	cfg.Agents[0].Tools = append(cfg.Agents[0].Tools, "teleport")
	cfg.Agents[1].Realtime = "moon"
	cfg.Realtime[0].Dialect = "klingon"
	_, err := desks(cfg, r, testLog(t))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`agent "full"`, "teleport", `agent "warm"`, `"moon"`, `agent "bare"`, "klingon"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("misses %s: %v", want, err)
		}
	}
	if !errors.Is(err, tools.ErrUnknown) {
		t.Errorf("is not ErrUnknown: %v", err)
	}
}

// A dialer reads the credentials at each connect and confirms the session before it returns.
func TestDialer(t *testing.T) {
	sim, address := startModel(t, simulator.Options{RequireKey: "sk-1"})
	service := &configs.Realtime{Name: "main", URL: configs.NewURL(address), Dialect: configs.GA, Model: "m", APIKey: configs.NewSecret("sk-0"),
		Timeouts: configs.Timeouts{Connect: configs.Duration(patience), Session: configs.Duration(patience), Ping: configs.Duration(patience), Pong: configs.Duration(patience)}}
	dial, err := dialer(service, testLog(t))
	must(t, err)
	want := realtime.Session{InputFormat: realtime.FormatPCMA, OutputFormat: realtime.FormatPCMA}
	_, _, err = dial(t.Context(), want)
	if refused := (*realtime.DialError)(nil); !errors.As(err, &refused) || refused.Status != 401 {
		t.Fatalf("with the wrong key: %v", err)
	}
	service.APIKey = configs.NewSecret("sk-1")
	model, session, err := dial(t.Context(), want)
	must(t, err)
	defer model.Close("test is over")
	if session.InputFormat != realtime.FormatPCMA || session.OutputFormat != realtime.FormatPCMA {
		t.Errorf("session %+v", session)
	}
	if n := len(sim.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// A server that takes the connection and confirms nothing costs the time that the configuration gives it, and no more.
func TestDialerGivesUp(t *testing.T) {
	script := silentScript()
	script.Faults = simulator.Faults{IgnoreUpdates: true}
	sim, address := startModel(t, simulator.Options{Script: script})
	service := &configs.Realtime{Name: "main", URL: configs.NewURL(address), Dialect: configs.GA, Model: "m",
		Timeouts: configs.Timeouts{Connect: configs.Duration(patience), Session: configs.Duration(100 * time.Millisecond)}}
	dial, err := dialer(service, testLog(t))
	must(t, err)
	_, _, err = dial(t.Context(), realtime.Session{InputFormat: realtime.FormatPCMU, OutputFormat: realtime.FormatPCMU})
	if !errors.Is(err, realtime.ErrOpenTimeout) {
		t.Errorf("error is %v", err)
	}
	for _, s := range sim.Sessions() {
		select {
		case <-s.Ended():
		case <-time.After(patience):
			t.Error("the connection was left open")
		}
	}
}

func TestDialerFaults(t *testing.T) {
	if _, err := dialer(&configs.Realtime{Name: "main", Dialect: "klingon"}, testLog(t)); err == nil {
		t.Error("a dialect that is none was taken")
	}
	if _, err := dialer(&configs.Realtime{Name: "main", Dialect: configs.GA, Provider: configs.Azure}, testLog(t)); err == nil {
		t.Error("Azure without a resource was taken")
	}
}

// What the configuration lets through the agent fills in: the rooms do not know each other.
func TestEveryVariableIsFilledIn(t *testing.T) {
	for _, name := range append(configs.Variables(), "header.X-Any") {
		got := agent.Expand("{{"+name+"}}", &agent.Profile{Name: "front", Language: "de"}, &agent.CallInfo{}, time.Now())
		if strings.Contains(got, "{") {
			t.Errorf("{{%s}} stays %q", name, got)
		}
	}
}

// The configuration knows the built-in tools by their names.
func TestBuiltinsAreKnownToTheConfiguration(t *testing.T) {
	text := strings.Replace(full, "tools: [lookup, order_status, hang_up]", "tools: ["+strings.Join(tools.Builtins(), ", ")+"]", 1)
	cfg, err := configs.Parse("full.yaml", []byte(text), configs.Options{Env: []string{"NONE=1"}})
	must(t, err)
	r := tools.NewRegistry()
	must(t, addTools(r, cfg, slog.New(slog.DiscardHandler)))
	all, err := desks(cfg, r, testLog(t))
	must(t, err)
	if names := toolNames(all["full"]); len(names) != len(tools.Builtins())+1 { // and hand_off
		t.Errorf("tools of the desk: %q", names)
	}
}
