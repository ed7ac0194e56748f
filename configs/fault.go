package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Where is the place a setting came from, or a fault was found. The zero value is the built-in default.
type Where struct {
	File   string // as given to Load or Parse
	Line   int    // from 1; 0 when the file as a whole is meant
	Column int    // from 1
	Env    string // name of an environment variable
	Flag   string // name of an override, as in Options.Overrides
}

// String is "file:line:column", "environment NAME", "flag NAME" or "default".
func (w Where) String() string {
	switch {
	case w.Flag != "":
		return "flag " + w.Flag
	case w.Env != "":
		return "environment " + w.Env
	case w.File == "":
		return "default"
	case w.Line == 0:
		return w.File
	}
	return fmt.Sprintf("%s:%d:%d", w.File, w.Line, w.Column)
}

// Fault is one thing that is wrong, or in a warning one thing worth a look. It never holds a secret.
type Fault struct {
	Where   Where
	Path    string // the setting, such as agents[frontdesk].voice; "" for the file as a whole
	Problem string // a sentence that says what is wrong and what to do
}

// Error is "file:line:column: path: problem".
func (f Fault) Error() string {
	text := f.Problem
	if f.Path != "" {
		text = f.Path + ": " + text
	}
	if f.Where == (Where{}) {
		return text // a configuration made in Go has no place
	}
	return f.Where.String() + ": " + text
}

// Faults is everything that is wrong with a configuration, in the order of the file. Load, Parse, Validate and Strict
// return it; ask for it with errors.As.
type Faults []Fault

// faultsShown bounds the text of Faults: a wrong file altogether would fill the screen.
const faultsShown = 50

// Error lists the faults, one a line.
func (fs Faults) Error() string {
	var b strings.Builder
	for i, f := range fs {
		if i == faultsShown {
			fmt.Fprintf(&b, "\nand %d more", len(fs)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Error())
	}
	return b.String()
}

// report gathers the faults and warnings of one file together with where its settings stand. Owned by one Parse.
type report struct {
	marks    *marks
	faults   Faults
	warnings []Fault
	faulty   map[string]bool // keys that have a fault already
}

func newReport(file string) *report {
	return &report{marks: newMarks(file), faulty: map[string]bool{}}
}

// fault records a fault of the setting key. One fault a setting is enough: what follows from it is not reported.
func (r *report) fault(key, format string, args ...any) {
	if r.spoilt(key) {
		return
	}
	r.faulty[key] = true
	r.faults = append(r.faults, r.note(r.marks.find(key), key, format, args...))
}

// faultAt is fault with a place of its own, where key itself has no mark or another one.
func (r *report) faultAt(at Where, key, format string, args ...any) {
	r.faulty[key] = true
	r.faults = append(r.faults, r.note(at, key, format, args...))
}

// warn records something that is allowed but likely not meant.
func (r *report) warn(key, format string, args ...any) {
	if !r.spoilt(key) {
		r.warnings = append(r.warnings, r.note(r.marks.find(key), key, format, args...))
	}
}

func (r *report) note(at Where, key, format string, args ...any) Fault {
	const longest = 200
	path := r.marks.pretty(key)
	if len(path) > longest {
		path = strings.ToValidUTF8(path[:longest], "") + "…"
	}
	return Fault{Where: at, Path: path, Problem: fmt.Sprintf(format, args...)}
}

// spoilt reports whether key, or something that contains it, has a fault already.
func (r *report) spoilt(key string) bool {
	for ; key != ""; key = parent(key) {
		if r.faulty[key] {
			return true
		}
	}
	return r.faulty[""]
}

// err is the faults as an error in the order of the file, nil when there are none.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	inOrder(r.faults)
	return r.faults
}

func inOrder(faults []Fault) {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Where.Flag, b.Where.Flag), cmp.Compare(a.Where.Env, b.Where.Env),
			cmp.Compare(a.Where.File, b.Where.File), cmp.Compare(a.Where.Line, b.Where.Line),
			cmp.Compare(a.Where.Column, b.Where.Column))
	})
}
