package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/examples/internal/stage"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
)

// ask is the model asking for the booking. Raw, because the hour is a number.
var ask = simulator.Action{Call: "book_appointment", Raw: atTen}

// hold holds a call with an empty diary.
func hold(t *testing.T, p stage.Play, slow func(context.Context) error) ([]store.Entry, *Diary) {
	t.Helper()
	r, diary := registry(t)
	diary.slow = slow
	p.Config, p.Tools = stage.Load(t, nil, r.Names()...), r
	return stage.Hold(t, p), diary
}

func clip(t *testing.T, name string) []int16 {
	t.Helper()
	samples, _, ok := simulator.CallerClip(name)
	if !ok {
		t.Fatalf("there is no clip %s", name)
	}
	return samples
}

// A model that asks twice for the same booking, in two function calls of one phone call, books once and reads the same.
func TestAskedTwice(t *testing.T) {
	look := simulator.Action{Call: "free_hours", Arguments: map[string]string{"day": "2026-03-02"}}
	lines, diary := hold(t, stage.Play{Script: stage.Asks(look, ask, ask), Caller: []phone.Step{phone.WaitBye{}}}, nil)
	if free := stage.Results(lines, "free_hours"); len(free) != 1 || free[0].Result != "[9,10,11,12,13,14,15,16]" {
		t.Errorf("free_hours: %+v", free)
	}
	booked := stage.Results(lines, "book_appointment")
	if len(booked) != 2 {
		t.Fatalf("%d results, want 2: %+v", len(booked), lines)
	}
	for _, e := range booked {
		if e.Result != `{"result":"booked for 2026-03-02 at 10:00"}` {
			t.Errorf("result %s %s", e.Status, e.Result)
		}
	}
	if all := diary.All(); len(all) != 1 {
		t.Errorf("the diary has %+v, want one booking", all)
	}
	for _, e := range lines {
		if strings.Contains(e.Arguments+e.Result+e.Text, "Lovelace") {
			t.Errorf("the record has the name: %+v", e)
		}
	}
}

// A caller who cuts in while the booking is read back has said no: nothing is booked.
func TestCutInBeforeTheBooking(t *testing.T) {
	greeting := simulator.Answer{Do: []simulator.Action{{Say: []string{"a02"}}, ask}}
	goodbye := &simulator.Answer{Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}
	script := &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &greeting, Otherwise: goodbye}}, Otherwise: goodbye}
	caller := []phone.Step{phone.SayOver{Clip: clip(t, "rms-c14"), After: time.Second}, phone.WaitBye{}}
	lines, diary := hold(t, stage.Play{Script: script, Caller: caller}, nil)
	if all := diary.All(); len(all) != 0 {
		t.Errorf("the diary has %+v, want nothing", all)
	}
	refused := stage.Results(lines, "book_appointment")
	if len(refused) != 1 || !strings.Contains(refused[0].Result, "nothing was done") {
		t.Errorf("the model reads %+v, want that nothing was done", refused)
	}
}

// A caller who speaks while it is being booked does not stop it.
func TestCutInWhileBooking(t *testing.T) {
	begun, spoken := make(chan struct{}), make(chan struct{})
	script := stage.Asks(ask)
	script.Otherwise = &simulator.Answer{Do: []simulator.Action{{Say: []string{"a08"}}}}
	var once sync.Once
	play := stage.Play{Script: script,
		Caller: []phone.Step{phone.Until{Done: begun}, phone.Say{Clip: clip(t, "rms-c16")}, phone.WaitBye{}},
		OnLine: func(e store.Entry) {
			if e.Kind == store.KindTurn && e.Role == store.RoleCaller {
				once.Do(func() { close(spoken) })
			}
		}}
	lines, diary := hold(t, play, func(ctx context.Context) error {
		close(begun)
		select {
		case <-spoken:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	if all := diary.All(); len(all) != 1 {
		t.Errorf("the diary has %+v, want the booking; record: %+v", all, lines)
	}
}
