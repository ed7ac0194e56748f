package realtime

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

// section is one "-- name --" of a txtar file, the format of golang.org/x/tools/txtar.
type section struct{ name, text string }

func readSections(t testing.TB, path string) []section {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []section
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(name, " --\n") {
			out = append(out, section{name: strings.TrimSuffix(name, " --\n")})
		} else if len(out) > 0 {
			out[len(out)-1].text += line
		}
	}
	return out
}

func writeSections(t testing.TB, path string, sections []section) {
	t.Helper()
	var b bytes.Buffer
	for _, s := range sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// show renders an event without its zero members, so that a golden file shows what was understood.
func show(ev any) string {
	return showValue(reflect.ValueOf(ev).Elem())
}

func showValue(v reflect.Value) string {
	if o, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Struct {
		return o.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return "&" + showValue(v.Elem())
	case reflect.Struct:
		return showStruct(v)
	case reflect.Slice:
		if b, ok := v.Interface().([]byte); ok {
			return fmt.Sprintf("%x", b)
		}
		if raw := v.Type().Name(); raw == "RawMessage" {
			return string(v.Bytes())
		}
		var parts []string
		for i := range v.Len() {
			parts = append(parts, showValue(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v.Interface())
}

func showStruct(v reflect.Value) string {
	if at, ok := v.Interface().(interface{ Unix() int64 }); ok {
		return fmt.Sprint(at.Unix())
	}
	if o, ok := v.Interface().(interface{ IsNull() bool }); ok {
		if o.IsNull() {
			return "null"
		}
		get := v.MethodByName("Get").Call(nil)
		return "some " + showValue(get[0])
	}
	var parts []string
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			parts = append(parts, v.Type().Field(i).Name+": "+showValue(f))
		}
	}
	return v.Type().Name() + "{" + strings.Join(parts, ", ") + "}"
}
