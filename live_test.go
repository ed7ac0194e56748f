package trunkline

import (
	"errors"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/supervisor"
	"github.com/trunkline/trunkline/telephony/phone"
)

// waiting is a model that greets and then waits for what the caller says.
func waiting() *simulator.Script {
	return &simulator.Script{States: []simulator.State{{Name: "open",
		Greeting: &simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}}}}}}
}

// held is the id of the only call, once it talks.
func (st *stand) held(t *testing.T) (id string) {
	t.Helper()
	until(t, "a call is held", func() bool {
		st.live.mu.Lock()
		defer st.live.mu.Unlock()
		for id = range st.live.calls {
		}
		return id != ""
	})
	return id
}

func TestSupervisorsActOnLiveCalls(t *testing.T) {
	st := stage(t, setup{script: waiting()})
	called := make(chan phone.Report, 1)
	go func() {
		r, _ := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.WaitBye{})
		called <- r
	}()
	id := st.held(t)
	if !st.live.Holds(id) || st.live.Holds("another") {
		t.Error("what the node holds is not what it says")
	}
	must(t, st.live.Tell(t.Context(), id, "The caller is a doctor.", "ada"))
	must(t, st.live.Silence(t.Context(), id, true, "ada"))
	until(t, "the model is off the call", func() bool { return st.live.Silenced(id) })
	if err := st.live.Transfer(t.Context(), id, "sales", "ada"); !errors.Is(err, supervisor.ErrRefused) {
		t.Errorf("transfer to nobody: %v", err)
	}
	must(t, st.live.Hangup(t.Context(), id, "ada"))
	if r := <-called; r.EndedBy != phone.Far {
		t.Errorf("ended by %v", r.EndedBy)
	}
	call, lines := st.record(t, 0)
	if call.EndedBy != "supervisor" {
		t.Errorf("record says %q", call.EndedBy)
	}
	if e := find(t, lines, store.KindNote); e.Author != "ada" || e.Role != store.RoleSupervisor {
		t.Errorf("%+v", e)
	}
	if e := find(t, lines, store.KindSilence); e.Author != "ada" || e.Status != "on" {
		t.Errorf("%+v", e)
	}
	for what, err := range map[string]error{"hang up": st.live.Hangup(t.Context(), id, "ada"), "tell": st.live.Tell(t.Context(), id, "x", "ada"),
		"transfer": st.live.Transfer(t.Context(), id, "sales", "ada")} {
		if !errors.Is(err, supervisor.ErrElsewhere) {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
}

// A supervisor has the caller put through to somebody who is asked first; then the two talk, and the model is gone.
func TestSupervisorPutsACallerThrough(t *testing.T) {
	answer := func(p simulator.Prompt) *simulator.Answer {
		if len(p.Context) > 0 && strings.Contains(p.Context[len(p.Context)-1], "A supervisor is putting") {
			return &simulator.Answer{Do: []simulator.Action{{Say: []string{"a02"}}}}
		}
		return briefs(p)
	}
	st, reports, errs := neighbour(t, setup{script: waiting(), answer: answer}, phone.AnswerOptions{CallOptions: phone.CallOptions{
		Script: []phone.Step{phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Digits{Keys: "1"}, phone.WaitBye{}}}})
	joined := make(chan struct{})
	called := make(chan phone.Report, 1)
	go func() {
		r, _ := st.call(t, t.Context(), "+15551230001", phone.Until{Done: joined}, phone.Hangup{})
		called <- r
	}()
	id := st.held(t)
	if got := st.live.Targets(id); len(got) != 1 || got[0] != "sales" {
		t.Errorf("targets %q", got)
	}
	must(t, st.live.Transfer(t.Context(), id, "sales", "ada"))
	close(joined)
	<-called
	human := <-reports
	must(t, <-errs)
	if human.EndedBy != phone.Far {
		t.Errorf("the colleague's call ended by %v", human.EndedBy)
	}
	_, lines := st.record(t, 0)
	if e := find(t, lines, store.KindTransfer); e.Text != "sales" || e.Status != "connected" || e.Author != "ada" {
		t.Errorf("%+v", e)
	}
}

// Whom the colleague refuses stays with the agent, and the supervisor is told why.
func TestSupervisorsTransferFails(t *testing.T) {
	st, _, errs := neighbour(t, setup{script: waiting(), answer: func(simulator.Prompt) *simulator.Answer {
		return &simulator.Answer{Do: []simulator.Action{{Say: []string{"a02"}}}}
	}}, phone.AnswerOptions{Refuse: 486})
	failed := make(chan struct{})
	called := make(chan error, 1)
	go func() {
		_, err := st.call(t, t.Context(), "+15551230001", phone.Until{Done: failed}, phone.Hangup{})
		called <- err
	}()
	err := st.live.Transfer(t.Context(), st.held(t), "sales", "ada")
	close(failed)
	if !errors.Is(err, supervisor.ErrRefused) || !strings.Contains(err.Error(), "they are busy") {
		t.Errorf("%v", err)
	}
	must(t, <-called)
	<-errs
}
