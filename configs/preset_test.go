package configs

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	comment     = regexp.MustCompile(`(?m)^\s*#.*$`)
	variableUse = regexp.MustCompile(`\$\{([A-Z_]+)`)
	examples    = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")} // RFC 5737, RFC 3849
)

// TestPresets loads the file of each provider and exchange with the variables that it names, and holds it to what its
// head promises: a date, what was tested, which variables there are, and addresses that are nobody's.
func TestPresets(t *testing.T) {
	files, err := filepath.Glob("trunk-*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"asterisk", "bandwidth", "didww", "freeswitch", "kamailio", "teams", "telnyx", "twilio", "vonage"}
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "trunk-"), ".yaml")
		names = append(names, name)
		t.Run(name, func(t *testing.T) { checkPreset(t, file) })
	}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
}

func checkPreset(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(data), "\nversion:")
	for _, must := range []string{"Written 2026-11.", "# Tested: that this file loads. Not tried against ", "# Variables: ", "\n# At "} {
		if !strings.Contains(head, must) {
			t.Errorf("the head does not say %q", must)
		}
	}
	env := []string{"NONE="}
	for _, m := range variableUse.FindAllStringSubmatch(comment.ReplaceAllString(string(data), ""), -1) {
		if !strings.Contains(head, m[1]) {
			t.Errorf("the head does not name %s", m[1])
		}
		env = append(env, m[1]+"="+presetValue(m[1]))
	}
	if _, err := Load(Options{Path: file, Env: []string{"NONE="}}); err == nil {
		t.Error("loads without its variables")
	}
	c, err := Load(Options{Path: file, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Warnings() {
		t.Errorf("is warned of: %v", w)
	}
	trunk := &c.Trunks[0]
	if len(c.Trunks) != 1 || !strings.Contains(string(data), "# PLACEHOLDER.") {
		t.Error("is more than one trunk, or does not say that its addresses are placeholders")
	}
	for _, source := range slices.Concat(trunk.Sources, trunk.Media.Networks) {
		if !slices.ContainsFunc(examples, func(p netip.Prefix) bool { return p.Contains(source.Addr()) && p.Bits() <= source.Bits() }) {
			t.Errorf("%s may be somebody's", source)
		}
	}
}

func presetValue(variable string) string {
	switch {
	case strings.HasPrefix(variable, "TLS_"):
		return "testdata/pem.pem"
	case variable == "PUBLIC_ADDRESS":
		return "sip.example.com"
	}
	return "a-secret-of-some-length"
}
