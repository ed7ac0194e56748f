package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parseOnly decodes the reference and lays o over it, without the cross checks.
func parseOnly(t *testing.T, data []byte, o Options) *loader {
	t.Helper()
	r := newReport(reference)
	l := &loader{report: r, config: defaults(), env: envMap(o.environ()), used: map[string]bool{}}
	root, ok := readNode(data, r)
	if !ok {
		t.Fatal(r.err())
	}
	d := &decoder{report: r, env: l.lookup, used: l.used, budget: maxNodes}
	d.value(root, reflect.ValueOf(l.config).Elem(), &field{}, "")
	l.overlay(o.Overrides)
	if err := r.err(); err != nil {
		t.Fatal(err)
	}
	return l
}

// samples has a value for every kind of setting there is.
var samples = []string{"changed", "7", "true", "false", "0.75", "12s", "150ms", "6000", "99999", "31000-31999", "198.51.100.9/32", "198.51.100.9",
	"udp://127.0.0.1:5099", "127.0.0.1:9999", "Europe/Berlin", "3", "3s",
	"2m", "sip:192.0.2.9"}

// sampleFor finds a value that s takes and does not have yet.
func sampleFor(s slot) string {
	for _, text := range append(slices.Clone(s.field.enum), samples...) {
		fresh := reflect.New(s.typ).Elem()
		now, _ := s.at(true)
		if setText(fresh, &s.field, text) == nil && textOf(now) != text {
			return text
		}
	}
	return ""
}

// TestEveryScalarHasAVariable sets each setting there is by its variable, and by its path as a flag does.
func TestEveryScalarHasAVariable(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	plain := parseOnly(t, data, Options{Env: []string{}})
	covered := map[string]bool{}
	for _, s := range plain.config.slots() {
		if s.env == "" {
			continue
		}
		covered[index.ReplaceAllString(s.key, "[]")] = true
		want := sampleFor(s)
		if want == "" {
			t.Errorf("%s: the test has no sample for type %s", s.key, s.typ)
			continue
		}
		path := plain.marks.pretty(s.key)
		checkSet(t, parseOnly(t, data, Options{Env: []string{s.env + "=" + want}}), s.env, want, Where{Env: s.env})
		checkSet(t, parseOnly(t, data, Options{Env: []string{}, Overrides: map[string]string{path: want}}), s.env, want, Where{Flag: path})
	}
	eachKey(reflect.TypeFor[Config](), "", func(path string, _ field, typ reflect.Type) {
		if (isScalar(typ) || isScalarList(typ)) && !covered[path] {
			t.Errorf("%s has no variable", path)
		}
	})
}

func checkSet(t *testing.T, l *loader, env, want string, source Where) {
	t.Helper()
	for _, s := range l.config.slots() {
		if s.env != env && env != envPrefix+envName(brackets.Replace(l.marks.pretty(s.key))) {
			continue // a setting that changes a name changes its own variable
		}
		v, _ := s.at(false)
		got := textOf(v)
		switch secret := v.Interface().(type) {
		case Secret:
			got = secret.Reveal()
		case URL:
			got = secret.Reveal()
		case []Secret:
			got = secret[0].Reveal()
		}
		if got != want || l.marks.source(s.key) != source {
			t.Errorf("%s: got %q from %v, want %q from %v", env, got, l.marks.source(s.key), want, source)
		}
		return
	}
	if !strings.HasSuffix(env, "_NAME") {
		t.Errorf("%s is gone", env)
	}
}

// TestVariablesAreUnambiguous shows that no two elements with different names can share a variable: no path within an
// element is the end of another one.
func TestVariablesAreUnambiguous(t *testing.T) {
	paths := map[string][]string{} // list → paths of its elements, as parts of variables
	eachKey(reflect.TypeFor[Config](), "", func(path string, _ field, typ reflect.Type) {
		if list, inner, ok := cutLast(path, "[]."); ok && (isScalar(typ) || isScalarList(typ)) {
			paths[list] = append(paths[list], envName(inner))
		}
	})
	for list, inner := range paths {
		for _, a := range inner {
			for _, b := range inner {
				if strings.HasSuffix(a, "_"+b) && a != "TRANSCRIPTION_LANGUAGE" { // names refuses that one, see languages
					t.Errorf("%s: %s and %s: an element named x and one named x_… would share a variable", list, a, b)
				}
			}
		}
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func TestPrecedence(t *testing.T) {
	base := readTestdata(t, "base.yaml") + "log: { level: warn }\n"
	env := []string{"TRUNKLINE_LOG_LEVEL=error", "TRUNKLINE_LOG_FORMAT=", "TRUNKLINE_STORE_REDIS_URL=redis://r/1",
		"TRUNKLINE_SIP_LISTEN=udp://:1, tcp://:2", "TRUNKLINE_AGENTS_FRONTDESK_TURN_DETECTION_THRESHOLD=0.25"}
	for _, tt := range []struct {
		name, path, want, source string
		o                        Options
	}{
		{"default", "log.format", "auto", "default", Options{}},
		{"file", "log.level", "warn", "t.yaml:10:15", Options{}},
		{"variable", "log.level", "error", "environment TRUNKLINE_LOG_LEVEL", Options{Env: env}},
		{"flag", "log.level", "debug", "flag log.level", Options{Env: env, Overrides: map[string]string{"log.level": "debug"}}},
		{"flag by name", "agents[frontdesk].voice", "cedar", "flag agents.frontdesk.voice",
			Options{Overrides: map[string]string{"agents.frontdesk.voice": "cedar"}}},
		{"empty variable", "log.format", "auto", "default", Options{Env: env}},
		{"block that was absent", "store.redis.url", "redis://r/1", "environment TRUNKLINE_STORE_REDIS_URL", Options{Env: env}},
		{"default in such a block", "store.redis.prefix", "tl", "default", Options{Env: env}},
		{"list", "sip.listen", "udp://:1,tcp://:2", "environment TRUNKLINE_SIP_LISTEN", Options{Env: env}},
		{"optional number", "agents[frontdesk].turn_detection.threshold", "0.25",
			"environment TRUNKLINE_AGENTS_FRONTDESK_TURN_DETECTION_THRESHOLD", Options{Env: env}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.Env == nil {
				tt.o.Env = []string{}
			}
			c, err := Parse("t.yaml", []byte(base), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(c.Settings(), func(s Setting) bool { return s.Path == tt.path })
			if i < 0 {
				t.Fatalf("%s is no setting", tt.path)
			}
			if s := c.Settings()[i]; s.Value != tt.want || s.Source.String() != tt.source {
				t.Errorf("got %q from %q, want %q from %q", s.Value, s.Source, tt.want, tt.source)
			}
		})
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	base := strings.Replace(readTestdata(t, "base.yaml"), "wss://realtime", "wss://${TRUNKLINE_REGION}.realtime", 1)
	c, err := Parse("t.yaml", []byte(base), Options{Env: []string{
		"TRUNKLINE_SIP_ADVERTIZE=1.2.3.4", "TRUNKLINE_REGION=eu", "TRUNKLINE_CONFIG=t.yaml", "TRUNKLINE_log_level=debug", "OTHER=1",
		"TRUNKLINE_SERVICE_HOST=10.0.0.1", "TRUNKLINE_SERVICE_PORT_SIP=5060", "TRUNKLINE_PORT=udp://10.0.0.1:5060",
		"TRUNKLINE_PORT_5060_UDP_ADDR=10.0.0.1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Error())
	}
	want := []string{
		`environment TRUNKLINE_SIP_ADVERTIZE: sets nothing; did you mean "TRUNKLINE_SIP_ADVERTISE"?`,
		`environment TRUNKLINE_log_level: sets nothing; did you mean "TRUNKLINE_LOG_LEVEL"?`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c.Log.Level != "info" {
		t.Errorf("a variable in small letters set the level to %s", c.Log.Level)
	}
}

func TestLoadFindsTheFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var none *NotFoundError
	if _, err := Load(Options{Env: []string{}}); !errors.As(err, &none) || !strings.Contains(err.Error(), "./trunkline.yaml or /etc/trunkline/trunkline.yaml") {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(Options{Path: "elsewhere.yaml", Env: []string{}}); !errors.As(err, &none) || !strings.Contains(err.Error(), "elsewhere.yaml") {
		t.Errorf("no such file: %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := `version: 1
trunks: [ { name: t, sources: [192.0.2.1] } ]
routes: [ { to: "*", agent: a } ]
realtime: [ { name: m, url: "wss://example.com" } ]
agents: [ { name: a, realtime: m, voice: V } ]
`
	write("trunkline", "\x7fELF")
	write("trunkline.json", "{}")
	write("trunkline.yaml", strings.Replace(base, "V", "here", 1))
	write("other.yaml", strings.Replace(base, "V", "other", 1))
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Env: []string{}}, "here"},
		{Options{Env: []string{"TRUNKLINE_CONFIG=other.yaml"}}, "other"},
		{Options{Env: []string{"TRUNKLINE_CONFIG=nowhere.yaml"}, Path: "other.yaml"}, "other"},
	} {
		c, err := Load(tt.o)
		if err != nil || c.Agents[0].Voice != tt.want {
			t.Errorf("%+v: %v", tt.o, err)
		}
	}
	if _, err := Load(Options{Path: dir, Env: []string{}}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

// TestLoadTakesTheProcessEnvironment is the usual case: Options without Env.
func TestLoadTakesTheProcessEnvironment(t *testing.T) {
	t.Setenv("TRUNKLINE_AGENTS_FRONTDESK_VOICE", "verse")
	c, err := Parse("t.yaml", []byte(readTestdata(t, "base.yaml")), Options{})
	if err != nil || c.Agents[0].Voice != "verse" {
		t.Errorf("voice %v, %v", c, err)
	}
}
