package configs

import (
	"maps"
	"strconv"
	"strings"
)

// marks remembers where each setting stands. Keys are paths with element numbers, realtime[0].api_key; people are shown
// names, realtime[main].api_key.
type marks struct {
	file   string
	places map[string]Where
	names  map[string]string // key of a list element → its name
}

func newMarks(file string) *marks {
	return &marks{file: file, places: map[string]Where{}, names: map[string]string{}}
}

func (m *marks) put(key string, line, column int) {
	m.places[key] = Where{File: m.file, Line: line, Column: column}
}

// find is the place of key or, when it is not written anywhere, of the innermost thing around it that is.
func (m *marks) find(key string) Where {
	if key == "" {
		return m.root()
	}
	for ; key != ""; key = parent(key) {
		if at, ok := m.places[key]; ok {
			return at
		}
	}
	return Where{File: m.file}
}

// root is where the document begins, or the file as a whole.
func (m *marks) root() Where {
	if at, ok := m.places[""]; ok {
		return at
	}
	return Where{File: m.file}
}

// source is where the value of key came from: the zero Where when nobody set it.
func (m *marks) source(key string) Where { return m.places[key] }

// name gives an element of a list the name people know it by.
func (m *marks) name(key, name string) {
	if validName(name) {
		m.names[key] = name
	}
}

// pretty shows list elements by their name.
func (m *marks) pretty(key string) string {
	var shown strings.Builder
	start := 0
	for i := range len(key) {
		if key[i] != ']' {
			continue
		}
		if name, ok := m.names[key[:i+1]]; ok {
			open := strings.LastIndexByte(key[:i], '[')
			shown.WriteString(key[start:open] + "[" + name + "]")
			start = i + 1
		}
	}
	return shown.String() + key[start:]
}

func (m *marks) clone() *marks {
	return &marks{m.file, maps.Clone(m.places), maps.Clone(m.names)}
}

// join is the key of a member of the mapping key.
func join(key, member string) string {
	if key == "" {
		return member
	}
	return key + "." + member
}

// element is the key of element i of the list key.
func element(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// parent is the key that contains key: a.b[2].c, a.b[2], a.b, a, "".
func parent(key string) string { return key[:max(0, strings.LastIndexAny(key, ".["))] }
