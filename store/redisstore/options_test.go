package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

const secret = "s3cr3t-p@ss"

func TestOptionsNeverPrintThePassword(t *testing.T) {
	for _, url := range []string{
		"redis://user:" + secret + "@127.0.0.1:6379/0", // the @ of the password is not escaped, and Go forgives it
		"redis://user:s3cr3t-%zz@127.0.0.1:6379/0",
		"redis://:s3cr3t-x@127.0.0.1:notaport",
		"http://user:s3cr3t-x@127.0.0.1",
		"s3cr3t-x",
		"redis://user:s3cr3t-x@127.0.0.1:6379/zero",
		"redis://user:s3cr3t-x@127.0.0.1:6379/0?s3cr3t-y=1",
	} {
		o := Options{URL: url}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "o", o)
		printed := fmt.Sprintf("%v %+v %#v %s %s", o, o, o, o, log.String())
		s, err := Open(o)
		if err == nil {
			s.Close()
		}
		if all := printed + fmt.Sprint(err); strings.Contains(all, "s3cr3t") {
			t.Errorf("%s", all)
		}
	}
}

func TestBadURLsAreExplained(t *testing.T) {
	for url, want := range map[string]string{
		"":                              "is empty",
		"127.0.0.1:6379":                "must begin with redis://",
		"https://127.0.0.1":             "must begin with redis://",
		"redis://u:a%zz@127.0.0.1:6379": "percent-encode",
		"redis://127.0.0.1:6379/zero":   "no valid database",
	} {
		if _, err := Open(Options{URL: url}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", url, err, want)
		}
	}
}

func TestTLSIsOnlyForRediss(t *testing.T) {
	own := &tls.Config{MinVersion: tls.VersionTLS13}
	plain, err := Options{URL: "redis://h:1", TLS: own}.universal()
	if err != nil || plain.TLSConfig != nil {
		t.Errorf("redis:// got TLS, %v", err)
	}
	secured, err := Options{URL: "rediss://h:1", TLS: own}.universal()
	if err != nil || secured.TLSConfig == nil || secured.TLSConfig.ServerName != "h" || secured.TLSConfig.MinVersion != tls.VersionTLS13 {
		t.Errorf("rediss://: %+v, %v", secured.TLSConfig, err)
	}
}

func TestWrongPassword(t *testing.T) {
	server := redisproc.Start(t, "--requirepass", "right")
	wrong := strings.Replace(server.URL(), "redis://", "redis://:s3cr3t@", 1)
	for url, want := range map[string]string{wrong: "WRONGPASS", server.URL(): "NOAUTH"} {
		err := open(t, Options{URL: url}).Ping(context.Background())
		if !errors.Is(err, store.ErrDenied) || store.Permanent(err) {
			t.Errorf("%v", err)
		}
		text := fmt.Sprint(err)
		if strings.Contains(text, "s3cr3t") || !strings.Contains(text, want) || !strings.Contains(text, server.Addr) {
			t.Errorf("%s", text)
		}
	}
	right := strings.Replace(server.URL(), "redis://", "redis://:right@", 1)
	if err := open(t, Options{URL: right}).Ping(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestReadOnlyUser(t *testing.T) {
	server := redisproc.Start(t, "--user", "viewer", "on", ">pw", "~tl:*", "-@all", "+@read", "+ping",
		"--user", "writer", "on", ">pw", "~tl:*", "+@all", "-@admin", "-@dangerous")
	as := func(user string) *Store {
		return open(t, Options{URL: strings.Replace(server.URL(), "redis://", "redis://"+user+":pw@", 1)})
	}
	ctx := context.Background()
	c := call("c1")
	if err := as("writer").Begin(ctx, c); err != nil {
		t.Fatal(err)
	}
	viewer := as("viewer")
	if got, err := viewer.Call(ctx, "c1"); err != nil || got.ID != "c1" {
		t.Errorf("reading: %+v, %v", got, err)
	}
	if page, err := viewer.List(ctx, store.Query{Agent: "frontdesk"}); err != nil || len(page.Calls) != 1 {
		t.Errorf("listing: %+v, %v", page, err)
	}
	if err := viewer.Append(ctx, "c1", line(1)); !errors.Is(err, store.ErrDenied) {
		t.Errorf("writing: %v", err)
	}
}

func TestServerThatIsDown(t *testing.T) {
	server := redisproc.Start(t)
	s := open(t, Options{URL: server.URL()})
	server.Kill()
	err := s.Ping(context.Background())
	if err == nil || store.Permanent(err) || !strings.Contains(err.Error(), server.Addr) {
		t.Errorf("ping: %v", err)
	}
	server.Restart()
	if err := s.Ping(context.Background()); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}
