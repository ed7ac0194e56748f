package redisstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

func TestHealthIsThatOfTheServer(t *testing.T) {
	careless := redisproc.Start(t, "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
	h, err := open(t, Options{URL: careless.URL()}).Health(ctx)
	must(t, err)
	if h.AppendOnly || h.Policy != "allkeys-lru" || !h.Limited || !strings.Contains(h.Version, ".") {
		t.Errorf("careless: %+v", h)
	}
	careful := redisproc.Start(t, "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	h, err = open(t, Options{URL: careful.URL()}).Health(ctx)
	must(t, err)
	if !h.AppendOnly || h.Policy != "noeviction" || h.Limited {
		t.Errorf("careful: %+v", h)
	}
}

func TestHealthOfAServerThatRefuses(t *testing.T) {
	server := redisproc.Start(t, "--requirepass", "right")
	if _, err := open(t, Options{URL: server.URL()}).Health(ctx); !errors.Is(err, store.ErrDenied) {
		t.Errorf("%v, want a denial", err)
	}
	server.Kill()
	if _, err := open(t, Options{URL: server.URL()}).Health(ctx); err == nil || !strings.Contains(err.Error(), server.Addr) {
		t.Errorf("%v, want the address of the server that is down", err)
	}
}

func FuzzHealth(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.4.1\r\naof_enabled:1\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n")
	f.Add("redis_version")
	f.Add(":\n:")
	f.Fuzz(func(t *testing.T, info string) {
		if h := healthOf(info); strings.ContainsAny(h.Version+h.Policy, "\n") {
			t.Errorf("%+v has more than a line", h)
		}
	})
}
