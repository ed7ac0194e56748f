package sipua

import (
	"os"
	"strings"
	"testing"
)

// What is wrong with the files is said with the setting's name.
func TestTLSFilesAreChecked(t *testing.T) {
	ca := newAuthority(t)
	good := ca.server()
	empty := t.TempDir() + "/empty.pem"
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]TLS{
		"tls.certificate and tls.key belong together":     {CertFile: good.CertFile},
		"tls.certificate and tls.key: stat":               {CertFile: "/nowhere.pem", KeyFile: good.KeyFile},
		"tls.certificate and tls.key: tls:":               {CertFile: ca.file, KeyFile: good.KeyFile},
		"tls.client_ca: no certificate in":                {CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: empty},
		"tls.root_ca: stat /nowhere.pem":                  {RootCAFile: "/nowhere.pem"},
		`listen[0] "tls://127.0.0.1:0": TLS needs a cert`: {},
	} {
		u, err := Listen(Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: files, Invite: ringAndWait(nil)})
		if err == nil {
			_ = u.Close()
			t.Errorf("%+v: accepted", files)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", files, err, want)
		}
	}
}
