package trunkline

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/boltstore"
	"github.com/trunkline/trunkline/store/redisstore"
)

func storeProbe(s *configs.Store) probe {
	if s.Redis == nil {
		return probe{"store", "store.path", func(_ context.Context, p *probe) []Finding { return checkFile(s.Path, p) }}
	}
	return probe{"store", "store.redis", func(ctx context.Context, p *probe) []Finding {
		return append(checkRedis(ctx, s.Redis, p), checkSpool(s.Spool)...)
	}}
}

// checkFile opens the embedded file to read it and changes nothing.
func checkFile(path string, p *probe) []Finding {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writable(filepath.Dir(path)); err != nil {
			return p.fail("make the directory and let this user write there", "%v", err)
		}
		return p.ok("%s is not there yet and can be made", path)
	}
	if err != nil {
		return p.fail("let this user read and write the file", "%v", err)
	}
	_ = f.Close()
	s, err := boltstore.Open(path, boltstore.Options{ReadOnly: true})
	if locked, ok := errors.AsType[*boltstore.LockedError](err); ok {
		return p.warn("nothing, if that is the running service", "%s is in use by process %d %s", path, locked.PID, locked.Name)
	}
	if err != nil {
		return p.fail("name another file in store.path, or restore this one", "%v", err)
	}
	_ = s.Close()
	return p.ok("%s can be opened", path)
}

// writable tries whether a file can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".trunkline-check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func checkSpool(path string) []Finding {
	if path == "" {
		return nil
	}
	p := &probe{area: "store", place: "store.spool"}
	if err := writable(filepath.Dir(path)); err != nil {
		return p.fail("make the directory and let this user write there", "%v", err)
	}
	return p.ok("%s can be written", path)
}

func checkRedis(ctx context.Context, r *configs.Redis, p *probe) []Finding {
	o, err := redisOptions(r)
	if err != nil {
		return p.fail("name PEM files that this user can read", "%v", err)
	}
	s, err := redisstore.Open(o)
	if err != nil {
		return p.fail("correct store.redis.url", "%v", err)
	}
	defer s.Close()
	if err := s.Ping(ctx); err != nil {
		return p.fail("check that the server runs, the address, user and password", "%v", err)
	}
	h, err := s.Health(ctx)
	if err != nil {
		return p.warn("let the user ask INFO", "it answers and does not tell how it keeps data: %v", err)
	}
	return append(p.ok("it answers, version %s", cmp.Or(h.Version, "unknown")), safety(&h, p)...)
}

// safety warns of a server that loses transcripts. All of ours have an expiry, so that the volatile policies throw them
// away too.
func safety(h *redisstore.Health, p *probe) (found []Finding) {
	if !h.AppendOnly {
		found = append(found, p.warn("set appendonly yes", "what was written since its last snapshot is lost in a crash")...)
	}
	if h.Policy != "" && h.Policy != "noeviction" {
		when := "once there is a maxmemory"
		if h.Limited {
			when = "when its memory is full"
		}
		found = append(found, p.warn("set maxmemory-policy noeviction", "maxmemory-policy %s throws transcripts away %s", h.Policy, when)...)
	}
	return found
}
