package realtime

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for text, want := range map[string]count{
		`0`: 0, `7`: 7, `7.9`: 7, `1e3`: 1000, `2147483647`: 2147483647, `2147483648`: 0, `-1`: 0, `1e400`: 0, `"7"`: 0, `null`: 0, `{}`: 0, `[7]`: 0,
	} {
		got := count(3)
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]seconds{`1.5`: 1.5, `0`: 0, `1e11`: 1e11, `1763386000123`: 0, `-1`: 0, `1e400`: 0, `"1.5"`: 0} {
		got := seconds(3)
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %v, %v, want %v", text, got, err, want)
		}
	}
	if at := seconds(0).time(); !at.IsZero() {
		t.Errorf("no time is %v", at)
	}
	if got, want := seconds(1.5).time(), time.UnixMilli(1500); !got.Equal(want) {
		t.Errorf("time %v, want %v", got, want)
	}
	if a := seconds(maxSeconds).span(); a <= 0 || a+a < a {
		t.Errorf("the longest span %v overflows", a)
	}
}

// TestR03EndOfSession: rotation depends on this member, so it is held in both dialects and both events.
func TestR03EndOfSession(t *testing.T) {
	for _, d := range []Dialect{DialectGA, DialectPreview} {
		for _, c := range []struct {
			text string
			want time.Time
		}{
			{`1795359600`, time.Unix(1795359600, 0)}, {`1795359600.0`, time.Unix(1795359600, 0)}, {`0`, time.Time{}},
			{`null`, time.Time{}}, {`"1795359600"`, time.Time{}}, {`1795359600000`, time.Time{}}, {`-1`, time.Time{}},
		} {
			for _, name := range []string{"session.created", "session.updated"} {
				ev, err := NewDecoder(d).Decode(fmt.Appendf(nil, `{"type":%q,"session":{"expires_at":%s}}`, name, c.text))
				if err != nil {
					t.Fatal(err)
				}
				if got := sessionOf(ev).ExpiresAt; !got.Equal(c.want) {
					t.Errorf("%s, %s: expires_at %s is read as %v, want %v", d, name, c.text, got, c.want)
				}
			}
		}
	}
}

func sessionOf(ev ServerEvent) Session {
	if created, ok := ev.(*SessionCreated); ok {
		return created.Session
	}
	return ev.(*SessionUpdated).Session
}
