package trunkline

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPitfalls holds docs/pitfalls.md to the code: each number once, each test real, and what has no test says "open".
func TestPitfalls(t *testing.T) {
	tests := allTests(t)
	seen := map[string]bool{}
	f, err := os.Open("docs/pitfalls.md")
	must(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) != 6 || !regexp.MustCompile(`^ [PR]\d\d $`).MatchString(cells[1]) {
			continue
		}
		number, test := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[4])
		if seen[number] {
			t.Errorf("%s is there twice", number)
		}
		seen[number] = true
		switch {
		case test == "" && !strings.Contains(cells[3], "open"):
			t.Errorf("%s has no test and does not say that it is open", number)
		case test != "" && !tests[test]:
			t.Errorf("%s names %s, which is no test", number, test)
		}
	}
	for _, kind := range []struct {
		letter string
		last   int
	}{{"P", 65}, {"R", 17}} {
		for n := 1; n <= kind.last; n++ {
			if number := fmt.Sprintf("%s%02d", kind.letter, n); !seen[number] {
				t.Errorf("%s is missing", number)
			}
		}
	}
}

// allTests are the names of the tests of this repository.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	must(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	}))
	return names
}
