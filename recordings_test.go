package trunkline

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store/sound"
	"github.com/trunkline/trunkline/transcode"
)

// A bucket that does not answer delays no removal, and the end neither.
func TestSlowBucketDelaysNothingElse(t *testing.T) {
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			_, _ = io.WriteString(w, "<ListBucketResult><Name>calls</Name><IsTruncated>false</IsTruncated></ListBucketResult>")
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	_, a := embedded(t)
	dir := t.TempDir()
	var err error
	a.sound, err = sound.New(sound.Options{Directory: dir, Log: testLog(t),
		S3: &sound.S3{Endpoint: server.URL, Bucket: "calls", Region: "us-east-1", AccessKey: "a", SecretKey: "b"}})
	must(t, err)
	names := map[string]string{}
	for id, expires := range map[string]time.Time{"over": time.Now().Add(-48 * time.Hour), "kept": {}} {
		r, err := a.sound.Begin(id, transcode.PCMU)
		must(t, err)
		name, err := r.Finish(expires)
		must(t, err)
		names[id] = name
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.tend(ctx, func(string, time.Time) time.Time { return time.Time{} })
	}()
	<-asked
	gone := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return errors.Is(err, fs.ErrNotExist)
	}
	until(t, "what is over is removed", func() bool { return gone(names["over"]) })
	if gone(names["kept"]) {
		t.Error("what is to be kept is gone, and not in the bucket")
	}
	cancel()
	<-ended
	must(t, a.close(t.Context()))
}
