package transcode

import (
	"encoding/binary"
	"math"
)

// PCM24Rate is the sample rate of the Realtime API's "pcm16" / "audio/pcm".
const PCM24Rate = 24000

const (
	downFactor = PCM24Rate / SampleRate
	downHalf   = sincZeros * downFactor // input samples before and after the one computed
)

// downTaps is the filter that Resample would use.
var downTaps = func() (t [2 * downHalf]float64) {
	f := sincFilter{up: 1, down: downFactor, cutoff: 1.0 / downFactor, half: downHalf, phases: make(map[int][]float64)}
	copy(t[:], f.taps(0))
	return t
}()

// Downsampler turns a stream of 16-bit little-endian PCM at 24 kHz into law
// bytes, 8 of them from 48. It removes what 8 kHz cannot carry: flat to 3.5 kHz,
// -70 dB above 4.5 kHz. The sound comes 3 ms later; the last 3 ms of a stream
// stay inside.
//
//	… ●  ●  ●  ●  ●  ●  ●  ●  ●  ◐    input, the last sample half arrived
//	     └──── 144 taps ──────┘       one output per three
//
// The zero value converts to PCMU. A Downsampler does not allocate and is not
// safe for concurrent use.
type Downsampler struct {
	Law Law // set before first use

	window [2 * len(downTaps)]float64 // the last inputs, written twice: always one piece
	pos    int                        // where the next one goes, 0..len(downTaps)-1
	phase  int                        // an output leaves at 0
	half   byte                       // first byte of a sample …
	odd    bool                       // … that waits for its second
}

// Append converts the next bytes of the stream, of any length, and appends the
// result to dst, as append does. How the stream is cut makes no difference.
func (d *Downsampler) Append(dst, pcm []byte) []byte {
	if d.odd && len(pcm) > 0 {
		dst = d.sample(dst, int16(binary.LittleEndian.Uint16([]byte{d.half, pcm[0]})))
		pcm, d.odd = pcm[1:], false
	}
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		dst = d.sample(dst, int16(binary.LittleEndian.Uint16(pcm)))
	}
	if len(pcm) == 1 {
		d.half, d.odd = pcm[0], true
	}
	return dst
}

// Reset forgets the stream: another one begins.
func (d *Downsampler) Reset() { *d = Downsampler{Law: d.Law} }

func (d *Downsampler) sample(dst []byte, s int16) []byte {
	d.window[d.pos], d.window[d.pos+len(downTaps)] = float64(s), float64(s)
	d.pos = (d.pos + 1) % len(downTaps)
	if d.phase == 0 {
		dst = append(dst, d.Law.Encode(d.filtered()))
	}
	d.phase = (d.phase + 1) % downFactor
	return dst
}

func (d *Downsampler) filtered() int16 {
	var sum float64
	for i, s := range d.window[d.pos : d.pos+len(downTaps)] {
		sum += downTaps[i] * s
	}
	return int16(math.Round(max(-32768, min(32767, sum))))
}
