package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type move struct {
	Booking string `json:"booking" jsonschema:"booking reference" pattern:"^[A-Z0-9]{6}$"`
	Day     string `json:"day" jsonschema:"new day, YYYY-MM-DD" min:"10" max:"10"`
	Part    string `json:"part,omitempty" enum:"morning|afternoon|evening"`
	Guests  int    `json:"guests,omitempty" min:"1" max:"12"`
}

type inner struct {
	Zip string `json:"zip" pattern:"^[0-9]{5}$"`
}

type Base struct {
	Tenant string `json:"tenant"`
}

type everything struct {
	Base
	Text     *string           `json:"text"`
	Flag     bool              `json:"flag"`
	Price    float64           `json:"price" min:"0.5"`
	Small    uint8             `json:"small"`
	When     time.Time         `json:"when"`
	Addr     *netip.Addr       `json:"addr"`
	Place    inner             `json:"place"`
	Places   []inner           `json:"places,omitempty" min:"1" max:"3"`
	Words    []string          `json:"words,omitzero" enum:"a|b"`
	Level    int               `json:"level" enum:"1|2|3"`
	Labels   map[string]string `json:"labels,omitempty"`
	Anything map[string]any    `json:"anything,omitempty"`
	Pair     [2]int            `json:"pair"`
	Untagged string
	Skipped  func() `json:"-"`
	private  int
}

func schemaText(t *testing.T, in reflect.Type) string {
	t.Helper()
	p, err := inferParameters(in)
	must(t, err)
	return string(p.text)
}

func TestSchemaGolden(t *testing.T) {
	_ = everything{}.private
	for _, tc := range []struct {
		in   reflect.Type
		want string
	}{
		{reflect.TypeFor[struct{}](), `{"type":"object","properties":{},"additionalProperties":false}`},
		{reflect.TypeFor[map[string]any](), `{"type":"object","properties":{},"additionalProperties":true}`},
		{reflect.TypeFor[map[string]int](), `{"type":"object","properties":{},"additionalProperties":{"type":"integer"}}`},
		{reflect.TypeFor[move](), `{"type":"object","properties":{` +
			`"booking":{"type":"string","description":"booking reference","pattern":"^[A-Z0-9]{6}$"},` +
			`"day":{"type":"string","description":"new day, YYYY-MM-DD","minLength":10,"maxLength":10},` +
			`"part":{"type":"string","enum":["morning","afternoon","evening"]},` +
			`"guests":{"type":"integer","minimum":1,"maximum":12}},` +
			`"required":["booking","day"],"additionalProperties":false}`},
		{reflect.TypeFor[everything](), `{"type":"object","properties":{` +
			`"tenant":{"type":"string"},"text":{"type":"string"},"flag":{"type":"boolean"},` +
			`"price":{"type":"number","minimum":0.5},"small":{"type":"integer","minimum":0,"maximum":255},` +
			`"when":{"type":"string","format":"date-time"},"addr":{"type":"string"},` +
			`"place":{"type":"object","properties":{"zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["zip"],"additionalProperties":false},` +
			`"places":{"type":"array","items":{"type":"object","properties":{"zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["zip"],"additionalProperties":false},"minItems":1,"maxItems":3},` +
			`"words":{"type":"array","items":{"type":"string","enum":["a","b"]}},` +
			`"level":{"type":"integer","enum":[1,2,3]},` +
			`"labels":{"type":"object","additionalProperties":{"type":"string"}},` +
			`"anything":{"type":"object","additionalProperties":true},` +
			`"pair":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2},` +
			`"Untagged":{"type":"string"}},` +
			`"required":["tenant","flag","price","small","when","place","level","pair","Untagged"],"additionalProperties":false}`},
	} {
		if got := schemaText(t, tc.in); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.in, got, tc.want)
		}
	}
}

// loop contains itself.
type loop struct {
	Next []loop `json:"next"`
}

// Tenant hides its field from the structs that embed it, and Tenants that of Base.
type (
	Tenant struct {
		Tenant string `json:"tenant"`
	}
	Tenants struct {
		Tenant []string `json:"tenants"`
	}
)

type readsJSON struct{ A int }

func (*readsJSON) UnmarshalJSON([]byte) error { return nil }

func addIn[In any](opts ...Option) error {
	return Add(NewRegistry(), "tool", "A tool.", func(context.Context, *Call, In) (string, error) { return "", nil }, opts...)
}

func TestAddRefusesTypes(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want []string // field and remedy
	}{
		{addIn[string](), []string{"use a struct"}},
		{addIn[*move](), []string{"tools.move, without the pointer"}},
		{addIn[[]move](), []string{"use a struct"}},
		{addIn[any](), []string{"use a struct"}},
		{addIn[time.Time](), []string{"use a struct"}},
		{addIn[readsJSON](), []string{"UnmarshalJSON"}},
		{addIn[map[int]string](), []string{"map[string]string"}},
		{addIn[loop](), []string{"loop.Next", "contains itself"}},
		{addIn[struct{ Wait time.Duration }](), []string{".Wait", "delay_seconds"}},
		{addIn[struct{ Waits []*time.Duration }](), []string{".Waits", "delay_seconds"}},
		{addIn[struct{ Raw json.RawMessage }](), []string{".Raw", "map[string]any"}},
		{addIn[struct{ N json.Number }](), []string{".N", "int64 or float64"}},
		{addIn[struct{ N *big.Int }](), []string{".N", "UnmarshalJSON"}},
		{addIn[struct{ B []byte }](), []string{".B", "use string"}},
		{addIn[struct{ A any }](), []string{".A", "cannot be described"}},
		{addIn[struct{ F func() }](), []string{".F", "cannot be described"}},
		{addIn[struct{ In struct{ C chan int } }](), []string{".In", ".C", "cannot be described"}},
		{addIn[struct {
			N int `json:"n,string"`
		}](), []string{".N", "leave it out"}},
		{addIn[struct {
			N int `json:"größe"`
		}](), []string{".N", "other characters"}},
		{addIn[struct {
			Base
			Other string `json:"tenant"`
		}](), []string{".Other", "another field"}},
		{addIn[struct{ *Base }](), []string{".Base", "give it a field name"}},
		{addIn[struct{ Tenant }](), []string{".Tenant.Tenant", `"tenant"`, "rename one"}},
		{addIn[struct {
			Base
			Tenant string `json:"customer"`
		}](), []string{".Base.Tenant", `"tenant"`, "rename one"}},
		{addIn[struct {
			Base
			Tenants
		}](), []string{".Base.Tenant", `"tenant"`, "rename one"}},
		{addIn[struct {
			Base `json:"base"`
		}](), []string{".Base", "give it a field name"}},
		{addIn[struct {
			A string `jsonschema:"description=x"`
		}](), []string{".A", "description alone"}},
		{addIn[struct {
			A string `jsonschema:""`
		}](), []string{".A", "empty"}},
	} {
		if tc.err == nil {
			t.Errorf("accepted, want error with %q", tc.want)
			continue
		}
		wantContains(t, tc.err.Error(), append(tc.want, `add tool "tool"`)...)
	}
}

// A field that takes the place of a promoted one with the same JSON name is what Go, the schema and encoding/json mean by it.
func TestFieldReplacesPromotedOne(t *testing.T) {
	must(t, addIn[struct {
		Base
		Tenant int `json:"tenant"`
	}]())
}

func TestAddRefusesTags(t *testing.T) {
	type s struct {
		A string `enum:"a||b"`
		B string `enum:"a|a"`
		C int    `enum:"1|x"`
		D bool   `enum:"true"`
		E int    `pattern:"^1$"`
		F string `pattern:"(?=a)"`
		G int    `min:"five"`
		H int    `max:"inf"`
		I int    `min:"3" max:"2"`
		J string `min:"-1"`
		K string `max:"1.5"`
		L bool   `min:"1"`
	}
	err := addIn[s]()
	if err == nil {
		t.Fatal("accepted")
	}
	for f := range reflect.TypeFor[s]().Fields() {
		wantContains(t, err.Error(), "field tools.s."+f.Name)
	}
}

func TestAddRefusesNames(t *testing.T) {
	for _, name := range []string{"", "a b", "a.b", "grün", "a/b", strings.Repeat("x", 65), "a\x00"} {
		err := Add(NewRegistry(), name, "A tool.", func(context.Context, *Call, struct{}) (string, error) { return "", nil })
		if err == nil {
			t.Errorf("name %q accepted", name)
		}
	}
	r := NewRegistry()
	h := func(context.Context, *Call, struct{}) (string, error) { return "", nil }
	must(t, Add(r, strings.Repeat("x", 64), "", h))
	must(t, Add(r, "aZ09_-", "", h))
	if err := Add(r, "aZ09_-", "", h); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("duplicate: %v", err)
	}
	if err := Add[struct{}, string](r, "nothing", "", nil); err == nil || !strings.Contains(err.Error(), "no handler") {
		t.Errorf("nil handler: %v", err)
	}
}

func TestAddRefusesOptions(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	for i, err := range []error{
		addIn[move](Timeout(0)), addIn[move](Timeout(-1)), addIn[move](Timeout(time.Hour)),
		addIn[move](MaxResult(63)), addIn[move](MaxResult(1<<20 + 1)),
		addIn[move](OnInterrupt(7)), addIn[move](Concurrency(0)),
		addIn[move](Redact("bookings")), addIn[move](Parameters(schema)),
		addIn[map[string]any](Parameters(json.RawMessage(`{"type":"string"}`))),
		addIn[map[int]any](Parameters(schema)),
	} {
		if err == nil {
			t.Errorf("case %d accepted", i)
		}
	}
	for i, err := range []error{
		addIn[move](Timeout(10*time.Minute), MaxResult(64), OnInterrupt(Finish), Concurrency(1), Redact("booking")),
		addIn[everything](Redact("zip", "anything")),
		addIn[map[string]any](Redact("card")),
		addIn[map[string]any](Parameters(schema)),
	} {
		if err != nil {
			t.Errorf("case %d: %v", i, err)
		}
	}
}

func TestParametersOfMap(t *testing.T) {
	r := NewRegistry()
	schema := json.RawMessage(`{"properties":{"n":{"type":"integer"}},"required":["n"]}`)
	must(t, Add(r, "raw", "", func(_ context.Context, _ *Call, in map[string]any) (string, error) {
		return fmt.Sprint(in["n"]), nil
	}, Parameters(schema)))
	if o := r.Run(t.Context(), Invocation{Name: "raw", Arguments: `{"n":3}`}); o.Output != `{"result":"3"}` {
		t.Error(o.Output)
	}
	wantContains(t, fault(t, r.Run(t.Context(), Invocation{Name: "raw", Arguments: `{"m":3}`})), "n is missing", `"m" is not known`)
}

// What the schema of a type promises, encoding/json keeps: promoted fields, pointers, text types, arrays.
func TestSchemaAndDecodingAgree(t *testing.T) {
	r := NewRegistry()
	var got everything
	must(t, Add(r, "all", "", func(_ context.Context, _ *Call, in everything) (string, error) {
		got = in
		return "", nil
	}))
	o := r.Run(t.Context(), Invocation{Name: "all", Arguments: `{"tenant":"t","text":"x","flag":true,"price":1,"small":255.0,
		"when":"2026-12-01T10:00:00Z","addr":"::1","place":{"zip":"12345"},"places":[{"zip":"54321"}],"words":["a","b","a"],
		"level":2,"labels":{"k":"v"},"anything":{"x":[null]},"pair":[1,2.0],"Untagged":"u"}`})
	if o.Status != StatusOK {
		t.Fatal(o.Output)
	}
	if got.Tenant != "t" || *got.Text != "x" || got.Small != 255 || got.When.Year() != 2026 || !got.Addr.IsLoopback() ||
		got.Places[0].Zip != "54321" || len(got.Words) != 3 || got.Labels["k"] != "v" || got.Pair != [2]int{1, 2} || got.Untagged != "u" {
		t.Errorf("got %+v", got)
	}
	for _, arguments := range []string{`{"addr":"nowhere"}`, `{"when":"soon"}`} {
		var m map[string]any
		must(t, json.Unmarshal([]byte(arguments), &m))
		if err := blame(reflect.TypeFor[everything](), json.RawMessage(arguments)); !strings.Contains(err.Error(), slices.Collect(maps.Keys(m))[0]+" ") {
			t.Errorf("%s: %v", arguments, err)
		}
	}
}

func TestLongListWithTwinsIsRefusedQuickly(t *testing.T) {
	p, err := parseParameters(json.RawMessage(`{"properties":{"m":{"type":"array","uniqueItems":true}}}`))
	must(t, err)
	list := make([]string, 10000)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	_, err = p.check(`{"m":[` + strings.Join(list, ",") + `,7]}`)
	wantContains(t, err.Error(), "m must not have two equal items")
}
