package redisstore

import (
	"context"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// listed is a store that shows its keys.
type listed struct{ *Store }

func (l listed) KeyNames(ctx context.Context) ([]string, error) {
	return l.client.Keys(ctx, "*").Result()
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	t.Parallel() // with others: they wait more than they work
	server := redisproc.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		s := open(t, Options{URL: server.URL()})
		must(t, s.client.FlushAll(ctx).Err())
		return listed{s}
	})
}

func TestMain(m *testing.M) { storetest.Main(m) }
