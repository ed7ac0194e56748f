package tools

import (
	"context"
	"reflect"
	"testing"
)

// BenchmarkRun is what the package adds to a tool: checks, goroutine, deadline, bookkeeping.
func BenchmarkRun(b *testing.B) {
	r := NewRegistry()
	must(b, Add(r, "move", "", func(context.Context, *Call, move) (none, error) { return none{}, nil }))
	inv := Invocation{
		Name: "move", Arguments: `{"booking":"ABC123","day":"2026-12-01","part":"evening","guests":2}`,
		Call: (&Call{ID: "c1"}).For("call_1"),
	}
	b.ReportAllocs()
	for b.Loop() {
		if o := r.Run(context.Background(), inv); o.Status != StatusOK {
			b.Fatal(o.Err)
		}
	}
}

// BenchmarkCheck is the part of it that looks at the arguments.
func BenchmarkCheck(b *testing.B) {
	p, err := inferParameters(reflect.TypeFor[move]())
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.check(`{"booking":"ABC123","day":"2026-12-01","part":"evening","guests":2}`); err != nil {
			b.Fatal(err)
		}
	}
}
