package store

import (
	"iter"
	"slices"
	"strings"
)

// MaxTagBytes is the longest tag.
const MaxTagBytes = 64

// TagEscalated is on calls that the agent wants a person to look at.
const TagEscalated = "escalated"

// tagPrefix begins the names of the fields that hold tags.
const tagPrefix = "tag:"

// TagField is the name of the field of a record that says it has the tag.
func TagField(tag string) string { return tagPrefix + tag }

// Tags is a set of tags: their names in alphabetical order with single blanks between. The zero value is empty; == works.
type Tags string

// NewTags is the set of the valid ones among names.
func NewTags(names ...string) Tags { return Tags("").With(names...) }

// ValidTag reports whether a name can be a tag: 1 to [MaxTagBytes] letters a to z, digits, _ and -. Tags are names and no
// text, so that one word has one spelling and fits into the name of a key.
func ValidTag(name string) bool {
	if name == "" || len(name) > MaxTagBytes {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

// All goes through the tags in alphabetical order.
func (t Tags) All() iter.Seq[string] { return strings.FieldsSeq(string(t)) }

// Has reports whether the tag is among them.
func (t Tags) Has(tag string) bool {
	for have := range t.All() {
		if have == tag {
			return true
		}
	}
	return false
}

// With is the set with the names added; what is no valid tag is left out.
func (t Tags) With(names ...string) Tags {
	if len(names) == 0 {
		return t
	}
	all := slices.Collect(t.All())
	for _, name := range names {
		if ValidTag(name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return Tags(strings.Join(slices.Compact(all), " "))
}

// Without is the set without the names.
func (t Tags) Without(names ...string) Tags {
	all := slices.DeleteFunc(slices.Collect(t.All()), func(tag string) bool { return slices.Contains(names, tag) })
	return Tags(strings.Join(all, " "))
}
