package tools

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func adoptText(t testing.TB, schema string) (string, error) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(schema), &v); err != nil {
		return "", err
	}
	m, err := adopt(v, v)
	if err != nil {
		return "", err
	}
	text, err := marshal(m)
	must(t, err)
	return string(text), nil
}

func TestAdoptSchema(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"plain": {`{"type":"object","title":"T","properties":{"a":{"type":"string","x-y":1,"example":"e"}},"required":["a"]}`,
			`{"properties":{"a":{"type":"string"}},"required":["a"],"type":"object"}`},
		"reference": {`{"$defs":{"d/y":{"type":"integer","description":"old"}},"properties":{"a":{"$ref":"#/$defs/d~1y","description":"new"},"b":{"$ref":"#/$defs/d~1y"}}}`,
			`{"properties":{"a":{"description":"new","type":"integer"},"b":{"description":"old","type":"integer"}}}`},
		"holds itself": {`{"properties":{"n":{"type":"string"},"next":{"$ref":"#"}}}`,
			`{"properties":{"n":{"type":"string"},"next":{"properties":{"n":{"type":"string"},"next":{}}}}}`},
		"holds itself, typed": {`{"type":"object","properties":{"next":{"$ref":"#"}}}`, `{"properties":{"next":{"properties":{"next":{"type":"object"}},"type":"object"}},"type":"object"}`},
		"nullable":            {`{"type":"string","nullable":true,"enum":["a"]}`, `{"enum":["a",null],"type":["string","null"]}`},
		"exclusive":           {`{"type":"integer","minimum":1,"exclusiveMinimum":true,"maximum":9,"exclusiveMaximum":false}`, `{"exclusiveMinimum":1,"maximum":9,"type":"integer"}`},
		"tuple":               {`{"type":"array","items":[{"type":"string"},true]}`, `{"prefixItems":[{"type":"string"},true],"type":"array"}`},
		"read only":           {`{"properties":{"id":{"readOnly":true},"n":{}},"required":["id","n"]}`, `{"properties":{"n":{}},"required":["n"]}`},
		"pattern":             {`{"pattern":"^(?!x)","patternProperties":{"(?=x)":{},"^y":{"pattern":"^a$"}}}`, `{"patternProperties":{"^y":{"pattern":"^a$"}}}`},
		"logic":               {`{"anyOf":[{"const":1},{"not":{"type":"null"}}],"additionalProperties":false}`, `{"additionalProperties":false,"anyOf":[{"const":1},{"not":{"type":"null"}}]}`},
		"anything":            {`true`, `{}`},
	} {
		if got, err := adoptText(t, tc.in); err != nil || got != tc.want {
			t.Errorf("%s\n got %s, %v\nwant %s", name, got, err, tc.want)
		}
	}
}

func TestAdoptRefuses(t *testing.T) {
	var bomb strings.Builder
	for i := range 20 {
		fmt.Fprintf(&bomb, `"d%d":{"properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}},`, i, i+1, i+1)
	}
	for name, tc := range map[string]struct{ in, want string }{
		"elsewhere": {`{"$ref":"file:///etc/passwd"}`, "refers to another document"},
		"missing":   {`{"properties":{"a":{"$ref":"#/$defs/gone"}}}`, "which is not there"},
		"no schema": {`{"properties":{"a":"string"}}`, "no schema"},
		"bomb":      {`{"$ref":"#/$defs/d0","$defs":{` + bomb.String() + `"d20":{}}}`, "leave the tool out"},
		"deep":      {strings.Repeat(`{"items":`, 40) + `{}` + strings.Repeat(`}`, 40), "leave the tool out"},
	} {
		if got, err := adoptText(t, tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
	if err := checkSize(make([]byte, maxSchema+1)); err == nil || !strings.Contains(err.Error(), "at most 16384") {
		t.Errorf("too big: %v", err)
	}
}

// FuzzAdoptSchema: whatever a server sends as a schema, it becomes one that can be used or an error, and adopting what was
// adopted changes nothing.
func FuzzAdoptSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#/properties/a"},"b":{"nullable":true,"type":"string"}},"required":["a"]}`)
	f.Add(`{"items":[{}],"exclusiveMinimum":true,"minimum":3,"$defs":{"x":false},"$ref":"#/$defs/x"}`)
	f.Add(`{"allOf":[{"not":{"type":"null"}}],"patternProperties":{"(":{}},"enum":[1,"a",null]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		once, err := adoptText(t, schema)
		if err != nil {
			return
		}
		twice, err := adoptText(t, once)
		if err != nil || once != twice {
			t.Fatalf("once %s\ntwice %s, %v", once, twice, err)
		}
		_, _ = parseParameters(json.RawMessage(once))
	})
}
