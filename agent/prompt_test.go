package agent

import (
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	info := &CallInfo{Caller: "+15551234", Dialled: "+15559876", Forwarded: "+4930", Verification: "passed A", Headers: map[string]string{"X-Customer-Id": "42", "X-Evil": "{{dialled}}"}}
	p := &Profile{Name: "front", Language: "German", TimeZone: berlin}
	now := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"plain":                           "plain",
		"{{caller}} called {{ dialled }}": "+15551234 called +15559876",
		"{{now}}|{{date}}|{{time}}":       "2026-03-01 09:30 CET|2026-03-01|09:30",
		"{{weekday}}":                     "Sunday",
		"{{forwarded}} {{verification}}":  "+4930 passed A",
		"{{agent}} in {{language}}":       "front in German",
		"{{header.x-customer-ID}}":        "42",
		"{{header.X-Missing}}.":           ".",
		"{{header.X-Evil}}":               "{{dialled}}", // a value is never expanded again
		"{{unknown}} {{}} {{ caller":      "{{unknown}} {{}} {{ caller",
		"{{{caller}}}":                    "{+15551234}",
	} {
		if got := Expand(text, p, info, now); got != want {
			t.Errorf("Expand(%q) = %q, want %q", text, got, want)
		}
	}
	if got := Expand("{{caller}} {{forwarded}} {{verification}}", p, &CallInfo{}, now); got != "unknown none none" {
		t.Errorf("of a call that nothing is known of: %q", got)
	}
}

func TestSessionIsOpenedWithExpandedTexts(t *testing.T) {
	p := Profile{Instructions: "Agent {{agent}} for {{dialled}}.", Greeting: "Hello {{caller}}.", Language: "French"}
	play(t, stageOptions{profile: p}, func(s *stage) {
		got := s.wants[0].Instructions.Or("")
		if !strings.HasPrefix(got, "Agent frontdesk for unknown.") || !strings.Contains(got, `Speak the language "French"`) {
			t.Errorf("instructions %q", got)
		}
		if told := s.told(); len(told) != 1 || !strings.Contains(told[0], "Hello unknown.") || !strings.Contains(told[0], got) {
			t.Errorf("greeting %q", told)
		}
	})
}
