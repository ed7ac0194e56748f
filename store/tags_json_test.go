package store

import (
	"encoding/json"
	"testing"
)

func TestTagsInJSON(t *testing.T) {
	for tags, want := range map[Tags]string{"": `[]`, NewTags("vip", "billing"): `["billing","vip"]`} {
		text, err := json.Marshal(tags)
		if err != nil || string(text) != want {
			t.Errorf("%q is %s in JSON (%v), want %s", tags, text, err, want)
		}
		var back Tags
		if err := json.Unmarshal(text, &back); err != nil || back != tags {
			t.Errorf("%s was read as %q (%v)", text, back, err)
		}
	}
	var tags Tags
	if err := json.Unmarshal([]byte(`["ok","Not One"]`), &tags); err != nil || tags != "ok" {
		t.Errorf("read %q, %v", tags, err)
	}
	if err := json.Unmarshal([]byte(`"ok"`), &tags); err == nil {
		t.Error("a string was taken for tags")
	}
}
