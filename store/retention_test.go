package store_test

import (
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestRetention(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		r       store.Retention
		sales   time.Duration
		longest time.Duration
	}{
		{store.Retention{}, 0, 0},
		{store.Retention{Default: day}, day, day},
		{store.Retention{Default: day, Agents: map[string]time.Duration{"sales": 2 * day}}, 2 * day, 2 * day},
		{store.Retention{Default: day, Agents: map[string]time.Duration{"sales": time.Hour}}, time.Hour, day},
		{store.Retention{Default: day, Agents: map[string]time.Duration{"sales": 0}}, 0, 0},
		{store.Retention{Agents: map[string]time.Duration{"sales": day}}, day, 0},
	} {
		if got := c.r.Of("sales"); got != c.sales {
			t.Errorf("%+v keeps calls of sales for %v, want %v", c.r, got, c.sales)
		}
		if got := c.r.Of("other"); got != c.r.Default {
			t.Errorf("%+v keeps other calls for %v", c.r, got)
		}
		if got := c.r.Longest(); got != c.longest {
			t.Errorf("%+v keeps calls for %v at most, want %v", c.r, got, c.longest)
		}
	}
}
