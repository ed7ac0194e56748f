package supervisor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestRecordingIsSentInParts(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "rec", Agent: "sales"})
	s.begin(store.Call{ID: "silent", Agent: "sales"})
	resp, whole := s.ask("vera", "GET", "calls/rec/recording", "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "audio/wav" || whole[:4] != "RIFF" || resp.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	resp, part := s.ask("vera", "GET", "calls/rec/recording", "", "Range", "bytes=4-11")
	if resp.StatusCode != http.StatusPartialContent || part != whole[4:12] {
		t.Errorf("%s %q", resp.Status, part)
	}
	if resp, _ := s.ask("vera", "GET", "calls/rec/recording", "", "If-Modified-Since", resp.Header.Get("Last-Modified")); resp.StatusCode != http.StatusNotModified {
		t.Errorf("%s", resp.Status)
	}
	if resp, _ := s.ask("vera", "GET", "calls/rec/recording", "", "Range", "bytes=9999-"); resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("%s", resp.Status)
	}
	if did := s.did(0); len(did) != 1 { // one sitting
		t.Errorf("in the list as %q", did)
	}
	s.ask("sam", "GET", "calls/rec/recording", "", "Range", "bytes=4-11")
	if did := s.did(0); len(did) != 2 {
		t.Errorf("in the list as %q", did)
	}
	if p := s.refused(http.StatusNotFound, "vera", "GET", "calls/silent/recording", ""); p.Place != "recording" {
		t.Errorf("refused for %+v", p)
	}
	s.refused(http.StatusNotFound, "vera", "GET", "calls/silent/peaks", "")
	s.server.Recordings = nil
	s.refused(http.StatusNotFound, "vera", "GET", "calls/rec/recording", "")
}

func TestPeaksOfARecording(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "rec", Agent: "sales"})
	want := waveform{Seconds: 3.0 / 8000, Channels: []channel{{"caller", []int8{0}, []int8{125}}, {"agent", []int8{-125}, []int8{0}}}}
	if got := get[waveform](s, "vera", "calls/rec/peaks?n=1"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := get[waveform](s, "vera", "calls/rec/peaks"); len(got.Channels[0].Min) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestSittingEnds(t *testing.T) {
	l := newRecently()
	a := sitting{who: "a"}
	l.note(a, apiBegan)
	if !l.lately(a, apiBegan.Add(sittingFor-time.Second)) || l.lately(a, apiBegan.Add(sittingFor)) || l.lately(sitting{who: "b"}, apiBegan) {
		t.Error("a sitting is not what it should be")
	}
	for i := range 2 * maxSittings {
		l.note(sitting{call: fmt.Sprint(i)}, apiBegan)
	}
	if len(l.noted) > maxSittings {
		t.Errorf("%d sittings are remembered", len(l.noted))
	}
}

// counted counts how often a recording is read from its front.
type counted struct {
	*bytes.Reader
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	if c.Len() == int(c.Size()) {
		c.reads++
	}
	return c.Reader.Read(p)
}

func TestPeaksAreCachedUntilTheRecordingChanges(t *testing.T) {
	p := newPeakCache()
	file := wavOf(wavPCM, 1, 8000, pcm(1, 2, 3))
	read := func(key peakKey) int {
		c := &counted{Reader: bytes.NewReader(file)}
		if _, err := p.of(t.Context(), key, c); err != nil {
			t.Fatal(err)
		}
		return c.reads
	}
	key := peakKey{"c", 1, 10}
	if read(key) != 1 || read(key) != 0 || read(peakKey{"c", 2, 10}) != 1 || read(peakKey{"c", 1, 11}) != 1 || read(peakKey{"d", 1, 10}) != 1 {
		t.Error("a recording is not read when it should be")
	}
	for i := range 2 * cachedPeaks {
		read(peakKey{"e", int64(i), 1})
	}
	if len(p.waves) != cachedPeaks || len(p.order) != cachedPeaks || read(key) != 1 {
		t.Errorf("%d waveforms are kept, in an order of %d", len(p.waves), len(p.order))
	}
}

func TestWhoWaitsForPeaksMayLeave(t *testing.T) {
	p := newPeakCache()
	for range peakReaders {
		p.readers <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.of(ctx, peakKey{}, bytes.NewReader(nil)); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}
