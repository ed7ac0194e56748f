package tools

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"
)

func addEcho(t testing.TB, r *Registry, name string, opts ...Option) {
	t.Helper()
	must(t, Add(r, name, "Echoes.", func(_ context.Context, _ *Call, in struct {
		Text string `json:"text"`
	}) (string, error) {
		return in.Text, nil
	}, opts...))
}

func TestDescribe(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "beta")
	addEcho(t, r, "alpha")
	defs, err := r.Describe([]string{"beta", "alpha"})
	must(t, err)
	text, err := json.Marshal(defs[0])
	must(t, err)
	want := `{"type":"function","name":"beta","description":"Echoes.","parameters":{"type":"object",` +
		`"properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}}`
	if string(text) != want || defs[1].Name != "alpha" {
		t.Errorf("got %s then %s", text, defs[1].Name)
	}
	defs[0].Parameters[0] = 'X' // must not reach the registry
	again, err := r.Describe([]string{"beta"})
	must(t, err)
	if again[0].Parameters[0] != '{' {
		t.Error("the definition is shared")
	}
}

func TestDescribeErrors(t *testing.T) {
	r := NewRegistry()
	_, err := r.Describe([]string{"x"})
	wantContains(t, err.Error(), `"x"`, "known are none")
	addEcho(t, r, "beta")
	addEcho(t, r, "alpha")
	_, err = r.Describe([]string{"alpha", "gamma"})
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	wantContains(t, err.Error(), `"gamma"`, "alpha, beta")
	if _, err = r.Describe([]string{"alpha", "alpha"}); err == nil {
		t.Error("a name listed twice was accepted: the server would refuse the session")
	}
	if defs, err := r.Describe(nil); err != nil || len(defs) != 0 {
		t.Errorf("no names: %v %v", defs, err)
	}
}

func TestDefinitionWithoutDescription(t *testing.T) {
	text, err := json.Marshal(Definition{Name: "n", Parameters: json.RawMessage(`{}`)})
	must(t, err)
	if want := `{"type":"function","name":"n","parameters":{}}`; string(text) != want {
		t.Errorf("got %s", text)
	}
}

func TestSubsetIsAnAllowList(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "alpha", Concurrency(3))
	addEcho(t, r, "beta")
	sub, err := r.Subset("alpha")
	must(t, err)
	if o := sub.Run(t.Context(), Invocation{Name: "alpha", Arguments: `{"text":"hi"}`}); o.Status != StatusOK {
		t.Errorf("alpha: %+v", o)
	}
	o := sub.Run(t.Context(), Invocation{Name: "beta", Arguments: `{"text":"hi"}`})
	if o.Status != StatusUnknown || !errors.Is(o.Err, ErrUnknown) || o.Attempts != 0 {
		t.Errorf("beta: %+v", o)
	}
	if got := fault(t, o); got != `there is no tool of that name; the tools are: alpha` {
		t.Error(got)
	}
	if _, err := r.Subset("gamma"); !errors.Is(err, ErrUnknown) {
		t.Errorf("gamma: %v", err)
	}
	must(t, r.Close(t.Context()))
	if o := sub.Run(t.Context(), Invocation{Name: "alpha", Arguments: `{"text":"hi"}`}); !errors.Is(o.Err, ErrClosed) {
		t.Errorf("after Close: %+v", o)
	}
}

func TestInfo(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "plain")
	addEcho(t, r, "careful", Timeout(time.Second), MaxResult(100), OnInterrupt(Finish), Concurrency(2), Redact("text"))
	plain, _ := r.Info("plain")
	if want := (Info{Name: "plain", Description: "Echoes.", Timeout: 10 * time.Second, MaxResult: 8192}); !reflect.DeepEqual(plain, want) {
		t.Errorf("got %+v", plain)
	}
	careful, _ := r.Info("careful")
	want := Info{Name: "careful", Description: "Echoes.", Timeout: time.Second, MaxResult: 100, OnInterrupt: Finish, Concurrency: 2, Redact: []string{"text"}}
	if !reflect.DeepEqual(careful, want) || careful.OnInterrupt.String() != "finish" {
		t.Errorf("got %+v", careful)
	}
	if _, ok := r.Info("none"); ok {
		t.Error("found a tool that is not there")
	}
}

// Adding, describing and running at once is for the race detector.
func TestRegistryIsSafeForParallelUse(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "first")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			h := func(context.Context, *Call, none) (none, error) { return none{}, nil }
			if err := Add(r, "tool-"+string(rune('a'+i)), "", h); err != nil {
				t.Error(err)
			}
			r.Run(t.Context(), Invocation{Name: "first", Arguments: `{"text":"x"}`})
			if _, err := r.Describe([]string{"first"}); err != nil {
				t.Error(err)
			}
			r.Names()
			r.Stats()
		})
	}
	wg.Wait()
	if n := len(r.Names()); n != 21 {
		t.Errorf("%d tools", n)
	}
}
