package sound

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// shelf is a bucket of which a test says what becomes of an object before it is there. Guarded by mu.
type shelf struct {
	mu      sync.Mutex
	objects map[string]bool
	put     func(path string, r *http.Request) (status int)
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		_, _ = io.Copy(io.Discard, r.Body)
		if status := s.put(r.URL.Path, r); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.objects[r.URL.Path] = true
		w.Header().Set("ETag", `"x"`)
	case http.MethodDelete:
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet: // the list
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, s.list())
	}
}

// list is sorted by name, as every service does it.
func (s *shelf) list() string {
	var b strings.Builder
	b.WriteString("<ListBucketResult><Name>calls</Name><IsTruncated>false</IsTruncated>")
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		b.WriteString("<Contents><Key>" + strings.TrimPrefix(path, "/calls/") + "</Key><Size>1</Size></Contents>")
	}
	return b.String() + "</ListBucketResult>"
}

func (s *shelf) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// shelve starts a bucket that put rules, and opens a place for recordings that uses it.
func shelve(t *testing.T, put func(path string, r *http.Request) (status int)) (*shelf, *Keep) {
	t.Helper()
	s := &shelf{objects: map[string]bool{}, put: put}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, open(t, Options{S3: &S3{Endpoint: server.URL, Bucket: "calls", Region: "us-east-1", AccessKey: "a", SecretKey: "b"}})
}

func finished(t *testing.T, k *Keep, id string) (name string) {
	t.Helper()
	name, err := record(t, k, id, transcode.PCMU).Finish(expires)
	must(t, err)
	return name
}

// What is deleted while it is on its way to the bucket is not there afterwards, and nothing of another recording is lost.
func TestDeletedDuringItsUpload(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s, k := shelve(t, func(path string, _ *http.Request) int {
		if strings.Contains(path, "gone") {
			close(begun)
			<-release
		}
		return http.StatusOK
	})
	name := finished(t, k, "gone")
	stays := finished(t, k, "stays")
	uploaded := make(chan error)
	go func() { uploaded <- k.Upload(ctx) }()
	<-begun
	must(t, k.Delete(ctx, name))
	close(release)
	must(t, <-uploaded)
	if names := s.names(); len(names) != 1 || names[0] != "/calls/"+stays {
		t.Errorf("in the bucket: %q", names)
	}
}

// Another node that shares the directory may have been quicker: what it took to the bucket stays there.
func TestUploadedByAnotherNode(t *testing.T) {
	var k *Keep
	s, k := shelve(t, func(path string, _ *http.Request) int {
		_ = os.Remove(filepath.Join(k.dir, strings.TrimPrefix(path, "/calls/")))
		return http.StatusOK
	})
	name := finished(t, k, "a")
	must(t, k.Upload(ctx))
	if names := s.names(); len(names) != 1 || names[0] != "/calls/"+name {
		t.Errorf("in the bucket: %q", names)
	}
}

// A file that the service refuses, or never answers about, holds no other up, and the error says which it is.
func TestUploadGoesOnAfterAFault(t *testing.T) {
	for what, put := range map[string]func(r *http.Request) int{
		"refused":    func(*http.Request) int { return http.StatusForbidden },
		"unanswered": func(r *http.Request) int { <-r.Context().Done(); return http.StatusServiceUnavailable },
	} {
		t.Run(what, func(t *testing.T) {
			s, k := shelve(t, func(path string, r *http.Request) int {
				if strings.Contains(path, "bad") {
					return put(r)
				}
				return http.StatusOK
			})
			k.patience = 2 * time.Second
			bad, good := finished(t, k, "bad"), finished(t, k, "good")
			if err := k.Upload(ctx); err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), good) {
				t.Errorf("%v", err)
			}
			if names := s.names(); len(names) != 1 || names[0] != "/calls/"+good {
				t.Errorf("in the bucket: %q", names)
			}
			wantSound(t, k, bad, transcode.PCMU, 8000, 8000)
		})
	}
}

// What somebody else put into the bucket neither ends the search for what is over nor goes.
func TestSweepPassesWhatIsNotOurs(t *testing.T) {
	s, k := shelve(t, nil)
	for _, name := range []string{".keep", "0/x", "20200101/a.wav", "20200102/b/c.wav", "20260101-export/a.wav", "20261224/b.wav.age", "20261225/c.wav", "kept/d.wav"} {
		s.objects["/calls/"+name] = true
	}
	must(t, k.Sweep(ctx, expires))
	want := "/calls/.keep /calls/0/x /calls/20200102/b/c.wav /calls/20260101-export/a.wav /calls/20261225/c.wav /calls/kept/d.wav"
	if got := strings.Join(s.names(), " "); got != want {
		t.Errorf("in the bucket: %s", got)
	}
}
