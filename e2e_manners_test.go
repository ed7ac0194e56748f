package trunkline_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// TestE2EManners holds calls that do not go straight on: sessions end under them, the caller says nothing, a tool takes its
// time. The service is configured for each by variables, as an operator may.
func TestE2EManners(t *testing.T) {
	build(t)
	for name, test := range map[string]func(t *testing.T){
		"survival":  testSurvival,
		"prompt":    testPrompt,
		"hand-off":  testHandOff,
		"keys":      testKeys,
		"no caller": testNoCaller,
		"filler":    testFiller,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// stage is a service with its model and its store.
type stage struct {
	*service
	model *model
	redis *redisproc.Server
}

// setStage starts a service whose settings of the agent frontdesk are overridden: TRUNKLINE_AGENTS_FRONTDESK_ goes before
// each of the names.
func setStage(t *testing.T, o simulator.Options, settings map[string]string) *stage {
	t.Helper()
	m, redis := startModel(t, o), redisproc.Start(t)
	vars := map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL(), "TRUNKLINE_MEDIA_TIMEOUT": "0s"}
	for name, value := range settings {
		if !strings.HasPrefix(name, "TRUNKLINE_") && !strings.HasPrefix(name, "E2E_") {
			name = "TRUNKLINE_AGENTS_FRONTDESK_" + name
		}
		vars[name] = value
	}
	return &stage{serve(t, vars), m, redis}
}

// record is the closed record of a call, and its lines.
func (s *stage) record(t *testing.T, sipCallID string) (row, []row) {
	t.Helper()
	call := storedCall(t, s.redis.Addr, sipCallID)
	return call, storedLines(t, s.redis.Addr, call["id"])
}

// happened is how often something happened in conversations.
func (s *stage) happened(t *testing.T, event string) int {
	t.Helper()
	_, page := s.get(t, "/metrics")
	for line := range strings.Lines(page) {
		var n int
		if _, err := fmt.Sscanf(line, `trunkline_conversation_events_total{agent="frontdesk",event="`+event+`"} %d`, &n); err == nil {
			return n
		}
	}
	return 0
}

// joined is what two sessions of one call spoke, one after the other.
func joined(first, second simulator.Record) simulator.Record {
	second.Spoken = slices.Concat(first.Spoken, second.Spoken)
	second.Truncations = slices.Concat(first.Truncations, second.Truncations)
	second.Responses = slices.Concat(first.Responses, second.Responses)
	return second
}

// A session ends in the middle of a call, with notice or without. The next one is told what was said, the caller speaks on
// and is answered, and what reaches the caller is whole.
func testSurvival(t *testing.T) {
	for name, c := range map[string]struct {
		life  time.Duration            // of a session; the service replaces it when two thirds are over
		lose  func(*simulator.Session) // nil: nobody does
		lines []string
		meta  row
	}{
		"rotated": {life: 18 * time.Second, lines: []string{"session system rotated"}, meta: row{"rotate": "1", "reconn": ""}},
		"expired": {lose: (*simulator.Session).Expire, lines: []string{"session system lost", "session system reconnected"}, meta: row{"reconn": "1"}},
		"cut":     {lose: (*simulator.Session).Drop, lines: []string{"session system lost", "session system reconnected"}, meta: row{"reconn": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t, simulator.Options{Script: greeting("a08", answers("slt-c01", "a02")), SessionLife: c.life}, nil)
			question := callerClip(t, "slt-c01")
			call := place(t, s.service, s.model, callPlan{law: transcode.PCMU, clips: []simulator.Clip{question}, hangsUp: true})
			call.heardAll(1)
			first := call.session
			if c.lose != nil {
				c.lose(first)
			}
			call.session = s.model.session(t, 1)
			eventually(t, "the next session knows what was said", func() bool {
				rec := call.session.Record()
				return countEvents(&rec, "conversation.item.create") > 0
			})
			firstRec := ended(t, first)
			call.cue(t)
			eventually(t, "the caller is answered", func() bool {
				rec := joined(firstRec, call.session.Record())
				return len(rec.Spoken) == 2 && rec.Responses[1].Status == "completed" && match(call.law, &rec, call.toCaller()).fault == ""
			})
			call.cue(t)
			rec := call.over()

			checkStream(t, call.law, call.toCaller())
			compareUplink(t, call.law, call.toService(), rec.Input)
			checkHeard(t, &rec, question.Text)
			both := joined(firstRec, rec)
			compareDownlink(t, call.law, &both, call.toCaller())
			meta, lines := s.record(t, call.callID())
			checkRecord(t, meta, c.meta)
			checkRecord(t, meta, row{"by": "caller", "turns": "3", "barge": ""})
			checkLines(t, lines, slices.Concat(
				[]string{"call system", "turn agent " + agentText(t, "a08")}, c.lines,
				[]string{"turn caller " + question.Text, "turn agent " + agentText(t, "a02"), "end system hung up caller"})...)
			s.idle(t)
		})
	}
}

// One agent hands the call to another, who goes on with its own instructions: in the same session when the voice is the
// same, else in one of its own.
func testHandOff(t *testing.T) {
	for voice, sessions := range map[string]int{"alloy": 1, "echo": 2} {
		t.Run(voice, func(t *testing.T) {
			t.Parallel()
			ask := simulator.Heard{Says: []string{"slt-c01"}, Answer: simulator.Answer{
				Do: []simulator.Action{{Say: []string{"a04"}}, {Call: "hand_off", Arguments: map[string]string{"agent": "billing"}}}}}
			s := setStage(t, simulator.Options{
				Script: greeting("a08", ask),
				Answer: func(p simulator.Prompt) *simulator.Answer { // only the other agent knows what to say
					if len(p.Outputs) == 0 || !strings.Contains(p.Instructions, "billing desk") {
						return nil
					}
					a := say("a02")
					return &a
				},
			}, map[string]string{"HAND_OFF": "billing", "E2E_BILLING_VOICE": voice})
			question := callerClip(t, "slt-c01")
			call := place(t, s.service, s.model, callPlan{law: transcode.PCMU, clips: []simulator.Clip{question}, hangsUp: true})
			call.heardAll(1)
			call.cue(t)
			all := func() simulator.Record {
				if sessions == 1 {
					return call.session.Record()
				}
				return joined(call.session.Record(), s.model.session(t, 1).Record())
			}
			eventually(t, "the other agent speaks", func() bool {
				rec := all()
				return len(rec.Spoken) == 3 && match(call.law, &rec, call.toCaller()).fault == ""
			})
			call.cue(t)
			call.over()
			if n := len(s.model.Sessions()); n != sessions {
				t.Errorf("%d sessions, want %d", n, sessions)
			}
			rec := all()
			compareDownlink(t, call.law, &rec, call.toCaller())
			meta, lines := s.record(t, call.callID())
			checkRecord(t, meta, row{"agent": "frontdesk", "by": "caller", "tools": "1", "tools_bad": "", "reconn": ""})
			checkLines(t, lines,
				"call system",
				"turn agent "+agentText(t, "a08"),
				"turn caller "+question.Text,
				"turn agent "+agentText(t, "a04"),
				`tool_call agent hand_off {"agent":"billing"}`,
				"hand_off system billing",
				`tool_result system hand_off {"result":"the call is handed over"} ok`,
				"turn agent "+agentText(t, "a02"),
				"end system hung up caller")
			s.idle(t)
		})
	}
}

// The prompt knows who is calling, and what the trunk was allowed to say of it; the record knows the same.
func testPrompt(t *testing.T) {
	told := make(chan string, 1)
	s := setStage(t, simulator.Options{Script: greeting("a08"), Answer: func(p simulator.Prompt) *simulator.Answer {
		select {
		case told <- p.Instructions:
		default:
		}
		return nil
	}}, map[string]string{"TRUNKLINE_TRUNKS_CARRIER_HEADERS": "X-Customer-Id",
		"INSTRUCTIONS": "Customer {{header.X-Customer-Id}} calls {{dialled}} from {{caller}} by way of {{forwarded}} ({{verification}}); you are {{agent}}."})
	call := place(t, s.service, s.model, callPlan{law: transcode.PCMU, hangsUp: true})
	call.heardAll(1)
	call.cue(t)
	call.over()
	want := "Customer C-4711 calls " + dialledNumber + " from " + callerNumber + " by way of +15550190001 (passed A); you are frontdesk."
	if got := <-told; !strings.HasPrefix(got, want) {
		t.Errorf("the model is told %q, want %q first", got, want)
	}
	meta, _ := s.record(t, call.callID())
	checkRecord(t, meta, row{"fwd": "+15550190001 (user-busy), unknown (no-answer)", "verif": "passed A", "srtp": ""})
	s.idle(t)
}

// Keys that the caller presses reach the model as words, all those of one number together.
func testKeys(t *testing.T) {
	typed := simulator.Heard{Contains: "keys: 4 2 7 1 #)", Answer: simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}}
	s := setStage(t, simulator.Options{Script: greeting("a08", typed)}, nil)
	p, err := phone.New(phone.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	report, err := p.Call(t.Context(), phone.CallOptions{To: "sip:" + dialledNumber + "@" + s.sip["udp"].String(), From: callerNumber,
		Script: []phone.Step{phone.WaitQuiet{}, phone.Digits{Keys: "4271#"}, phone.WaitBye{}}})
	if err != nil || report.EndedBy != phone.Far {
		t.Fatalf("the call ended by %s: %v", report.EndedBy, err)
	}
	meta, lines := s.record(t, report.CallID)
	checkRecord(t, meta, row{"by": "agent", "tools": "1"})
	want := []string{"call system", "turn agent " + agentText(t, "a08")}
	for _, key := range "4271#" {
		want = append(want, "dtmf caller "+string(key))
	}
	checkLines(t, lines, append(want, "turn agent "+agentText(t, "a09"), "tool_call agent hang_up {}",
		`tool_result system hang_up {"result":"the call ends after your last words"} ok`, "end system hang_up agent")...)
	s.idle(t)
}

// A caller who says nothing is asked, and then told goodbye.
func testNoCaller(t *testing.T) {
	script := greeting("a08")
	ask := say("a10")
	script.Idle = &ask
	s := setStage(t, simulator.Options{Script: script}, map[string]string{"IDLE_AFTER": "1s", "IDLE_PROMPTS": "1"})
	call := place(t, s.service, s.model, callPlan{law: transcode.PCMU})
	rec := call.over()
	compareDownlink(t, call.law, &rec, call.toCaller())
	meta, lines := s.record(t, call.callID())
	checkRecord(t, meta, row{"by": "system", "cause": "caller silent", "turns": "3"})
	checkLines(t, lines, "call system", "turn agent "+agentText(t, "a08"), "turn agent "+agentText(t, "a10"),
		"turn agent "+agentText(t, "a10"), "end system caller silent system")
	if n := s.happened(t, "prompted"); n != 1 {
		t.Errorf("the caller was asked %d times", n)
	}
	s.idle(t)
}

// slowOrders is a web service that answers when it is told to.
func slowOrders(t *testing.T) (url string, answer chan<- struct{}) {
	t.Helper()
	may := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-may:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{"status":"shipped","order":"4271"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, may
}

// While a tool takes its time the caller hears the filler, and the answer in its place when it comes.
func testFiller(t *testing.T) {
	web, answer := slowOrders(t)
	s := setStage(t, simulator.Options{Script: greeting("a08", order("slt-c05", "a05"))}, map[string]string{
		"FILLER_AFTER": "300ms", "E2E_WEBHOOK": web, "TRUNKLINE_TOOLS_ORDER_STATUS_WEBHOOK_TIMEOUT": "1m"})
	number := callerClip(t, "slt-c05")
	call := place(t, s.service, s.model, callPlan{law: transcode.PCMU, clips: []simulator.Clip{number}, hangsUp: true})
	call.heardAll(1)
	call.cue(t)
	call.heardAll(2)
	rec := call.session.Record()
	spoken := match(call.law, &rec, call.toCaller()).found
	eventually(t, "the filler is heard", func() bool { return countVoiced(call.law, call.toCaller()) > spoken+10 })
	answer <- struct{}{}
	eventually(t, "the answer is heard to its end", func() bool {
		rec = call.session.Record()
		underWay := slices.ContainsFunc(rec.Responses, func(r simulator.ResponseRecord) bool { return r.Status == "in_progress" })
		return len(rec.Spoken) == 3 && !underWay && endsWith(call.law, call.toCaller(), rec.Spoken[2].Audio)
	})
	call.cue(t)
	call.over()
	checkStream(t, call.law, call.toCaller())
	_, lines := s.record(t, call.callID())
	last := lines[len(lines)-2]
	if last["t"] != agentText(t, "a05") || last["ha"] == "" {
		t.Errorf("the last line is %v, want the answer, all of it heard", last)
	}
	if n := s.happened(t, "filled"); n != 1 {
		t.Errorf("the filler was heard %d times", n)
	}
	s.idle(t)
}

// endsWith reports whether the last that the caller was sent, but for silence, is this audio.
func endsWith(law transcode.Law, packets []rtpPacket, audio []byte) bool {
	var want [][]byte
	for _, f := range frames(law, audio) {
		if voiced(law, f) {
			want = append(want, f)
		}
	}
	for _, p := range slices.Backward(packets) {
		switch {
		case len(want) == 0:
			return true
		case !voiced(law, p.payload):
			continue
		case !bytes.Equal(p.payload, want[len(want)-1]):
			return false
		}
		want = want[:len(want)-1]
	}
	return len(want) == 0
}
