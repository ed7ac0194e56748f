package sipua

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func testOrder(first uint32) *order { return newOrder(first, defaultTiming()) }

func TestOrderLetsNumbersThroughInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOrder(10)
		var got []uint32
		var wg sync.WaitGroup
		for _, n := range []uint32{13, 12, 11} {
			o.arrive(n)
		}
		for _, n := range []uint32{13, 12, 11} {
			wg.Go(func() {
				if o.enter(t.Context(), n) {
					got = append(got, n)
					<-time.After(time.Millisecond)
					o.leave()
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if !slices.Equal(got, []uint32{11, 12, 13}) {
			t.Errorf("order %v", got)
		}
	})
}

func TestOrderWaitsBrieflyForWhatNeverCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			arrived []uint32
			want    time.Duration
		}{
			"next number":         {nil, 0},
			"gap":                 {[]uint32{13}, defaultTiming().gap},
			"gap known to be due": {[]uint32{12, 13}, defaultTiming().late},
		} {
			o, start, n := testOrder(10), time.Now(), uint32(11)
			for _, a := range tc.arrived {
				o.arrive(a)
				n = a
			}
			if !o.enter(t.Context(), n) || time.Since(start) != tc.want {
				t.Errorf("%s: waited %v, want %v", name, time.Since(start), tc.want)
			}
			o.leave()
		}
	})
}

func TestOrderRefusesOldNumbersAndDeadContexts(t *testing.T) {
	o := testOrder(10)
	for _, n := range []uint32{0, 9, 10} {
		if o.enter(t.Context(), n) {
			t.Errorf("%d let through after 10", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o.enter(ctx, 99) {
		t.Error("let through although the wait was over")
	}
	for n := range uint32(10 * maxArrived) {
		o.arrive(100 + n)
	}
	if len(o.arrived) > maxArrived {
		t.Errorf("%d numbers noted", len(o.arrived))
	}
}
