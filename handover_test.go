package trunkline

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// transferring is a model that puts every caller through at once, and says goodbye when that fails.
func transferring() *simulator.Script {
	g := simulator.Answer{
		Do:      []simulator.Action{{Call: "transfer", Arguments: map[string]string{"to": "sales", "summary": "Ada, about an order."}}},
		Results: []simulator.Result{{Contains: "error", Answer: simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}}},
	}
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &g}}}
}

// briefs is what the model says to the colleague.
func briefs(p simulator.Prompt) *simulator.Answer {
	if len(p.Context) == 0 || !strings.Contains(p.Context[0], "Somebody has answered") {
		return nil
	}
	return &simulator.Answer{Do: []simulator.Action{{Say: []string{"a02"}}}}
}

// office is a stand with a colleague who can be called, and what became of that call.
func office(t *testing.T, colleague phone.AnswerOptions) (*stand, chan phone.Report, chan error) {
	t.Helper()
	return neighbour(t, setup{script: transferring(), answer: briefs}, colleague)
}

// neighbour is a stand with somebody who can be called over its trunk.
func neighbour(t *testing.T, with setup, colleague phone.AnswerOptions) (*stand, chan phone.Report, chan error) {
	t.Helper()
	p, err := phone.New(phone.Config{})
	must(t, err)
	server, _, _ := strings.Cut(strings.TrimPrefix(p.URI("x"), "sip:x@"), ";")
	with.yaml = `trunks: [ { name: loopback, sources: ["127.0.0.0/8"], server: "sip:` + server + `", dials: ["+4930*"], caller_id: "+15550000" } ]
agents: [ { name: frontdesk, realtime: main, greeting: "Hello, AI here.", transcription: { model: whisper-1 }, tools: [hang_up], transfers: [ { name: sales, to: "+4930123", attended: true, description: Orders. } ] } ]
`
	st := stage(t, with)
	reports, errs := make(chan phone.Report, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = p.Close() })
	go func() {
		r, err := p.Answer(ctx, colleague)
		reports <- r
		errs <- err
	}()
	return st, reports, errs
}

func note(pitch float64, ms int) []int16 {
	clip := make([]int16, ms*transcode.SampleRate/1000)
	for i := range clip {
		clip[i] = int16(9000 * math.Sin(2*math.Pi*pitch*float64(i)/transcode.SampleRate))
	}
	return clip
}

// inLaw is the middle of a clip, which a far end that hears it bit by bit has heard in one piece.
func inLaw(clip []int16, law transcode.Law) []byte {
	middle := clip[len(clip)/4 : len(clip)*3/4]
	out := make([]byte, len(middle))
	for i, s := range middle {
		out[i] = law.Encode(s)
	}
	return out
}

// The colleague is told, wants the caller, and the two hear each other; the model is gone then.
func TestAttendedTransfer(t *testing.T) {
	question, reply := note(400, 600), note(620, 600)
	st, reports, errs := office(t, phone.AnswerOptions{Ring: 100 * time.Millisecond, CallOptions: phone.CallOptions{Laws: []transcode.Law{transcode.PCMU}, Script: []phone.Step{
		phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Digits{Keys: "1"}, phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Say{Clip: reply}, phone.WaitBye{}}}})
	p, err := phone.New(phone.Config{})
	must(t, err)
	defer p.Close()
	put := make(chan struct{})
	go func() { // the caller speaks when the two are joined
		defer close(put)
		until(t, "they are put through", func() bool { return st.Stats().Dialled == 1 && st.model.Sessions()[0].Record().Ended.IsZero() == false })
	}()
	r, err := p.Call(t.Context(), phone.CallOptions{To: "sip:+15551230001@" + st.SIPAddrs()[0].Addr.String(), From: "+15550100001",
		Laws: []transcode.Law{transcode.PCMU}, Script: []phone.Step{phone.Until{Done: put}, phone.Say{Clip: question}, phone.WaitSpeech{}, phone.WaitQuiet{For: time.Second}, phone.Hangup{}}})
	must(t, err)
	human := <-reports
	must(t, <-errs)
	if human.EndedBy != phone.Far || human.Asked != "+4930123" {
		t.Errorf("the colleague's call to %q ended by %v", human.Asked, human.EndedBy)
	}
	if !bytes.Contains(human.ReceivedAudio, inLaw(question, human.Law)) || !bytes.Contains(r.ReceivedAudio, inLaw(reply, r.Law)) {
		t.Error("the two did not hear each other bit by bit")
	}
	call, lines := st.record(t, 0)
	if call.EndedBy != "caller" || call.ToolCalls != 1 {
		t.Errorf("record %+v", call)
	}
	if e := find(t, lines, store.KindTransfer); e.Text != "sales" || e.Status != "connected" {
		t.Errorf("line %+v", e)
	}
	if e := find(t, lines, store.KindNote); !strings.HasPrefix(e.Text, "agent to sales: ") {
		t.Errorf("what the colleague was told: %+v", e)
	}
	if n := len(st.model.Sessions()); n != 2 {
		t.Errorf("%d sessions with the model, want the caller's and the colleague's", n)
	}
}

// A colleague who cannot, or does not want to, leaves the caller with the agent, who is told why.
func TestAttendedTransferFails(t *testing.T) {
	for name, tc := range map[string]struct {
		colleague phone.AnswerOptions
		want      string
	}{
		"busy": {phone.AnswerOptions{Refuse: 486}, "they are busy"},
		"declines": {phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitSpeech{}, phone.Digits{Keys: "2"}, phone.WaitBye{}}}},
			"they cannot take the call: pressed 2 for no"},
		"hangs up": {phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitSpeech{}, phone.Hangup{}}}}, "they hung up"},
	} {
		t.Run(name, func(t *testing.T) {
			st, reports, _ := office(t, tc.colleague)
			r, err := st.call(t, t.Context(), "+15551230001", phone.WaitBye{})
			must(t, err)
			<-reports
			call, lines := st.record(t, 0)
			if e := find(t, lines, store.KindToolResult); !strings.Contains(e.Result, tc.want) || e.Status != "tool_error" {
				t.Errorf("the agent was told %+v", e)
			}
			if call.EndedBy != "agent" || r.EndedBy != phone.Far {
				t.Errorf("record %+v", call)
			}
		})
	}
}

// A caller who hangs up while the colleague's phone rings is not worth answering any more.
func TestAttendedTransferIsGivenUp(t *testing.T) {
	st, _, errs := office(t, phone.AnswerOptions{Ring: 50 * time.Millisecond, NoAnswer: true})
	ringing := make(chan struct{})
	go func() {
		defer close(ringing)
		until(t, "it rings", func() bool { return st.Stats().Active == 2 })
	}()
	_, err := st.call(t, t.Context(), "+15551230001", phone.Until{Done: ringing}, phone.Hangup{})
	must(t, err)
	var refused *phone.CallError
	if err := <-errs; !errors.As(err, &refused) || refused.Status != 487 {
		t.Errorf("the colleague's call: %v, want that it was given up", err)
	}
	until(t, "nothing is left", func() bool { return st.Stats().Active == 0 })
}
