package trunkline_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// orders is the web service behind the tool order_status. It trusts nobody without a signature.
type orders struct {
	url string

	mu     sync.Mutex
	bodies []string
}

func serveOrders(t *testing.T) *orders {
	t.Helper()
	o := &orders{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("webhook body: %v", err)
		}
		if err := tools.VerifyWebhook(webhookSecret, r.Header, body, time.Now()); err != nil {
			t.Errorf("webhook signature: %v", err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		o.mu.Lock()
		o.bodies = append(o.bodies, string(body))
		o.mu.Unlock()
		_, _ = io.WriteString(w, `{"status":"shipped","order":"4271"}`)
	}))
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

func (o *orders) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.bodies...)
}

// A whole call over each law and each dialect: greeting, an order looked up by a signed webhook, farewell, and the agent
// hangs up. What the phone sent is what the model got, what the model spoke is what the phone was sent, byte for byte; and
// Redis holds it all.
func testConversation(t *testing.T) {
	for _, tc := range []struct {
		dialect string
		law     transcode.Law
		format  string // what the session must have been
		bye     simulator.Clip
	}{
		{simulator.DialectGA, transcode.PCMU, "", callerClip(t, "rms-c12")},
		{simulator.DialectGA, transcode.PCMA, "", humanClip(t, "goodbye", "goodbye")},
		{simulator.DialectPreview, transcode.PCMU, "", humanClip(t, "goodbye", "goodbye")},
		{simulator.DialectPreview, transcode.PCMA, "", callerClip(t, "slt-c12")},
	} {
		t.Run(tc.dialect+"/"+tc.law.String(), func(t *testing.T) {
			t.Parallel()
			script := greeting("a08", order("slt-c05", "a08"), goodbye(tc.bye.Name))
			m := startModel(t, simulator.Options{Dialect: tc.dialect, Script: script, CallerClips: []simulator.Clip{tc.bye}})
			redis, web := redisproc.Start(t), serveOrders(t)
			s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_DIALECT": tc.dialect, "E2E_REDIS": redis.URL(), "E2E_WEBHOOK": web.url})

			number := callerClip(t, "slt-c05")
			c := place(t, s, m, callPlan{law: tc.law, clips: []simulator.Clip{number, tc.bye}})
			c.heardAll(1)
			c.cue(t)
			c.heardAll(3)
			c.cue(t)
			rec := c.over()

			checkStream(t, tc.law, c.toCaller())
			compareUplink(t, tc.law, c.toService(), rec.Input)
			compareDownlink(t, tc.law, &rec, c.toCaller())
			checkHeard(t, &rec, number.Text, tc.bye.Text)

			call := storedCall(t, redis.Addr, c.callID())
			checkRecord(t, call, row{"codec": tc.law.String(), "trunk": "carrier", "agent": "frontdesk", "caller": callerNumber,
				"dialled": dialledNumber, "by": "agent", "turns": "6", "tools": "2", "barge": "", "tools_bad": "", "lost": ""})
			lines := storedLines(t, redis.Addr, call["id"])
			checkLines(t, lines,
				"call system",
				"turn agent "+agentText(t, "a08"),
				"turn caller "+number.Text,
				"turn agent "+agentText(t, "a04"),
				`tool_call agent order_status {"order":"4271"}`,
				`tool_result system order_status {"status":"shipped","order":"4271"} ok`,
				"turn agent "+agentText(t, "a08"),
				"turn caller "+tc.bye.Text,
				"turn agent "+agentText(t, "a09"),
				"tool_call agent hang_up {}",
				`tool_result system hang_up {"result":"the call ends after your last words"} ok`,
				"end system "+call["cause"]+" agent")
			checkTimes(t, lines)
			checkShow(t, s, call["id"], allLines(t, redis.Addr, call["id"]))
			if got := web.requests(); len(got) != 1 || !strings.Contains(got[0], `"4271"`) {
				t.Errorf("the webhook was called with %q", got)
			}
			s.idle(t)
		})
	}
}

// checkHeard wants the caller's turns recognised by the model: damaged audio would not be.
func checkHeard(t *testing.T, rec *simulator.Record, want ...string) {
	t.Helper()
	var got []string
	for _, turn := range rec.Turns {
		got = append(got, turn.Text)
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the model heard %q, want %q", got, want)
	}
}

func checkRecord(t *testing.T, got, want row) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("record: %s is %q, want %q", k, got[k], v)
		}
	}
	if t.Failed() {
		t.Logf("record: %v", got)
	}
}

// checkTimes wants ids that only grow, and times within the call.
func checkTimes(t *testing.T, lines []row) {
	t.Helper()
	var last [2]int
	for _, l := range lines {
		ms, seq, _ := strings.Cut(l["id"], "-")
		a, errA := strconv.Atoi(ms)
		b, errB := strconv.Atoi(seq)
		if errA != nil || errB != nil || a < last[0] || a == last[0] && b <= last[1] {
			t.Errorf("line %q comes after %v", l["id"], last)
		}
		last = [2]int{a, b}
	}
}

// checkShow wants the same transcript from the program's own reader.
func checkShow(t *testing.T, s *service, callID string, lines []row) {
	t.Helper()
	cmd := exec.Command(program, "calls", "show", callID, "--json", "--config", s.cmd.Args[3])
	cmd.Env = s.cmd.Env
	p := start(t, cmd)
	if err := p.wait(); err != nil {
		t.Fatalf("calls show: %v\n%s", err, p.out.tail())
	}
	dec := json.NewDecoder(strings.NewReader(p.out.String()))
	var head map[string]any
	if err := dec.Decode(&head); err != nil || head["id"] != callID || head["ended_by"] != "agent" {
		t.Errorf("calls show begins with %v, %v", head, err)
	}
	for _, l := range lines {
		var e struct{ ID, Kind, Text, Tool, Arguments, Result string }
		if err := dec.Decode(&e); err != nil || e.ID != l["id"] || e.Kind != l["k"] || e.Text != l["t"] || e.Tool != l["tool"] ||
			e.Arguments != l["args"] || e.Result != l["res"] {
			t.Errorf("calls show has %+v, %v, in the place of %v", e, err, l)
		}
	}
	if dec.More() {
		t.Error("calls show has more lines than Redis")
	}
}
