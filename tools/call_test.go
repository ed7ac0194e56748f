package tools

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestInvocationKey(t *testing.T) {
	call := &Call{ID: "c1"}
	a := call.For("call_1").Invocation
	if a != call.For("call_1").Invocation || a != (&Call{ID: "c1"}).For("call_1").Invocation {
		t.Error("the key of a repeated run differs")
	}
	for _, other := range []*Call{call.For("call_2"), (&Call{ID: "c2"}).For("call_1"), (&Call{ID: "c1c"}).For("all_1")} {
		if other.Invocation == a {
			t.Error("two runs share a key")
		}
	}
	if call.For("").Invocation == call.For("").Invocation {
		t.Error("runs without a call_id share a key")
	}
}

func TestCallInHandler(t *testing.T) {
	r := NewRegistry()
	var got *Call
	must(t, Add(r, "look", "", func(_ context.Context, c *Call, _ struct{}) (string, error) {
		got = c
		return "", c.Control.Hangup(t.Context(), "x")
	}))
	base := &Call{ID: "c1", Caller: "+15550001", Dialled: "+15550002", Agent: "desk"}
	o := r.Run(t.Context(), Invocation{Name: "look", Call: base.For("call_7")})
	if !errors.Is(o.Err, ErrNoLine) {
		t.Errorf("no line: %v", o.Err)
	}
	want := base.For("call_7")
	if got.ID != "c1" || got.Caller != base.Caller || got.Dialled != base.Dialled || got.Agent != "desk" || got.CallID != "call_7" || got.Invocation != want.Invocation {
		t.Errorf("got %s %s %s", got.ID, got.CallID, got.Invocation)
	}
	r.Run(t.Context(), Invocation{Name: "look", Call: &Call{Invocation: "mine"}})
	if got.Invocation != "mine" {
		t.Errorf("own key lost: %s", got.Invocation)
	}
	r.Run(t.Context(), Invocation{Name: "look"})
	if got == nil || got.Invocation == "" {
		t.Error("a run without a call has no key")
	}
}

// cutter is a line that notes what a tool did to it. Its caller presses the key 5.
type cutter struct {
	reason, target string
	keys           string // that its caller presses; "": 5
	pressed        string // at the other end
	said           string // by the agent
	secret         bool
	asked          Consultation
	err            error
}

func (c *cutter) Hangup(_ context.Context, reason string) error {
	c.reason = reason
	return nil
}

func (c *cutter) Transfer(_ context.Context, target string) error {
	c.target = target
	return c.err
}

func (c *cutter) Consult(_ context.Context, q Consultation) error {
	c.asked = q
	return c.err
}

// A handler's words go to its own run; nothing, and too much, is refused at once.
func TestCallSay(t *testing.T) {
	line := &cutter{}
	c := (&Call{ID: "a", Control: line}).For("c1")
	must(t, c.Say(t.Context(), "One moment."))
	if line.said != "c1: One moment." {
		t.Errorf("%q", line.said)
	}
	for _, text := range []string{"", strings.Repeat("x", 301)} {
		if c.Say(t.Context(), text) == nil {
			t.Errorf("%d bytes were taken", len(text))
		}
	}
	if err := (&Call{}).Say(t.Context(), "x"); !errors.Is(err, ErrNoLine) {
		t.Errorf("without a line: %v", err)
	}
}

func (c *cutter) Say(_ context.Context, callID, text string) error {
	c.said = callID + ": " + text
	return nil
}

func (c *cutter) SendDigits(_ context.Context, keys string) error {
	c.pressed = keys
	return c.err
}

func (c *cutter) Digits(ctx context.Context, secret bool) <-chan rune {
	c.secret = secret
	keys := make(chan rune, 64)
	for _, key := range cmp.Or(c.keys, "5") {
		keys <- key
	}
	context.AfterFunc(ctx, func() { close(keys) })
	return keys
}

func TestControlReachesTheLine(t *testing.T) {
	r, line := NewRegistry(), &cutter{}
	must(t, Add(r, "act", "", func(ctx context.Context, c *Call, _ struct{}) (string, error) {
		key := <-c.Control.Digits(ctx, false)
		return string(key), errors.Join(c.Control.Transfer(ctx, "+4930"), c.Control.Hangup(ctx, "abuse"))
	}))
	o := r.Run(t.Context(), Invocation{Name: "act", Call: &Call{Control: line}})
	if line.reason != "abuse" || line.target != "+4930" || o.Output != `{"result":"5"}` {
		t.Errorf("got %+v and %+v", line, o)
	}
}

// TestNoLine: a handler under test has a line that says it is none.
func TestNoLine(t *testing.T) {
	r := NewRegistry()
	must(t, Add(r, "act", "", func(ctx context.Context, c *Call, _ struct{}) (string, error) {
		if key, ok := <-c.Control.Digits(ctx, false); ok {
			t.Errorf("somebody pressed %c", key)
		}
		for _, err := range []error{c.Control.Transfer(ctx, "+4930"), c.Control.Hangup(ctx, "")} {
			if !errors.Is(err, ErrNoLine) {
				t.Errorf("got %v", err)
			}
		}
		return "", nil
	}))
	if o := r.Run(t.Context(), Invocation{Name: "act"}); o.Status != StatusOK {
		t.Errorf("got %+v", o)
	}
}

func TestValuesAreSharedByParallelTools(t *testing.T) {
	r := NewRegistry()
	must(t, Add(r, "keep", "", func(_ context.Context, c *Call, in struct {
		Key string `json:"key"`
	}) (string, error) {
		c.Set(in.Key, in.Key)
		return "", nil
	}))
	base := &Call{ID: "c1"}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r.Run(t.Context(), Invocation{Name: "keep", Arguments: fmt.Sprintf(`{"key":"k%d"}`, i), Call: base.For(fmt.Sprint(i))})
		})
	}
	wg.Wait()
	for i := range 16 {
		if v, ok := base.Get(fmt.Sprintf("k%d", i)); !ok || v != fmt.Sprintf("k%d", i) {
			t.Errorf("k%d is %v %v", i, v, ok)
		}
	}
	if _, ok := (&Call{}).Get("k1"); ok {
		t.Error("values leak into another phone call")
	}
}

func TestLogger(t *testing.T) {
	(&Call{}).Logger().Error("discarded")
	var log bytes.Buffer
	r := NewRegistry()
	must(t, Add(r, "talk", "", func(_ context.Context, c *Call, _ struct{}) (string, error) {
		c.Logger().Info("hello")
		return "", nil
	}))
	call := (&Call{ID: "c1", Log: slog.New(slog.NewTextHandler(&log, nil))}).For("call_1")
	r.Run(t.Context(), Invocation{Name: "talk", Call: call})
	if !strings.Contains(log.String(), "tool=talk invocation="+call.Invocation) {
		t.Error(log.String())
	}
}
