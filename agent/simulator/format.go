package simulator

import (
	"encoding/binary"

	"github.com/trunkline/trunkline/transcode"
)

// format is the coding of one direction's audio. The zero value is the
// protocol's default.
type format uint8

const (
	pcm24 format = iota // 24 kHz, 16 bit, little endian, mono
	pcmu                // G.711 µ-law, 8 kHz
	pcma                // G.711 A-law, 8 kHz
)

// previewFormats are the names of session.input_audio_format.
var previewFormats = map[string]format{"pcm16": pcm24, "g711_ulaw": pcmu, "g711_alaw": pcma}

// gaFormats are the names of session.audio.input.format.type.
var gaFormats = map[string]format{"audio/pcm": pcm24, "audio/pcmu": pcmu, "audio/pcma": pcma}

func (f format) preview() string {
	return [...]string{pcm24: "pcm16", pcmu: "g711_ulaw", pcma: "g711_alaw"}[f]
}

func (f format) ga() fields {
	if f == pcm24 {
		return fields{"type", "audio/pcm", "rate", 24000}
	}
	return fields{"type", [...]string{pcmu: "audio/pcmu", pcma: "audio/pcma"}[f]}
}

// bytesPerMS is the volume of one millisecond.
func (f format) bytesPerMS() int {
	if f == pcm24 {
		return 48
	}
	return transcode.BytesPerMS
}

func (f format) law() transcode.Law {
	if f == pcma {
		return transcode.PCMA
	}
	return transcode.PCMU
}

// ear turns appended bytes into samples at 8 kHz, as the declared format says.
// A client that declares one format and sends another is heard as the noise
// that it makes. Chunks may be of any size; owned by one session.
type ear struct {
	odd     []byte           // pcm24: half a sample, waiting for its second byte
	history [decimTaps]int16 // pcm24: the last samples, newest at position pos-1
	pos     int
	phase   int // pcm24: 0..2, a sample leaves at 0
	out     []int16
}

// hear decodes b. The result is valid until the next call.
func (e *ear) hear(f format, b []byte) []int16 {
	if f == pcm24 {
		return e.decimate(b)
	}
	if cap(e.out) < len(b) {
		e.out = make([]int16, len(b))
	}
	e.out = e.out[:len(b)]
	f.law().DecodeTo(e.out, b)
	return e.out
}

// decimate keeps every third sample behind a low-pass filter.
func (e *ear) decimate(b []byte) []int16 {
	if len(e.odd) > 0 {
		b = append(e.odd, b...)
	}
	e.out = e.out[:0]
	for ; len(b) >= 2; b = b[2:] {
		e.history[e.pos] = int16(binary.LittleEndian.Uint16(b))
		e.pos = (e.pos + 1) % decimTaps
		if e.phase == 0 {
			e.out = append(e.out, e.filtered())
		}
		e.phase = (e.phase + 1) % 3
	}
	e.odd = append([]byte(nil), b...)
	return e.out
}

// decimTaps is the length of the low-pass before decimation: flat to 3.6 kHz,
// and an odd number, so that the delay is a whole 16 samples at 8 kHz.
const decimTaps = 97

var decimFilter = lowPass(decimTaps, 4000.0/24000)

func (e *ear) filtered() int16 {
	var sum float64
	for i, t := range decimFilter {
		sum += t * float64(e.history[(e.pos+i)%decimTaps])
	}
	return clip16(sum)
}

// speak codes 8 kHz clip samples for the wire. µ-law is exact for clips, whose
// samples are µ-law code points; pcm24 is upsampled, slowly, so callers
// keep the result.
func (f format) speak(samples []int16) []byte {
	if f != pcm24 {
		out := make([]byte, len(samples))
		transcode.PCMU.EncodeTo(out, samples)
		transcode.Convert(out, transcode.PCMU, f.law()) // by table, as a gateway does
		return out
	}
	up := transcode.Resample(samples, 8000, 24000)
	out := make([]byte, 0, 2*len(up))
	for _, s := range up {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}
