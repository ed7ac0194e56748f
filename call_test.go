package trunkline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

func TestCall(t *testing.T) {
	var mu sync.Mutex
	var tapped []store.Entry
	s := stage(t, setup{options: []Option{WithTap(func(_ string, entries []store.Entry) {
		mu.Lock()
		defer mu.Unlock()
		tapped = append(tapped, entries...)
	})}})
	report, err := s.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	if report.EndedBy != phone.Far {
		t.Errorf("ended by %q", report.EndedBy)
	}
	c, entries := s.record(t, 0)
	if c.EndedBy != "agent" || c.Cause != "hang_up" || c.Code != 200 || c.Codec != "PCMU" || c.Agent != "frontdesk" ||
		c.Trunk != "loopback" || c.Model != "simulator" || c.Caller != "+15550100001" || c.Dialled != "+15551230001" ||
		c.ToolCalls != 2 || c.FramesOut == 0 || c.MOSCaller == 0 || c.Node == "" || c.SIPCallID == "" {
		t.Errorf("%+v", c)
	}
	if e := find(t, entries, store.KindToolResult); e.Tool != "lookup" || e.Status != "ok" || e.Result != `{"result":"found"}` {
		t.Errorf("%+v", e)
	}
	if e := find(t, entries, store.KindTurn); e.Heard != e.Text || e.Text == "" {
		t.Errorf("%+v", e)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(tapped) < len(entries)-2 { // the writer adds the beginning and the end
		t.Errorf("tap saw %d of %d lines", len(tapped), len(entries))
	}
}

func TestUnknownNumber(t *testing.T) {
	s := stage(t, setup{})
	_, err := s.call(t, t.Context(), "+441234")
	if refused := (*phone.CallError)(nil); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("error is %v", err)
	}
	page, err := s.Store().List(t.Context(), store.Query{})
	must(t, err)
	if len(page.Calls) != 0 {
		t.Errorf("a refused call has a record: %+v", page.Calls)
	}
}

// A caller that gives up while the model is being reached leaves nothing: no record, and no mark against the model.
func TestCallerGivesUpWhileItRings(t *testing.T) {
	script := silentScript()
	script.Faults = simulator.Faults{IgnoreUpdates: true}
	s := stage(t, setup{script: script})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		_, err := s.call(t, ctx, "+15551230001")
		over <- err
	}()
	session, err := s.model.WaitSession(ctx, 0)
	must(t, err)
	until(t, "the session is asked for", func() bool { return len(session.Record().Events) > 0 })
	cancel()
	if err := <-over; err == nil {
		t.Error("the call was answered")
	}
	until(t, "the call has left", func() bool { return s.Stats().Active == 0 })
	if unready, degraded := s.ready(t.Context()); unready != nil || degraded != nil {
		t.Errorf("ready: %v, %v", unready, degraded)
	}
	if page, err := s.Store().List(t.Context(), store.Query{}); err != nil || len(page.Calls) != 0 {
		t.Errorf("%v, %+v", err, page)
	}
	if n := s.Stats().PortsInUse; n != 0 {
		t.Errorf("%d RTP ports are in use", n)
	}
}

// A panic in a tool costs its run: the model is told, the call goes on to its end.
func TestPanicInATool(t *testing.T) {
	s := stage(t, setup{lookup: func(context.Context, *tools.Call) (string, error) { panic("boom") }})
	report, err := s.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	c, entries := s.record(t, 0)
	if report.EndedBy != phone.Far || c.EndedBy != "agent" || c.Cause != "hang_up" || c.ToolFailures != 1 {
		t.Errorf("ended by %s: %+v", report.EndedBy, c)
	}
	e := find(t, entries, store.KindToolResult)
	if e.Status == "ok" || strings.Contains(e.Result, "boom") || !strings.Contains(e.Result, "error") {
		t.Errorf("%+v", e)
	}
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d handlers panicked", n)
	}
}

// A panic in a call's handler costs that call alone: its record is closed, another goes on, and the next is answered.
func TestPanicInAHandler(t *testing.T) {
	var mu sync.Mutex
	armed := false
	tap := func(string, []store.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if armed {
			armed = false
			panic("boom")
		}
	}
	s := stage(t, setup{script: silentScript(), options: []Option{WithTap(tap)}})
	other := s.hold(t)
	until(t, "the other call's greeting is written", func() bool { return s.Stats().Active == 1 && lines(t, s.Service) >= 2 })
	mu.Lock()
	armed = true
	mu.Unlock()
	report, err := s.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	if err != nil || report.EndedBy != phone.Far {
		t.Errorf("the call ends by %q: %v", report.EndedBy, err)
	}
	c, _ := s.record(t, 0)
	if c.EndedBy != "system" || c.Cause != "internal error" {
		t.Errorf("%+v", c)
	}
	stats := s.Stats()
	if stats.Panics != 1 || stats.Active != 1 {
		t.Errorf("%+v", stats)
	}
	select {
	case err := <-other.over:
		t.Errorf("the other call is over as well: %v", err)
	default:
	}
	next := s.hold(t)
	next.hangUp()
	next.wait(t)
	other.hangUp()
	other.wait(t)
	c, _ = s.record(t, 2)
	if c.EndedBy != "caller" {
		t.Errorf("the other call: %+v", c)
	}
	until(t, "all sessions are closed", func() bool { return sessions(t, s.metrics) == 0 })
}

// lines counts the lines of the newest call.
func lines(t *testing.T, s *Service) int {
	t.Helper()
	page, err := s.Store().List(t.Context(), store.Query{Limit: 1})
	must(t, err)
	if len(page.Calls) == 0 {
		return 0
	}
	entries, err := s.Store().Entries(t.Context(), page.Calls[0].ID, "", 0)
	must(t, err)
	return len(entries)
}
