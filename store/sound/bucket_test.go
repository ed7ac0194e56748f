package sound

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

// The service that the tests keep recordings in is a real one of another make; `make peers` installs it.
const s3rver = "../../testdata/npm/node_modules/s3rver/bin/s3rver.js"

var listening = regexp.MustCompile(`listening on .*?:(\d+)`)

// startS3 runs a service with the bucket calls until the test ends, and returns its address and how to end it before.
func startS3(t *testing.T, dir string) (address string, stop func()) {
	t.Helper()
	if _, err := os.Stat(s3rver); err != nil {
		t.Fatalf("%v; run make peers", err)
	}
	cmd := exec.Command("node", s3rver, "-d", dir, "-a", "127.0.0.1", "-p", "0", "--no-vhost-buckets", "--configure-bucket", "calls")
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = cmd.Stdout
	must(t, cmd.Start())
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := listening.FindSubmatch(lines.Bytes()); m != nil {
			return net.JoinHostPort("127.0.0.1", string(m[1])), stop
		}
	}
	t.Fatal("the service did not start")
	return "", nil
}

func bucketAt(address string) *S3 {
	return &S3{Endpoint: "http://" + address, Bucket: "calls", Region: "us-east-1", Prefix: "recordings/", AccessKey: "S3RVER", SecretKey: "S3RVER"}
}

func TestBucket(t *testing.T) {
	address, _ := startS3(t, t.TempDir())
	o := sealing(t, Options{Directory: t.TempDir(), S3: bucketAt(address)})
	k := open(t, o)
	over, err := record(t, k, "over", transcode.PCMU).Finish(expires)
	must(t, err)
	later, err := record(t, k, "later", transcode.PCMA).Finish(expires.Add(24 * time.Hour))
	must(t, err)
	wantSound(t, k, over, transcode.PCMU, 8000, 8000) // it is found before it was uploaded
	must(t, k.Upload(ctx))
	if files, _ := filepath.Glob(filepath.Join(o.Directory, "*", "*")); len(files) != 0 {
		t.Errorf("still in the directory: %q", files)
	}
	wantSound(t, k, over, transcode.PCMU, 8000, 8000)
	wantSound(t, k, later, transcode.PCMA, 8000, 8000)
	must(t, k.Sweep(ctx, expires.Add(6*time.Hour)))
	if _, err := k.Open(ctx, over); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is over: %v", err)
	}
	wantSound(t, k, later, transcode.PCMA, 8000, 8000)
	must(t, k.Delete(ctx, later))
	must(t, k.Delete(ctx, later))
	if _, err := k.Open(ctx, later); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
}

// While the service is away recordings stay in the directory, where they are found, and go to the bucket when it is back.
func TestBucketThatIsAway(t *testing.T) {
	dir := t.TempDir()
	address, stop := startS3(t, dir)
	stop()
	o := Options{Directory: t.TempDir(), S3: bucketAt(address)}
	k := open(t, o)
	name, err := record(t, k, "a", transcode.PCMU).Finish(expires)
	must(t, err)
	if err := k.Upload(ctx); err == nil {
		t.Fatal("uploaded to nowhere")
	}
	wantSound(t, k, name, transcode.PCMU, 8000, 8000)
	address, _ = startS3(t, dir)
	o.S3 = bucketAt(address)
	k = open(t, o)
	must(t, k.Upload(ctx))
	if _, err := os.Stat(filepath.Join(o.Directory, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
	wantSound(t, k, name, transcode.PCMU, 8000, 8000)
}
