package tools

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCollect(t *testing.T) {
	for _, tc := range []struct {
		name, keys string
		rules      Collect
		status     Status
		output     string
	}{
		{"ended by #", "4271#99", Collect{}, StatusOK, `{"digits":"4271"}`},
		{"ended by its length", "427199", Collect{Min: 4, Max: 4}, StatusOK, `{"digits":"4271"}`},
		{"ended by a pause", "4271", Collect{}, StatusOK, `{"digits":"4271"}`},
		{"begun anew", "42*13#", Collect{}, StatusOK, `{"digits":"13"}`},
		{"letters are no digits", "4A2!#", Collect{}, StatusOK, `{"digits":"42"}`},
		{"nothing", "#", Collect{}, StatusToolError, `{"error":"the caller pressed no key in time"}`},
		{"too short", "42#", Collect{Min: 4, Max: 8}, StatusToolError, `{"error":"the caller pressed 2 digits and it takes at least 4; ask again"}`},
		{"good check digit", "4242424242424242#", Collect{Luhn: true, Min: 12}, StatusOK, `{"digits":"4242424242424242"}`},
		{"wrong check digit", "4242424242424241#", Collect{Luhn: true, Min: 12}, StatusToolError, "check digit"},
		{"check digit of an odd length", "79927398713#", Collect{Luhn: true, Min: 2}, StatusOK, `{"digits":"79927398713"}`},
		{"two digits swapped", "79927398731#", Collect{Luhn: true, Min: 2}, StatusToolError, "check digit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, line := NewRegistry(), &cutter{keys: tc.keys}
				must(t, AddCollect(r, "number", "", tc.rules))
				o := r.Run(t.Context(), Invocation{Name: "number", Call: &Call{Control: line}})
				if o.Status != tc.status || !strings.Contains(o.Output, tc.output) {
					t.Errorf("got %s %s", o.Status, o.Output)
				}
			})
		})
	}
}

// A secret number reaches the tools of the call and nobody else, not even in part.
func TestCollectSecret(t *testing.T) {
	r, line := NewRegistry(), &cutter{keys: "8361#"}
	must(t, AddCollect(r, "pin", "", Collect{Min: 4, Max: 4, Secret: true}))
	call := &Call{Control: line}
	o := r.Run(t.Context(), Invocation{Name: "pin", Call: call})
	if o.Output != `{"entered":true,"length":4}` || !line.secret {
		t.Errorf("output %s, secret to the line: %v", o.Output, line.secret)
	}
	if pin, ok := call.Get("pin"); pin != "8361" || !ok {
		t.Errorf("the call has %v", pin)
	}
}

// The caller who presses nothing is waited for as long as the rules say, and no longer.
func TestCollectWaits(t *testing.T) {
	for _, tc := range []struct {
		keys string
		want time.Duration
	}{{"", 7 * time.Second}, {"4", 3 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			r := NewRegistry()
			must(t, AddCollect(r, "number", "", Collect{First: 7 * time.Second, Between: 3 * time.Second}))
			began := time.Now()
			r.Run(t.Context(), Invocation{Name: "number", Call: &Call{Control: silentKeys{noLine{}, tc.keys}}})
			if took := time.Since(began); took != tc.want {
				t.Errorf("%q: gave up after %v, want %v", tc.keys, took, tc.want)
			}
		})
	}
}

// silentKeys is a line whose caller presses only these keys.
type silentKeys struct {
	Control
	keys string
}

func (s silentKeys) Digits(ctx context.Context, _ bool) <-chan rune {
	keys := make(chan rune, 8)
	for _, key := range s.keys {
		keys <- key
	}
	context.AfterFunc(ctx, func() { close(keys) })
	return keys
}

func TestCollectIsRefused(t *testing.T) {
	for _, tc := range []struct {
		rules Collect
		want  string
	}{
		{Collect{Min: 5, Max: 4}, "between 5 and 4"},
		{Collect{Max: 33}, "at most 32"},
		{Collect{First: time.Hour}, "at most 2m0s"},
		{Collect{Luhn: true}, "at least 2"},
	} {
		if err := AddCollect(NewRegistry(), "n", "", tc.rules); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.rules, err)
		}
	}
}
