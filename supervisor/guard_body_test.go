package supervisor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBodyIsReadBeforeTheHandler(t *testing.T) {
	reading := &countingReader{Reader: strings.NewReader("what was sent")}
	r := httptest.NewRequest("POST", "/", reading)
	withBody(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !reading.done {
			t.Error("the handler runs before the body has come")
		}
		if body, err := io.ReadAll(r.Body); string(body) != "what was sent" || err != nil || r.ContentLength != 13 {
			t.Errorf("the handler reads %q of %d: %v", body, r.ContentLength, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

type countingReader struct {
	io.Reader
	done bool
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.done = c.done || err == io.EOF
	return n, err
}

func TestBrokenBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("half"), brokenReader{}))
	w := httptest.NewRecorder()
	withBody(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler runs") })).ServeHTTP(w, r)
	if w.Code != http.StatusRequestTimeout {
		t.Errorf("status %d", w.Code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestBodyOfJustTheLimit(t *testing.T) {
	ran := false
	r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("a", maxBody)))
	withBody(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(httptest.NewRecorder(), r)
	if !ran {
		t.Error("64 KiB are refused")
	}
}
