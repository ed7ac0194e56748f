package tools

import (
	"context"
	"testing"
)

func TestRecordedIsWhatTheOutcomeRecords(t *testing.T) {
	r := NewRegistry()
	pay := func(context.Context, *Call, struct {
		Card   string `json:"card"`
		Amount int    `json:"amount"`
	}) (string, error) {
		return "paid", nil
	}
	if err := Add(r, "pay", "", pay, Redact("card")); err != nil {
		t.Fatal(err)
	}
	const arguments = `{ "card": "4111111111111111", "amount": 5 }`
	want := `{"amount":5,"card":"[redacted]"}`
	if got := r.Recorded("pay", arguments); got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
	if got := r.Run(t.Context(), Invocation{Name: "pay", Arguments: arguments}).Arguments; got != want {
		t.Errorf("the outcome recorded %s, want %s", got, want)
	}
	if got := r.Recorded("nonsense", arguments); got != "" {
		t.Errorf("recorded %s of a tool that is unknown", got)
	}
}
