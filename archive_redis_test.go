package trunkline

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/redisstore"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

func TestRedisOptions(t *testing.T) {
	authority := redisproc.NewAuthority(t)
	us := authority.Issue("trunkline")
	r := &configs.Redis{URL: configs.NewURL("rediss://u:p@one:1/0"), Cluster: []string{"two:1"}, Prefix: "second",
		CA: configs.File(authority.File), Certificate: configs.File(us.CertFile), Key: configs.File(us.KeyFile), ServerName: "name",
		Sentinel: &configs.Sentinel{Master: "m", Addresses: []string{"three:1"}, Username: "su", Password: configs.NewSecret("sp")}}
	o, err := redisOptions(r)
	must(t, err)
	if o.URL != "rediss://u:p@one:1/0" || o.Prefix != "second" || !reflect.DeepEqual(o.Cluster, r.Cluster) {
		t.Errorf("%v", o)
	}
	if want := (redisstore.Sentinel{Master: "m", Addresses: []string{"three:1"}, Username: "su", Password: "sp"}); !reflect.DeepEqual(*o.Sentinel, want) {
		t.Errorf("sentinel: %v", o.Sentinel)
	}
	if o.TLS == nil || o.TLS.ServerName != "name" || o.TLS.RootCAs == nil || o.TLS.GetClientCertificate == nil {
		t.Errorf("TLS: %+v", o.TLS)
	}
	r.CA = configs.File(filepath.Join(t.TempDir(), "none"))
	if _, err := redisOptions(r); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is none: %v", err)
	}
	if o, err := redisOptions(&configs.Redis{}); err != nil || o.TLS != nil || o.Sentinel != nil || o.Cluster != nil {
		t.Errorf("nothing: %+v, %v", o, err)
	}
}
