package sipua

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A new certificate is used without a restart; a broken one, or half a pair, is not.
func TestCertificateIsReadAgain(t *testing.T) {
	ca := newAuthority(t)
	files := ca.server()
	var log bytes.Buffer
	u := start(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: files, Log: slog.New(slog.NewTextHandler(&log, nil))},
		func(t *timing) { t.checkFiles = 0 })
	serial := func() string {
		t.Helper()
		p := mustDialTLS(t, u.listening("tls"), ca.client(""))
		p.want(200, "1 OPTIONS", p.request("OPTIONS", 1, "", ""))
		return p.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	pair, key := read(t, files.CertFile), read(t, files.KeyFile)
	if err := os.WriteFile(files.CertFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := serial(); got != first {
			t.Error("a broken certificate was used")
		}
	}
	ca.issue("server", "sip.trunkline.test") // the same names of files
	if err := os.WriteFile(files.KeyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != first {
		t.Error("half a pair was used")
	}
	ca.issue("server", "sip.trunkline.test")
	if second := serial(); second == first {
		t.Error("the new certificate was not used")
	}
	_ = os.WriteFile(files.CertFile, pair, 0o600)
	_ = os.Remove(files.KeyFile)
	serial()
	_ = u.Close() // no other writer of the log is left
	if n := strings.Count(log.String(), "level=ERROR"); n != 3 {
		t.Errorf("%d complaints, want one for each of 3 bad states:\n%s", n, log.String())
	}
	if strings.Count(log.String(), "read again\"") != 1 {
		t.Errorf("log:\n%s", log.String())
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files are looked at once in the interval, however many handshakes there are.
func TestFilesAreLookedAtSparingly(t *testing.T) {
	file := t.TempDir() + "/x"
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		w, err := watch("x", time.Minute, discardLogger(), func(files []string) (string, error) {
			loads++
			data, err := os.ReadFile(files[0])
			return string(data), err
		}, file)
		if err != nil {
			t.Fatal(err)
		}
		write("second")
		time.Sleep(59 * time.Second)
		if got := w.get(); got != "one" {
			t.Errorf("%q within the interval", got)
		}
		time.Sleep(time.Second)
		for range 3 {
			if got := w.get(); got != "second" {
				t.Errorf("%q after the interval", got)
			}
		}
		time.Sleep(time.Hour)
		w.get()
		if loads != 2 {
			t.Errorf("read %d times, want 2", loads)
		}
	})
}
