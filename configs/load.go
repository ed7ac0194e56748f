package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Options says where the configuration comes from. The zero value is the usual: search for the file, take the
// environment of the process.
type Options struct {
	// Path of the file. Empty: TRUNKLINE_CONFIG, then ./trunkline.yaml, then /etc/trunkline/trunkline.yaml.
	Path string
	// Env holds NAME=VALUE as os.Environ does; nil: the environment of the process.
	Env []string
	// Overrides are settings by path, such as sip.advertise or agents.frontdesk.voice: what flags said.
	Overrides map[string]string
	// KnownTools are the tools that are registered in Go, for agents to name. hang_up is known without.
	KnownTools []string
}

// NotFoundError says that there is no configuration file, and where it was looked for.
type NotFoundError struct{ Places []string }

// Error implements error.
func (e *NotFoundError) Error() string {
	return "find configuration: there is none at " + list(e.Places, "or") + "; name it with --config"
}

// Load finds, reads and checks the configuration. Errors: [*NotFoundError], what the system says about the file, or
// [Faults].
func Load(o Options) (*Config, error) {
	o.Env = o.environ()
	env := envMap(o.Env)
	if o.Path == "" {
		o.Path = env[envConfig]
	}
	if o.Path == "" {
		path, err := findFile(searchPaths)
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	data, err := readFile(o.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotFoundError{[]string{o.Path}}
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(o.Path, data, o)
}

// Parse reads and checks the configuration in data. name stands for the file in messages, and files the configuration
// names are looked for in its directory. An error is [Faults].
func Parse(name string, data []byte, o Options) (*Config, error) {
	c := defaults()
	r := newReport(name)
	l := &loader{report: r, config: c, env: envMap(o.environ()), used: map[string]bool{envConfig: true}}
	root, ok := readNode(data, r)
	if !ok {
		return nil, r.err()
	}
	d := &decoder{report: r, env: l.lookup, used: l.used, budget: maxNodes}
	d.value(root, reflect.ValueOf(c).Elem(), &field{}, "")
	l.overlay(o.Overrides)
	l.readFiles()
	c.derive()
	c.check(r, o.KnownTools)
	if err := r.err(); err != nil {
		return nil, err
	}
	inOrder(r.warnings)
	c.meta = &meta{marks: r.marks, warnings: r.warnings}
	return c, nil
}

// Default is a configuration in which everything has its default and the lists are empty. It does not pass Validate
// before somebody may call, somebody answers, and a model is named.
func Default() *Config {
	c := defaults()
	c.Version = version
	return c
}

// version is that of the file format.
const version = 1

func defaults() *Config {
	c := &Config{}
	setDefaults(reflect.ValueOf(c).Elem())
	return c
}

// derive fills the defaults that depend on other settings.
func (c *Config) derive() {
	for i := range c.Trunks {
		c.Trunks[i].setDefaults()
	}
	for i := range c.Realtime {
		c.Realtime[i].setDefaults()
	}
	for i := range c.Agents {
		c.Agents[i].setDefaults()
	}
	c.setPrefixes()
}

// meta is what is known of a configuration besides its values. Static.
type meta struct {
	marks    *marks
	warnings []Fault
}

// Warnings are things that are allowed but likely not meant, in the order of the file: an agent that does not say what
// it is, variables TRUNKLINE_… that set nothing, a key sent in the clear.
func (c *Config) Warnings() []Fault {
	if c.meta == nil {
		return nil
	}
	return slices.Clone(c.meta.warnings)
}

// Validate checks a configuration made or changed in Go, by the rules that Load applies. Elements of lists made in Go do
// not have their defaults. The error is [Faults].
func (c *Config) Validate(knownTools ...string) error {
	r := newReport("")
	if c.meta != nil {
		r.marks = c.meta.marks.clone()
	}
	c.check(r, knownTools)
	return r.err()
}

// loader is one Parse. Owned by it.
type loader struct {
	*report
	config *Config
	env    map[string]string
	used   map[string]bool // variables that mean something here
}

func (l *loader) lookup(name string) (string, bool) {
	value, ok := l.env[name]
	return value, ok
}

func (o Options) environ() []string {
	if o.Env == nil {
		return os.Environ()
	}
	return o.Env
}

func envMap(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			m[name] = value
		}
	}
	return m
}

// readFile reads a whole file, but for what is beyond maxFile.
func readFile(path string) ([]byte, error) { return readHead(path, maxFile+1) }

// readHead reads the beginning of a file. Only of a regular one: a pipe or a device could keep the start waiting for ever.
func readHead(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(io.LimitReader(f, most))
	return b.Bytes(), err
}
