package trunkline

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

const (
	desk49     = "sip:desk@pbx.example"
	deskTrunks = `trunks: [ { name: loopback, sources: ["127.0.0.0/8"], transfers: ["` + desk49 + `"] } ]` + "\n"
)

// transfers is a tool that sends the caller to the desk, and keeps what came of it.
func transfers(outcome *error) lookupTool {
	return func(ctx context.Context, call *tools.Call) (string, error) {
		*outcome = call.Control.Transfer(ctx, desk49)
		return "moved", *outcome
	}
}

// A tool sends the caller elsewhere: the call is over, and the record says how.
func TestTransferByATool(t *testing.T) {
	outcome := errors.New("the tool did not run")
	s := stage(t, setup{yaml: deskTrunks, lookup: transfers(&outcome)})
	report, err := s.call(t, t.Context(), "+15551230001", phone.TakeTransfer{Reports: []int{100, 200}}, phone.WaitBye{})
	must(t, err)
	if !slices.Equal(report.Transfers, []string{desk49}) || report.EndedBy != phone.Far {
		t.Errorf("asked to call %q, ended by %s", report.Transfers, report.EndedBy)
	}
	c, _ := s.record(t, 0)
	if c.EndedBy != "agent" || c.Cause != "transferred" {
		t.Errorf("ended by %s: %s", c.EndedBy, c.Cause)
	}
	until(t, "all sessions are closed", func() bool { return sessions(t, s.metrics) == 0 })
}

// A transfer that is refused, or that the trunk does not allow, is the tool's failure; the call goes on.
func TestTransferThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		yaml   string
		script []phone.Step
		fails  func(error) bool
	}{
		"refused": {deskTrunks, []phone.Step{phone.RefuseTransfer{Status: 603}, phone.WaitBye{}}, func(err error) bool {
			var refused *telephony.TransferError
			return errors.As(err, &refused)
		}},
		"not allowed": {"", []phone.Step{phone.WaitBye{}}, func(err error) bool { return errors.Is(err, telephony.ErrTransferNotAllowed) }},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := errors.New("the tool did not run")
			s := stage(t, setup{yaml: c.yaml, lookup: transfers(&outcome)})
			_, err := s.call(t, t.Context(), "+15551230001", c.script...)
			must(t, err)
			record, _ := s.record(t, 0)
			if !c.fails(outcome) || record.ToolFailures != 1 || record.Cause != "hang_up" {
				t.Errorf("the tool got %v; %d failures, ended with %s", outcome, record.ToolFailures, record.Cause)
			}
		})
	}
}

// The model is lost for good: the caller hears the fallback's clip and is sent to the desk.
func TestFallback(t *testing.T) {
	const fallback = `agents: [ { name: frontdesk, realtime: main, greeting: "Hello!", tools: [lookup, hang_up], fallback: { clip: configs/clips/transfer.wav, transfer: "` +
		desk49 + `" } } ]` + "\n"
	s := stage(t, setup{yaml: deskTrunks + fallback, script: silentScript()})
	over := make(chan phone.Report, 1)
	go func() {
		report, err := s.call(t, t.Context(), "+15551230001", phone.TakeTransfer{Reports: []int{200}}, phone.WaitBye{})
		if err != nil {
			t.Error(err)
		}
		over <- report
	}()
	session, err := s.model.WaitSession(t.Context(), 0)
	must(t, err)
	until(t, "the call is answered", func() bool { return session.Record().Appends > 0 })
	must(t, s.model.SetFaults(simulator.Faults{UpgradeStatus: 401}))
	session.Drop()
	if report := <-over; !slices.Equal(report.Transfers, []string{desk49}) {
		t.Errorf("asked to call %q", report.Transfers)
	}
	c, entries := s.record(t, 0)
	if c.Cause != "transferred" || c.Reconnects != 0 {
		t.Errorf("%+v", c)
	}
	var notes []string
	for _, e := range entries {
		if e.Kind == store.KindNote {
			notes = append(notes, e.Text)
		}
	}
	if want := []string{"the fallback clip is played", "the caller is transferred"}; !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// The caller puts us on hold, between two lines, and comes back: the transcript has both.
func TestHold(t *testing.T) {
	s := stage(t, setup{script: silentScript()})
	p, err := phone.New(phone.Config{})
	must(t, err)
	defer p.Close()
	_, err = p.Call(t.Context(), phone.CallOptions{To: "sip:+15551230001@" + s.SIPAddrs()[0].Addr.String(),
		Script: []phone.Step{phone.WaitQuiet{}, phone.Hold{}, phone.Resume{}, phone.Hangup{}},
		OnEvent: func(e phone.Event) { // the phone waits: a hold that is over before it was seen is none
			switch e.Kind {
			case phone.OnHold:
				until(t, "the hold is noticed", func() bool { return slices.Equal(holds(t, s), []string{"on"}) })
			case phone.Resumed:
				until(t, "the end of it is noticed", func() bool { return slices.Equal(holds(t, s), []string{"on", "off"}) })
			}
		}})
	must(t, err)
	s.record(t, 0)
	until(t, "all sessions are closed", func() bool { return sessions(t, s.metrics) == 0 })
}

// holds are what the transcript of the only call has of them.
func holds(t *testing.T, s *stand) (states []string) {
	t.Helper()
	page, err := s.Store().List(t.Context(), store.Query{})
	must(t, err)
	if len(page.Calls) == 0 {
		return nil
	}
	entries, err := s.Store().Entries(t.Context(), page.Calls[0].ID, "", 0)
	must(t, err)
	for _, e := range entries {
		if e.Kind == store.KindHold {
			states = append(states, e.Status)
		}
	}
	return states
}

func TestColleague(t *testing.T) {
	s := &Service{desks: map[string]*desk{"billing": {Desk: agent.Desk{Service: "main"}}}}
	if d, ok := s.colleague("billing"); !ok || d.Service != "main" {
		t.Errorf("got %+v, %v", d, ok)
	}
	if _, ok := s.colleague("sales"); ok {
		t.Error("found somebody who is not there")
	}
}
