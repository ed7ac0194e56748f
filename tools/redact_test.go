package tools

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

type payment struct {
	Amount float64 `json:"amount"`
	Card   string  `json:"card" pattern:"^[0-9]{16}$"`
	Payer  struct {
		Name string `json:"name"`
		CVC  int    `json:"cvc"`
	} `json:"payer"`
}

// A digit of the card must be nowhere but in the handler, whatever the model makes of the arguments.
func TestRedact(t *testing.T) {
	for _, tc := range []struct{ name, arguments, want string }{
		{"good", `{"amount":5.50,"card":"4111111111111111","payer":{"name":"Ann","cvc":4111}}`,
			`{"amount":5.50,"card":"[redacted]","payer":{"cvc":"[redacted]","name":"Ann"}}`},
		{"misspelt", `{"amount":1,"card_no":"4111111111111111"}`, `{"[unknown]":"[redacted]","amount":1}`},
		{"as name", `{"4111111111111111":1}`, `{"[unknown]":"[redacted]"}`},
		{"wrong type", `{"card":{"n":["4111"]}}`, `{"card":"[redacted]"}`},
		{"number", `{"card":4111111111111111}`, `{"card":"[redacted]"}`},
		{"huge number", `{"card":4111e99999}`, `{"card":"[redacted]"}`},
		{"list", `[{"card":"4111"}]`, `[redacted]`},
		{"bare", `"4111"`, `[redacted]`},
		{"no JSON", `{"card":"4111`, `[redacted]`},
		{"empty", ``, `{}`},
		{"too long", `{"card":"4111` + strings.Repeat(" ", maxArguments) + `"}`, `[redacted]`},
		{"out of range", `{"amount":1,"card":"4111111111111111","payer":{"name":"Ann","cvc":4111e30}}`,
			`{"amount":1,"card":"[redacted]","payer":{"cvc":"[redacted]","name":"Ann"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			r, got := NewRegistry(), payment{}
			must(t, Add(r, "pay", "", func(_ context.Context, _ *Call, in payment) (string, error) {
				got = in
				return "", errPrivate
			}, Redact("card"), Redact("cvc")))
			o := r.Run(t.Context(), Invocation{Name: "pay", Arguments: tc.arguments, Call: &Call{Log: slog.New(slog.NewTextHandler(&log, nil))}})
			if o.Arguments != tc.want {
				t.Errorf("recorded %s", o.Arguments)
			}
			wantNot(t, log.String()+o.Arguments+o.Output+o.Err.Error(), "4111")
			if tc.name == "good" && (got.Card != "4111111111111111" || got.Payer.CVC != 4111) {
				t.Errorf("the handler got %+v", got)
			}
		})
	}
}

func TestRedactOpenObjects(t *testing.T) {
	r := NewRegistry()
	must(t, Add(r, "raw", "", func(context.Context, *Call, map[string]any) (string, error) { return "", nil }, Redact("card")))
	o := r.Run(t.Context(), Invocation{Name: "raw", Arguments: `{"card":"4111","cardno":"4111"}`})
	if o.Arguments != `{"card":"[redacted]","cardno":"[redacted]"}` {
		t.Error(o.Arguments)
	}
}

func TestRecordedWithoutRedact(t *testing.T) {
	r := NewRegistry()
	addEcho(t, r, "echo")
	for _, tc := range []struct{ arguments, want string }{
		{"{ \"text\" : \"a&b\" }", `{"text":"a&b"}`},
		{`{"text":12345678901234567890.10}`, `{"text":12345678901234567890.10}`},
		{`{"text":`, `{"text":`},
		{`{"text":"` + strings.Repeat("x", maxRecorded) + `"}`, `{"text":"` + strings.Repeat("x", maxRecorded-9) + `…`},
		{strings.Repeat("[", maxArguments+1), strings.Repeat("[", maxRecorded) + `…`},
	} {
		if o := r.Run(t.Context(), Invocation{Name: "echo", Arguments: tc.arguments}); o.Arguments != tc.want {
			t.Errorf("%.40s: recorded %.60s (%d bytes)", tc.arguments, o.Arguments, len(o.Arguments))
		}
	}
}
