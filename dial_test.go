package trunkline

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// Somebody who is called hears the agent, and the record is that of a call.
func TestDial(t *testing.T) {
	g := simulator.Answer{Do: []simulator.Action{{Say: []string{"a02"}}}}
	st, reports, errs := neighbour(t, setup{script: &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &g}}}},
		phone.AnswerOptions{Ring: 50 * time.Millisecond, CallOptions: phone.CallOptions{Laws: []transcode.Law{transcode.PCMA},
			Script: []phone.Step{phone.WaitSpeech{}, phone.WaitQuiet{For: time.Second}, phone.Hangup{}}}})
	must(t, st.Dial(t.Context(), "frontdesk", telephony.Outbound{Trunk: "loopback", To: "+4930123"}))
	human := <-reports
	must(t, <-errs)
	spoken := st.model.Sessions()[0].Record().Spoken
	if human.Asked != "+4930123" || len(spoken) != 1 || !strings.Contains(string(human.ReceivedAudio), string(spoken[0].Audio[:400])) {
		t.Errorf("%q heard %d bytes of %d answers", human.Asked, len(human.ReceivedAudio), len(spoken))
	}
	call, lines := st.record(t, 0)
	if call.Agent != "frontdesk" || call.Trunk != "loopback" || call.Dialled != "+4930123" || call.Caller != "+15550000" ||
		call.EndedBy != "caller" || call.Direction != "out" || call.Codec != "PCMA" || call.Turns != 1 {
		t.Errorf("record %+v", call)
	}
	if e := find(t, lines, store.KindTurn); e.Role != store.RoleAgent || e.Text != spoken[0].Text {
		t.Errorf("line %+v", e)
	}
}

func TestDialFails(t *testing.T) {
	st, reports, _ := neighbour(t, setup{}, phone.AnswerOptions{Refuse: 486})
	err := st.Dial(t.Context(), "nobody", telephony.Outbound{Trunk: "loopback", To: "+4930123"})
	if err == nil || !strings.Contains(err.Error(), `no agent is named "nobody"; there are frontdesk`) {
		t.Errorf("%v, want who there is", err)
	}
	err = st.Dial(t.Context(), "frontdesk", telephony.Outbound{Trunk: "loopback", To: "+4930123"})
	if !errors.Is(err, telephony.ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	<-reports
	if n := len(st.model.Sessions()); n != 0 {
		t.Errorf("%d sessions for somebody who did not answer", n)
	}
}

// Somebody who has answered is not left in silence when there is no model, and the record tells.
func TestDialWithoutModel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, ln.Close()) // nobody is there
	st, reports, errs := neighbour(t, setup{model: "ws://" + ln.Addr().String()}, phone.AnswerOptions{CallOptions: phone.CallOptions{Script: []phone.Step{phone.WaitBye{}}}})
	err = st.Dial(t.Context(), "frontdesk", telephony.Outbound{Trunk: "loopback", To: "+4930123"})
	if err == nil || !strings.Contains(err.Error(), "model cannot be reached") {
		t.Errorf("%v", err)
	}
	if human := <-reports; human.EndedBy != phone.Far {
		t.Errorf("ended by %v, want us", human.EndedBy)
	}
	must(t, <-errs)
	if call, _ := st.record(t, 0); call.EndedBy != "system" || call.Cause != "model cannot be reached" {
		t.Errorf("record %+v", call)
	}
}
