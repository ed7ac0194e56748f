package supervisor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bounds of the waveform.
const (
	usualPeaks  = 800
	mostPeaks   = 4000
	cachedPeaks = 64 // waveforms
	peakReaders = 2  // recordings that are read at once
)

// waveform is a recording as a page draws it: of each stretch of time the lowest and the highest sample, -128 to 127.
type waveform struct {
	Seconds  float64   `json:"seconds"`
	Channels []channel `json:"channels"`
}

type channel struct {
	Name string `json:"name"` // caller or agent
	Min  []int8 `json:"min"`
	Max  []int8 `json:"max"`
}

func (a *api) recordingPeaks(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "n"); err != nil {
		return err
	}
	p := params{Values: r.URL.Query()}
	n := p.number("n", usualPeaks, mostPeaks)
	if p.err != nil {
		return p.err
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	rec, err := a.openRecording(r.Context(), c)
	if err != nil {
		return err
	}
	defer rec.Close() // only read
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePatience))
	wave, err := a.peaks.of(r.Context(), peakKey{c.ID, rec.Modified.UnixNano(), n}, rec)
	if errors.Is(err, errNotWAV) {
		a.Log.Warn("a recording cannot be read", "call_id", c.ID, "err", err)
		return &problem{Status: http.StatusUnprocessableEntity, Detail: "the recording is no WAV file that can be drawn", Place: "recording", Remedy: "listen to it instead"}
	}
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, wave)
}

// peakKey is a waveform. A recording that is written anew has another time.
type peakKey struct {
	call     string
	modified int64
	n        int
}

// peakCache keeps the waveforms that were asked for last.
type peakCache struct {
	readers chan struct{} // who reads a recording

	mu    sync.Mutex
	waves map[peakKey]*waveform
	order []peakKey // oldest first
}

func newPeakCache() *peakCache {
	return &peakCache{readers: make(chan struct{}, peakReaders), waves: map[peakKey]*waveform{}}
}

// of returns a waveform, from the cache or from the recording.
func (p *peakCache) of(ctx context.Context, key peakKey, from io.ReadSeeker) (*waveform, error) {
	if wave := p.get(key); wave != nil {
		return wave, nil
	}
	select {
	case p.readers <- struct{}{}:
		defer func() { <-p.readers }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if wave := p.get(key); wave != nil { // another reader had the same wish
		return wave, nil
	}
	wave, err := readPeaks(ctx, from, key.n)
	if err == nil {
		p.put(key, wave)
	}
	return wave, err
}

func (p *peakCache) get(key peakKey) *waveform {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waves[key]
}

func (p *peakCache) put(key peakKey, wave *waveform) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waves[key] != nil {
		return
	}
	if len(p.order) == cachedPeaks {
		delete(p.waves, p.order[0])
		p.order = p.order[1:]
	}
	p.waves[key] = wave
	p.order = append(p.order, key)
}
