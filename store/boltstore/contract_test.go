package boltstore

import (
	"context"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
)

// listed is a store that shows its keys.
type listed struct{ *Store }

func (l listed) KeyNames(context.Context) (names []string, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(bucket []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(key, _ []byte) error {
				names = append(names, string(bucket)+"/"+string(key))
				return nil
			})
		})
	})
	return names, err
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := Open(filepath.Join(t.TempDir(), "calls.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return listed{s}
	})
}
