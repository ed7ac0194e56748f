package trunkline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/share"
)

func embedded(t *testing.T) (cfg *configs.Config, a *archive) {
	t.Helper()
	cfg = &configs.Config{Store: configs.Store{Path: filepath.Join(t.TempDir(), "calls.db")}}
	a, err := openArchive(cfg, testLog(t))
	must(t, err)
	return cfg, a
}

// A file that a service holds is read through the service, and afterwards by itself: whoever reads does not see the
// difference.
func TestOpenReader(t *testing.T) {
	ctx := t.Context()
	cfg, a := embedded(t)
	a.writer.Begin(store.Call{ID: "one", Agent: "frontdesk", Started: time.Now()})
	read := func() {
		t.Helper()
		r, closeReader, err := OpenReader(ctx, cfg, nil)
		must(t, err)
		until(t, "the call can be read", func() bool {
			c, err := r.Call(ctx, "one")
			return err == nil && c.Agent == "frontdesk"
		})
		must(t, closeReader())
	}
	if _, err := boltstore.Open(cfg.Store.Path, boltstore.Options{ReadOnly: true}); err == nil {
		t.Fatal("the file is not held")
	}
	read()
	must(t, a.close(ctx))
	read()
}

func TestOpenReaderOfNothing(t *testing.T) {
	cfg := &configs.Config{Store: configs.Store{Path: filepath.Join(t.TempDir(), "none.db")}}
	if _, _, err := OpenReader(t.Context(), cfg, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Stat(cfg.Store.Path); err == nil {
		t.Error("reading made the file")
	}
	cfg.Store.Redis = &configs.Redis{URL: configs.NewURL("http://127.0.0.1/")}
	if _, _, err := OpenReader(t.Context(), cfg, nil); err == nil {
		t.Error("an address that is none was taken")
	}
}

// The last lines are in the store when close has returned.
func TestArchiveWritesItsLastLines(t *testing.T) {
	cfg, a := embedded(t)
	a.writer.Begin(store.Call{ID: "one", Started: time.Now()})
	for range 500 {
		a.writer.Append("one", store.Entry{Kind: store.KindTurn, Text: "words"})
	}
	a.writer.Finish(store.Call{ID: "one", EndedBy: "caller"})
	must(t, a.close(t.Context()))
	kept, err := boltstore.Open(cfg.Store.Path, boltstore.Options{ReadOnly: true})
	must(t, err)
	defer kept.Close()
	entries, err := kept.Entries(t.Context(), "one", "", 0)
	must(t, err)
	if len(entries) != 502 { // and the beginning and the end
		t.Errorf("%d lines", len(entries))
	}
	if _, err := share.Open(t.Context(), cfg.Store.Path); err == nil {
		t.Error("the socket is still served")
	}
}

// Nobody may open a file that another service holds: two writers would each see half.
func TestArchiveHasOneOwner(t *testing.T) {
	cfg, a := embedded(t)
	defer func() { must(t, a.close(context.Background())) }()
	second, err := openArchive(cfg, testLog(t))
	if locked := (*boltstore.LockedError)(nil); !errors.As(err, &locked) {
		t.Fatalf("%v, error is %v", second, err)
	}
	c, err := share.Open(t.Context(), cfg.Store.Path)
	if err != nil {
		t.Fatalf("the failed attempt took the owner's socket away: %v", err)
	}
	must(t, c.Close())
}

// Calls matter more than readers: a file where the socket should stand keeps nobody from answering.
func TestArchiveWithoutASocket(t *testing.T) {
	cfg := configs.Store{Path: filepath.Join(t.TempDir(), "kept.db")}
	must(t, os.WriteFile(share.SocketPath(cfg.Path), []byte("not ours"), 0o600))
	a, err := openArchive(&configs.Config{Store: cfg}, testLog(t))
	must(t, err)
	a.writer.Begin(store.Call{ID: "one", Started: time.Now()})
	must(t, a.close(t.Context()))
	if text, err := os.ReadFile(share.SocketPath(cfg.Path)); err != nil || string(text) != "not ours" {
		t.Errorf("the file of somebody else holds %q now (%v)", text, err)
	}
}
