package simulator

import (
	"strings"
	"sync"
	"time"
)

// voice keeps clips in the formats they were asked for: upsampling to 24 kHz
// takes milliseconds, and all sessions say the same lines.
type voice struct {
	// Guarded by mu.
	mu    sync.Mutex
	coded map[voiceKey][]byte
}

type voiceKey struct {
	clip   string
	format format
}

func newVoice() *voice { return &voice{coded: map[voiceKey][]byte{}} }

// say returns the clip in a format. The result is shared: do not write to it.
func (v *voice) say(c Clip, f format) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := voiceKey{c.Name, f}
	if _, ok := v.coded[k]; !ok {
		v.coded[k] = f.speak(c.Samples)
	}
	return v.coded[k]
}

// line is a spoken message: one or more clips, one after the other.
type line struct {
	sound []byte
	words []string
}

func (v *voice) line(clips []Clip, f format, cut time.Duration) line {
	var l line
	for _, c := range clips {
		l.sound = append(l.sound, v.say(c, f)...)
		l.words = append(l.words, strings.Fields(c.Text)...)
	}
	if limit := int(cut.Milliseconds()) * f.bytesPerMS(); cut > 0 && limit < len(l.sound) {
		l.words = l.words[:len(l.words)*limit/len(l.sound)]
		l.sound = l.sound[:limit]
	}
	return l
}

// raggedSizes are the odd deltas between the ordinary ones, in law bytes: less
// than a frame, around a frame, and half a second.
var raggedSizes = []int{1, 159, 161, 4000}

// deltaSizes cuts n bytes into deltas. A client must not rely on any size; by
// default every other delta is an odd one.
func deltaSizes(n int, f format, ordinary time.Duration, even bool) []int {
	var sizes []int
	base := int(ordinary.Milliseconds()) * f.bytesPerMS()
	scale := f.bytesPerMS() / pcmu.bytesPerMS()
	for i := 0; n > 0; i++ {
		size := base
		if !even && i%2 == 1 {
			size = raggedSizes[i/2%len(raggedSizes)] * scale
		}
		size = min(size, n)
		sizes = append(sizes, size)
		n -= size
	}
	return sizes
}

// wordsBy is how many words of n should have been sent before the audio up to
// a fraction of the line: the transcript runs ahead, by a sixth of the line.
func wordsBy(fraction float64, n int) int {
	return min(n, int((fraction+1.0/6)*float64(n)+0.999))
}
