package store

import (
	"encoding/json"
	"slices"
)

// MarshalJSON writes a set of tags as an array of names.
func (t Tags) MarshalJSON() ([]byte, error) {
	names := slices.Collect(t.All())
	if names == nil {
		names = []string{}
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads an array of names. What is no valid tag is left out.
func (t *Tags) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	*t = NewTags(names...)
	return nil
}
