package realtime

import (
	"strings"
	"testing"
)

func TestP35ValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"item_1": true, "A-z_0": true, "x": true, strings.Repeat("a", 32): true,
		"": false, strings.Repeat("a", 33): false, "a.b": false, "a:b": false, "a b": false, "é": false, "a\x00": false,
	} {
		if ValidID(id) != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, !want, want)
		}
	}
}

func TestP35ShortID(t *testing.T) {
	const odd = "call:01J9Z.KQ/7f4c3b2a1908-which-is-much-longer-than-any-server-takes"
	if a, b := ShortID("call_", odd), ShortID("call_", odd); a != b {
		t.Errorf("the same seed makes %s and %s", a, b)
	}
	if a, b := ShortID("call_", odd), ShortID("call_", odd+"x"); a == b {
		t.Errorf("two seeds make %s", a)
	}
	if id := ShortID("call_", odd); !strings.HasPrefix(id, "call_") {
		t.Errorf("%s does not begin with its prefix", id)
	}
	for _, prefix := range []string{"", "call_", "it:em.", strings.Repeat("p", 100), "é\xff"} {
		for _, seed := range []string{"", "x", odd} {
			if id := ShortID(prefix, seed); !ValidID(id) {
				t.Errorf("ShortID(%q, %q) = %q, which no server takes", prefix, seed, id)
			}
		}
	}
}
