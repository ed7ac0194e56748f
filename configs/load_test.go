package configs

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFirstCall accepts the configuration that the product was founded on, as it stands.
func TestFirstCall(t *testing.T) {
	c, err := Load(Options{Path: "testdata/first-call.yaml", Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("warned: %v", w)
	}
	a := c.Agent("frontdesk")
	td := a.TurnDetection
	for _, tt := range []struct{ got, want any }{
		{c.Version, 1},
		{c.SIP.Listen, []ListenAddr{"udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"}},
		{c.SIP.Advertise, Host("127.0.0.1")},
		{c.SIP.Strangers, "ignore"},
		{c.Media.Ports, PortRange{20000, 20999}},
		{c.Limits, Limits{500, 50, 1000, Duration(time.Hour), Duration(10 * time.Minute)}},
		{c.Trunks, []Trunk{{Name: "carrier", Sources: []CIDR{{netip.MustParsePrefix("127.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}}, Media: TrunkMedia{SRTP: "optional"}, TrustIdentity: true}}},
		{c.Routes, []Route{{To: "+15551230001", Agent: "frontdesk"}, {To: "*", Agent: "frontdesk"}}},
		{a.Voice, "marin"},
		{a.Greeting, "Hello, this is the AI assistant of Acme. How can I help?"},
		{*a.Transcription, Transcription{Model: "gpt-4o-transcribe", Language: "en"}},
		{[]any{td.Type, *td.Threshold, *td.PrefixPaddingMS, *td.SilenceDurationMS, td.IdleTimeoutMS}, []any{ServerVAD, 0.5, 300, 500, (*int)(nil)}},
		{a.Tools, []string{"order_status", "hang_up"}},
		{c.Tools[0].Webhook.URL.Reveal(), "http://127.0.0.1:9200/order_status"},
		{c.Tools[0].Webhook.Secret.Reveal(), "whsec_dGVzdA=="},
		{c.Tools[0].Webhook.Timeout.Std(), 5 * time.Second},
		{string(c.Tools[0].Parameters), `{"type":"object","required":["order"],"properties":{"order":{"type":"string"}}}`},
		{c.Store.Redis.URL.Reveal(), "redis://127.0.0.1:6379/0"},
		{c.Store.Path, "./trunkline.db"},
		{c.Admin.Listen, HostPort("127.0.0.1:9090")},
		{c.Service("main").APIKey.IsZero(), true},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// TestTextStaysText keeps what YAML would read as numbers, dates and truths.
func TestTextStaysText(t *testing.T) {
	c := parseWith(t, `
routes:
  - { to: +15551230001, agent: "1234" }
  - { to: 0123, agent: "1234" }
agents:
  - name: 1234
    realtime: main
    voice: no
    greeting: 2026-11-25
    instructions: |
      first line
      ${NOT_EXPANDED:-second line} of $${three}
tools:
  - name: t
    description: d
    webhook: { url: "https://h/" }
    parameters:
      type: object
      properties: { orderId: { type: string, enum: [ "1", 1, 1.5, true, null, 2026-11-25, ~, "${X:-y}", no ], pattern: '^\d{3}$', description: "<a> & b" } }
`)
	if r := c.Routes; r[0].To != "+15551230001" || r[1].To != "0123" || r[0].Agent != "1234" {
		t.Errorf("routes %v", r)
	}
	if a := c.Agents[0]; a.Name != "1234" || a.Voice != "no" || a.Greeting != "2026-11-25" || a.Instructions != "first line\nsecond line of ${three}\n" {
		t.Errorf("agent %+q", a.Instructions)
	}
	want := `{"type":"object","properties":{"orderId":{"type":"string","enum":["1",1,1.5,true,null,"2026-11-25",null,"y","no"],` +
		`"pattern":"^\\d{3}$","description":"<a> & b"}}}`
	if got := string(c.Tools[0].Parameters); got != want {
		t.Errorf("parameters\n%s\nwant\n%s", got, want)
	}
}

// TestFilesOfWindows: a mark at the beginning, and lines that end in two characters.
func TestFilesOfWindows(t *testing.T) {
	text := "\ufeff" + strings.ReplaceAll(readTestdata(t, "base.yaml"), "\n", "\r\n")
	if _, err := Parse("t.yaml", []byte(text), Options{Env: []string{}}); err != nil {
		t.Error(err)
	}
	_, err := Parse("t.yaml", []byte(text+"sipp: {}\r\n"), Options{Env: []string{}})
	if err == nil || err.Error() != `t.yaml:10:1: sipp: is not a key; did you mean "sip"?` {
		t.Errorf("got %v", err)
	}
}

// parseWith reads top-level blocks together with those of base.yaml that they leave out.
func parseWith(t *testing.T, add string, env ...string) *Config {
	t.Helper()
	c, err := Parse("t.yaml", []byte(add+"\n"+without(readTestdata(t, "base.yaml"), add)), Options{Env: append(env, "NONE=")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExpansionIsTypedByItsText(t *testing.T) {
	c := parseWith(t, `
limits: { calls: "${CALLS}", calls_per_second: "${RATE:-7}" }
media:
  timeout: ${T:-45s}
sip: { advertise: "${NOBODY:-}", listen: [ "udp://${HOST}:5060" ] }
admin: { listen: "" }
store: { spool: "${NOBODY:-}" }
agents:
  - { name: frontdesk, realtime: main, turn_detection: { create_response: "${NO}", threshold: "${HALF}" } }
`, "CALLS=12", "HOST=192.0.2.1", "NO=false", "HALF=0.5")
	td := c.Agents[0].TurnDetection
	got := fmt.Sprint(c.Limits.Calls, c.Limits.CallsPerSecond, c.Media.Timeout, c.SIP.Advertise == "", c.SIP.Listen, *td.CreateResponse,
		*td.Threshold, c.Admin.Listen == "", c.Store.Spool == Default().Store.Spool)
	if want := "12 7 45s true [udp://192.0.2.1:5060] false 0.5 true true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestBlocksMayBeEmpty: somebody commented all lines of a block out.
func TestBlocksMayBeEmpty(t *testing.T) {
	c := parseWith(t, "sip:\nmedia:\ntools:\nstore:\n  redis:\nlog:\n")
	if c.Store.Redis != nil || c.Log.Level != "info" || len(c.SIP.Listen) != 2 {
		t.Errorf("defaults are lost: %v", c)
	}
}

func TestAnAliasIsFollowed(t *testing.T) {
	c := parseWith(t, `
agents:
  - { name: frontdesk, realtime: main, turn_detection: &turns { type: semantic_vad, eagerness: low } }
  - { name: other, realtime: main, turn_detection: *turns }
`)
	if c.Agents[1].TurnDetection != c.Agents[0].TurnDetection || c.Agents[1].TurnDetection.Eagerness != "low" {
		t.Errorf("got %v", c.Agents[1].TurnDetection)
	}
}

func TestPromptFile(t *testing.T) {
	c := parseWith(t, "agents: [ { name: frontdesk, realtime: main, prompt_file: prompts/nightdesk.md } ]")
	if a := c.Agents[0]; !strings.HasPrefix(a.Instructions, "You answer") || !strings.HasSuffix(a.Instructions, "hang up.") {
		t.Errorf("instructions %q", a.Instructions)
	}
	i := slices.IndexFunc(c.Settings(), func(s Setting) bool { return s.Path == "agents[frontdesk].instructions" })
	if got := c.Settings()[i].Source.String(); got != "prompts/nightdesk.md" {
		t.Errorf("instructions come from %s", got)
	}
}

func TestTurnDetectionDefaults(t *testing.T) {
	c := parseWith(t, `
agents:
  - { name: frontdesk, realtime: main }
  - { name: b, realtime: main, turn_detection: { type: semantic_vad } }
  - { name: c, realtime: main, turn_detection: { type: none } }
`)
	if td := c.Agents[0].TurnDetection; *td.Threshold != 0.5 || *td.PrefixPaddingMS != 300 || *td.SilenceDurationMS != 500 {
		t.Errorf("server_vad: %+v", td)
	}
	for _, a := range c.Agents[1:] {
		if td := a.TurnDetection; td.Threshold != nil || td.PrefixPaddingMS != nil || td.SilenceDurationMS != nil {
			t.Errorf("%s: %+v", td.Type, td)
		}
	}
}

func TestDefaultNeedsItsLists(t *testing.T) {
	c := Default()
	var faults Faults
	if err := c.Validate(); !errors.As(err, &faults) || len(faults) != 4 {
		t.Fatalf("got %v", err)
	}
	c.Trunks = []Trunk{{Name: "t", Sources: []CIDR{{netip.MustParsePrefix("192.0.2.0/24")}}}}
	c.Routes = []Route{{To: "*", Agent: "a"}}
	c.Realtime = []Realtime{{Name: "m", URL: NewURL("ws://127.0.0.1:1/v1/realtime"), Dialect: GA}}
	c.Agents = []Agent{{Name: "a", Realtime: "m", Tools: []string{"mine"}}}
	if err := c.Validate("mine"); err != nil {
		t.Error(err)
	}
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), `agents[0].tools[0]: no tool is named "mine"; there is collect_digits,`) {
		t.Errorf("got %v", err)
	}
	if c.Warnings() != nil || c.Settings()[0].Source.String() != "default" {
		t.Errorf("a configuration made in Go has warnings or places")
	}
}

func TestValidateAfterAChange(t *testing.T) {
	c := parseWith(t, "log: { level: info }")
	c.Routes[0].Agent = "nobody"
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "t.yaml:6:") {
		t.Errorf("got %v", err)
	}
}

func TestKnownTools(t *testing.T) {
	text := readTestdata(t, "base.yaml") + "tools: [ { name: move, description: d, webhook: { url: \"https://h/\" } } ]\n"
	if _, err := Parse("t.yaml", []byte(text), Options{KnownTools: []string{"move"}}); err == nil || !strings.Contains(err.Error(), "is a tool of the program itself") {
		t.Errorf("a tool twice: %v", err)
	}
}

func TestRoute(t *testing.T) {
	c := parseWith(t, `
trunks: [ { name: carrier, sources: [203.0.113.0/24, "2001:db8::/32"] }, { name: office, sources: [192.0.2.7] } ]
routes:
  - { to: "100", agent: frontdesk, trunk: office }
  - { to: "+15551230001", agent: exact }
  - { to: "+1555*", agent: prefix, trunk: carrier }
  - { to: "*", agent: rest, trunk: carrier }
agents: [ { name: frontdesk, realtime: main }, { name: exact, realtime: main }, { name: prefix, realtime: main }, { name: rest, realtime: main } ]
`)
	for _, tt := range []struct{ trunk, dialled, agent string }{
		{"office", "100", "frontdesk"}, {"carrier", "100", "rest"}, {"carrier", "+15551230001", "exact"}, {"office", "+15551230001", "exact"},
		{"carrier", "+1555", "prefix"}, {"carrier", "+15559", "prefix"}, {"office", "+15559", ""}, {"carrier", "", "rest"},
	} {
		if r, ok := c.Route(tt.trunk, tt.dialled); r.Agent != tt.agent || ok != (tt.agent != "") {
			t.Errorf("%v: got %q", tt, r.Agent)
		}
	}
	for addr, want := range map[string]string{"203.0.113.200": "carrier", "::ffff:192.0.2.7": "office", "2001:db8::1": "carrier",
		"2001:db8::1%eth0": "carrier", "192.0.2.8": "", "::1": ""} {
		if got, ok := c.TrunkOf(netip.MustParseAddr(addr)); got != want || ok != (want != "") {
			t.Errorf("%s belongs to %q, want %q", addr, got, want)
		}
	}
	if c.Agent("none") != nil || c.Service("none") != nil {
		t.Error("found what is not there")
	}
	if got, ok := c.TrunkOf(netip.Addr{}); ok {
		t.Errorf("no address belongs to %s", got)
	}
}

func TestWarnings(t *testing.T) {
	c := parseWith(t, `
sip: { strangers: forbid }
media: { ports: 20000-20099 }
trunks: [ { name: carrier, sources: [0.0.0.0/0] } ]
routes:
  - { to: "+1*", agent: frontdesk }
  - { to: "+15551230001", agent: frontdesk, trunk: carrier }
  - { to: "*", agent: frontdesk }
  - { to: "*", agent: second }
realtime:
  - { name: main, provider: openai }
  - { name: old, provider: openai, dialect: preview, headers: [ { name: authorization, value: Bearer x } ] }
  - { name: far, url: "ws://model.example.com/", api_key: k }
agents:
  - { name: frontdesk, realtime: main, greeting: "Hello, Acme.", temperature: 0.8, instructions: x }
  - { name: second, realtime: old, speed: 1, turn_detection: { idle_timeout_ms: 6000 }, transcription: { model: m } }
tools: [ { name: t, description: d, webhook: { url: "https://h/" } } ]
admin: { listen: ":9090" }
`)
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Error())
	}
	want := []string{
		`t.yaml:3:17: media.ports: has room for 50 calls and limits.calls allows 500; widen it to two ports a call`,
		`t.yaml:4:38: trunks[carrier].sources[0]: lets everybody call who can reach this machine, at your expense; name the addresses of the trunk`,
		`t.yaml:7:5: routes[1]: is never reached, because routes[0] (t.yaml:6:5) takes its calls before; move it up, or remove it`,
		`t.yaml:9:5: routes[3]: is never reached, because routes[2] (t.yaml:8:5) takes its calls before; move it up, or remove it`,
		`t.yaml:11:5: realtime[main].api_key: is empty, and openai refuses every session without one`,
		`t.yaml:12:45: realtime[old].dialect: is preview, which OpenAI switched off in May 2026: calls will fail; write ga`,
		`t.yaml:13:5: realtime[far]: is not named by any agent`,
		`t.yaml:13:23: realtime[far].url: sends api_key and the calls' audio unencrypted; write wss://`,
		`t.yaml:15:5: agents[frontdesk]: has no transcription, so transcripts will lack the caller's words; write transcription: { model: gpt-4o-transcribe }`,
		`t.yaml:15:50: agents[frontdesk].greeting: does not seem to say that an AI speaks; callers must be told (EU AI Act, article 50)`,
		`t.yaml:15:79: agents[frontdesk].temperature: is left out, because the ga dialect has none`,
		`t.yaml:16:5: agents[second]: has no instructions; write them, or name a prompt_file`,
		`t.yaml:16:5: agents[second]: has no greeting; callers must be told that they talk to an AI (EU AI Act, article 50), so let it begin with that`,
		`t.yaml:16:43: agents[second].speed: is left out, because the preview dialect has none`,
		`t.yaml:16:81: agents[second].turn_detection.idle_timeout_ms: is not known to the preview dialect; servers may refuse the session`,
		`t.yaml:17:10: tools[t]: is not named by any agent`,
		`t.yaml:18:18: admin.listen: can be reached from other machines and has no sign-in; keep it behind a firewall, or write 127.0.0.1:9090`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestManyFaultsAreCutShort(t *testing.T) {
	_, err := Parse("t.yaml", []byte(strings.Repeat("x: 1\n", 100)), Options{})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) < 100 || !strings.HasSuffix(err.Error(), fmt.Sprintf("and %d more", len(faults)-faultsShown)) {
		t.Errorf("got %v", err)
	}
}

func TestAFileTooLarge(t *testing.T) {
	name := t.TempDir() + "/big.yaml"
	if err := os.WriteFile(name, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Options{Path: name}); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
		t.Errorf("got %v", err)
	}
}

// TestAliasesDoNotExplode: a few lines that stand for 10^9 nodes.
func TestAliasesDoNotExplode(t *testing.T) {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	var into struct {
		A8 any // the others are unknown keys, which does not keep it from being read
	}
	if err := Strict("bomb.yaml", []byte(text), &into); err == nil || !strings.Contains(err.Error(), "holds too much once its aliases (*) are followed") {
		t.Errorf("got %v", err)
	}
}
