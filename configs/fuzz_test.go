package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse feeds Parse with anything: it must not panic, must name the file in every fault (or the prompt that is meant), must not show what is in
// the environment, and must read a file the same way twice.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/first-call.yaml", "testdata/base.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range parseCorpus(string(data)).cases {
			f.Add(c.part("file") + c.part("add"))
		}
	}
	o := Options{Env: []string{"SECRET=qZ7-not-to-be-seen", "OPENAI_API_KEY=qZ7-not-to-be-seen"}}
	if _, err := Load(Options{Path: reference, Env: o.Env}); err != nil { // fills the caches, which would pass for new paths
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("fuzzed.yaml", []byte(text), o)
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("accepted, and then refused: %v", err)
			}
			for _, r := range c.Realtime {
				if _, _, err := r.Endpoint(); err != nil {
					t.Errorf("accepted, and has no address: %v", err)
				}
			}
			c.Settings()
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("not Faults: %v", err)
		}
		for _, fault := range faults {
			prompt := strings.HasSuffix(fault.Path, ".instructions")
			if !strings.HasPrefix(fault.Error(), "fuzzed.yaml:") && !prompt || fault.Problem == "" {
				t.Errorf("does not name the file: %v", fault)
			}
		}
		if _, again := Parse("fuzzed.yaml", []byte(text), o); again == nil || again.Error() != err.Error() {
			t.Errorf("first\n%v\nthen\n%v", err, again)
		}
	})
}
