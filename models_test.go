package trunkline

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// One service that is away is no reason to take no calls, as long as agents work with another.
func TestOneOfTwoModelsIsAway(t *testing.T) {
	var m models
	used := map[string]bool{"a": true, "b": true}
	now := time.Now()
	if unready, degraded := m.state(used, now); unready != nil || degraded != nil {
		t.Errorf("at first: %v, %v", unready, degraded)
	}
	m.failed("a", errors.New("wrong key"), now)
	m.failed("c", errors.New("used by nobody"), now)
	if unready, degraded := m.state(used, now); unready != nil || degraded == nil || !strings.Contains(degraded.Error(), `"a"`) {
		t.Errorf("one away: %v, %v", unready, degraded)
	}
	m.failed("b", errors.New("no route"), now)
	if unready, _ := m.state(used, now); unready == nil {
		t.Error("all away, and ready")
	}
	if unready, degraded := m.state(used, now.Add(failureCounts)); unready != nil || degraded != nil {
		t.Errorf("a minute later: %v, %v", unready, degraded)
	}
	m.reached("a")
	if unready, degraded := m.state(used, now); unready != nil || degraded == nil {
		t.Errorf("one back: %v, %v", unready, degraded)
	}
}
