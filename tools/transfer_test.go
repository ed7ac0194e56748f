package tools

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var desksToReach = []Destination{
	{Name: "sales", Description: "orders and prices", To: "+4930123", Attended: true, Ring: 20 * time.Second},
	{Name: "hotline", To: "sip:hotline@pbx.example"},
}

func TestTransfer(t *testing.T) {
	busy := errors.New("486 from 192.0.2.7")
	for _, tc := range []struct {
		name, arguments string
		err             error // of the line
		status          Status
		effect          Effect
		asked, target   string // what the line was told
		output          string // part of it
	}{
		{"attended", `{"to":"sales","summary":"Ada, an order"}`, nil, StatusOK, PutThrough, "+4930123", "", "talk to each other"},
		{"blind", `{"to":"hotline","summary":"Ada"}`, nil, StatusOK, NoEffect, "", "sip:hotline@pbx.example", "put through"},
		{"busy, told", `{"to":"sales","summary":"Ada"}`, Tell("they are busy"), StatusToolError, NoEffect, "+4930123", "", `{"error":"they are busy"}`},
		{"fault, hidden", `{"to":"hotline","summary":"Ada"}`, busy, StatusToolError, NoEffect, "", "sip:hotline@pbx.example", "the tool failed (ref "},
		{"a number of the caller's", `{"to":"+882990001","summary":"Ada"}`, nil, StatusInvalid, NoEffect, "", "", "to"},
		{"nobody told what about", `{"to":"sales"}`, nil, StatusInvalid, NoEffect, "", "", "summary"},
		{"a number beside the name", `{"to":"sales","summary":"x","number":"+882990001"}`, nil, StatusInvalid, NoEffect, "", "", "number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, line := NewRegistry(), &cutter{err: tc.err}
			must(t, AddTransfer(r, desksToReach...))
			o := r.Run(t.Context(), Invocation{Name: "transfer", Arguments: tc.arguments, Call: &Call{Control: line}})
			if o.Status != tc.status || o.Effect != tc.effect || !strings.Contains(o.Output, tc.output) {
				t.Errorf("%+v", o)
			}
			if line.asked.To != tc.asked || line.target != tc.target {
				t.Errorf("the line was told %+v", line)
			}
			if tc.asked != "" && (line.asked.Name != "sales" || line.asked.Ring != 20*time.Second || !strings.HasPrefix(line.asked.Summary, "Ada")) {
				t.Errorf("asked %+v", line.asked)
			}
			if strings.Contains(o.Output, "192.0.2") {
				t.Errorf("the model was told a fault: %s", o.Output)
			}
		})
	}
}

// The model learns names and what they are for, and no number.
func TestTransferDefinition(t *testing.T) {
	r := NewRegistry()
	must(t, AddTransfer(r, desksToReach...))
	defs, err := r.Describe([]string{"transfer"})
	must(t, err)
	all := defs[0].Description + string(defs[0].Parameters)
	for _, want := range []string{"- sales: orders and prices (they are asked first", "- hotline", `"enum":["sales","hotline"]`} {
		if !strings.Contains(all, want) {
			t.Errorf("lacks %q: %s", want, all)
		}
	}
	if strings.Contains(all, "4930123") || strings.Contains(all, "pbx.example") {
		t.Errorf("tells where the call goes: %s", all)
	}
	if info, _ := r.Info("transfer"); info.OnInterrupt != Finish {
		t.Error("a word of the caller cancels it")
	}
}

func TestTransferIsRefused(t *testing.T) {
	for _, tc := range []struct {
		to   []Destination
		want string
	}{
		{nil, "nobody"},
		{[]Destination{{Name: "a"}}, "somewhere to call"},
		{[]Destination{{To: "+49"}}, "needs a name"},
		{[]Destination{{Name: "a", To: "+49"}, {Name: "a", To: "+50"}}, `"a" is listed twice`},
	} {
		if err := AddTransfer(NewRegistry(), tc.to...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.to, err)
		}
	}
}
