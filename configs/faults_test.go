package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected messages of testdata/faults anew")

// TestFaults reads files with faults and compares every message, word for word. A case is a whole file, or top-level
// blocks that are added to those of testdata/base.yaml.
func TestFaults(t *testing.T) {
	base := readTestdata(t, "base.yaml")
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := parseCorpus(string(data))
		for i := range c.cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+c.cases[i].name, func(t *testing.T) {
				c.cases[i].check(t, base)
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte(c.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c *faultCase) check(t *testing.T, base string) {
	o := Options{Env: strings.Split(c.part("env"), "\n"), Overrides: envMap(strings.Split(c.part("flag"), "\n"))}
	text := c.part("file")
	if c.has("add") {
		text = c.part("add") + "\n" + without(base, c.part("add"))
	}
	text = strings.ReplaceAll(text, "ÿþ", "\xff\xfe")
	cfg, err := Parse("trunkline.yaml", []byte(text), o)
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("accepted, or another error than Faults: %v, %v", cfg, err)
	}
	got := faults.Error()
	if strings.Contains(got, "hunter2") || strings.Contains(got, "ter2") {
		t.Errorf("a secret is in:\n%s", got)
	}
	if *update {
		c.set("want", got)
		return
	}
	if want := c.part("want"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// without leaves out the top-level blocks of base that add has already.
func without(base, add string) string {
	var kept []string
	keep := true
	for line := range strings.SplitSeq(base, "\n") {
		if key, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' {
			keep = !strings.HasPrefix(add, key+":") && !strings.Contains(add, "\n"+key+":")
		}
		if keep {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// corpus is a file of cases: "== name" begins a case, "-- part" a part of it.
type corpus struct {
	head  string
	cases []faultCase
}

type faultCase struct {
	name  string
	parts []part
}

type part struct{ name, text string }

func parseCorpus(text string) *corpus {
	sections := strings.Split(text, "\n== ")
	c := &corpus{head: sections[0]}
	for _, section := range sections[1:] {
		pieces := strings.Split(section, "\n-- ")
		fc := faultCase{name: strings.TrimSpace(pieces[0])}
		for _, piece := range pieces[1:] {
			name, text, _ := strings.Cut(piece, "\n")
			fc.parts = append(fc.parts, part{name, strings.TrimRight(text, "\n")})
		}
		c.cases = append(c.cases, fc)
	}
	return c
}

func (c *corpus) String() string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(c.head, "\n") + "\n")
	for _, fc := range c.cases {
		b.WriteString("\n== " + fc.name + "\n")
		for _, p := range fc.parts {
			b.WriteString("-- " + p.name + "\n")
			if p.text != "" {
				b.WriteString(p.text + "\n")
			}
		}
	}
	return b.String()
}

func (c *faultCase) has(name string) bool {
	for _, p := range c.parts {
		if p.name == name {
			return true
		}
	}
	return false
}

func (c *faultCase) part(name string) string {
	for _, p := range c.parts {
		if p.name == name {
			return p.text
		}
	}
	return ""
}

func (c *faultCase) set(name, text string) {
	for i := range c.parts {
		if c.parts[i].name == name {
			c.parts[i].text = text
			return
		}
	}
	c.parts = append(c.parts, part{name, text})
}

func readTestdata(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
