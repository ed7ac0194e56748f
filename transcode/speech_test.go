package transcode

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Recordings of people, from two Debian packages, and of the voices that the
// simulator speaks with.
var speechDirs = []string{
	"/usr/share/asterisk/sounds/en_US_f_Allison", // asterisk-core-sounds-en-wav
	"/usr/share/pocketsphinx/test/data",          // pocketsphinx-testdata
	"../agent/simulator/clips",
}

// recording is a sound file: mono, as it was recorded.
type recording struct {
	name    string
	rate    int // 8000 or 16000 Hz
	samples []int16
}

// recordings returns all of them: some 1600 seconds.
func recordings(t *testing.T) []recording {
	t.Helper()
	all, err := readRecordings()
	if err != nil || len(all) < 600 {
		t.Fatalf("only %d recordings of people in %q (%v); install them with: "+
			"apt-get install asterisk-core-sounds-en-wav pocketsphinx-testdata", len(all), speechDirs, err)
	}
	return all
}

var readRecordings = sync.OnceValues(func() (all []recording, err error) {
	for _, dir := range speechDirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			r, err := readRecording(path)
			if len(r.samples) > 0 {
				all = append(all, r)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
})

// readRecording reads a sound file; any other file is an empty recording.
func readRecording(path string) (recording, error) {
	data, err := os.ReadFile(path)
	r := recording{name: filepath.Base(path), rate: 16000}
	switch {
	case strings.HasSuffix(path, ".wav"):
		var w WAV
		w, err = ReadWAV(bytes.NewReader(data))
		r.rate, r.samples = w.Rate, w.Samples
	case strings.HasSuffix(path, ".raw"):
		r.samples = make([]int16, len(data)/2)
		for i := range r.samples {
			r.samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case strings.HasSuffix(path, ".ulaw"):
		r.rate, r.samples = SampleRate, make([]int16, len(data))
		PCMU.DecodeTo(r.samples, data)
	}
	return r, err
}

// part is a recording from sample `from` on, at another rate, n samples long;
// nil if it ends before.
func (r recording) part(from, rate, n int) []int16 {
	length := (n*r.rate + rate - 1) / rate
	if from+length > len(r.samples) {
		return nil
	}
	return Resample(r.samples[from:from+length], r.rate, rate)[:n]
}

// amplified is s, dB louder, and clipped where it does not fit.
func amplified(s []int16, dB float64) []int16 {
	gain := math.Pow(10, dB/20)
	out := make([]int16, len(s))
	for i, v := range s {
		out[i] = int16(math.Round(max(-32768, min(32767, gain*float64(v)))))
	}
	return out
}

// encoded is s in a coding; the caller sees to the rate.
func encoded(c Coding, s []int16) []byte {
	if c == CodingPCM24 {
		out := make([]byte, 0, 2*len(s))
		for _, v := range s {
			out = binary.LittleEndian.AppendUint16(out, uint16(v))
		}
		return out
	}
	l, out := PCMU, make([]byte, len(s))
	if c == CodingPCMA {
		l = PCMA
	}
	l.EncodeTo(out, s)
	return out
}
