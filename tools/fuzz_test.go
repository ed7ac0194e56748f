package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"
)

// fuzzIn has one of everything that a schema checks.
type fuzzIn struct {
	Code  string         `json:"code" pattern:"^[A-Z]{3}$"`
	Part  string         `json:"part,omitempty" enum:"a|b"`
	N     int64          `json:"n,omitempty" min:"-3" max:"1e15"`
	F     *float32       `json:"f,omitempty"`
	List  []inner        `json:"list,omitempty" max:"2"`
	Any   map[string]any `json:"any,omitempty"`
	Short string         `json:"short,omitempty" max:"2"`
}

var codePattern = regexp.MustCompile(`^[A-Z]{3}$`)

func (in fuzzIn) check(t *testing.T) {
	if !codePattern.MatchString(in.Code) || !slices.Contains([]string{"", "a", "b"}, in.Part) ||
		in.N != 0 && (in.N < -3 || in.N > 1e15) || len(in.List) > 2 || utf8.RuneCountInString(in.Short) > 2 {
		t.Errorf("the handler got %+v", in)
	}
}

// FuzzArguments: whatever the model writes, there is one outcome with a JSON output; the handler runs only with arguments
// that keep every promise of the schema; and the value of a redacted argument is recorded nowhere.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `null`, `[]`, `{"code":"ABC"}`, `{"code":"ABC","n":2.0,"f":1e3,"list":[{"zip":"12345"}],"any":{"x":[1]}}`,
		`{"code":"abc","n":1e999}`, `{"code":"ABC","code":1}`, `{"CODE":"ABC"}`, `{"code":"ABC","n":-4,"part":"c"}`,
		`{"code":"\ud800BC"}`, `{"code":"ABC","short":"äöü"}`, "{\"code\":\"AB\xff\"}", `{"code":"ABC","f":1e39}`, `{"code":"ABC","any":{"":null}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arguments string) {
		r, ran := NewRegistry(), false
		must(t, Add(r, "t", "", func(_ context.Context, _ *Call, in fuzzIn) (fuzzIn, error) {
			ran = true
			in.check(t)
			return in, nil
		}, Redact("code")))
		o := r.Run(t.Context(), Invocation{Name: "t", Arguments: arguments})
		output(t, o)
		if ran != (o.Status == StatusOK) || !ran && o.Status != StatusInvalid || len(o.Output) > DefaultMaxResult {
			t.Fatalf("%q: ran %v, %+v", arguments, ran, o)
		}
		var rec struct{ Code *string }
		if json.Unmarshal([]byte(o.Arguments), &rec) == nil && rec.Code != nil && *rec.Code != redacted {
			t.Fatalf("recorded %s", o.Arguments)
		}
	})
}

// FuzzParameters: a schema written by hand is refused or works; what is published is a schema again.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{
		orderSchema, `{}`, `{"properties":{"a":null}}`, `{"properties":{"a":{"$ref":"#"}}}`, `{"anyOf":[{"required":["a"]}]}`,
		`{"properties":{"a":{"type":["null","array"],"items":{"enum":[1,"a"]},"uniqueItems":true}}}`, `{"if":{},"then":false}`,
		`{"properties":{"a":{"const":null,"multipleOf":1e-300,"default":{}}},"additionalProperties":{"not":{}}}`, `{"minProperties":-1}`,
	} {
		f.Add(s, `{"a":[1,1],"b":{"c":null}}`)
	}
	f.Fuzz(func(t *testing.T, schema, arguments string) {
		p, err := parseParameters(json.RawMessage(schema))
		if err != nil {
			return
		}
		if _, err := parseParameters(p.text); err != nil {
			t.Fatalf("%s became %s: %v", schema, p.text, err)
		}
		r := NewRegistry()
		must(t, Add(r, "t", "", func(context.Context, *Call, map[string]any) (string, error) { return "", nil }, Parameters(json.RawMessage(schema))))
		if o := r.Run(t.Context(), Invocation{Name: "t", Arguments: arguments}); o.Status != StatusOK && o.Status != StatusInvalid {
			t.Fatalf("%s with %s: %+v", schema, arguments, o)
		}
	})
}

// FuzzWebhookResponse: whatever a service answers, there is a reply that fits or an error without its body.
func FuzzWebhookResponse(f *testing.F) {
	f.Add(200, "application/json", []byte(`{"a":1}`))
	f.Add(200, "text/plain", []byte("hi \xff"))
	f.Add(422, "application/json", []byte(`{"error":5}`))
	f.Add(204, "", []byte(" \n"))
	f.Fuzz(func(t *testing.T, status int, mediaType string, body []byte) {
		h := &hook{name: "t", host: "host"}
		rep, err := h.read(response{status: status, mediaType: mediaType, body: bytes.TrimSpace(body)})
		tool := &tool{name: "t", settings: settings{maxResult: 500}}
		o := tool.outcome(&Call{}, rep, err)
		if !json.Valid([]byte(o.Output)) || !utf8.ValidString(o.Output) || len(o.Output) > 500 {
			t.Fatalf("%d bytes: %q", len(o.Output), o.Output)
		}
		if ok := status >= 200 && status <= 299; o.Status == StatusOK && !ok {
			t.Fatalf("status %d taken for a result", status)
		}
	})
}
