package redisstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

// with opens a store that shows and trusts what the files say.
func (f Files) with(t *testing.T, url string) Options {
	t.Helper()
	c, err := f.TLS()
	must(t, err)
	return Options{URL: url, TLS: c}
}

// TestWrongCertificates are refused, and the error names the key of the configuration that mends it.
func TestWrongCertificates(t *testing.T) {
	authority, stranger := redisproc.NewAuthority(t), redisproc.NewAuthority(t)
	server := redisproc.StartTLS(t, authority.Issue("server", "redis.internal"))
	us, them := authority.Issue("trunkline"), stranger.Issue("trunkline")
	good := Files{CA: authority.File, Certificate: us.CertFile, Key: us.KeyFile, ServerName: "redis.internal"}
	if err := open(t, good.with(t, server.URL())).Ping(ctx); err != nil {
		t.Fatalf("with all that is right: %v", err)
	}
	edit := func(change func(*Files)) Files {
		f := good
		change(&f)
		return f
	}
	for want, o := range map[string]Options{
		"write the one it has in store.redis.server_name":   edit(func(f *Files) { f.ServerName = "" }).with(t, server.URL()),
		"name the file of its authority in store.redis.ca":  edit(func(f *Files) { f.CA = stranger.File }).with(t, server.URL()),
		"name its file in store.redis.certificate":          edit(func(f *Files) { f.Certificate, f.Key = "", "" }).with(t, server.URL()),
		"who signed our certificate: see store.redis.certi": edit(func(f *Files) { f.Certificate, f.Key = them.CertFile, them.KeyFile }).with(t, server.URL()),
	} {
		err := open(t, o).Ping(ctx)
		if err == nil || store.Permanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant …%s…", err, want)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	authority := redisproc.NewAuthority(t)
	us, other := authority.Issue("trunkline"), authority.Issue("other")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	must(t, os.WriteFile(empty, nil, 0o600))
	for want, f := range map[string]Files{
		"store.redis.ca: open ":              {CA: empty + "-not"},
		"store.redis.ca: there is no certif": {CA: empty},
		"store.redis.certificate and key: o": {Certificate: us.CertFile, Key: empty + "-not"},
		"store.redis.certificate and key: t": {Certificate: us.CertFile, Key: other.KeyFile},
	} {
		if _, err := f.TLS(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s…", err, want)
		}
	}
	if c, err := (Files{}).TLS(); c != nil || err != nil {
		t.Errorf("none: %v, %v", c, err)
	}
}

// TestRenewedCertificateIsShown without a restart: the next connection reads the files again.
func TestRenewedCertificateIsShown(t *testing.T) {
	authority, stranger := redisproc.NewAuthority(t), redisproc.NewAuthority(t)
	server := redisproc.StartTLS(t, authority.Issue("server", "127.0.0.1"))
	us, old := authority.Issue("trunkline"), stranger.Issue("old")
	files := Files{CA: authority.File, Certificate: old.CertFile, Key: old.KeyFile}
	s := open(t, files.with(t, server.URL()))
	if s.Ping(ctx) == nil {
		t.Fatal("a certificate of another authority was taken")
	}
	must(t, os.Rename(us.CertFile, old.CertFile))
	must(t, os.Rename(us.KeyFile, old.KeyFile))
	must(t, s.Ping(ctx))
}

// TestNodesOfAClusterAreKnownByTheirOwnNames, not by that of the first.
func TestNodesOfAClusterAreKnownByTheirOwnNames(t *testing.T) {
	u, err := Options{URL: "rediss://one.internal:1", Cluster: []string{"two.internal:1"}}.universal()
	must(t, err)
	if u.TLSConfig == nil || u.TLSConfig.ServerName != "" {
		t.Errorf("%+v", u.TLSConfig)
	}
	u, err = Options{URL: "rediss://one.internal:1", Cluster: []string{"two.internal:1"}, TLS: Files{ServerName: "all.internal"}.with(t, "").TLS}.universal()
	must(t, err)
	if u.TLSConfig.ServerName != "all.internal" {
		t.Errorf("a name that is given: %q", u.TLSConfig.ServerName)
	}
}
