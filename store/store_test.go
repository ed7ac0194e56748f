package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sweeper{}
		ctx, cancel := context.WithTimeout(context.Background(), 95*time.Second)
		defer cancel()
		store.SweepEvery(ctx, s, 30*time.Second, nil)
		if s.swept != 4 {
			t.Errorf("swept %d times in 95 seconds", s.swept)
		}
	})
}

// sweeper is a store that only sweeps, and fails now and then.
type sweeper struct {
	store.Store
	swept int
}

func (s *sweeper) Sweep(context.Context, time.Time) ([]string, error) {
	s.swept++
	if s.swept%2 == 0 {
		return []string{"c1"}, errAway
	}
	return nil, nil
}
