package store

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestTagsAreASet(t *testing.T) {
	tags := NewTags("vip", "angry", "vip", "Not valid", "")
	if tags != "angry vip" {
		t.Fatalf("%q", tags)
	}
	if tags = tags.With("billing").Without("angry", "absent"); tags != "billing vip" {
		t.Errorf("%q", tags)
	}
	if !tags.Has("vip") || tags.Has("vi") || tags.Has("") {
		t.Error("Has looks at parts of names")
	}
	if got := slices.Collect(tags.All()); !slices.Equal(got, []string{"billing", "vip"}) {
		t.Error(got)
	}
}

func TestValidTag(t *testing.T) {
	for name, want := range map[string]bool{"vip": true, "call-back_2": true, "": false, "Two Words": false, "a b": false,
		"ä": false, "a{b}": false, strings.Repeat("x", MaxTagBytes): true, strings.Repeat("x", MaxTagBytes+1): false} {
		if ValidTag(name) != want {
			t.Errorf("ValidTag(%q) is %v", name, !want)
		}
	}
}

// Tags are fields of their own: what one side adds takes nothing from what another has added.
func TestMergeAddsTags(t *testing.T) {
	c := Call{ID: "a", Tags: NewTags("vip")}
	c.Merge(&Call{Cause: "done", Tags: NewTags("billing")})
	if c.Tags != "billing vip" || c.Cause != "done" {
		t.Errorf("%+v", c)
	}
	c.Merge(&Call{Code: 200})
	if c.Tags != "billing vip" {
		t.Errorf("tags are %q after a merge without any", c.Tags)
	}
	if got := DecodeCall(c.Fields()); got != c {
		t.Errorf("%+v\n%+v", got, c)
	}
}

func TestTagsAreAListInJSON(t *testing.T) {
	text, err := json.Marshal(struct {
		A Tags `json:"a,omitzero"`
		B Tags `json:"b,omitzero"`
	}{A: "x y"})
	if err != nil || string(text) != `{"a":["x","y"]}` {
		t.Fatalf("%s, %v", text, err)
	}
	var got Tags
	if err := json.Unmarshal([]byte(`["y","x","Not valid"]`), &got); err != nil || got != "x y" {
		t.Errorf("%q, %v", got, err)
	}
}
